/**
 * Payments on any rail and what became of them. The row is there before anything is sent, so that no crash, retry or second copy of the
 * API can turn one payment into two.
 */
import { type Address, getAddress, type Hash } from "viem";
import type { PurchaseResponse } from "../../sdk/wire/purchase.ts";
import type { Queryable, Sql } from "./database.ts";

/** Seconds for which whoever works on a payment has it alone. */
const LEASE_SECONDS = 30;

export type RailName = "x402" | "mpp" | "card" | "free" | "points";

/** See `payment-moves.ts` for which may follow which. */
export type PaymentState =
  /** The payer's word is there: a signature, a card's authorization, a request. */
  | "PaymentAuthorized"
  /** The money has moved, or its provider has said so under its signature. */
  | "PaymentConfirmed"
  | "EKIssued"
  /** The key was turned into a first token. */
  | "AccessGranted"
  /** Something was sent, and nobody knows what came of it. */
  | "Unknown"
  /** Nothing was paid. */
  | "Failed"
  | "Refunded"
  | "Disputed";

/** A payment in one of them is not at its end: the reconciler asks its rail to go on. */
export const openStates: readonly PaymentState[] = ["PaymentAuthorized", "PaymentConfirmed", "Unknown"];

export type Payment = {
  id: string;
  rail: RailName;
  /** What names the payment on its rail. */
  reference: string;
  quoteId?: Hash;
  /** The EOA that gets the key. */
  buyer: Address;
  ekId: bigint;
  version: number;
  /** What was authorized, in smallest units of `currency`. */
  amount: bigint;
  /** A token's address in lower case, an ISO 4217 code in lower case, or "points". */
  currency: string;
  state: PaymentState;
  /** Somebody is at work on it. */
  leased: boolean;
  /** The transaction that issues the key, as soon as one was signed. */
  tx?: Hash;
  /** Present from EKIssued on. */
  purchase?: PurchaseResponse;
  reason?: string;
};

/** All that {@link toPayment} wants of a row. */
export const columns = (sql: Queryable) => sql`*, lease_until > now() as leased`;

export type PaymentRow = {
  id: string;
  rail: RailName;
  reference: string;
  quote_id: Hash | null;
  buyer: Address;
  ek_id: string;
  version: string;
  amount: string;
  currency: string;
  state: PaymentState;
  tx: Hash | null;
  purchase: PurchaseResponse | null;
  reason: string | null;
  leased: boolean;
};

export type NewPayment = Pick<
  Payment,
  "rail" | "reference" | "buyer" | "ekId" | "version" | "amount" | "currency"
> & {
  quoteId?: Hash;
  /** What the payer's word is: kept with the first step. */
  evidence: Readonly<Record<string, unknown>>;
};

/** Stores what only the rail knows of the payment, in the transaction that takes it on. Called again where a failed one is tried again. */
export type StoreDetails = (tx: Queryable, paymentId: string) => Promise<unknown>;

/**
 * Takes a payment on. `mine` is true for one caller: that one must carry it through, and has it alone for {@link LEASE_SECONDS}. Else the
 * payment that stands in the way is returned: the quote's live one on whichever rail, or the one with this reference, which may be of
 * another quote or have failed for another reason than this request's.
 */
export async function takePayment(
  sql: Sql,
  wanted: NewPayment,
  storeDetails: StoreDetails = async () => {},
): Promise<{ payment: Payment; mine: boolean }> {
  return sql.begin(async (tx) => {
    const taken = (await insert(tx, wanted)) ?? (await reviveUnlessLive(tx, wanted));
    if (taken.mine) await storeDetails(tx, taken.payment.id);
    return taken;
  }) as Promise<{ payment: Payment; mine: boolean }>;
}

type Taken = { payment: Payment; mine: boolean };

async function insert(tx: Queryable, p: NewPayment): Promise<Taken | undefined> {
  const [row] = await tx<PaymentRow[]>`
    insert into payments (
      rail, reference, quote_id, buyer, ek_id, version, amount, currency, state, lease_until
    ) values (
      ${p.rail}, ${p.reference}, ${p.quoteId ?? null}, ${p.buyer.toLowerCase()}, ${String(p.ekId)}, ${p.version},
      ${String(p.amount)}, ${p.currency}, 'PaymentAuthorized', now() + ${LEASE_SECONDS} * interval '1 second'
    )
    on conflict do nothing
    returning ${columns(tx)}`;
  if (!row) return undefined;
  await noteFirstStep(tx, row.id, null, p.evidence);
  return { payment: toPayment(row), mine: true };
}

/** A row is there. One that failed by the same reference gets another go, unless another payment of the quote lives. */
async function reviveUnlessLive(tx: Queryable, p: NewPayment): Promise<Taken> {
  const quoteId = p.quoteId ?? null;
  const [live] = await tx<PaymentRow[]>`
    select ${columns(tx)} from payments where quote_id = ${quoteId} and state <> 'Failed'`;
  if (live) return { payment: toPayment(live), mine: false };
  const [revived] = await tx<PaymentRow[]>`
    update payments set
      state = 'PaymentAuthorized', tx = null, reason = null, updated_at = now(),
      lease_until = now() + ${LEASE_SECONDS} * interval '1 second'
    where rail = ${p.rail} and reference = ${p.reference} and quote_id is not distinct from ${quoteId}
      and buyer = ${p.buyer.toLowerCase()} and ek_id = ${String(p.ekId)} and state = 'Failed'
    returning ${columns(tx)}`;
  if (revived) {
    await noteFirstStep(tx, revived.id, "Failed", { ...p.evidence, again: true });
    return { payment: toPayment(revived), mine: true };
  }
  const other = await findPayment(tx, p.rail, p.reference);
  if (!other) throw new Error(`Payment ${p.rail} ${p.reference} came and went.`);
  return { payment: other, mine: false };
}

async function noteFirstStep(
  tx: Queryable,
  id: string,
  from: PaymentState | null,
  evidence: Readonly<Record<string, unknown>>,
): Promise<void> {
  await tx`
    insert into payment_transitions (payment_id, from_state, state, evidence)
    values (${id}, ${from}, 'PaymentAuthorized', ${tx.json(evidence as never)})`;
}

/** The payment that the rail knows by this name. */
export async function findPayment(
  sql: Queryable,
  rail: RailName,
  reference: string,
): Promise<Payment | undefined> {
  const [row] = await sql<PaymentRow[]>`
    select ${columns(sql)} from payments where rail = ${rail} and reference = ${reference}`;
  return row && toPayment(row);
}

/** The quote's payment on whichever rail, unless there is none or it failed. */
export async function livePaymentOf(sql: Queryable, quoteId: Hash): Promise<Payment | undefined> {
  const [row] = await sql<PaymentRow[]>`
    select ${columns(sql)} from payments where quote_id = ${quoteId} and state <> 'Failed'`;
  return row && toPayment(row);
}

export async function getPayment(sql: Queryable, id: string): Promise<Payment> {
  const [row] = await sql<PaymentRow[]>`select ${columns(sql)} from payments where id = ${id}`;
  if (!row) throw new Error(`Payment ${id} is gone.`); // rows are never deleted
  return toPayment(row);
}

/** Takes over an open payment that nobody has worked on for a while. True for one caller only. */
export async function takeOverPayment(sql: Queryable, id: string): Promise<boolean> {
  const rows = await sql`
    update payments set lease_until = now() + ${LEASE_SECONDS} * interval '1 second'
    where id = ${id} and state in ${sql(openStates)} and lease_until < now()
    returning id`;
  return rows.length === 1;
}

/** Has the payment alone for so many seconds from now; 0 lets it go. For whoever holds it. */
export async function keepLease(sql: Queryable, id: string, seconds: number): Promise<void> {
  await sql`update payments set lease_until = now() + ${seconds} * interval '1 second' where id = ${id}`;
}

/** Open payments of these rails that nobody works on. */
export async function abandonedPayments(
  sql: Queryable,
  rails: readonly RailName[],
  limit: number,
): Promise<Payment[]> {
  const rows = await sql<PaymentRow[]>`
    select ${columns(sql)} from payments
    where state in ${sql(openStates)} and lease_until < now() and rail in ${sql(rails)}
    order by lease_until limit ${limit}`;
  return rows.map(toPayment);
}

/** Somebody else goes on with the payment, or has ended it: it took so long that it counted as given up. */
export class PaymentLost extends Error {
  override readonly name = "PaymentLost";
  constructor(id: string) {
    super(`Payment ${id} is in other hands.`);
  }
}

/**
 * Notes the transaction that is about to be sent, and has the payment for another {@link LEASE_SECONDS}. `tx`: the one that the caller knows
 * of. Throws {@link PaymentLost} where there is another one meanwhile, or an end: then nothing may be sent.
 */
export async function noteTransaction(
  sql: Queryable,
  { id, tx = undefined }: Pick<Payment, "id" | "tx">,
  next: Hash,
): Promise<void> {
  const rows = await sql`
    update payments set tx = ${next}, updated_at = now(),
      lease_until = greatest(lease_until, now() + ${LEASE_SECONDS} * interval '1 second')
    where id = ${id} and tx is not distinct from ${tx ?? null} and state in ${sql(openStates)}
    returning id`;
  if (rows.length === 0) throw new PaymentLost(id);
}

export function toPayment(row: PaymentRow): Payment {
  return {
    id: row.id,
    rail: row.rail,
    reference: row.reference,
    ...(row.quote_id ? { quoteId: row.quote_id } : {}),
    buyer: getAddress(row.buyer),
    ekId: BigInt(row.ek_id),
    version: Number(row.version),
    amount: BigInt(row.amount),
    currency: row.currency,
    state: row.state,
    leased: row.leased,
    ...(row.tx ? { tx: row.tx } : {}),
    ...(row.purchase ? { purchase: row.purchase } : {}),
    ...(row.reason ? { reason: row.reason } : {}),
  };
}
