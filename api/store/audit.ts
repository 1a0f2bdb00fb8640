/** The audit log. It only grows: a trigger refuses anything else. */
import type { Address } from "viem";
import type { AuditAction } from "../../sdk/wire/account.ts";
import type { Queryable } from "./database.ts";

export type AuditEntry = {
  action: AuditAction;
  outcome: "done" | "refused";
  eoa: Address;
  /** 0: none's yet, or that of its session. */
  agentId: bigint;
  sessionId: string | undefined;
  network: string;
  requestId: string;
  /** Ids and names alone. */
  details: Readonly<Record<string, unknown>>;
};

export type AuditRow = Omit<AuditEntry, "agentId" | "sessionId"> & {
  id: string;
  at: Date;
  agentId: string | null;
  sessionId: string | null;
};

export async function writeAudit(sql: Queryable, entry: AuditEntry): Promise<void> {
  const { action, outcome, eoa, agentId, sessionId, network, requestId, details } = entry;
  await sql`
    insert into audit_log (action, outcome, eoa, agent_id, session_id, network, request_id, details)
    values (${action}, ${outcome}, ${eoa.toLowerCase()}, ${agentId === 0n ? sql`(select agent_id from sessions where id = ${sessionId ?? null})` : String(agentId)},
      ${sessionId ?? null}, ${network}, ${requestId}, ${sql.json(details as never)})`;
}

/** What was done for the agent, by whichever of its EOAs, or in the EOA's name; the newest first. */
export async function auditOf(
  sql: Queryable,
  { eoa, agentId }: { eoa: Address; agentId: bigint },
  { before, limit }: { before: string | undefined; limit: number },
): Promise<AuditRow[]> {
  const older = before === undefined ? sql`` : sql`and id < ${before}`;
  const columns = sql`
    id::text, at, action, outcome, eoa, agent_id::text as "agentId", session_id as "sessionId", network,
    request_id as "requestId", details`;
  // Each half by its own index, never more rows than the page has.
  return sql<AuditRow[]>`
    select * from (
      (select ${columns}, id as place from audit_log where eoa = ${eoa.toLowerCase()} ${older} order by id desc limit ${limit})
      union
      (select ${columns}, id as place from audit_log where agent_id = ${String(agentId)} ${older} order by id desc limit ${limit})
    ) mine order by place desc limit ${limit}`;
}
