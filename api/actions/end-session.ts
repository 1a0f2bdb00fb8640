/** Signing out. */
import { ExchangeError } from "../../sdk/errors.ts";
import type { Deps } from "../deps.ts";
import { endSessions } from "../store/sessions.ts";
import type { Session } from "./session.ts";

/** Ends one session of the EOA's. Throws NOT_FOUND where it has no such session that lives. */
export async function endSession({ sql }: Deps, { eoa }: Session, id: string): Promise<{ ended: number }> {
  const ended = await endSessions(sql, { eoa, id, reason: "signed_out" });
  if (ended > 0) return { ended };
  throw new ExchangeError("NOT_FOUND", `You have no session ${id}.`, {
    hint: "GET /me/sessions lists those that live.",
    details: { session_id: id },
  });
}

export async function endAllSessions({ sql }: Deps, { eoa }: Session): Promise<{ ended: number }> {
  return { ended: await endSessions(sql, { eoa, reason: "signed_out" }) };
}
