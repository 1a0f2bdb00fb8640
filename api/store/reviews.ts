/** Which issued payments are to be compared with the chain again, and how far the chain was read. */
import type { Hash } from "viem";
import type { Queryable } from "./database.ts";
import { columns, type Payment, type PaymentRow, toPayment } from "./payments.ts";

/** Seconds after which a review that did not end is made again. */
const AGAIN = 60;

export type Reviewed = Payment & { keyId: string; block: { number: bigint; hash: Hash } | undefined };

/** Issued payments whose review is due, each for one caller only. */
export async function dueReviews(sql: Queryable, limit: number): Promise<Reviewed[]> {
  const rows = await sql<
    (PaymentRow & { key_id: string; block_number: string | null; block_hash: Hash | null })[]
  >`
    update payments set review_at = now() + ${AGAIN} * interval '1 second'
    where id in (
      select id from payments where review_at <= now() and key_id is not null
      order by review_at limit ${limit} for update skip locked
    )
    returning ${columns(sql)}`;
  return rows.map((row) => ({
    ...toPayment(row),
    keyId: row.key_id,
    block:
      row.block_number === null || row.block_hash === null
        ? undefined
        : { number: BigInt(row.block_number), hash: row.block_hash },
  }));
}

/** `seconds` from now; undefined: never again by itself. */
export async function reviewIn(sql: Queryable, id: string, seconds: number | undefined): Promise<void> {
  await sql`
    update payments set review_at = now() + ${seconds ?? null}::double precision * interval '1 second' where id = ${id}`;
}

/** Something happened to these keys. */
export async function reviewKeys(sql: Queryable, keyIds: readonly string[]): Promise<void> {
  if (keyIds.length > 0) await sql`update payments set review_at = now() where key_id in ${sql(keyIds)}`;
}

/** The chain took blocks back from this one on: all that they may have held is looked at again. */
export async function reviewFrom(sql: Queryable, block: bigint): Promise<void> {
  await sql`
    update payments set review_at = now()
    where key_id is not null and (block_number >= ${String(block)} or state in ('Refunded', 'Disputed'))
      and updated_at > now() - interval '1 day'`;
}

/** The block that has the payment's key now. */
export async function noteBlock(
  sql: Queryable,
  id: string,
  block: { number: bigint; hash: Hash },
): Promise<void> {
  await sql`
    update payments set block_number = ${String(block.number)}, block_hash = ${block.hash} where id = ${id}`;
}

export type Cursor = { number: bigint; hash: Hash };

export async function readCursor(sql: Queryable, name: string): Promise<Cursor | undefined> {
  const [row] = await sql<{ block_number: string; block_hash: Hash }[]>`
    select block_number, block_hash from chain_cursors where name = ${name}`;
  return row && { number: BigInt(row.block_number), hash: row.block_hash };
}

/** {@link saveCursor}, unless it is there or past it. */
export async function raiseCursor(sql: Queryable, name: string, { number, hash }: Cursor): Promise<void> {
  await sql`
    insert into chain_cursors as c (name, block_number, block_hash) values (${name}, ${String(number)}, ${hash})
    on conflict (name) do update set block_number = excluded.block_number, block_hash = excluded.block_hash
    where c.block_number < excluded.block_number`;
}

export async function saveCursor(sql: Queryable, name: string, { number, hash }: Cursor): Promise<void> {
  await sql`
    insert into chain_cursors (name, block_number, block_hash) values (${name}, ${String(number)}, ${hash})
    on conflict (name) do update set block_number = excluded.block_number, block_hash = excluded.block_hash`;
}
