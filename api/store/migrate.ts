/** Brings the API's schema up to date: each file in `migrations/` once, in the order of their names, never backwards. */
import { readdirSync, readFileSync } from "node:fs";
import { type Store, schemaOf } from "./database.ts";

const folder = new URL("./migrations/", import.meta.url);

/** The names of all migrations of this release, in the order in which they are applied. */
export function migrationNames(): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".sql"))
    .sort();
}

/** Applies what is missing of `files`, all when left out, and returns the names of it. Several processes may call it at once. */
export async function migrate(
  { lock }: Pick<Store, "lock">,
  tag: string,
  files: readonly string[] = migrationNames(),
): Promise<string[]> {
  const schema = schemaOf(tag);
  return lock.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(hashtextextended(${`migrate ${schema}`}, 0))`;
    await tx`create schema if not exists ${tx(schema)}`;
    await tx`create table if not exists migrations (name text primary key, applied_at timestamptz not null default now())`;
    const rows = await tx<{ name: string }[]>`select name from migrations`;
    const applied = new Set(rows.map((row) => row.name));
    const missing = files.filter((name) => !applied.has(name));
    for (const name of missing) {
      await tx.unsafe(readFileSync(new URL(name, folder), "utf8"));
      await tx`insert into migrations (name) values (${name})`;
    }
    return missing;
  });
}
