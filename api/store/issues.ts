/** What was reported of listings. */
import { randomUUID } from "node:crypto";
import type { IssueCounts, issueReasons } from "../../sdk/wire/voices.ts";
import type { Sql } from "./database.ts";

export type Reason = (typeof issueReasons)[number];

export type StoredIssue = {
  id: string;
  ekId: string;
  sellerId: bigint;
  agentId: bigint;
  reason: Reason;
  text: string;
  keyId: string | undefined;
  version: number;
  createdAt: Date;
  updatedAt: Date;
  answer: { text: string; at: Date } | undefined;
};

type Row = {
  id: string;
  ek_id: string;
  seller_id: string;
  agent_id: string;
  reason: Reason;
  body: string;
  key_id: string | null;
  version: string;
  created_at: Date;
  updated_at: Date;
  answer: string | null;
  answered_at: Date | null;
};

const toIssue = (row: Row): StoredIssue => ({
  id: row.id,
  ekId: row.ek_id,
  sellerId: BigInt(row.seller_id),
  agentId: BigInt(row.agent_id),
  reason: row.reason,
  text: row.body,
  keyId: row.key_id ?? undefined,
  version: Number(row.version),
  createdAt: row.created_at,
  updatedAt: row.updated_at,
  answer:
    row.answer === null || row.answered_at === null ? undefined : { text: row.answer, at: row.answered_at },
});

/** Keeps it in the place of what the agent reported of the listing before; an answer stays. Who held a key once has held one. */
export async function saveIssue(
  sql: Sql,
  issue: Pick<StoredIssue, "ekId" | "sellerId" | "agentId" | "reason" | "text" | "keyId" | "version"> & {
    eoa: string;
  },
): Promise<StoredIssue> {
  const { ekId, sellerId, agentId, eoa, reason, text, keyId, version } = issue;
  const [row] = await sql<Row[]>`
    insert into issues as i (id, ek_id, seller_id, agent_id, eoa, reason, body, key_id, version) values (
      ${randomUUID()}, ${ekId}, ${String(sellerId)}, ${String(agentId)}, ${eoa}, ${reason}, ${text}, ${keyId ?? null}, ${version}
    )
    on conflict (ek_id, agent_id) do update set
      eoa = excluded.eoa, reason = excluded.reason, body = excluded.body, version = excluded.version,
      key_id = coalesce(excluded.key_id, i.key_id), updated_at = now()
    returning *`;
  return toIssue(row as Row);
}

export type IssuePlace = readonly [milliseconds: number, id: string];

/** Of a seller's listings, or by a reporter; the newest first. */
export async function issuesOf(
  sql: Sql,
  whose: { seller: bigint } | { reporter: bigint },
  {
    ekId,
    answered,
    before,
    limit,
  }: {
    ekId: string | undefined;
    answered: boolean | undefined;
    before: IssuePlace | undefined;
    limit: number;
  },
): Promise<StoredIssue[]> {
  const rows = await sql<Row[]>`
    select * from issues
    where ${"seller" in whose ? sql`seller_id = ${String(whose.seller)}` : sql`agent_id = ${String(whose.reporter)}`}
      ${ekId === undefined ? sql`` : sql`and ek_id = ${ekId}`}
      ${answered === undefined ? sql`` : answered ? sql`and answer is not null` : sql`and answer is null`}
      ${before ? sql`and (date_trunc('milliseconds', created_at), id) < (${new Date(before[0])}, ${before[1]}::uuid)` : sql``}
    order by date_trunc('milliseconds', created_at) desc, id desc limit ${limit}`;
  return rows.map(toIssue);
}

/** Undefined where the seller has no such issue. */
export async function answerIssue(
  sql: Sql,
  { id, sellerId, text }: { id: string; sellerId: bigint; text: string },
): Promise<StoredIssue | undefined> {
  const [row] = await sql<Row[]>`
    update issues set answer = ${text}, answered_at = now()
    where id = ${id} and seller_id = ${String(sellerId)} returning *`;
  return row && toIssue(row);
}

export async function countIssues(sql: Sql, ekId: string): Promise<Omit<IssueCounts, "ek_id">> {
  const rows = await sql<{ reason: Reason; holders: string; others: string; answered: string }[]>`
    select reason, count(*) filter (where key_id is not null) as holders,
      count(*) filter (where key_id is null) as others, count(answer) as answered
    from issues where ek_id = ${ekId} group by reason`;
  return {
    by_holders: Object.fromEntries(
      rows
        .filter(({ holders }) => Number(holders) > 0)
        .map(({ reason, holders }) => [reason, Number(holders)]),
    ),
    by_others: rows.reduce((sum, { others }) => sum + Number(others), 0),
    answered: rows.reduce((sum, { answered }) => sum + Number(answered), 0),
  };
}
