/** The relayer's transactions: which nonce went to what, for whom, in which signed forms, and what came of it. */
import type { Address, Hash, Hex } from "viem";
import type { Queryable, Sql } from "./database.ts";

/** Seconds of the window that an asker's gas is counted in. */
export const GAS_WINDOW = 3_600;

export type RelayedState = "signed" | "sent" | "mined" | "reverted" | "replaced" | "dropped";

/** One signed form of a transaction. Fees are in wei per gas. */
export type Attempt = {
  hash: Hash;
  raw: Hex;
  maxFee: bigint;
  priorityFee: bigint;
  cancels: boolean;
  at: Date;
};

export type Relayed = {
  id: string;
  nonce: number;
  target: Address;
  data: Hex;
  gas: bigint;
  state: RelayedState;
  createdAt: Date;
  /** The oldest first; never empty while it waits. */
  attempts: Attempt[];
};

/** Whose transactions: one account on one chain. */
export type Sender = { chainId: number; sender: Address };

type Row = {
  id: string;
  nonce: string;
  target: Address;
  data: Hex;
  gas: string;
  state: RelayedState;
  created_at: Date;
  attempts: { hash: Hash; raw: Hex; max_fee: string; priority_fee: string; cancels: boolean; at: string }[];
};

export type NewRelayed = { nonce: number; asker: string; target: Address; data: Hex; gas: bigint };

/** Notes a transaction that is signed and not sent yet. Throws where the nonce is taken. */
export async function noteSigned(
  sql: Sql,
  { chainId, sender }: Sender,
  { nonce, asker, target, data, gas }: NewRelayed,
  attempt: Omit<Attempt, "at">,
): Promise<string> {
  return sql.begin(async (tx) => {
    const [row] = await tx<{ id: string }[]>`
      insert into relayed_transactions (chain_id, sender, nonce, asker, target, data, gas)
      values (${chainId}, ${sender}, ${nonce}, ${asker}, ${target}, ${data}, ${String(gas)})
      returning id`;
    if (!row) throw new Error("An insert returned nothing.");
    await noteAttempt(tx, row.id, attempt);
    return row.id;
  }) as Promise<string>;
}

/**
 * Notes another signed form, before it is sent. The same call at a nonce that was given back, for the same fees, has the same hash: it is
 * the new transaction's then.
 */
export async function noteAttempt(sql: Queryable, id: string, a: Omit<Attempt, "at">): Promise<void> {
  await sql`
    insert into relayed_attempts (hash, transaction_id, raw, max_fee, priority_fee, cancels)
    values (${a.hash}, ${id}, ${a.raw}, ${String(a.maxFee)}, ${String(a.priorityFee)}, ${a.cancels})
    on conflict (hash) do update set transaction_id = excluded.transaction_id, at = now()`;
}

/** `gas`: what it used, once that is known. An end is an end: it is not written over. */
export async function markRelayed(
  sql: Queryable,
  id: string,
  state: Exclude<RelayedState, "signed">,
  gas?: bigint,
): Promise<void> {
  const set = { state, updated_at: new Date(), ...(gas === undefined ? {} : { gas: String(gas) }) };
  await sql`update relayed_transactions set ${sql(set)} where id = ${id} and state in ('signed', 'sent')`;
}

const withAttempts = (sql: Queryable) => sql`
  select t.id, t.nonce, t.target, t.data, t.gas, t.state, t.created_at, (
    select coalesce(jsonb_agg(
      jsonb_build_object(
        'hash', a.hash, 'raw', a.raw, 'max_fee', a.max_fee::text, 'priority_fee', a.priority_fee::text,
        'cancels', a.cancels, 'at', a.at
      ) order by a.at, a.max_fee
    ), '[]') from relayed_attempts a where a.transaction_id = t.id
  ) as attempts
  from relayed_transactions t`;

/** Those that wait, the lowest nonce first; only such as have waited for so many milliseconds. */
export async function waitingTransactions(
  sql: Queryable,
  { chainId, sender }: Sender,
  { olderThan, limit }: { olderThan: number; limit: number },
): Promise<Relayed[]> {
  const rows = await sql<Row[]>`
    ${withAttempts(sql)}
    where t.chain_id = ${chainId} and t.sender = ${sender} and t.state in ('signed', 'sent')
      and t.created_at <= now() - ${olderThan} * interval '1 millisecond'
    order by t.nonce limit ${limit}`;
  return rows.map(toRelayed);
}

/** The transaction that this hash is a signed form of. */
export async function relayedBy(sql: Queryable, hash: Hash): Promise<Relayed | undefined> {
  const [row] = await sql<Row[]>`
    ${withAttempts(sql)}
    where t.id = (select transaction_id from relayed_attempts where hash = ${hash})`;
  return row && toRelayed(row);
}

/** The highest nonce that waits; undefined when none does. */
export async function highestWaiting(
  sql: Queryable,
  { chainId, sender }: Sender,
): Promise<number | undefined> {
  const [row] = await sql<{ nonce: string | null }[]>`
    select max(nonce) as nonce from relayed_transactions
    where chain_id = ${chainId} and sender = ${sender} and state in ('signed', 'sent')`;
  return row?.nonce == null ? undefined : Number(row.nonce);
}

/** What was sent for the asker in the last {@link GAS_WINDOW}, in gas, and when the oldest of it leaves the window. */
export async function gasOf(
  sql: Queryable,
  { chainId, sender }: Sender,
  asker: string,
): Promise<{ used: bigint; freesAt: Date | undefined }> {
  const [row] = await sql<{ used: string; first: Date | null }[]>`
    select coalesce(sum(gas), 0) as used, min(created_at) as first from relayed_transactions
    where chain_id = ${chainId} and sender = ${sender} and asker = ${asker} and state <> 'dropped'
      and created_at > now() - ${GAS_WINDOW} * interval '1 second'`;
  const freesAt = row?.first ? new Date(row.first.getTime() + GAS_WINDOW * 1_000) : undefined;
  return { used: BigInt(row?.used ?? 0), freesAt };
}

/** Forgets what ended 30 days ago, some at a time: payments keep their own transactions. */
export async function dropOldRelayed(sql: Queryable): Promise<void> {
  await sql`
    delete from relayed_transactions where id in (
      select id from relayed_transactions
      where state not in ('signed', 'sent') and created_at < now() - interval '30 days'
      order by id limit 500
    )`;
}

/** How many wait, since when the oldest does, and at which nonces. */
export async function relayBacklog(
  sql: Queryable,
  { chainId, sender }: Sender,
): Promise<{ waiting: number; since: Date | undefined; nonces: number[] }> {
  const [row] = await sql<{ waiting: string; since: Date | null; nonces: string[] | null }[]>`
    select count(*) as waiting, min(created_at) as since, array_agg(nonce) as nonces from relayed_transactions
    where chain_id = ${chainId} and sender = ${sender} and state in ('signed', 'sent')`;
  const nonces = (row?.nonces ?? []).map(Number);
  return { waiting: Number(row?.waiting ?? 0), since: row?.since ?? undefined, nonces };
}

function toRelayed(row: Row): Relayed {
  return {
    id: row.id,
    nonce: Number(row.nonce),
    target: row.target,
    data: row.data,
    gas: BigInt(row.gas),
    state: row.state,
    createdAt: row.created_at,
    attempts: row.attempts.map((a) => ({
      ...{ hash: a.hash, raw: a.raw, cancels: a.cancels, at: new Date(a.at) },
      ...{ maxFee: BigInt(a.max_fee), priorityFee: BigInt(a.priority_fee) },
    })),
  };
}
