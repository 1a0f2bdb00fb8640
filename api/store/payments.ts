/**
 * Payments by x402 and what became of them. The row is there before anything is sent, so that no crash, retry or second copy of the API
 * can turn one payment into two.
 */
import { type Address, getAddress, type Hash, type Hex } from "viem";
import type { PurchaseResponse } from "../../sdk/wire/purchase.ts";
import type { Queryable, Sql } from "./database.ts";

/** Seconds for which whoever works on a payment has it alone. */
const LEASE_SECONDS = 30;
/** How many of a payer's authorizations for one quote are looked at. */
const AUTHORIZATIONS = 5;

/** An ERC-3009 authorization with its signature. */
export type Authorization = {
  from: Address;
  value: bigint;
  validAfter: bigint;
  validBefore: bigint;
  nonce: Hex;
  signature: Hex;
};

export type PaymentState =
  | "PaymentAuthorized"
  | "PaymentConfirmed"
  | "EKIssued"
  | "AccessGranted"
  | "Unknown"
  | "Failed";

export type Payment = {
  id: string;
  quoteId: Hash;
  token: Address;
  authorization: Authorization;
  state: PaymentState;
  /** Somebody is at work on it. */
  leased: boolean;
  tx?: Hash;
  /** Present from EKIssued on. */
  purchase?: PurchaseResponse;
  reason?: string;
};

/** All that {@link toPayment} wants of a row. */
const columns = (sql: Queryable) => sql`*, lease_until > now() as leased`;

type Row = {
  id: string;
  quote_id: Hash;
  token: Address;
  payer: Address;
  nonce: Hex;
  value: string;
  valid_after: string;
  valid_before: string;
  signature: Hex;
  state: PaymentState;
  tx: Hash | null;
  purchase: PurchaseResponse | null;
  reason: string | null;
  leased: boolean;
};

export type NewPayment = { quoteId: Hash; chainId: number; token: Address; authorization: Authorization };

/**
 * Takes a payment on. `mine` is true for one caller: that one must settle it. Else the payment that stands in the way is returned: the
 * quote's live one, or the one that used this authorization for another quote.
 */
export async function takePayment(
  sql: Sql,
  { quoteId, chainId, token, authorization: a }: NewPayment,
): Promise<{ payment: Payment; mine: boolean }> {
  return sql.begin(async (tx) => {
    // A row may be there from an attempt with this authorization that failed: it gets another one.
    const [taken] = await tx<Row[]>`
      insert into payments (
        quote_id, chain_id, token, payer, nonce, value, valid_after, valid_before, signature, state, lease_until
      ) values (
        ${quoteId}, ${chainId}, ${token.toLowerCase()}, ${a.from.toLowerCase()}, ${a.nonce.toLowerCase()},
        ${String(a.value)}, ${String(a.validAfter)}, ${String(a.validBefore)}, ${a.signature},
        'PaymentAuthorized', now() + ${LEASE_SECONDS} * interval '1 second'
      )
      on conflict do nothing
      returning ${columns(tx)}`;
    if (taken) {
      await noteTransition(tx, taken.id, "PaymentAuthorized", { payer: a.from, nonce: a.nonce });
      return { payment: toPayment(taken), mine: true };
    }
    const [live] = await tx<
      Row[]
    >`select ${columns(tx)} from payments where quote_id = ${quoteId} and state <> 'Failed'`;
    if (live) return { payment: toPayment(live), mine: false };
    const [revived] = await tx<Row[]>`
      update payments set
        state = 'PaymentAuthorized', tx = null, reason = null, signature = ${a.signature}, updated_at = now(),
        lease_until = now() + ${LEASE_SECONDS} * interval '1 second'
      where chain_id = ${chainId} and token = ${token.toLowerCase()} and payer = ${a.from.toLowerCase()}
        and nonce = ${a.nonce.toLowerCase()} and quote_id = ${quoteId} and state = 'Failed'
      returning ${columns(tx)}`;
    if (revived) {
      await noteTransition(tx, revived.id, "PaymentAuthorized", {
        payer: a.from,
        nonce: a.nonce,
        again: true,
      });
      return { payment: toPayment(revived), mine: true };
    }
    const [other] = await tx<Row[]>`
      select ${columns(tx)} from payments
      where chain_id = ${chainId} and token = ${token.toLowerCase()} and payer = ${a.from.toLowerCase()}
        and nonce = ${a.nonce.toLowerCase()}`;
    if (!other) throw new Error(`Payment of quote ${quoteId} came and went.`);
    return { payment: toPayment(other), mine: false };
  }) as Promise<{ payment: Payment; mine: boolean }>;
}

/** The quote's payment, unless there is none or it failed. */
export async function livePaymentOf(sql: Sql, quoteId: Hash): Promise<Payment | undefined> {
  const [row] = await sql<
    Row[]
  >`select ${columns(sql)} from payments where quote_id = ${quoteId} and state <> 'Failed'`;
  return row && toPayment(row);
}

/** What the payer signed for the quote, as far as it came here, the latest first. It counts as its word, also where the payment failed. */
export async function authorizationsOf(sql: Sql, quoteId: Hash, payer: Address): Promise<Authorization[]> {
  const rows = await sql<Row[]>`
    select ${columns(sql)} from payments where quote_id = ${quoteId} and payer = ${payer.toLowerCase()}
    order by updated_at desc limit ${AUTHORIZATIONS}`;
  return rows.map((row) => toPayment(row).authorization);
}

export async function getPayment(sql: Sql, id: string): Promise<Payment> {
  const [row] = await sql<Row[]>`select ${columns(sql)} from payments where id = ${id}`;
  if (!row) throw new Error(`Payment ${id} is gone.`); // rows are never deleted
  return toPayment(row);
}

/** Takes over an open payment that nobody has worked on for a while. True for one caller only. */
export async function takeOverPayment(sql: Sql, id: string): Promise<boolean> {
  const rows = await sql`
    update payments set lease_until = now() + ${LEASE_SECONDS} * interval '1 second'
    where id = ${id} and state in ('PaymentAuthorized', 'Unknown') and lease_until < now()
    returning id`;
  return rows.length === 1;
}

/** Open payments that nobody works on. */
export async function abandonedPayments(sql: Sql, limit: number): Promise<Payment[]> {
  const rows = await sql<Row[]>`
    select ${columns(sql)} from payments
    where state in ('PaymentAuthorized', 'Unknown') and lease_until < now()
    order by lease_until limit ${limit}`;
  return rows.map(toPayment);
}

/** Notes the transaction that is about to be sent. */
export async function noteTransaction(sql: Sql, id: string, tx: Hash): Promise<void> {
  await sql`update payments set tx = ${tx}, updated_at = now() where id = ${id}`;
}

/** The transaction was not mined in time. What it did is unknown, until the chain tells. */
export async function markUnknown(sql: Sql, id: string): Promise<void> {
  await move(sql, id, ["PaymentAuthorized"], "Unknown", {}, null);
}

/** Nothing was paid by it. */
export async function markFailed(sql: Sql, id: string, reason: string): Promise<void> {
  await move(sql, id, ["PaymentAuthorized", "Unknown"], "Failed", { reason }, { reason });
}

/** Money and key have moved, in one transaction: two steps at once, with the evidence. */
export async function markIssued(sql: Sql, id: string, purchase: PurchaseResponse): Promise<void> {
  const { tx, key_id } = purchase;
  await sql.begin(async (begun) => {
    const open: PaymentState[] = ["PaymentAuthorized", "Unknown"];
    await move(begun, id, open, "PaymentConfirmed", { tx }, { tx });
    await move(begun, id, ["PaymentConfirmed"], "EKIssued", { key_id, purchase }, { tx, key_id });
  });
}

/** The key was turned into a first token. */
export async function markAccessGranted(sql: Sql, keyId: string): Promise<void> {
  await sql`
    with moved as (
      update payments set state = 'AccessGranted', updated_at = now()
      where key_id = ${keyId} and state = 'EKIssued'
      returning id
    )
    insert into payment_transitions (payment_id, state) select id, 'AccessGranted' from moved`;
}

type Fields = { reason?: string; tx?: string; key_id?: string; purchase?: PurchaseResponse };

async function move(
  sql: Queryable,
  id: string,
  from: PaymentState[],
  to: PaymentState,
  { purchase, ...fields }: Fields,
  evidence: Record<string, string> | null,
): Promise<void> {
  const set = {
    ...fields,
    ...(purchase ? { purchase: sql.json(purchase) } : {}),
    state: to,
    updated_at: new Date(),
  };
  const rows =
    await sql`update payments set ${sql(set)} where id = ${id} and state in ${sql(from)} returning id`;
  if (rows.length === 1) await noteTransition(sql, id, to, evidence);
}

async function noteTransition(
  sql: Queryable,
  id: string,
  state: PaymentState,
  evidence: Record<string, string | boolean> | null,
): Promise<void> {
  await sql`
    insert into payment_transitions (payment_id, state, evidence)
    values (${id}, ${state}, ${evidence && sql.json(evidence)})`;
}

function toPayment(row: Row): Payment {
  return {
    id: row.id,
    quoteId: row.quote_id,
    token: row.token,
    authorization: {
      from: getAddress(row.payer),
      value: BigInt(row.value),
      validAfter: BigInt(row.valid_after),
      validBefore: BigInt(row.valid_before),
      nonce: row.nonce,
      signature: row.signature,
    },
    state: row.state,
    leased: row.leased,
    ...(row.tx ? { tx: row.tx } : {}),
    ...(row.purchase ? { purchase: row.purchase } : {}),
    ...(row.reason ? { reason: row.reason } : {}),
  };
}
