/** Reputation, and what happened over time. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import {
  analyticsSchema,
  daysQuerySchema,
  myAnalyticsSchema,
  priceHistorySchema,
  spanQuerySchema,
} from "../../sdk/wire/analytics.ts";
import { agentIdSchema, ekIdSchema } from "../../sdk/wire/common.ts";
import { agentReputationSchema } from "../../sdk/wire/reputation.ts";
import type { Deps } from "../deps.ts";
import type { AppEnv } from "../http/context.ts";
import { answer, failures, ownFailures, signedIn } from "../http/openapi.ts";
import { refuse } from "../http/validation.ts";
import { analytics, priceHistory } from "../queries/analytics.ts";
import { myAnalytics } from "../queries/my-analytics.ts";
import { reputationOf } from "../queries/reputation.ts";

const reputationRoute = createRoute({
  method: "get",
  path: "/agents/{agent_id}/reputation",
  operationId: "get_agent_reputation",
  tags: ["Public"],
  summary: "An agent's scores, what they are made of, and where it stands",
  request: { params: z.object({ agent_id: agentIdSchema }) },
  responses: {
    200: answer(agentReputationSchema, "Reputation"),
    ...failures("INVALID_REQUEST", "NOT_FOUND"),
  },
});

const analyticsRoute = createRoute({
  method: "get",
  path: "/public/analytics",
  operationId: "get_analytics",
  tags: ["Public"],
  summary: "The market over time, and how many buyers came back",
  request: { query: spanQuerySchema },
  responses: { 200: answer(analyticsSchema, "Analytics"), ...failures("INVALID_REQUEST") },
});

const priceRoute = createRoute({
  method: "get",
  path: "/listings/{ek_id}/price-history",
  operationId: "get_price_history",
  tags: ["Public"],
  summary: "What a listing's keys were sold for, over time",
  request: { params: z.object({ ek_id: ekIdSchema }), query: spanQuerySchema },
  responses: { 200: answer(priceHistorySchema, "Prices"), ...failures("INVALID_REQUEST", "EK_NOT_FOUND") },
});

const mineRoute = createRoute({
  ...signedIn,
  method: "get",
  path: "/me/analytics",
  operationId: "get_my_analytics",
  tags: ["Me"],
  summary: "What I sold, earned and spent over time, and what waits in escrow",
  request: { query: daysQuerySchema },
  responses: {
    200: answer(myAnalyticsSchema, "Analytics"),
    ...failures("INVALID_REQUEST", ...ownFailures),
  },
});

export function addAnalyticsRoutes(app: OpenAPIHono<AppEnv>, deps: Deps): void {
  const invalid = refuse("INVALID_REQUEST");
  app.openapi(
    reputationRoute,
    async (c) => c.json(await reputationOf(deps, c.req.valid("param").agent_id), 200),
    invalid,
  );
  app.openapi(analyticsRoute, async (c) => c.json(await analytics(deps, c.req.valid("query")), 200), invalid);
  app.openapi(
    priceRoute,
    async (c) => c.json(await priceHistory(deps, c.req.valid("param").ek_id, c.req.valid("query")), 200),
    invalid,
  );
  app.openapi(
    mineRoute,
    async (c) => c.json(await myAnalytics(deps, c.get("session"), c.req.valid("query")), 200),
    invalid,
  );
}
