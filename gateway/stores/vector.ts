/**
 * A Postgres store whose embeddings are rows of pgvector. An item of role `embedding` and media type application/x-ndjson is kept line by
 * line: the whole item is its lines in their order, so its hash holds by construction, and the vector is a column that the database
 * computes from the line, so the two can't disagree.
 */

import type postgres from "postgres";
import type { Hash } from "viem";
import { inPieces } from "../pieces.ts";
import type { ByteRange } from "../range.ts";
import type { Store, StoredItem } from "../store.ts";
import { createPostgresStore, rowMark, tablesOf } from "./postgres.ts";

/** Operators of pgvector: cosine distance, Euclidean distance, negative inner product. */
export const metrics = { cosine: "<=>", l2: "<->", inner: "<#>" } as const;
export type Metric = keyof typeof metrics;

export type Neighbour = {
  /** Its place in the item, for a `Range` request: bytes `first` to `last` inclusive are the line. */
  range: ByteRange;
  /** The line as it is in the item, line end included. */
  line: string;
  distance: number;
};

export type VectorStore = Store & {
  /**
   * The `count` lines nearest to `vector`, nearest first, by exact search: no index that guesses. The lines are the item's own bytes; that
   * they are the nearest is the store's word. Null when there are no vectors of that name.
   */
  nearest(
    hash: Hash,
    itemId: string,
    query: { vector: readonly number[]; count: number; metric?: Metric },
  ): Promise<Neighbour[] | null>;
};

type Block = { start: number; length: number; mark: string };

export function createVectorStore(sql: postgres.Sql, schema: string): VectorStore {
  const tables = tablesOf(sql, schema);
  const bytes = createPostgresStore(sql, schema);
  return {
    ...bytes,
    async open(hash, itemId) {
      const blocks = await sql<Block[]>`
        select min(c.start)::float8 as start, sum(octet_length(c.line))::float8 as length,
          md5(string_agg(${rowMark(sql)}, ',' order by c.seq)) as mark
        from ${tables.vectors} c where c.manifest_hash = ${hash} and c.item_id = ${itemId}
        group by c.block order by c.block`;
      if (blocks.length === 0) return bytes.open(hash, itemId);
      const read = (block: number) => readBlock(sql, tables, { hash, itemId, block });
      return describe(blocks, read);
    },
    async nearest(hash, itemId, { vector, count, metric = "cosine" }) {
      const operator = sql.unsafe(metrics[metric]);
      const wanted = `[${vector.map(finite).join(",")}]`;
      const rows = await sql<{ start: number; length: number; line: string; distance: number }[]>`
        select start::float8 as start, octet_length(line) as length, line,
          (embedding ${operator} ${wanted}::text::vector)::float8 as distance
        from ${tables.vectors} where manifest_hash = ${hash} and item_id = ${itemId}
        order by distance, seq limit ${count}`;
      if (rows.length === 0) return null;
      return rows.map(({ start, length, line, distance }) => ({
        range: { first: start, last: start + length - 1 },
        line,
        distance,
      }));
    },
    async check() {
      await bytes.check();
      await sql`select from ${tables.vectors} limit 1`;
    },
  };
}

function finite(value: number): number {
  if (Number.isFinite(value)) return value;
  throw new Error(`${value} is no coordinate of a vector.`);
}

function describe(blocks: readonly Block[], read: (block: number) => Promise<Buffer>): StoredItem {
  const last = blocks.at(-1) as Block;
  const size = last.start + last.length;
  async function* lines({ first, last }: ByteRange): AsyncGenerator<Uint8Array> {
    for (const [i, { start, length }] of blocks.entries()) {
      if (start + length <= first || start > last) continue;
      const block = await read(i);
      if (block.length !== length) throw new Error(`Block ${i} has ${block.length} of ${length} bytes.`);
      yield block.subarray(Math.max(0, first - start), Math.min(length, last + 1 - start));
    }
  }
  return {
    size,
    version: blocks.map(({ mark }) => mark).join(":"),
    stream(range) {
      const part = range ?? { first: 0, last: size - 1 };
      return inPieces(part.last + 1 - part.first, async () => lines(part));
    },
    close: async () => undefined,
  };
}

async function readBlock(
  sql: postgres.Sql,
  { vectors }: ReturnType<typeof tablesOf>,
  { hash, itemId, block }: { hash: string; itemId: string; block: number },
): Promise<Buffer> {
  const [row] = await sql<{ text: string | null }[]>`
    select string_agg(line, '' order by seq) as text
    from ${vectors} where manifest_hash = ${hash} and item_id = ${itemId} and block = ${block}`;
  return Buffer.from(row?.text ?? "");
}
