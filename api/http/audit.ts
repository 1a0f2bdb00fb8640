/** Which requests stand in the audit log, and what of them. */
import { matchedRoutes } from "hono/route";
import { agentId as agentIds } from "../../sdk/ids.ts";
import type { AuditAction } from "../../sdk/wire/account.ts";
import { noteAudit } from "../actions/audit.ts";
import type { SignIn } from "../actions/session.ts";
import type { Deps } from "../deps.ts";
import type { AppContext } from "./context.ts";
import { originOf } from "./origin.ts";

const audited: Readonly<Record<string, AuditAction>> = {
  "POST /me/register": "agent_registered",
  "POST /me/grants": "grant_given",
  "POST /me/sell/listings": "listing_created",
  "POST /me/sell/gateways": "gateway_registered",
  "POST /me/sell/gateways/forget": "gateway_forgotten",
  "POST /me/buy/purchase": "key_purchased",
  "POST /quotes/:quote_id/pay": "key_purchased",
  "POST /x402/:ek_id": "key_purchased",
  "POST /me/buy/token": "token_issued",
  "POST /me/validate/token": "token_issued",
  "POST /me/validate/submit": "label_submitted",
  "POST /me/orders/:order_id/refund": "refund_prepared",
  "POST /me/orders/:order_id/accept": "accept_prepared",
  "POST /me/orders/:order_id/dispute": "dispute_prepared",
  "POST /me/buy/reviews": "review_written",
  "POST /me/buy/reviews/withdraw": "review_withdrawn",
  "POST /me/issues": "issue_reported",
  "POST /me/sell/issues/:issue_id/answer": "issue_answered",
  "DELETE /me/sessions/:session_id": "session_ended",
  "DELETE /me/sessions": "sessions_ended",
};

/** Members of a request's or an answer's body that are ids or names. Nothing else of them is kept. */
const facts = [
  ...["ek_id", "listing_id", "key_id", "order_id", "payment_id", "review_id", "issue_id", "quote_id"],
  ...["tx", "actions", "expiry", "gateway", "reason", "category", "ended"],
] as const;

/** Writes down what was done, by the route that did it, once it was answered with success; and what a signature was refused for. */
export async function auditAnswer(c: AppContext, deps: Deps): Promise<void> {
  const { status } = c.res;
  if (c.req.method === "GET" || c.req.method === "HEAD" || status === 202) return;
  if (c.res.headers.has("idempotency-replayed")) return; // it stands there already
  const route = matchedRoutes(c).find(({ method }) => method !== "ALL");
  const action = route && audited[`${route.method} ${route.path}`];
  if (!action) return;
  const session = c.get("session");
  const done = status < 300;
  // A purchase that was not paid yet, a review of what one does not hold: nothing happened. A grant that is refused may be a theft that failed.
  if (!done && !(action === "grant_given" && session)) return;
  const answer = await jsonOf(() => c.res.clone().json());
  const asked = await jsonOf(() => c.req.json());
  const whose = session ?? signedIn(c.get("signIn")) ?? buyerIn(answer);
  if (!whose) return;
  await noteAudit(deps, {
    ...{ action, outcome: done ? "done" : "refused", eoa: whose.eoa, agentId: whose.agentId },
    ...{ sessionId: (session ?? c.get("signIn"))?.id, origin: originOf(c) },
    details: { ...c.req.param(), ...pick(asked), ...pick(answer) },
  });
}

/** Where the route has asked the chain itself: the agent is the session's. */
const signedIn = (signIn: SignIn | undefined) => signIn && { eoa: signIn.eoa, agentId: 0n };

/** A purchase without a session is its buyer's. */
function buyerIn(answer: unknown): { eoa: `0x${string}`; agentId: bigint } | undefined {
  if (typeof answer !== "object" || answer === null || !("buyer" in answer)) return undefined;
  const { agent_id, eoa } = answer.buyer as { agent_id: string; eoa: `0x${string}` };
  return { eoa, agentId: agentIds.parse(agent_id).agentId };
}

function pick(body: unknown): Record<string, unknown> {
  if (typeof body !== "object" || body === null) return {};
  const values = body as Record<string, unknown>;
  return Object.fromEntries(facts.flatMap((name) => (isFact(values[name]) ? [[name, values[name]]] : [])));
}

const isFact = (value: unknown) =>
  (typeof value === "string" && value.length <= 300) ||
  typeof value === "number" ||
  (Array.isArray(value) && value.length <= 16 && value.every((one) => typeof one === "string"));

async function jsonOf(read: () => Promise<unknown>): Promise<unknown> {
  try {
    return await read();
  } catch {
    return undefined; // a body that is no JSON says nothing that is kept
  }
}
