/** Purchases by card: the row is there before the provider is asked for anything, and says when somebody has to look at it again. */
import { type Address, getAddress, type Hash } from "viem";
import type { Queryable, Sql } from "./database.ts";

/** Seconds for which whoever works on one has it alone: longer than a look takes, with a transaction to be mined in it. */
const LEASE_SECONDS = 60;

export type CardPurchase = {
  id: string;
  /** Its payment, once the money was reserved. */
  paymentId?: string;
  agentId: bigint;
  requestHash: string;
  ekId: bigint;
  version: number;
  token: Address;
  /** In the token's smallest units. */
  maxPrice: bigint;
  /** US cents. */
  cents: number;
  blockNumber: bigint;
  intentId?: string;
  /** Unix seconds; 0 while no transaction was signed. */
  issueDeadline: bigint;
  /** Why there will be no key. */
  reason?: string;
  expiresAt: Date;
  notices: number;
};

type Row = {
  id: string;
  payment_id: string | null;
  agent_id: string;
  request_hash: string;
  ek_id: string;
  version: string;
  token: string;
  max_price: string;
  cents: number;
  block_number: string;
  intent_id: string | null;
  issue_deadline: string;
  reason: string | null;
  expires_at: Date;
  notices: number;
};

export type NewCardPurchase = Pick<
  CardPurchase,
  | "id"
  | "agentId"
  | "requestHash"
  | "ekId"
  | "version"
  | "token"
  | "maxPrice"
  | "cents"
  | "blockNumber"
  | "expiresAt"
> & { eoa: Address; requestKey: string | undefined };

/** Seconds after which a row that its request left behind is looked at: by then the request is over. */
const FIRST_LOOK_SECONDS = 60;

/** Stores it, or finds the one that was stored under the same key. */
export async function saveCardPurchase(sql: Sql, p: NewCardPurchase): Promise<CardPurchase> {
  return sql.begin(async (tx) => {
    const [made] = await tx<Row[]>`
      insert into card_purchases (
        id, agent_id, eoa, request_key, request_hash, ek_id, version, token, max_price, cents, block_number,
        expires_at, look_at
      ) values (
        ${p.id}, ${String(p.agentId)}, ${p.eoa.toLowerCase()}, ${p.requestKey ?? null}, ${p.requestHash},
        ${String(p.ekId)}, ${p.version}, ${p.token.toLowerCase()}, ${String(p.maxPrice)}, ${p.cents},
        ${String(p.blockNumber)}, ${p.expiresAt}, now() + ${FIRST_LOOK_SECONDS} * interval '1 second'
      )
      on conflict (eoa, request_key) do nothing
      returning *`;
    if (made) return toPurchase(made);
    const [found] = await findByKey(tx, p.eoa, p.requestKey ?? "");
    if (!found) throw new Error(`Card purchase ${p.id} came and went.`);
    return found;
  }) as Promise<CardPurchase>;
}

/** The one that the EOA asked for under this key. */
export async function findByKey(sql: Queryable, eoa: Address, requestKey: string): Promise<CardPurchase[]> {
  const rows = await sql<Row[]>`
    select * from card_purchases where eoa = ${eoa.toLowerCase()} and request_key = ${requestKey}`;
  return rows.map(toPurchase);
}

export async function findCardPurchase(sql: Queryable, id: string): Promise<CardPurchase | undefined> {
  const [row] = await sql<Row[]>`select * from card_purchases where id = ${id}`;
  return row && toPurchase(row);
}

export async function cardPurchaseOf(sql: Queryable, paymentId: string): Promise<CardPurchase | undefined> {
  const [row] = await sql<Row[]>`select * from card_purchases where payment_id = ${paymentId}`;
  return row && toPurchase(row);
}

/** What authorised payments that have no key yet will cost the float at most. */
export async function reservedOf(sql: Queryable, token: Address): Promise<bigint> {
  const [row] = await sql<{ sum: string }[]>`
    select coalesce(sum(c.max_price), 0) as sum from card_purchases c join payments p on p.id = c.payment_id
    where c.token = ${token.toLowerCase()} and p.state in ('PaymentAuthorized', 'PaymentConfirmed', 'Unknown')`;
  return BigInt(row?.sum ?? 0);
}

/** Takes it for one caller alone. Undefined when somebody has it, or it does not exist. */
export async function leaseCardPurchase(sql: Sql, id: string): Promise<CardPurchase | undefined> {
  const [row] = await sql<Row[]>`
    update card_purchases set lease_until = now() + ${LEASE_SECONDS} * interval '1 second'
    where id = ${id} and lease_until <= now() returning *`;
  return row && toPurchase(row);
}

/**
 * Lets it go, to be looked at again after so many seconds, or when the provider says something. True when it said something meanwhile:
 * then it is due at once.
 */
export async function releaseCardPurchase(
  sql: Sql,
  { id, notices }: CardPurchase,
  seconds: number | undefined,
): Promise<boolean> {
  const [row] = await sql<{ missed: boolean }[]>`
    update card_purchases set
      lease_until = now(),
      look_at = case when notices <> ${notices} then now() else now() + ${seconds ?? null}::float * interval '1 second' end
    where id = ${id} returning notices <> ${notices} as missed`;
  return row?.missed ?? false;
}

/** Those that somebody has to look at, and nobody does. */
export async function dueCardPurchases(sql: Sql, limit: number): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    select id from card_purchases where look_at <= now() and lease_until <= now() order by look_at limit ${limit}`;
  return rows.map(({ id }) => id);
}

/** Somebody has to look at it now. */
export async function makeDue(sql: Sql, id: string): Promise<undefined> {
  await sql`update card_purchases set look_at = now(), notices = notices + 1 where id = ${id}`;
}

export async function noteIntent(sql: Sql, id: string, intentId: string): Promise<void> {
  await sql`update card_purchases set intent_id = ${intentId} where id = ${id}`;
}

export async function notePayment(sql: Queryable, id: string, paymentId: string): Promise<void> {
  await sql`update card_purchases set payment_id = ${paymentId} where id = ${id}`;
}

/** A transaction is about to be sent that can issue the key until then. */
export async function noteIssueDeadline(sql: Sql, id: string, deadline: bigint): Promise<void> {
  await sql`
    update card_purchases set issue_deadline = greatest(issue_deadline, ${String(deadline)}::bigint) where id = ${id}`;
}

/** Until when (Unix seconds) what was signed for it can issue a key, and the transaction that was signed last. */
export async function signedIssueOf(sql: Sql, id: string): Promise<{ deadline: bigint; tx?: Hash }> {
  const [row] = await sql<{ issue_deadline: string; tx: Hash | null }[]>`
    select c.issue_deadline, p.tx from card_purchases c left join payments p on p.id = c.payment_id
    where c.id = ${id}`;
  return { deadline: BigInt(row?.issue_deadline ?? 0), ...(row?.tx ? { tx: row.tx } : {}) };
}

/** There will be no key. The first reason counts. */
export async function noteReason(sql: Sql, id: string, reason: string): Promise<void> {
  await sql`update card_purchases set reason = coalesce(reason, ${reason}) where id = ${id}`;
}

function toPurchase(row: Row): CardPurchase {
  return {
    id: row.id,
    ...(row.payment_id === null ? {} : { paymentId: row.payment_id }),
    agentId: BigInt(row.agent_id),
    requestHash: row.request_hash,
    ekId: BigInt(row.ek_id),
    version: Number(row.version),
    token: getAddress(row.token),
    maxPrice: BigInt(row.max_price),
    cents: row.cents,
    blockNumber: BigInt(row.block_number),
    ...(row.intent_id === null ? {} : { intentId: row.intent_id }),
    issueDeadline: BigInt(row.issue_deadline),
    ...(row.reason === null ? {} : { reason: row.reason }),
    expiresAt: row.expires_at,
    notices: row.notices,
  };
}
