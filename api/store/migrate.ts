/** Brings the API's schema up to date: each file in `migrations/` once, in the order of their names, never backwards. */
import { readdirSync, readFileSync } from "node:fs";
import { type Store, schemaOf } from "./database.ts";

const folder = new URL("./migrations/", import.meta.url);

/** Applies what is missing, and returns the names of it. Several processes may call it at once. */
export async function migrate({ lock }: Store, tag: string): Promise<string[]> {
  const schema = schemaOf(tag);
  const files = readdirSync(folder)
    .filter((name) => name.endsWith(".sql"))
    .sort();
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
