/** Events as they happen (Server-Sent Events). */

import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { ExchangeError } from "../../sdk/errors.ts";
import { agentId as agentIds } from "../../sdk/ids.ts";
import * as wire from "../../sdk/wire/streams.ts";
import { readHold, stillHolds } from "../actions/session.ts";
import type { Deps } from "../deps.ts";
import type { AppContext, AppEnv } from "../http/context.ts";
import { answer, failures, signedIn } from "../http/openapi.ts";
import { refuse } from "../http/validation.ts";
import { type LoggedEvent, PUBLIC } from "../store/events.ts";
import { giveTicket, type Hold, takeTicket } from "../store/stream-tickets.ts";

const FORM =
  "Each message has the event's kind as `event`, JSON as `data`, and a place as `id`. Connect again with the last `id` as Last-Event-ID, and " +
  "the stream goes on right after it: no gap, nothing twice. `place` comes first where there was none, and once an hour; `retracted` names an event that a reorg of the chain took " +
  "back; `resync` says that the stream ends or that something was lost, and what to do. A comment comes at least every 15 seconds. Events are " +
  "kept for a week.";

const stream = (description: string, schema: z.ZodType) => ({
  description,
  headers: { "X-Request-Id": { schema: { type: "string" as const } } },
  content: { "text/event-stream": { schema } },
});
const resumable = { headers: z.object({ "last-event-id": z.string().max(64).optional() }) };

const activityStreamRoute = createRoute({
  method: "get",
  path: "/stream/public/activity",
  operationId: "stream_public_activity",
  tags: ["Public"],
  summary: "The activity feed as it happens",
  description: `The items of GET /public/activity. ${FORM}`,
  request: { query: wire.activityStreamQuerySchema, ...resumable },
  responses: {
    200: stream("`data` of the messages", wire.activityMessageSchema),
    ...failures("INVALID_REQUEST"),
  },
});

const ownStreamRoute = createRoute({
  security: [{ bearerAuth: [] }, {}],
  method: "get",
  path: "/stream/me/events",
  operationId: "stream_my_events",
  tags: ["Me"],
  summary: "What happens to what I sell, bought or judged, as it happens",
  description: `By a session, or by a ticket of POST /me/stream-ticket where no header can be sent. It ends within 15 seconds of the session. ${FORM}`,
  request: { query: wire.ownStreamQuerySchema, ...resumable },
  responses: {
    200: stream("`data` of the messages", wire.ownMessageSchema),
    ...failures("INVALID_REQUEST", "INVALID_SIGNATURE", "SESSION_EXPIRED"),
  },
});

const ticketRoute = createRoute({
  ...signedIn,
  method: "post",
  path: "/me/stream-ticket",
  operationId: "create_stream_ticket",
  tags: ["Me"],
  summary: "A ticket that opens my stream once, within a minute",
  responses: {
    200: answer(wire.streamTicketSchema, "The ticket"),
    ...failures("INVALID_SIGNATURE", "SESSION_EXPIRED"),
  },
});

export function addStreamRoutes(app: OpenAPIHono<AppEnv>, deps: Deps): void {
  const invalid = refuse("INVALID_REQUEST");
  app.openapi(
    activityStreamRoute,
    (c) => {
      const { types, domains, last_event_id } = c.req.valid("query");
      const wants = filterOf(types, domains);
      return open(c, deps, { audiences: [PUBLIC], wants, queryId: last_event_id });
    },
    invalid,
  );
  app.openapi(
    ownStreamRoute,
    async (c) => {
      const { kinds, ticket, last_event_id } = c.req.valid("query");
      if (c.req.method === "HEAD") {
        if (ticket === undefined) await readHold(deps, c.req.header("authorization"));
        return head(c); // a ticket is for the stream itself
      }
      const hold = await holdOf(deps, c.req.header("authorization"), ticket);
      const { eoa, agentId } = hold;
      const wireId = () => agentIds.serialize({ chainId: deps.chain.id, agentId });
      const own = agentId === 0n ? [] : [wireId(), String(agentId)];
      const audiences = [eoa.toLowerCase(), ...own];
      return open(c, deps, { audiences, wants: filterOf(kinds), hold, queryId: last_event_id });
    },
    invalid,
  );
  app.openapi(ticketRoute, async (c) => {
    const { hold } = await readHold(deps, c.req.header("authorization"));
    const { ticket, expiresAt } = await giveTicket(deps.sql, hold);
    c.header("Cache-Control", "no-store");
    return c.json({ ticket, expires_at: expiresAt.toISOString() }, 200);
  });
}

/** Whose stream it is. A ticket is used up by whoever comes first with it. */
async function holdOf(
  deps: Deps,
  authorization: string | undefined,
  ticket: string | undefined,
): Promise<Hold> {
  if (ticket === undefined) return (await readHold(deps, authorization)).hold;
  const hold = await takeTicket(deps.sql, ticket);
  if (hold && (await stillHolds(deps, hold))) return hold;
  throw new ExchangeError("SESSION_EXPIRED", "The ticket is unknown, used, or over.", {
    hint: "Ask POST /me/stream-ticket for another one: each opens one stream, within a minute.",
  });
}

/** What a reorg took back is wanted by who wanted it before. */
function filterOf(kinds: readonly string[] | undefined, domains?: readonly string[]) {
  return ({ kind, domain, payload }: LoggedEvent) =>
    (kinds === undefined || kinds.includes(kind === "retracted" ? String(payload.kind) : kind)) &&
    (domains === undefined || (domain !== null && domains.includes(domain)));
}

type Wanted = Pick<Parameters<Deps["streams"]["open"]>[1], "audiences" | "wants" | "hold"> & {
  queryId: string | undefined;
};

const head = (c: AppContext) => c.body(null, 200, { "Content-Type": "text/event-stream; charset=utf-8" });

function open(c: AppContext, deps: Deps, { queryId, ...wanted }: Wanted): Response {
  if (c.req.method === "HEAD") return head(c);
  const headers = Object.fromEntries([...c.res.headers].filter(([name]) => !name.startsWith("content-")));
  deps.streams.open(c.env, { ...wanted, headers, lastEventId: c.req.header("last-event-id") ?? queryId });
  return RESPONSE_ALREADY_SENT;
}
