/** What happened to an agent in the exchange's own tables, and which notifications it has seen. */
import type { Sql } from "./database.ts";

/** A notification's place in the order: Unix milliseconds, and its id. */
export type Place = readonly [milliseconds: number, id: string];

type Fragment = ReturnType<Sql>;

export type Told = {
  id: string;
  kind: string;
  milliseconds: number;
  ekId: string;
  orderId: string | undefined;
  agentId: string | undefined;
};

/** Reviews and issues of what the agent sells, and answers to what it reported; the newest first, `limit` of each kind. */
export async function ownNotifications(
  sql: Sql,
  agentId: bigint,
  { before, limit, idOf }: { before: Place | undefined; limit: number; idOf: (agentId: bigint) => string },
): Promise<Told[]> {
  const me = String(agentId);
  const placed = (at: Fragment, kind: string, ref: Fragment) =>
    before
      ? sql`(date_trunc('milliseconds', ${at}), ('ntf_' || ${kind}::text || ':' || ${ref}) collate "C") < (${new Date(before[0])}, ${before[1]})`
      : sql`true`;
  const rows = await sql<{ kind: string; ref: string; at: Date; ek_id: string; agent_id: string | null }[]>`
    (select 'review' as kind, (r.ek_id || '-' || r.agent_id || '-' || r.revision) collate "C" as ref,
        date_trunc('milliseconds', r.updated_at) as at, r.ek_id, r.agent_id::text
      from reviews r
      where r.seller_id = ${me} and r.withdrawn_at is null and ${placed(sql`r.updated_at`, "review", sql`r.ek_id || '-' || r.agent_id || '-' || r.revision`)}
      order by at desc, ref desc limit ${limit})
    union all
    (select 'issue', i.id::text collate "C" as ref, date_trunc('milliseconds', i.created_at) as at, i.ek_id, null
      from issues i where i.seller_id = ${me} and ${placed(sql`i.created_at`, "issue", sql`i.id::text`)}
      order by at desc, ref desc limit ${limit})
    union all
    (select 'issue_answered', i.id::text collate "C" as ref, date_trunc('milliseconds', i.answered_at) as at, i.ek_id, null
      from issues i
      where i.agent_id = ${me} and i.answered_at is not null and ${placed(sql`i.answered_at`, "issue_answered", sql`i.id::text`)}
      order by at desc, ref desc limit ${limit})`;
  return rows.map((row) => ({
    id: `ntf_${row.kind}:${row.ref}`,
    kind: row.kind,
    milliseconds: row.at.getTime(),
    ekId: row.ek_id,
    orderId: undefined,
    agentId: row.agent_id === null ? undefined : idOf(BigInt(row.agent_id)),
  }));
}

/** Which of these the agent has seen. */
export async function readOf(sql: Sql, agentId: bigint, ids: readonly string[]): Promise<Set<string>> {
  if (ids.length === 0) return new Set();
  const rows = await sql<{ notification_id: string }[]>`
    select notification_id from notification_reads
    where agent_id = ${String(agentId)} and notification_id in ${sql(ids)}`;
  return new Set(rows.map(({ notification_id }) => notification_id));
}

export async function markRead(sql: Sql, agentId: bigint, ids: readonly string[]): Promise<void> {
  await sql`
    insert into notification_reads (agent_id, notification_id)
    select ${String(agentId)}, id from unnest(${[...ids]}::text[]) as id on conflict do nothing`;
}
