/** What payers sign, as x402's schemes bring it: what is behind its payments. */
import { type Address, getAddress, type Hash, type Hex } from "viem";
import type { PURCHASE_SCHEME } from "../../sdk/bound-purchase.ts";
import type { Queryable } from "./database.ts";

/** How many of a payer's authorizations for one quote are looked at. */
const LOOKED_AT = 5;

/**
 * `exact`: a transfer to the quote's till. `ek-purchase`: to the exchange itself, by a nonce that names the quote's purchase. `upto`: a
 * Permit2 permission for the sale to draw its price, see `upto.ts`.
 */
export type Scheme = "exact" | typeof PURCHASE_SCHEME | "upto";

/** An ERC-3009 authorization with its signature, or a permission of at most `value`. Times are Unix seconds. */
export type Authorization = {
  scheme: Scheme;
  from: Address;
  value: bigint;
  validAfter: bigint;
  validBefore: bigint;
  nonce: Hex;
  signature: Hex;
  /** The url of the facilitator that submits it; absent where the exchange does. */
  facilitator?: string;
};

type Row = {
  scheme: Scheme;
  payer: Address;
  nonce: Hex;
  value: string;
  valid_after: string;
  valid_before: string;
  signature: Hex;
  facilitator: string | null;
};

type Where = { chainId: number; token: Address };

/** The name of the payment on its rail: a token takes each authorization once. */
export function referenceOf({ chainId, token }: Where, { from, nonce }: Authorization): string {
  return `${chainId}/${token}/${from}/${nonce}`.toLowerCase();
}

/** Keeps the authorization with its payment. Its nonce may come again in other words: the last ones count. */
export async function saveAuthorization(
  sql: Queryable,
  paymentId: string,
  { chainId, token }: Where,
  a: Authorization,
): Promise<void> {
  // The same authorization by another rail, which failed there.
  await sql`
    delete from x402_authorizations
    where chain_id = ${chainId} and token = ${token.toLowerCase()} and payer = ${a.from.toLowerCase()}
      and nonce = ${a.nonce.toLowerCase()} and payment_id <> ${paymentId}`;
  await sql`
    insert into x402_authorizations (
      payment_id, chain_id, token, payer, nonce, value, valid_after, valid_before, signature, scheme,
      facilitator
    ) values (
      ${paymentId}, ${chainId}, ${token.toLowerCase()}, ${a.from.toLowerCase()}, ${a.nonce.toLowerCase()},
      ${String(a.value)}, ${String(a.validAfter)}, ${String(a.validBefore)}, ${a.signature}, ${a.scheme},
      ${a.facilitator ?? null}
    )
    on conflict (payment_id) do update set
      payer = excluded.payer, nonce = excluded.nonce, value = excluded.value, valid_after = excluded.valid_after,
      valid_before = excluded.valid_before, signature = excluded.signature, scheme = excluded.scheme,
      facilitator = excluded.facilitator`;
}

export async function authorizationOf(sql: Queryable, paymentId: string): Promise<Authorization> {
  const authorization = await findAuthorization(sql, paymentId);
  if (!authorization) throw new Error(`Payment ${paymentId} has no authorization.`); // stored with the payment
  return authorization;
}

/** Undefined for a payment that is made in another way. */
export async function findAuthorization(
  sql: Queryable,
  paymentId: string,
): Promise<Authorization | undefined> {
  const [row] = await sql<Row[]>`select * from x402_authorizations where payment_id = ${paymentId}`;
  return row && toAuthorization(row);
}

/** What was signed for the quote by one of the schemes, as far as it came here, the latest first; by one payer, where one is named. */
export async function authorizationsOf(
  sql: Queryable,
  quoteId: Hash,
  { scheme, payer }: { scheme: Scheme; payer?: Address },
): Promise<Authorization[]> {
  const rows = await sql<Row[]>`
    select a.* from x402_authorizations a join payments p on p.id = a.payment_id
    where p.quote_id = ${quoteId} and a.scheme = ${scheme}
      ${payer ? sql`and a.payer = ${payer.toLowerCase()}` : sql``}
    order by p.updated_at desc limit ${LOOKED_AT}`;
  return rows.map(toAuthorization);
}

function toAuthorization(row: Row): Authorization {
  return {
    scheme: row.scheme,
    from: getAddress(row.payer),
    value: BigInt(row.value),
    validAfter: BigInt(row.valid_after),
    validBefore: BigInt(row.valid_before),
    nonce: row.nonce,
    signature: row.signature,
    ...(row.facilitator === null ? {} : { facilitator: row.facilitator }),
  };
}
