/** Tables of a Postgres store, and putting versions into them. */
import type postgres from "postgres";
import { inPieces } from "../pieces.ts";
import { isHash, type Shelf, type Version } from "../shelf.ts";
import { tablesOf } from "./postgres.ts";

type Kept = Version["items"][number];
/** Puts an item in by another way than as chunks of bytes; false when it is not for that way. */
export type PutItem = (tx: postgres.TransactionSql, hash: string, kept: Kept) => Promise<boolean>;

export function createPostgresShelf(
  sql: postgres.Sql,
  schema: string,
  putItem: PutItem = async () => false,
): Shelf {
  const tables = tablesOf(sql, schema);
  return {
    async prepare() {
      await sql.begin((tx) => createTables(tx, tables));
      return `the schema ${schema} with its tables`;
    },
    async put({ hash, json, items }) {
      return sql.begin(async (tx) => {
        const added = await tx`
          insert into ${tables.manifests} (hash, body) values (${hash}, ${json}) on conflict do nothing returning hash`;
        if (added.length === 0) return "kept";
        for (const kept of items) {
          if (!(await putItem(tx, hash, kept))) await putChunks(tx, tables, hash, kept);
        }
        return "put";
      });
    },
    async *hashes() {
      for await (const rows of sql<{ hash: string }[]>`select hash from ${tables.manifests}`.cursor(1000))
        for (const { hash } of rows) if (isHash(hash)) yield hash;
    },
  };
}

async function createTables(tx: postgres.TransactionSql, tables: ReturnType<typeof tablesOf>): Promise<void> {
  const { schema, manifests, items, chunks } = tables;
  await tx`create schema if not exists ${schema}`;
  await tx`create table if not exists ${manifests} (
    hash text primary key check (hash ~ '^0x[0-9a-f]{64}$'), body text not null)`;
  await tx`create table if not exists ${items} (
    manifest_hash text not null references ${manifests} on delete cascade, item_id text not null,
    object_id bigint generated always as identity unique, primary key (manifest_hash, item_id))`;
  await tx`create table if not exists ${chunks} (
    object_id bigint not null references ${items} (object_id) on delete cascade, seq int not null check (seq >= 0),
    bytes bytea not null check (octet_length(bytes) between 1 and 1048576), primary key (object_id, seq))`;
  // What is compressed has to be read whole to give a part of it, and what is sold is mostly compressed already.
  await tx`alter table ${chunks} alter column bytes set storage external`;
  await forbidUpdates(tx, schema, chunks);
}

/** An item that somebody is reading must not turn into another one on the way. */
export async function forbidUpdates(
  tx: postgres.TransactionSql,
  schema: postgres.Helper<string>,
  table: postgres.Helper<string>,
): Promise<void> {
  await tx`create or replace function ${schema}.refuse_update() returns trigger language plpgsql as $$
    begin raise exception 'bytes in a store are never changed: remove the version and put another in'; end $$`;
  await tx`create or replace trigger refuse_update before update on ${table}
    for each row execute function ${schema}.refuse_update()`;
}

async function putChunks(
  tx: postgres.TransactionSql,
  { items, chunks }: ReturnType<typeof tablesOf>,
  hash: string,
  { item, size, bytes }: Kept,
): Promise<void> {
  const [row] = await tx<{ object: string }[]>`
    insert into ${items} (manifest_hash, item_id) values (${hash}, ${item.id}) returning object_id as object`;
  if (row === undefined) throw new Error(`${item.id} was not put in.`);
  let seq = 0;
  for await (const piece of inPieces(size, async () => bytes())) {
    await tx`insert into ${chunks} (object_id, seq, bytes) values (${row.object}, ${seq}, ${Buffer.from(piece.buffer)})`;
    seq += 1;
  }
}
