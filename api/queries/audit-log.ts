/** What was done in an agent's name. */
import { getAddress } from "viem";
import { z } from "zod";
import { agentId as agentIds } from "../../sdk/ids.ts";
import type { AuditLogResponse } from "../../sdk/wire/account.ts";
import type { pageQuerySchema } from "../../sdk/wire/common.ts";
import type { Session } from "../actions/session.ts";
import type { Deps } from "../deps.ts";
import { auditOf } from "../store/audit.ts";
import { cursorOf, paged } from "./cursor.ts";

const cursor = cursorOf(z.tuple([z.string().regex(/^[0-9]{1,18}$/)]));

export async function auditLog(
  { sql, chain: { id: chainId } }: Deps,
  session: Session,
  query: z.output<typeof pageQuerySchema>,
): Promise<AuditLogResponse> {
  const before = cursor.read(query.cursor)?.[0];
  const rows = await auditOf(sql, session, { before, limit: query.limit + 1 });
  const { items, ...next } = paged(rows, query.limit, ({ id }) => cursor.write([id]));
  return {
    items: items.map(({ id, at, action, outcome, eoa, agentId, sessionId, network, requestId, details }) => ({
      ...{ entry_id: id, at: at.toISOString(), action, outcome, eoa: getAddress(eoa) },
      ...(agentId === null ? {} : { agent_id: agentIds.serialize({ chainId, agentId: BigInt(agentId) }) }),
      ...(sessionId === null ? {} : { session_id: sessionId }),
      ...{ network, request_id: requestId, details: { ...details } },
    })),
    ...next,
  };
}
