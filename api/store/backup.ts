/**
 * The API's schema as one stream of lines, for machines that have no `pg_dump`, and back. All tables are read in one snapshot, while the
 * API goes on. What can be rebuilt from the chain, the index, is not in it.
 *
 * A line of JSON about the whole; then for each table a line of JSON, its rows as Postgres's own COPY writes them, and `\.`; at last the
 * sequences. Loading makes the tables by the very migrations that they had, and brings them up to date afterwards.
 */
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { type Queryable, type Store, schemaOf } from "./database.ts";
import { migrate, migrationNames } from "./migrate.ts";

const headSchema = z.object({
  moa_backup: z.literal(1),
  /** Of the deployment: rows of one can mean nothing to another. */
  tag: z.string(),
  at: z.iso.datetime(),
  migrations: z.array(z.string()),
});
const tableSchema = z.object({ table: z.string(), columns: z.array(z.string()) });
const endSchema = z.object({ sequences: z.record(z.string(), z.string().nullable()), rows: z.int() });

/** What was written or loaded: rows by table. */
export type Summary = { at: string; rows: Record<string, number> };

/** What can't be loaded here, and why. */
export class BackupError extends Error {
  override readonly name = "BackupError";
}

const END_OF_ROWS = "\\.";

/** Writes all rows, line by line. `write` is awaited. */
export async function dump(
  { sql }: Pick<Store, "sql">,
  tag: string,
  write: (text: string) => Promise<void>,
): Promise<Summary> {
  return sql.begin("isolation level repeatable read read only", async (tx) => {
    const at = new Date().toISOString();
    const applied = await tx<{ name: string }[]>`select name from migrations order by name`;
    const migrations = applied.map(({ name }) => name);
    await write(line({ moa_backup: 1, tag, at, migrations }));
    const rows: Record<string, number> = {};
    for (const table of await tablesOf(tx, schemaOf(tag))) {
      const columns = await columnsOf(tx, table);
      await write(line({ table, columns }));
      rows[table] = await copyOut(tx, { table, columns }, write);
      await write(`${END_OF_ROWS}\n`);
    }
    // They know no snapshot: read last, they are past every row that was written.
    const all = await tx<{ name: string; value: string | null }[]>`
      select sequencename as name, last_value as value from pg_sequences where schemaname = ${schemaOf(tag)}`;
    const sequences = Object.fromEntries(all.map(({ name, value }) => [name, value]));
    await write(line({ sequences, rows: total(rows) }));
    return { at, rows };
  }) as Promise<Summary>;
}

/**
 * Loads what {@link dump} wrote into a database that has no such schema, and brings it up to date. All of it or, when it fails, nothing.
 * Throws {@link BackupError} for a backup of another deployment or of a later release, one that is cut short, and where there is a schema.
 */
export async function load(
  { sql, lock }: Pick<Store, "sql" | "lock">,
  tag: string,
  lines: AsyncIterator<string>,
): Promise<Summary> {
  const head = headSchema.parse(JSON.parse(await next(lines)));
  if (head.tag !== tag) throw new BackupError(`The backup is of deployment ${head.tag}, not of ${tag}.`);
  const known = new Set(migrationNames());
  const later = head.migrations.filter((name) => !known.has(name));
  if (later.length > 0)
    throw new BackupError(`The backup is of a later release: ${later.join(", ")} is not known to this one.`);
  const schema = schemaOf(tag);
  const [there] = await sql`select from information_schema.schemata where schema_name = ${schema}`;
  if (there)
    throw new BackupError(`There is a schema ${schema}: load into an empty database, or drop it first.`);
  try {
    await migrate({ lock }, tag, head.migrations);
    const rows = (await sql.begin((tx) => loadRows(tx, schema, lines))) as Record<string, number>;
    await migrate({ lock }, tag);
    return { at: head.at, rows };
  } catch (error) {
    await sql`drop schema if exists ${sql(schema)} cascade`;
    throw error;
  }
}

async function loadRows(
  tx: Queryable,
  schema: string,
  lines: AsyncIterator<string>,
): Promise<Record<string, number>> {
  // Migrations leave rows of their own, and their own names.
  const tables = await tablesOf(tx, schema);
  await tx`truncate ${tx(tables)}`;
  const rows: Record<string, number> = {};
  for (;;) {
    const about = JSON.parse(await next(lines));
    const table = tableSchema.safeParse(about);
    if (!table.success) {
      await finish(tx, schema, endSchema.parse(about), rows);
      return rows;
    }
    if (!tables.includes(table.data.table)) throw new BackupError(`There is no table ${table.data.table}.`);
    rows[table.data.table] = await copyIn(tx, table.data, lines);
  }
}

async function finish(
  tx: Queryable,
  schema: string,
  { sequences, rows: expected }: z.infer<typeof endSchema>,
  rows: Record<string, number>,
): Promise<void> {
  if (total(rows) !== expected)
    throw new BackupError(`The backup has ${total(rows)} rows, and says that it has ${expected}.`);
  for (const [name, value] of Object.entries(sequences)) {
    if (value !== null) await tx`select setval(${`${schema}.${name}`}::regclass, ${value})`;
  }
}

type Table = z.infer<typeof tableSchema>;

async function copyOut(
  tx: Queryable,
  { table, columns }: Table,
  write: (text: string) => Promise<void>,
): Promise<number> {
  const rows = await tx`copy ${tx(table)} (${tx(columns)}) to stdout`.readable();
  let count = 0;
  for await (const chunk of rows) {
    const text = String(chunk);
    count += text.split("\n").length - 1;
    await write(text);
  }
  return count;
}

async function copyIn(
  tx: Queryable,
  { table, columns }: Table,
  lines: AsyncIterator<string>,
): Promise<number> {
  let count = 0;
  async function* rows() {
    for (;;) {
      const row = await next(lines);
      if (row === END_OF_ROWS) return;
      count++;
      yield `${row}\n`;
    }
  }
  await pipeline(Readable.from(rows()), await tx`copy ${tx(table)} (${tx(columns)}) from stdin`.writable());
  return count;
}

/** Every table, those that others refer to before those. */
async function tablesOf(sql: Queryable, schema: string): Promise<string[]> {
  const rows = await sql<{ name: string; needs: string[] }[]>`
    select c.relname as name, coalesce(array_agg(r.relname) filter (where r.oid is not null and r.oid <> c.oid), '{}') as needs
    from pg_class c
    left join pg_constraint f on f.conrelid = c.oid and f.contype = 'f'
    left join pg_class r on r.oid = f.confrelid
    where c.relnamespace = ${schema}::regnamespace and c.relkind = 'r'
    group by c.relname order by c.relname`;
  const ordered: string[] = [];
  let left = [...rows];
  while (left.length > 0) {
    const ready = left.filter(({ needs }) => needs.every((name) => ordered.includes(name)));
    if (ready.length === 0) throw new Error(`Tables refer to each other: ${left.map(({ name }) => name)}.`);
    ordered.push(...ready.map(({ name }) => name));
    left = left.filter((row) => !ready.includes(row));
  }
  return ordered;
}

async function columnsOf(sql: Queryable, table: string): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select attname as name from pg_attribute
    where attrelid = ${table}::regclass and attnum > 0 and not attisdropped and attgenerated = '' order by attnum`;
  return rows.map(({ name }) => name);
}

async function next(lines: AsyncIterator<string>): Promise<string> {
  const { value, done } = await lines.next();
  if (done) throw new BackupError("The backup is cut short.");
  return value;
}

function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

function total(rows: Record<string, number>): number {
  return Object.values(rows).reduce((sum, count) => sum + count, 0);
}
