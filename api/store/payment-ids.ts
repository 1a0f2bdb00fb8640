/** x402's payment identifiers: what a payer called its request, and the quote that it was for. */
import type { Address, Hash } from "viem";
import type { Queryable } from "./database.ts";

export type PaymentId = { payer: Address; id: string };

/** A request under an identifier. */
export type NamedRequest = PaymentId & {
  /** Of what makes two requests the same one. */
  fingerprint: string;
  quoteId: Hash;
};

/** Gives the request its name, unless the payer has used that before. Returns what the name stands for: one answer to all callers. */
export async function nameRequest(
  sql: Queryable,
  { payer, id, fingerprint, quoteId }: NamedRequest,
): Promise<Pick<NamedRequest, "fingerprint" | "quoteId">> {
  await sql`
    insert into x402_payment_ids (payer, payment_id, fingerprint, quote_id)
    values (${payer.toLowerCase()}, ${id}, ${fingerprint}, ${quoteId})
    on conflict do nothing`;
  const [row] = await sql<{ fingerprint: string; quoteId: Hash }[]>`
    select fingerprint, quote_id as "quoteId" from x402_payment_ids
    where payer = ${payer.toLowerCase()} and payment_id = ${id}`;
  if (!row) throw new Error(`Payment identifier ${id} is gone.`); // rows are never deleted
  return row;
}

/** Lets the name stand for another quote, when `from` came to nothing. True unless somebody else did so first. */
export async function renameRequest(
  sql: Queryable,
  { payer, id }: PaymentId,
  { from, to }: { from: Hash; to: Hash },
): Promise<boolean> {
  const rows = await sql`
    update x402_payment_ids set quote_id = ${to}
    where payer = ${payer.toLowerCase()} and payment_id = ${id} and quote_id = ${from}
    returning quote_id`;
  return rows.length === 1;
}
