/** Sessions and their refresh tokens: rows, so that ending one ends it for every process at once. */
import type { Address } from "viem";
import type { Queryable, Sql } from "./database.ts";

/** Seconds after which a session that nobody used is over, and after which any is. */
export const IDLE_SECONDS = 7 * 24 * 3_600;
export const ABSOLUTE_SECONDS = 30 * 24 * 3_600;
/** Seconds by which `last_used_at` may be behind: a write for each request would be dear. */
const USE_NOTED_EVERY = 60;

export type EndReason = "signed_out" | "eoa_rotated" | "refresh_reused";

export type NewSession = {
  id: string;
  eoa: Address;
  agentId: bigint;
  epoch: number;
  client: string;
  network: string;
  refreshHash: string;
};

export type StoredSession = {
  id: string;
  eoa: Address;
  client: string;
  network: string;
  createdAt: Date;
  lastUsedAt: Date;
  expiresAt: Date;
};

const isLive = (sql: Queryable) => sql`
  ended_at is null and expires_at > now() and last_used_at > now() - ${IDLE_SECONDS} * interval '1 second'`;

export async function saveSession(sql: Sql, session: NewSession): Promise<void> {
  const { id, eoa, agentId, epoch, client, network, refreshHash } = session;
  const isAgent = agentId !== 0n;
  await sql.begin(async (tx) => {
    await tx`
      insert into sessions (id, eoa, agent_id, epoch, client, network, expires_at)
      values (${id}, ${eoa.toLowerCase()}, ${isAgent ? String(agentId) : null}, ${isAgent ? epoch : null},
        ${client}, ${network}, now() + ${ABSOLUTE_SECONDS} * interval '1 second')`;
    await tx`insert into session_refreshes (hash, session_id) values (${refreshHash}, ${id})`;
  });
}

/** Whether the session is this EOA's and lives; notes that it is used. */
export async function useSession(sql: Sql, id: string, eoa: Address): Promise<boolean> {
  const [row] = await sql<{ stale: boolean }[]>`
    select last_used_at < now() - ${USE_NOTED_EVERY} * interval '1 second' as stale
    from sessions where id = ${id} and eoa = ${eoa.toLowerCase()} and ${isLive(sql)}`;
  if (row?.stale) await sql`update sessions set last_used_at = now() where id = ${id} and ended_at is null`;
  return row !== undefined;
}

export type Refreshed =
  | { session: { id: string; eoa: Address; epoch: number | undefined } }
  /** `reused`: the session that a used token was of; it is ended now. */
  | { reused: { id: string; eoa: Address } | undefined };

/** Puts the next refresh token in the place of this one. A token that was used before ends its session. */
export async function refreshSession(sql: Sql, hash: string, nextHash: string): Promise<Refreshed> {
  return sql.begin(async (tx): Promise<Refreshed> => {
    const [used] = await tx<{ sessionId: string }[]>`
      update session_refreshes set used_at = now() where hash = ${hash} and used_at is null
      returning session_id as "sessionId"`;
    if (!used) {
      const [reused] = await tx<{ id: string; eoa: Address }[]>`
        update sessions set ended_at = now(), end_reason = 'refresh_reused'
        where id = (select session_id from session_refreshes where hash = ${hash}) and ended_at is null
        returning id, eoa`;
      return { reused };
    }
    const [session] = await tx<{ id: string; eoa: Address; epoch: string | null }[]>`
      update sessions set last_used_at = now() where id = ${used.sessionId} and ${isLive(tx)}
      returning id, eoa, epoch`;
    if (!session) return { reused: undefined };
    await tx`insert into session_refreshes (hash, session_id) values (${nextHash}, ${session.id})`;
    const { id, eoa, epoch } = session;
    return { session: { id, eoa, epoch: epoch === null ? undefined : Number(epoch) } };
  }) as Promise<Refreshed>;
}

/** Ends one session, or all of the EOA's; gives how many. */
export async function endSessions(
  sql: Sql,
  { eoa, id, reason }: { eoa: Address; id?: string; reason: EndReason },
): Promise<number> {
  const rows = await sql`
    update sessions set ended_at = now(), end_reason = ${reason}
    where eoa = ${eoa.toLowerCase()} and ${isLive(sql)} ${id === undefined ? sql`` : sql`and id = ${id}`}
    returning id`;
  return rows.length;
}

/** The EOA's live sessions, the newest first. */
export async function liveSessions(
  sql: Sql,
  eoa: Address,
  { before, limit }: { before: readonly [microseconds: string, id: string] | undefined; limit: number },
): Promise<(StoredSession & { microseconds: string })[]> {
  const place = sql`(extract(epoch from created_at) * 1000000)::bigint`;
  return sql<(StoredSession & { microseconds: string })[]>`
    select id, eoa, client, network, created_at as "createdAt", last_used_at as "lastUsedAt", expires_at as "expiresAt",
      ${place}::text as microseconds
    from sessions
    where eoa = ${eoa.toLowerCase()} and ${isLive(sql)}
      ${before ? sql`and (${place}, id) < (${before[0]}::bigint, ${before[1]}::uuid)` : sql``}
    order by created_at desc, id desc limit ${limit}`;
}

/** Forgets sessions that have been over for a month. */
export async function dropOldSessions(sql: Sql): Promise<void> {
  await sql`
    delete from sessions where id in (
      select id from sessions where expires_at < now() - interval '30 days' or ended_at < now() - interval '30 days'
      limit 500
    )`;
}
