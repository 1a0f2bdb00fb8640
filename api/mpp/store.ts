/** What the exchange keeps of payments on Tempo: challenges, transfers, and the payments that they became. */
import { type Address, getAddress, type Hash, type Hex } from "viem";
import type { Queryable } from "../store/database.ts";
import { memoNonceOf } from "./memo.ts";
import type { Transfer } from "./tempo.ts";

/** `amount`: smallest units of Tempo's token. */
export type TempoChallenge = { id: string; quoteId: Hash; amount: bigint };

export async function saveChallenge(sql: Queryable, { id, quoteId, amount }: TempoChallenge): Promise<void> {
  await sql`
    insert into tempo_challenges (challenge_id, quote_id, memo_nonce, amount)
    values (${id}, ${quoteId}, ${memoNonceOf(id)}, ${String(amount)})
    on conflict (challenge_id) do nothing`;
}

type ChallengeRow = { challenge_id: string; quote_id: Hash; amount: string };

/** The challenge that a memo names: the one of this amount, should two share the 7 bytes. */
export async function challengeNamed(
  sql: Queryable,
  { memoNonce, amount }: Pick<Transfer, "memoNonce" | "amount">,
): Promise<TempoChallenge | undefined> {
  const [row] = await sql<ChallengeRow[]>`
    select challenge_id, quote_id, amount from tempo_challenges where memo_nonce = ${memoNonce}
    order by (amount = ${String(amount)}) desc, created_at limit 1`;
  return row && toChallenge(row);
}

export async function findChallenge(sql: Queryable, id: string): Promise<TempoChallenge | undefined> {
  const [row] = await sql<ChallengeRow[]>`
    select challenge_id, quote_id, amount from tempo_challenges where challenge_id = ${id}`;
  return row && toChallenge(row);
}

function toChallenge(row: ChallengeRow): TempoChallenge {
  return { id: row.challenge_id, quoteId: row.quote_id, amount: BigInt(row.amount) };
}

/** A transaction that the payer signed for us to send. `validBefore`: Unix seconds. */
export type Pulled = { raw: Hex; tx: Hash; validBefore: bigint };

export type TempoPayment = {
  paymentId: string;
  challengeId: string;
  agentId: bigint;
  blockNumber: bigint;
  pulled?: Pulled;
  /** Why there will be no key. */
  reason?: string;
};

type PaymentRow = {
  payment_id: string;
  challenge_id: string;
  agent_id: string;
  block_number: string;
  raw: Hex | null;
  tx: Hash | null;
  valid_before: string | null;
  reason: string | null;
};

/** Stores it with its payment; once more where a failed one is tried again. */
export async function saveTempoPayment(sql: Queryable, p: TempoPayment): Promise<void> {
  const { raw = null, tx = null, validBefore } = p.pulled ?? {};
  await sql`
    insert into tempo_payments (payment_id, challenge_id, agent_id, block_number, raw, tx, valid_before)
    values (
      ${p.paymentId}, ${p.challengeId}, ${String(p.agentId)}, ${String(p.blockNumber)},
      ${raw}, ${tx}, ${validBefore === undefined ? null : String(validBefore)}
    )
    on conflict (payment_id) do update set
      agent_id = excluded.agent_id, block_number = excluded.block_number,
      raw = excluded.raw, tx = excluded.tx, valid_before = excluded.valid_before`;
}

export async function tempoPaymentOf(sql: Queryable, paymentId: string): Promise<TempoPayment | undefined> {
  const [row] = await sql<PaymentRow[]>`select * from tempo_payments where payment_id = ${paymentId}`;
  if (!row) return undefined;
  const { raw, tx, valid_before: validBefore } = row;
  return {
    paymentId: row.payment_id,
    challengeId: row.challenge_id,
    agentId: BigInt(row.agent_id),
    blockNumber: BigInt(row.block_number),
    ...(raw && tx && validBefore ? { pulled: { raw, tx, validBefore: BigInt(validBefore) } } : {}),
    ...(row.reason ? { reason: row.reason } : {}),
  };
}

/** Notes until when a transaction, about to leave, can issue a key. False: somebody has decided that there will be none. */
export async function noteIssueDeadline(
  sql: Queryable,
  paymentId: string,
  deadline: bigint,
): Promise<boolean> {
  const rows = await sql`
    update tempo_payments set issue_deadline = ${String(deadline)}
    where payment_id = ${paymentId} and reason is null returning payment_id`;
  return rows.length === 1;
}

/** Decides that there will be no key. Returns until when one can still be issued by what was signed before (Unix seconds). */
export async function noteNoKey(sql: Queryable, paymentId: string, reason: string): Promise<bigint> {
  const [row] = await sql<{ issue_deadline: string }[]>`
    update tempo_payments set reason = coalesce(reason, ${reason}) where payment_id = ${paymentId}
    returning issue_deadline`;
  return BigInt(row?.issue_deadline ?? 0);
}

/** A transfer as it was stored. `paidAt`: Unix seconds. */
export type StoredTransfer = Omit<Transfer, "memoNonce"> & {
  challengeId: string;
  paidAt: bigint;
  seenAt: Date;
};

type TransferRow = {
  tx: Hash;
  position: number;
  challenge_id: string;
  payer: Address;
  amount: string;
  block_number: string;
  paid_at: string;
  seen_at: Date;
};

/** Stores a transfer, once. */
export async function saveTransfer(
  sql: Queryable,
  chainId: number,
  t: Omit<StoredTransfer, "seenAt">,
): Promise<void> {
  await sql`
    insert into tempo_transfers (chain_id, tx, position, challenge_id, payer, amount, block_number, paid_at)
    values (
      ${chainId}, ${t.tx}, ${t.position}, ${t.challengeId}, ${t.payer.toLowerCase()}, ${String(t.amount)},
      ${String(t.blockNumber)}, ${String(t.paidAt)}
    )
    on conflict do nothing`;
}

/** Transfers that are nobody's payment yet and do not go back either; those of one challenge, where it is named. */
export async function undecidedTransfers(
  sql: Queryable,
  chainId: number,
  challengeId?: string,
): Promise<StoredTransfer[]> {
  const rows = await sql<TransferRow[]>`
    select t.* from tempo_transfers t
    where t.chain_id = ${chainId} and t.payment_id is null
      ${challengeId === undefined ? sql`` : sql`and t.challenge_id = ${challengeId}`}
      and not exists (
        select from tempo_refunds r where r.chain_id = t.chain_id and r.tx = t.tx and r.position = t.position
      )
    order by t.block_number, t.position`;
  return rows.map(toTransfer);
}

/** Makes the transfer the payment's. False: it is another's already, or the payment has one, or it goes back. */
export async function assignTransfer(
  sql: Queryable,
  chainId: number,
  { tx, position }: Pick<Transfer, "tx" | "position">,
  paymentId: string,
): Promise<boolean> {
  const rows = await sql`
    update tempo_transfers t set payment_id = ${paymentId}
    where chain_id = ${chainId} and tx = ${tx} and position = ${position} and payment_id is null
      and not exists (select from tempo_transfers o where o.payment_id = ${paymentId})
      and not exists (
        select from tempo_refunds r where r.chain_id = t.chain_id and r.tx = t.tx and r.position = t.position
      )
    returning tx`;
  return rows.length === 1;
}

export async function transferOf(sql: Queryable, paymentId: string): Promise<StoredTransfer | undefined> {
  const [row] = await sql<TransferRow[]>`select * from tempo_transfers where payment_id = ${paymentId}`;
  return row && toTransfer(row);
}

function toTransfer(row: TransferRow): StoredTransfer {
  return {
    tx: row.tx,
    position: row.position,
    challengeId: row.challenge_id,
    payer: getAddress(row.payer),
    amount: BigInt(row.amount),
    blockNumber: BigInt(row.block_number),
    paidAt: BigInt(row.paid_at),
    seenAt: row.seen_at,
  };
}

type Feed = { chainId: number; token: Address; recipient: Address };

/** The next block of Tempo's log to read; `first` where none was read yet. */
export async function nextBlock(
  sql: Queryable,
  { chainId, token, recipient }: Feed,
  first: bigint,
): Promise<bigint> {
  const [row] = await sql<{ next_block: string }[]>`
    insert into tempo_feed (chain_id, token, recipient, next_block)
    values (${chainId}, ${token.toLowerCase()}, ${recipient.toLowerCase()}, ${String(first)})
    on conflict (chain_id, token, recipient) do update set next_block = tempo_feed.next_block
    returning next_block`;
  return BigInt(row?.next_block ?? first);
}

export async function noteNextBlock(
  sql: Queryable,
  { chainId, token, recipient }: Feed,
  block: bigint,
): Promise<void> {
  await sql`
    update tempo_feed set next_block = greatest(next_block, ${String(block)})
    where chain_id = ${chainId} and token = ${token.toLowerCase()} and recipient = ${recipient.toLowerCase()}`;
}

/** When the payment's money was found to have moved. */
export async function confirmedAt(sql: Queryable, paymentId: string): Promise<Date> {
  const [row] = await sql<{ at: Date }[]>`
    select at from payment_transitions where payment_id = ${paymentId} and state = 'PaymentConfirmed'
    order by id limit 1`;
  if (!row) throw new Error(`Payment ${paymentId} was not confirmed.`);
  return row.at;
}
