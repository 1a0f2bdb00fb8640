import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect } from "chai";
import postgres from "postgres";
import { dump, load } from "../../api/store/backup.ts";
import { openStore, type Store, schemaOf } from "../../api/store/database.ts";
import { migrate, migrationNames } from "../../api/store/migrate.ts";
import { inheritedEnv } from "../../scripts/system/env.ts";
import { repoRoot } from "../../scripts/system/repo.ts";
import { deploymentTag } from "../../sdk/deployment.ts";
import { startCopy } from "./support/copy.ts";
import { useApi } from "./support/use-api.ts";

/*
the API's schema
├── upgrade   from the release before: the same tables as a new one, every row is there, an API works on it
└── backup    every row, in one file for its owner; restored elsewhere it is the same, and numbers go on
    └── cut short, of another deployment, of a later release, or where there is a schema: refused, and nothing is left
*/
describe("api: the schema", function () {
  this.timeout(60_000);
  const shared = useApi();
  const names: string[] = [];
  const stores: Store[] = [];
  const folder = mkdtempSync(join(tmpdir(), "moa-store-"));
  let admin: postgres.Sql;
  let tag: string;

  before(() => {
    admin = postgres(shared.api.run.databaseUrl, { max: 1, onnotice: () => {} });
    tag = deploymentTag(shared.api.run.deployment);
  });
  after(async () => {
    await Promise.all(stores.map((store) => store.close()));
    for (const name of names) await admin`drop database if exists ${admin(name)} with (force)`;
    await admin.end();
    rmSync(folder, { recursive: true });
  });

  const emptyDatabase = async () => {
    const name = `moa_test_${randomBytes(4).toString("hex")}`;
    names.push(name);
    await admin`create database ${admin(name)}`;
    const url = new URL(shared.api.run.databaseUrl);
    url.pathname = `/${name}`;
    const store = openStore({ databaseUrl: url.href, tag });
    stores.push(store);
    return { url: url.href, store };
  };
  /** A database as the release before left it. */
  const oldDatabase = async () => {
    const database = await emptyDatabase();
    const fixture = readFileSync(join(repoRoot, "test/fixtures/exchange-0007.sql"), "utf8");
    await database.store.sql.begin(async (tx) => {
      await tx`create schema ${tx(schemaOf(tag))}`;
      await tx.unsafe(fixture);
    });
    return database;
  };
  const linesOf = async (store: Store) => {
    const lines: string[] = [];
    await dump(store, tag, async (text) => {
      lines.push(...text.split("\n").slice(0, -1));
    });
    return lines;
  };
  const iterate = (lines: readonly string[]) =>
    (async function* () {
      yield* lines;
    })();
  const run = (script: string, databaseUrl: string, file: string) =>
    new Promise<{ code: number | null; said: string }>((resolve) => {
      const child = spawn(process.execPath, [join(repoRoot, "scripts", script), file], {
        env: { ...inheritedEnv(), DATABASE_URL: databaseUrl, DEPLOYMENT_FILE: shared.api.run.deploymentFile },
      });
      let said = "";
      for (const stream of [child.stdout, child.stderr])
        stream.on("data", (chunk) => {
          said += String(chunk);
        });
      child.once("close", (code) => resolve({ code, said }));
    });

  it("is upgraded from the release before: the same tables as a new one has, and every row", async () => {
    const [old, fresh] = await Promise.all([oldDatabase(), emptyDatabase()]);
    const before = await countsOf(old.store.sql);
    expect(
      before.filter(({ count }) => count === 0),
      "every table has rows",
    ).to.deep.equal([]);
    const applied = await migrate(old.store, tag);
    expect(applied).to.deep.equal(migrationNames().slice(7));
    await migrate(fresh.store, tag);
    expect(await shapeOf(old.store.sql, tag)).to.deep.equal(await shapeOf(fresh.store.sql, tag));
    const after = new Map((await countsOf(old.store.sql)).map(({ name, count }) => [name, count]));
    for (const { name, count } of before) {
      expect(after.get(name), name).to.equal(name === "migrations" ? migrationNames().length : count);
    }
    const days = await old.store.sql`select day::text, uses, quotes from usage_days order by day`;
    expect([...days].map((row) => Object.values(row))).to.deep.equal([
      ["2026-06-01", "1", "0"],
      ["2026-06-02", "2", "1"],
    ]);
    const [quote] = await old.store.sql`select kept, refund_due from quotes limit 1`;
    expect(quote).to.deep.equal({ kept: false, refund_due: false });
    expect(await migrate(old.store, tag), "once").to.deep.equal([]);
  });

  it("carries an API that is started on the database of the release before", async () => {
    const { url, store } = await oldDatabase();
    const copy = await startCopy(shared.api.run, { env: { DATABASE_URL: url } });
    try {
      const ready = await fetch(`${copy.apiUrl}/readyz`);
      expect([ready.status, await ready.json()]).to.deep.equal([200, { ready: true, reasons: [] }]);
      const { keys } = (await (await fetch(`${copy.apiUrl}/.well-known/jwks.json`)).json()) as {
        keys: { kid: string }[];
      };
      const [signing] = await store.sql<{ kid: string }[]>`
        select kid from signing_keys where killed_at is null and created_at < '2026-06-01'`;
      expect(keys.map(({ kid }) => kid))
        .to.include(signing?.kid)
        .and.not.to.include("killed-kid");
      expect(copy.output()).to.contain('"event":"migrated"');
    } finally {
      await copy.kill("SIGTERM");
    }
  });

  it("T54 is backed up as a whole into a file for its owner alone, and restored elsewhere numbers go on", async () => {
    const { url, store } = await oldDatabase();
    const file = join(folder, "moa.backup");
    expect(await run("backup.ts", url, file)).to.deep.include({ code: 0 });
    expect(statSync(file).mode & 0o777).to.equal(0o600);
    const text = gunzipSync(readFileSync(file)).toString();
    const target = await emptyDatabase();
    expect(await run("restore.ts", target.url, file)).to.deep.include({ code: 0 });
    // What was restored is of the new release: the old one has to be there by now, too.
    await migrate(store, tag);
    const [head, ...rows] = await linesOf(target.store);
    const [was, ...old] = await linesOf(store);
    const { at: _, ...about } = JSON.parse(String(head));
    expect(about).to.deep.equal({ moa_backup: 1, tag, migrations: migrationNames() });
    expect(JSON.parse(String(was)).migrations).to.deep.equal(about.migrations);
    expect(ignoringMigrations(rows)).to.deep.equal(ignoringMigrations(old));
    expect(text).to.contain(String.raw`two\nlines, a tab\t, a backslash \\ and \\.`);
    const [next] = await target.store.sql`
      insert into payment_transitions (payment_id, state, evidence) values (1, 'AccessGranted', '{}') returning id`;
    expect(Number(next?.id)).to.equal(5);
    const [place] = await target.store.sql`select nextval('token_revocations') as place`;
    expect(place?.place).to.equal("2");
    const again = await run("restore.ts", target.url, file);
    expect(again.code).to.equal(1);
    expect(again.said).to.match(
      /^There is a schema exchange_\w+: load into an empty database, or drop it first\.\n$/,
    );
  });

  it("takes the running exchange's tables while it goes on", async () => {
    const live = openStore({ databaseUrl: shared.api.run.databaseUrl, tag });
    stores.push(live);
    const target = await emptyDatabase();
    const lines = await linesOf(live);
    const { rows } = await load(target.store, tag, iterate(lines));
    for (const { name, count } of await countsOf(target.store.sql)) expect(rows[name], name).to.equal(count);
    expect(rows.signing_keys).to.be.at.least(2);
  });

  it("refuses what is cut short, of another deployment or of a later release, and leaves nothing", async () => {
    const [old, target] = await Promise.all([oldDatabase(), emptyDatabase()]);
    const lines = await linesOf(old.store);
    const [head = "", ...rest] = lines;
    const later = { ...JSON.parse(head), migrations: [...migrationNames(), "9999-later.sql"] };
    const fewer = rest.filter((line) => !line.startsWith("n-used"));
    for (const [bad, why] of [
      [lines.slice(0, -1), /cut short/],
      [lines.slice(0, 9), /cut short/],
      [[JSON.stringify({ ...JSON.parse(head), tag: "0bad0bad" }), ...rest], /of deployment 0bad0bad, not of/],
      [[JSON.stringify(later), ...rest], /later release: 9999-later\.sql/],
      [[head, ...fewer], /has \d+ rows, and says that it has \d+/],
    ] as const) {
      const failed = await load(target.store, tag, iterate(bad)).then(
        () => "loaded",
        (error: Error) => error.message,
      );
      expect(failed).to.match(why);
      const [left] = await target.store.sql`
        select from information_schema.schemata where schema_name = ${schemaOf(tag)}`;
      expect(left, String(why)).to.equal(undefined);
    }
  });
});

async function countsOf(sql: postgres.Sql): Promise<{ name: string; count: number }[]> {
  const tables = await sql<{ name: string }[]>`
    select tablename as name from pg_tables where schemaname = current_schema() order by tablename`;
  return Promise.all(
    tables.map(async ({ name }) => {
      const [row] = await sql`select count(*)::int as count from ${sql(name)}`;
      return { name, count: Number(row?.count) };
    }),
  );
}

/** Columns, constraints and indexes, by what they are and not by when they came. */
async function shapeOf(sql: postgres.Sql, tag: string) {
  const schema = schemaOf(tag);
  const columns = await sql`
    select table_name, column_name, data_type, is_nullable, column_default, is_identity, numeric_precision, numeric_scale
    from information_schema.columns where table_schema = ${schema} order by table_name, column_name`;
  const constraints = await sql`
    select conrelid::regclass::text as table, conname, pg_get_constraintdef(oid) as definition
    from pg_constraint where connamespace = ${schema}::regnamespace order by 1, 2`;
  const indexes =
    await sql`select indexname, indexdef from pg_indexes where schemaname = ${schema} order by 1`;
  return { columns: [...columns], constraints: [...constraints], indexes: [...indexes] };
}

/** Of the table of migrations the times differ. */
function ignoringMigrations(lines: readonly string[]): string[] {
  return lines.filter((line) => !/^\d{4}-[\w-]+\.sql\t/.test(line));
}
