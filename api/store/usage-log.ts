/** What gateways reported, as their sellers and buyers look at it. */
import type { UsageEvent } from "../../sdk/wire/public.ts";
import type { Sql } from "./database.ts";

/** Uses that were let through since then, of what the agent sells or holds. */
export async function countUses(sql: Sql, agentId: string, since: Date): Promise<number> {
  const [row] = await sql<{ uses: string }[]>`
    select count(*) as uses from (
      select event_id from usage_events where seller_id = ${agentId} and at >= ${since} and result = 'ok'
      union
      select event_id from usage_events where buyer_agent_id = ${agentId} and at >= ${since} and result = 'ok'
    ) as either`;
  return Number(row?.uses ?? 0);
}

/** The last events of a listing, the newest first: citations, or everything else. */
export async function recentEvents(
  sql: Sql,
  ekId: string,
  { quotes, limit }: { quotes: boolean; limit: number },
): Promise<UsageEvent[]> {
  const rows = await sql<{ event: UsageEvent }[]>`
    select event from usage_events
    where ek_id = ${ekId} and ${quotes ? sql`action = 'quote'` : sql`action <> 'quote'`}
    order by at desc, event_id limit ${limit}`;
  return rows.map(({ event }) => event);
}

/** When the agent last used each of the Experiences; those that it never used are missing. */
export async function lastUses(
  sql: Sql,
  agentId: string,
  ekIds: readonly string[],
): Promise<Map<string, Date>> {
  if (ekIds.length === 0) return new Map();
  const rows = await sql<{ ek_id: string; at: Date }[]>`
    select ek_id, max(at) as at from usage_events
    where buyer_agent_id = ${agentId} and ek_id in ${sql(ekIds)} and result = 'ok' group by ek_id`;
  return new Map(rows.map(({ ek_id, at }) => [ek_id, at]));
}

/** Until when each of the agent's keys has a token that is good; keys without one are missing. */
export async function liveTokens(sql: Sql, agentId: bigint): Promise<Map<bigint, Date>> {
  const rows = await sql<{ key_number: string; until: Date }[]>`
    select key_number, max(expires_at) as until from issued_tokens
    where agent_id = ${String(agentId)} and expires_at > now() and revocation is null
      and purpose = 'use' and key_number is not null
    group by key_number`;
  return new Map(rows.map(({ key_number, until }) => [BigInt(key_number), until]));
}

/** Citations of a listing, the newest first; `before`: milliseconds, and the event. */
export async function citationsOf(
  sql: Sql,
  ekId: string,
  { before, limit }: { before: readonly [number, string] | undefined; limit: number },
): Promise<{ eventId: string; agentId: string; at: Date }[]> {
  const rows = await sql<{ event_id: string; buyer_agent_id: string; at: Date }[]>`
    select event_id, buyer_agent_id, date_trunc('milliseconds', at) as at from usage_events
    where ek_id = ${ekId} and action = 'quote' and result = 'ok'
      ${before ? sql`and (date_trunc('milliseconds', at), event_id) < (${new Date(before[0])}, ${before[1]}::uuid)` : sql``}
    order by date_trunc('milliseconds', at) desc, event_id desc limit ${limit}`;
  return rows.map((row) => ({ eventId: row.event_id, agentId: row.buyer_agent_id, at: row.at }));
}
