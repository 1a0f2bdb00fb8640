/** What anybody may read. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { pageQuerySchema } from "../../sdk/wire/common.ts";
import { activityResponseSchema, pointsPolicySchema, publicStatsSchema } from "../../sdk/wire/public.ts";
import type { Deps } from "../deps.ts";
import type { AppEnv } from "../http/context.ts";
import { answer, failures } from "../http/openapi.ts";
import { refuse } from "../http/validation.ts";
import { publicActivity, publicStats } from "../queries/public.ts";

const statsRoute = createRoute({
  method: "get",
  path: "/public/stats",
  operationId: "get_stats",
  tags: ["Public"],
  summary: "Live protocol stats",
  responses: { 200: answer(publicStatsSchema, "Stats"), ...failures() },
});

const activityRoute = createRoute({
  method: "get",
  path: "/public/activity",
  operationId: "get_activity",
  tags: ["Public"],
  summary: "Recent activity feed",
  request: { query: pageQuerySchema },
  responses: { 200: answer(activityResponseSchema, "Activity"), ...failures("INVALID_REQUEST") },
});

const pointsPolicyRoute = createRoute({
  method: "get",
  path: "/public/points/policy",
  operationId: "get_points_policy",
  tags: ["Public"],
  summary: "Points policy (bootstrap phase)",
  responses: { 200: answer(pointsPolicySchema, "Policy"), ...failures() },
});

export function addPublicRoutes(app: OpenAPIHono<AppEnv>, deps: Deps): void {
  app.openapi(statsRoute, async (c) => c.json(await publicStats(deps), 200));
  app.openapi(
    activityRoute,
    async (c) => c.json(await publicActivity(deps, c.req.valid("query")), 200),
    refuse("INVALID_REQUEST"),
  );
  app.openapi(pointsPolicyRoute, async (c) => {
    const policy = await deps.chain.points.read.policy();
    return c.json(
      {
        phase: "bootstrap_free",
        award: { seller: policy.sellerAward, buyer: policy.buyerAward },
        anti_gaming: {
          self_trade_block: true,
          related_party_block: true,
          wash_cap_per_day: policy.pairTradesPerDay,
          agent_cap_per_day: policy.agentPointsPerDay,
          unendorsed_weight: { after_sales: policy.handful, weight: policy.unendorsedPercent / 100 },
        },
      },
      200,
    );
  });
}
