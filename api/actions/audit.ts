/** Writing the audit log. */
import type { AuditAction } from "../../sdk/wire/account.ts";
import type { Binding } from "../chain/agents.ts";
import type { Deps } from "../deps.ts";
import { errorFields, log } from "../http/log.ts";
import { writeAudit } from "../store/audit.ts";

/** Where a request came from, as it may be kept. */
export type Origin = {
  requestId: string;
  /** User-Agent, cut short. */
  client: string;
  /** An IPv4 /24 or an IPv6 /48. */
  network: string;
};

export type Note = Pick<Binding, "eoa" | "agentId"> & {
  action: AuditAction;
  outcome: "done" | "refused";
  sessionId?: string | undefined;
  origin: Origin;
  details?: Readonly<Record<string, unknown>>;
};

/** Never throws: what was done is done, and its answer must not say otherwise. What could not be written stands in the process's log. */
export async function noteAudit({ sql }: Pick<Deps, "sql">, note: Note): Promise<void> {
  const { action, outcome, eoa, agentId, sessionId, origin, details = {} } = note;
  const { network, requestId } = origin;
  try {
    await writeAudit(sql, { action, outcome, eoa, agentId, sessionId, network, requestId, details });
  } catch (error) {
    log("error", "the audit log lacks an entry", { request_id: requestId, action, ...errorFields(error) });
  }
}
