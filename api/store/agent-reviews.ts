/** What holders of keys say of listings. */
import type { Hash } from "viem";
import type { Sql } from "./database.ts";

export type StoredReview = {
  ekId: string;
  agentId: bigint;
  rating: number;
  text: string;
  revision: number;
  keyId: string;
  version: number;
  block: { number: bigint; hash: Hash };
  createdAt: Date;
  updatedAt: Date;
};

type Row = {
  ek_id: string;
  agent_id: string;
  rating: number;
  body: string;
  revision: number;
  key_id: string;
  version: string;
  block_number: string;
  block_hash: Hash;
  created_at: Date;
  updated_at: Date;
};

const toReview = (row: Row): StoredReview => ({
  ekId: row.ek_id,
  agentId: BigInt(row.agent_id),
  rating: row.rating,
  text: row.body,
  revision: row.revision,
  keyId: row.key_id,
  version: Number(row.version),
  block: { number: BigInt(row.block_number), hash: row.block_hash },
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});

/** Keeps it in the place of what the agent said of the listing before. */
export async function saveReview(
  sql: Sql,
  review: Omit<StoredReview, "revision" | "createdAt" | "updatedAt"> & { eoa: string; sellerId: bigint },
): Promise<StoredReview> {
  const { ekId, sellerId, agentId, eoa, rating, text, keyId, version, block } = review;
  const [row] = await sql<Row[]>`
    insert into reviews as r (ek_id, seller_id, agent_id, eoa, rating, body, key_id, version, block_number, block_hash)
    values (
      ${ekId}, ${String(sellerId)}, ${String(agentId)}, ${eoa}, ${rating}, ${text}, ${keyId}, ${version}, ${String(block.number)}, ${block.hash}
    )
    on conflict (ek_id, agent_id) do update set
      eoa = excluded.eoa, rating = excluded.rating, body = excluded.body, key_id = excluded.key_id,
      version = excluded.version, block_number = excluded.block_number, block_hash = excluded.block_hash,
      revision = r.revision + 1, updated_at = now(), withdrawn_at = null
    returning *`;
  return toReview(row as Row);
}

/** False where there is no live one. */
export async function withdrawReview(sql: Sql, ekId: string, agentId: bigint): Promise<boolean> {
  const rows = await sql`
    update reviews set withdrawn_at = now()
    where ek_id = ${ekId} and agent_id = ${String(agentId)} and withdrawn_at is null returning ek_id`;
  return rows.length === 1;
}

/** The last written first; `before`: milliseconds, and the agent. */
export async function reviewsOf(
  sql: Sql,
  ekId: string,
  { before, limit }: { before: readonly [number, string] | undefined; limit: number },
): Promise<StoredReview[]> {
  const rows = await sql<Row[]>`
    select * from reviews
    where ek_id = ${ekId} and withdrawn_at is null
      ${before ? sql`and (date_trunc('milliseconds', updated_at), agent_id) < (${new Date(before[0])}, ${before[1]}::numeric)` : sql``}
    order by date_trunc('milliseconds', updated_at) desc, agent_id desc limit ${limit}`;
  return rows.map(toReview);
}

export async function ratingOf(sql: Sql, ekId: string): Promise<{ count: number; mean: number | undefined }> {
  const [row] = await sql<{ of: string; mean: string | null }[]>`
    select count(*) as of, round(avg(rating), 2) as mean from reviews where ek_id = ${ekId} and withdrawn_at is null`;
  return { count: Number(row?.of ?? 0), mean: row?.mean == null ? undefined : Number(row.mean) };
}
