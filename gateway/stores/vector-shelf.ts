/** Tables of a vector store, and putting embeddings into them. */
import type postgres from "postgres";
import type { ManifestItem } from "../../sdk/manifest.ts";
import type { Shelf } from "../shelf.ts";
import { CHUNK_BYTES } from "../store.ts";
import { tablesOf } from "./postgres.ts";
import { createPostgresShelf, forbidUpdates, type PutItem } from "./postgres-shelf.ts";

/** The longest line in bytes: 16,000 dimensions, the most that pgvector takes, and some text. */
const LINE_MAX_BYTES = 512 * 1024;

export function createVectorShelf(sql: postgres.Sql, schema: string): Shelf {
  const tables = tablesOf(sql, schema);
  const shelf = createPostgresShelf(sql, schema, putVectors(tables));
  return {
    ...shelf,
    async prepare() {
      const made = await shelf.prepare();
      await sql.begin((tx) => createTable(tx, tables));
      return `${made}, and pgvector's`;
    },
  };
}

/** Whether an item is kept as vectors. Encrypted it is bytes like any other. */
export function isVectors({ role, media_type, encryption }: ManifestItem): boolean {
  return role === "embedding" && media_type === "application/x-ndjson" && encryption?.enabled !== true;
}

async function createTable(tx: postgres.TransactionSql, tables: ReturnType<typeof tablesOf>): Promise<void> {
  const { schema, manifests, vectors } = tables;
  await tx`create extension if not exists vector`;
  await tx`create table if not exists ${vectors} (
    manifest_hash text not null references ${manifests} on delete cascade, item_id text not null, seq int not null,
    block int not null, start bigint not null, line text not null,
    embedding vector generated always as (((line::jsonb) -> 'vector')::text::vector) stored not null,
    primary key (manifest_hash, item_id, seq))`;
  await forbidUpdates(tx, schema, vectors);
}

function putVectors({ vectors }: ReturnType<typeof tablesOf>): PutItem {
  return async (tx, hash, { item, size, bytes }) => {
    if (!isVectors(item) || size === 0) return false;
    let seq = 0;
    let start = 0;
    let block = 0;
    let inBlock = 0;
    for await (const line of linesOf(bytes())) {
      const length = Buffer.byteLength(line);
      // Blocks are what is read at a time.
      if (inBlock + length > CHUNK_BYTES) {
        block += 1;
        inBlock = 0;
      }
      await tx`insert into ${vectors} (manifest_hash, item_id, seq, block, start, line)
        values (${hash}, ${item.id}, ${seq}, ${block}, ${start}, ${line})`;
      seq += 1;
      start += length;
      inBlock += length;
    }
    return true;
  };
}

/** Lines with their ends. Throws for bytes that are no UTF-8: as text they would not be the same bytes again. */
async function* linesOf(source: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let rest = "";
  for await (const piece of source) {
    const lines = (rest + decoder.decode(piece, { stream: true })).split(/(?<=\n)/);
    rest = lines.at(-1)?.endsWith("\n") ? "" : (lines.pop() ?? "");
    if (rest.length > LINE_MAX_BYTES) throw new Error(`A line is longer than ${LINE_MAX_BYTES} bytes.`);
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== "") yield rest;
}
