/** Requests that are done once, however often they are sent (Idempotency-Key). Each stands with the payment that it made. */
import type { Queryable } from "./database.ts";

export type IdempotentRequest = {
  /** Whose key it is, in lower case: keys of others mean nothing here. */
  eoa: string;
  key: string;
  /** SHA-256 of the request in canonical JSON. */
  requestHash: string;
};

/** What was made of the key before; undefined when it is new. */
export async function findRequest(
  sql: Queryable,
  { eoa, key }: Pick<IdempotentRequest, "eoa" | "key">,
): Promise<{ requestHash: string; paymentId: string } | undefined> {
  const [row] = await sql<{ request_hash: string; payment_id: string }[]>`
    select request_hash, payment_id from idempotency_keys where eoa = ${eoa} and key = ${key}`;
  return row && { requestHash: row.request_hash, paymentId: row.payment_id };
}

/** Keeps the key, in the transaction that makes the payment. Throws {@link KeyTaken} where another request has it. */
export async function saveRequest(
  sql: Queryable,
  { eoa, key, requestHash }: IdempotentRequest,
  paymentId: string,
): Promise<void> {
  const rows = await sql`
    insert into idempotency_keys as known (eoa, key, request_hash, payment_id)
    values (${eoa}, ${key}, ${requestHash}, ${paymentId})
    on conflict (eoa, key) do update set payment_id = excluded.payment_id
      where known.payment_id = excluded.payment_id and known.request_hash = excluded.request_hash
    returning key`;
  if (rows.length === 0) throw new KeyTaken();
}

/** Another request came first with this key. */
export class KeyTaken extends Error {
  override readonly name = "KeyTaken";
}
