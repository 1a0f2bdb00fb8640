/** Money that goes back on Tempo. A refund is stored before it is signed, and what was signed before it is sent. */
import { type Address, getAddress, type Hash, type Hex } from "viem";
import type { Queryable, Sql } from "../store/database.ts";
import type { StoredTransfer } from "./store.ts";

/** Minutes until a refund that was refused is tried again. */
const RETRY_MINUTES = 10;

/**
 * `surplus`: the transfer pays for nothing. `no_key`: its key could not be issued. `difference`: the key cost less than was paid.
 * `order_refunded`: the key was given back.
 */
export type RefundReason = "surplus" | "no_key" | "difference" | "order_refunded";

/** What was signed for a refund. */
export type SignedRefund = { nonce: number; raw: Hex; tx: Hash };

export type Refund = {
  id: string;
  to: Address;
  /** Smallest units of Tempo's token. */
  amount: bigint;
  challengeId: string;
  signed?: SignedRefund;
  /** Seconds since it was signed. */
  age: number;
  done: boolean;
};

type Row = {
  id: string;
  payer: Address;
  amount: string;
  challenge_id: string;
  nonce: string | null;
  raw: Hex | null;
  refund_tx: Hash | null;
  age: number | null;
  done: boolean;
};

const columns = (sql: Queryable) => sql`
  r.id, t.payer, r.amount, t.challenge_id, r.nonce, r.raw, r.refund_tx, r.done_at is not null as done,
  extract(epoch from now() - r.signed_at)::float as age
  from tempo_refunds r join tempo_transfers t using (chain_id, tx, position)`;

/** Wants so much of a transfer to go back: at most what has not gone back before. Once per reason. */
export async function wantRefund(
  sql: Sql,
  chainId: number,
  { tx, position }: Pick<StoredTransfer, "tx" | "position">,
  reason: RefundReason,
  atMost: bigint,
): Promise<Refund | undefined> {
  return sql.begin(async (begun) => {
    const where = begun`chain_id = ${chainId} and tx = ${tx} and position = ${position}`;
    const [left] = await begun<{ amount: string }[]>`
      select amount from tempo_transfers where ${where} for update`;
    const [gone] = await begun<{ sum: string }[]>`
      select coalesce(sum(amount), 0) as sum from tempo_refunds where ${where} and reason <> ${reason}`;
    const rest = BigInt(left?.amount ?? 0) - BigInt(gone?.sum ?? 0);
    const amount = rest < atMost ? rest : atMost;
    if (amount > 0n) {
      await begun`
        insert into tempo_refunds (chain_id, tx, position, reason, amount)
        values (${chainId}, ${tx}, ${position}, ${reason}, ${String(amount)})
        on conflict (chain_id, tx, position, reason) do nothing`;
    }
    const [row] = await begun<Row[]>`
      select ${columns(begun)} where r.chain_id = ${chainId} and r.tx = ${tx} and r.position = ${position}
        and r.reason = ${reason}`;
    return row && toRefund(row);
  }) as Promise<Refund | undefined>;
}

export async function getRefund(sql: Queryable, id: string): Promise<Refund> {
  const [row] = await sql<Row[]>`select ${columns(sql)} where r.id = ${id}`;
  if (!row) throw new Error(`Refund ${id} is gone.`); // rows are never deleted
  return toRefund(row);
}

/** The one that was signed and is not through yet: there is at most one. */
export async function signedRefund(sql: Queryable, chainId: number): Promise<Refund | undefined> {
  const [row] = await sql<Row[]>`
    select ${columns(sql)} where r.chain_id = ${chainId} and r.raw is not null and r.done_at is null`;
  return row && toRefund(row);
}

/**
 * Signs the next refund by `sign`, unless one is on its way already: one after the other, whatever the number of processes. Undefined when
 * there is none.
 */
export async function signNext(
  sql: Sql,
  chainId: number,
  sign: (refund: Refund) => Promise<SignedRefund | undefined>,
): Promise<Refund | undefined> {
  return sql.begin(async (tx) => {
    await tx`select pg_advisory_xact_lock(hashtextextended(${`tempo refunds ${chainId}`}, 0))`;
    const onItsWay = await signedRefund(tx, chainId);
    if (onItsWay) return onItsWay;
    const [row] = await tx<Row[]>`
      select ${columns(tx)}
      where r.chain_id = ${chainId} and r.raw is null and r.done_at is null and r.retry_at <= now()
      order by r.id limit 1`;
    if (!row) return undefined;
    const refund = toRefund(row);
    const signed = await sign(refund);
    if (!signed) {
      await postpone(tx, refund.id);
      return undefined;
    }
    await tx`
      update tempo_refunds set nonce = ${signed.nonce}, raw = ${signed.raw}, refund_tx = ${signed.tx}, signed_at = now()
      where id = ${refund.id}`;
    return { ...refund, signed, age: 0 };
  }) as Promise<Refund | undefined>;
}

export async function noteRefunded(sql: Queryable, id: string): Promise<void> {
  await sql`update tempo_refunds set done_at = now() where id = ${id} and done_at is null`;
}

/** What was signed can't move the money any more: it is signed anew, later. */
export async function forgetSigned(sql: Queryable, { id, signed }: Refund): Promise<void> {
  await sql`
    update tempo_refunds set
      raw = null, refund_tx = null, nonce = null, signed_at = null,
      retry_at = now() + ${RETRY_MINUTES} * interval '1 minute'
    where id = ${id} and refund_tx = ${signed?.tx ?? null} and done_at is null`;
}

async function postpone(sql: Queryable, id: string): Promise<void> {
  await sql`update tempo_refunds set retry_at = now() + ${RETRY_MINUTES} * interval '1 minute' where id = ${id}`;
}

function toRefund(row: Row): Refund {
  const { nonce, raw, refund_tx: tx } = row;
  return {
    id: row.id,
    to: getAddress(row.payer),
    amount: BigInt(row.amount),
    challengeId: row.challenge_id,
    ...(nonce !== null && raw && tx ? { signed: { nonce: Number(nonce), raw, tx } } : {}),
    age: row.age ?? 0,
    done: row.done,
  };
}
