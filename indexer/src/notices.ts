/** Whom an event concerns besides who did it. */
import { notice } from "ponder:schema";
import { type Db, originOf } from "./event.ts";

type Notice = typeof notice.$inferInsert;
type Told = Pick<Notice, "kind" | "ekId" | "refId"> & Partial<Pick<Notice, "by" | "due" | "reason">>;

/** Tells each of the agents once, whatever parts it plays. */
export async function tell(
  db: Db,
  { chainId, ...event }: { chainId: number } & Parameters<typeof originOf>[0],
  agentIds: readonly string[],
  told: Told,
): Promise<void> {
  // No row can exist: an event is handled once, and tells of one thing.
  for (const agentId of new Set(agentIds)) {
    await db.insert(notice).values({ chainId, agentId, ...told, ...originOf(event) });
  }
}
