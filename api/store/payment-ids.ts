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

/** Seconds for which a name is kept for a request that has left no trace yet: its process may have died. */
const LEASE_SECONDS = 30;

/** What a name stands for. `leased`: it was given a moment ago, and its request may still be on its way. */
export type Named = Pick<NamedRequest, "fingerprint" | "quoteId"> & { leased: boolean };

/** Gives the request its name, unless the payer has used that before. Returns what the name stands for now. */
export async function nameRequest(
  sql: Queryable,
  { payer, id, fingerprint, quoteId }: NamedRequest,
): Promise<Named | undefined> {
  await sql`
    insert into x402_payment_ids (payer, payment_id, fingerprint, quote_id)
    values (${payer.toLowerCase()}, ${id}, ${fingerprint}, ${quoteId})
    on conflict do nothing`;
  const [row] = await sql<Named[]>`
    select fingerprint, quote_id as "quoteId", named_at > now() - ${LEASE_SECONDS} * interval '1 second' as leased
    from x402_payment_ids where payer = ${payer.toLowerCase()} and payment_id = ${id}`;
  return row; // undefined when it was given up in between
}

/** Lets the name stand for another quote, when `from` came to nothing. One caller's does. */
export async function renameRequest(
  sql: Queryable,
  { payer, id }: PaymentId,
  { from, to }: { from: Hash; to: Hash },
): Promise<void> {
  await sql`
    update x402_payment_ids set quote_id = ${to}, named_at = now()
    where payer = ${payer.toLowerCase()} and payment_id = ${id} and quote_id = ${from}`;
}

/** Gives the name up: its request came to nothing. */
export async function dropName(sql: Queryable, { payer, id }: PaymentId, quoteId: Hash): Promise<void> {
  await sql`
    delete from x402_payment_ids
    where payer = ${payer.toLowerCase()} and payment_id = ${id} and quote_id = ${quoteId}`;
}
