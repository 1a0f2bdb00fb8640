/** What was answered to requests with an Idempotency-Key. Orders keep theirs with the payment that they make: see `idempotency.ts`. */
import type { Hash } from "viem";
import type { Sql } from "./database.ts";

/** Seconds that an answer is kept, and after which a request at work counts as dead. */
export const ANSWER_TTL = 24 * 3_600;
export const LEASE_SECONDS = 60;

export type Keyed = {
  /** Whose key it is. */
  subject: string;
  key: string;
  requestHash: string;
};
export type StoredAnswer = { status: number; contentType: string; body: string };
export type Claim =
  /** It is the caller's to do; `transactions` are what a request before it has sent. */
  { mine: true; transactions: Hash[] } | { answer: StoredAnswer } | { conflict: true } | { busy: true };

/** Takes the key for `runner`, or says what came of it. One statement decides; an answer that is too old is as good as none. */
export async function claimKey(
  sql: Sql,
  { subject, key, requestHash }: Keyed,
  runner: string,
): Promise<Claim> {
  const [mine] = await sql<{ transactions: Hash[] }[]>`
    insert into idempotent_answers as known (subject, key, request_hash, runner, lease_until, expires_at)
    values (${subject}, ${key}, ${requestHash}, ${runner}, now() + ${LEASE_SECONDS} * interval '1 second',
      now() + ${ANSWER_TTL} * interval '1 second')
    on conflict (subject, key) do update set
      request_hash = excluded.request_hash, runner = excluded.runner, lease_until = excluded.lease_until,
      expires_at = excluded.expires_at, status = null, content_type = null, body = null,
      transactions = case when known.expires_at < now() then '{}' else known.transactions end
    where known.expires_at < now()
      or (known.status is null and known.lease_until < now() and known.request_hash = excluded.request_hash)
    returning transactions`;
  if (mine) return { mine: true, transactions: mine.transactions };
  const [known] = await sql<
    { requestHash: string; status: number | null; contentType: string; body: string }[]
  >`
    select request_hash as "requestHash", status, content_type as "contentType", body
    from idempotent_answers where subject = ${subject} and key = ${key}`;
  if (!known) return { busy: true }; // it was given back in between
  if (known.requestHash !== requestHash) return { conflict: true };
  const { status, contentType, body } = known;
  return status === null ? { busy: true } : { answer: { status, contentType, body } };
}

/** Notes a transaction before it is sent. Throws where the key is another's by now: that one does it. */
export async function noteKeyTransaction(
  sql: Sql,
  { subject, key }: Keyed,
  runner: string,
  { step, hash }: { step: number; hash: Hash },
): Promise<void> {
  const rows = await sql`
    update idempotent_answers set transactions = transactions[1:${step}::int] || ${hash}::text,
      lease_until = now() + ${LEASE_SECONDS} * interval '1 second'
    where subject = ${subject} and key = ${key} and runner = ${runner} and status is null
    returning key`;
  if (rows.length === 0) throw new Error(`Idempotency-Key ${key} was taken over.`);
}

export async function keepAnswer(
  sql: Sql,
  { subject, key }: Keyed,
  runner: string,
  a: StoredAnswer,
): Promise<void> {
  await sql`
    update idempotent_answers set status = ${a.status}, content_type = ${a.contentType}, body = ${a.body}
    where subject = ${subject} and key = ${key} and runner = ${runner}`;
}

/** Lets go of a key: nothing was done under it. With transactions on their way it stays, for the same request alone. */
export async function releaseKey(sql: Sql, { subject, key }: Keyed, runner: string): Promise<void> {
  await sql`
    update idempotent_answers set lease_until = '-infinity'
    where subject = ${subject} and key = ${key} and runner = ${runner} and status is null and transactions <> '{}'`;
  await sql`
    delete from idempotent_answers
    where subject = ${subject} and key = ${key} and runner = ${runner} and status is null and transactions = '{}'`;
}

export async function dropOldAnswers(sql: Sql): Promise<void> {
  await sql`delete from idempotent_answers where expires_at < now()`;
}
