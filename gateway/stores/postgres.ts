/**
 * A Postgres schema as a store: items as rows of a MiB each. What is put in is never updated, only removed or added, so an item that was
 * opened stays what it was or fails.
 */
import type postgres from "postgres";
import type { ByteRange } from "../range.ts";
import { CHUNK_BYTES, MANIFEST_MAX_BYTES, type Store, type StoredItem } from "../store.ts";

/** A schema's name: nothing in it needs quoting, and nothing can be smuggled in by it. */
export const SCHEMA_NAME = /^[a-z_][a-z0-9_]{0,62}$/;

/** Serves the schema that `prepare` of `postgres-shelf.ts` made. `sql` is the caller's, who ends it. */
export function createPostgresStore(sql: postgres.Sql, schema: string): Store {
  const tables = tablesOf(sql, schema);
  return {
    async manifest(hash) {
      const [row] = await sql<{ body: string | null; size: number }[]>`
        select case when octet_length(body) <= ${MANIFEST_MAX_BYTES} then body end as body, octet_length(body) as size
        from ${tables.manifests} where hash = ${hash}`;
      if (row === undefined) return null;
      if (row.body === null)
        throw new Error(`The manifest ${hash} has ${row.size} bytes, more than ${MANIFEST_MAX_BYTES}.`);
      return row.body;
    },
    async open(hash, itemId) {
      const [row] = await sql<{ object: string; size: string; version: string | null }[]>`
        select i.object_id as object, coalesce(sum(octet_length(c.bytes)), 0) as size,
          md5(string_agg(${rowMark(sql)}, ',' order by c.seq)) as version
        from ${tables.items} i left join ${tables.chunks} c using (object_id)
        where i.manifest_hash = ${hash} and i.item_id = ${itemId} group by i.object_id`;
      if (row === undefined) return null;
      const size = Number(row.size);
      return {
        size,
        version: `${row.object}:${row.version ?? "empty"}`,
        stream: (range) => read(sql, tables, row.object, range ?? { first: 0, last: size - 1 }),
        close: async () => undefined,
      } satisfies StoredItem;
    },
    async check() {
      await sql`select from ${tables.manifests} limit 1`;
    },
  };
}

export function tablesOf(sql: postgres.Sql, schema: string) {
  if (!SCHEMA_NAME.test(schema))
    throw new Error(`"${schema}" is no name of a schema: ${SCHEMA_NAME.source}.`);
  return {
    schema: sql(schema),
    manifests: sql(`${schema}.manifests`),
    items: sql(`${schema}.items`),
    chunks: sql(`${schema}.chunks`),
    vectors: sql(`${schema}.vectors`),
  };
}

/** Where a row lies and which transaction wrote it: another one whenever somebody writes to the row, by whatever way. */
export function rowMark(sql: postgres.Sql): postgres.Fragment {
  return sql`c.ctid::text || c.xmin::text`;
}

function read(
  sql: postgres.Sql,
  { chunks }: ReturnType<typeof tablesOf>,
  object: string,
  { first, last }: ByteRange,
): ReadableStream<Uint8Array> {
  let position = first;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (position > last) return controller.close();
        const seq = Math.floor(position / CHUNK_BYTES);
        const skipped = position - seq * CHUNK_BYTES;
        const wanted = Math.min(CHUNK_BYTES - skipped, last + 1 - position);
        const [row] = await sql<{ bytes: Buffer }[]>`
          select substring(bytes from ${skipped + 1} for ${wanted}) as bytes
          from ${chunks} where object_id = ${object} and seq = ${seq}`;
        if (row?.bytes.length !== wanted)
          throw new Error(
            `Object ${object} has ${row?.bytes.length ?? "no"} of ${wanted} bytes at ${position}.`,
          );
        position += wanted;
        controller.enqueue(row.bytes);
      },
    },
    { highWaterMark: 1 },
  );
}
