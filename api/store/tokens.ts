/** Capability tokens that were handed out, by what they were handed out for, and the feed of those that were revoked before their end. */
import type { Address, Hash } from "viem";
import type { Queryable, Sql } from "./database.ts";

export type IssuedToken = {
  jti: string;
  ekId: bigint;
  version: number;
  agentId: bigint;
  /** The agent's EOA when it was issued, and how often it had rotated. */
  eoa: Address;
  epoch: number;
  purpose: "use" | "validate";
  /** The key's number on chain; none on a validator's token. */
  keyNumber?: bigint;
  kid: string;
  jkt?: string;
  watermarkId: string;
  /** Unix seconds. */
  issuedAt: number;
  expiresAt: number;
  /** The chain's head from which the right was read. */
  block: { number: bigint; hash: Hash };
};

/** Days for which rows are kept after the token's end. */
const KEPT_DAYS = 30;
/** Seconds for which verifiers may honour a token past its end. */
const TOLERANCE = 10;

/**
 * Stored before it is handed out: a token that is not here was never given to anybody, and neither was its watermark's handle. Returns the
 * payments that wait for the first token of the key `keyId`. All in one statement.
 */
export async function saveToken(sql: Queryable, token: IssuedToken, keyId?: string): Promise<string[]> {
  const ekId = String(token.ekId);
  const agentId = String(token.agentId);
  const keyNumber = token.keyNumber === undefined ? null : String(token.keyNumber);
  const rows = await sql<{ id: string }[]>`
    with marked as (
      insert into watermarks (watermark_id, ek_id, version, agent_id, key_number)
      values (${token.watermarkId}, ${ekId}, ${token.version}, ${agentId}, ${keyNumber}) on conflict do nothing
    ), saved as (
      insert into issued_tokens (
        jti, ek_id, version, agent_id, eoa, epoch, purpose, key_number, kid, jkt, watermark_id, issued_at, expires_at,
        block_number, block_hash, checked_hash
      ) values (
        ${token.jti}, ${ekId}, ${token.version}, ${agentId}, ${token.eoa.toLowerCase()}, ${token.epoch},
        ${token.purpose}, ${keyNumber}, ${token.kid}, ${token.jkt ?? null}, ${token.watermarkId},
        to_timestamp(${token.issuedAt}), to_timestamp(${token.expiresAt}),
        ${String(token.block.number)}, ${token.block.hash}, ${token.block.hash}
      )
    )
    select id from payments where key_id = ${keyId ?? null} and state = 'EKIssued'`;
  return rows.map(({ id }) => id);
}

/** A live token, as far as the chain has a say in it. */
export type LiveToken = Pick<
  IssuedToken,
  "jti" | "ekId" | "agentId" | "eoa" | "epoch" | "purpose" | "keyNumber" | "block"
>;

/** Whether any token is alive that could still be revoked. */
export async function anyLiveToken(sql: Sql): Promise<boolean> {
  const rows = await sql`select 1 from issued_tokens where revocation is null and expires_at > now() limit 1`;
  return rows.length === 1;
}

/** Live tokens whose right was not looked at since the chain has this head; those that waited longest first. */
export async function unverifiedTokens(sql: Sql, head: Hash, limit: number): Promise<LiveToken[]> {
  const rows = await sql<
    {
      jti: string;
      ek_id: string;
      agent_id: string;
      eoa: Address;
      epoch: string;
      purpose: "use" | "validate";
      key_number: string | null;
      block_number: string;
      block_hash: Hash;
    }[]
  >`
    select jti, ek_id, agent_id, eoa, epoch, purpose, key_number, block_number, block_hash from issued_tokens
    where revocation is null and expires_at > now() and checked_hash <> ${head}
    order by checked_at limit ${limit}`;
  return rows.map((row) => ({
    jti: row.jti,
    ekId: BigInt(row.ek_id),
    agentId: BigInt(row.agent_id),
    eoa: row.eoa,
    epoch: Number(row.epoch),
    purpose: row.purpose,
    ...(row.key_number === null ? {} : { keyNumber: BigInt(row.key_number) }),
    block: { number: BigInt(row.block_number), hash: row.block_hash },
  }));
}

/** Their right was seen to hold at this head. */
export async function noteVerified(sql: Sql, jtis: readonly string[], head: Hash): Promise<void> {
  if (jtis.length === 0) return;
  await sql`update issued_tokens set checked_hash = ${head}, checked_at = now() where jti in ${sql(jtis)}`;
}

/** Revokes the token, once: from the next look at the feed on no gateway honours it. */
export async function revokeToken(sql: Sql, jti: string, reason: string): Promise<void> {
  await sql.begin(async (tx) => {
    // Places in the feed become visible in their order: a reader that saw place n has seen all before it.
    await tx`select pg_advisory_xact_lock(hashtextextended('token revocations ' || current_schema(), 0))`;
    await tx`
      update issued_tokens set revocation = nextval('token_revocations'), revoked_at = now(), reason = ${reason}
      where jti = ${jti} and revocation is null`;
  });
}

export type Revocation = {
  place: number;
  jti: string;
  keyNumber: bigint | null;
  expiresAt: Date;
  reason: string;
};

/** Revocations after `since`, of tokens that could still be honoured, in their order. A place that was never given counts as 0. */
export async function revocationsSince(sql: Sql, since: number, limit: number): Promise<Revocation[]> {
  const rows = await sql<
    { place: string; jti: string; key: string | null; expiresAt: Date; reason: string }[]
  >`
    select revocation as place, jti, key_number as key, expires_at as "expiresAt", reason from issued_tokens
    where revocation > (select case when ${since}::bigint > last_value then 0 else ${since}::bigint end from token_revocations)
      and expires_at > now() - ${TOLERANCE} * interval '1 second'
    order by revocation limit ${limit}`;
  return rows.map(({ place, key, ...row }) => ({
    ...row,
    place: Number(place),
    keyNumber: key === null ? null : BigInt(key),
  }));
}

/** Forgets tokens that ended long ago. */
export async function dropOldTokens(sql: Sql): Promise<void> {
  await sql`delete from issued_tokens where expires_at < now() - ${KEPT_DAYS} * interval '1 day'`;
}
