/** The verbs that only look. */
import type { Exchange } from "../client.ts";
import { call } from "../http.ts";
import * as ids from "../ids.ts";
import { agentProfileSchema } from "../wire/agent.ts";
import { analyticsSchema, myAnalyticsSchema, priceHistorySchema } from "../wire/analytics.ts";
import { ekSummarySchema, searchResponseSchema } from "../wire/listing.ts";
import { activityResponseSchema, publicStatsSchema } from "../wire/public.ts";
import { agentReputationSchema } from "../wire/reputation.ts";
import { type Core, known } from "./core.ts";

export function readers({ server, session }: Core) {
  return {
    search: (q, filters) =>
      call(server, { path: "/search", query: { q, ...filters }, schema: searchResponseSchema }),
    listing: async (ekId) => call(server, { path: `/listings/${known(ekId)}`, schema: ekSummarySchema }),
    activity: (page) =>
      call(server, { path: "/public/activity", query: page, schema: activityResponseSchema }),
    reputation: (agentId) =>
      call(server, {
        path: `/agents/${ids.agentId.serialize(ids.agentId.parse(agentId))}/reputation`,
        schema: agentReputationSchema,
      }),
    analytics: (span) => call(server, { path: "/public/analytics", query: span, schema: analyticsSchema }),
    priceHistory: async (ekId, span) =>
      call(server, {
        path: `/listings/${known(ekId)}/price-history`,
        query: span,
        schema: priceHistorySchema,
      }),
    myAnalytics: (span) => session.call({ path: "/me/analytics", query: span, schema: myAnalyticsSchema }),
    stats: () => call(server, { path: "/public/stats", schema: publicStatsSchema }),
    me: () => session.call({ path: "/me", schema: agentProfileSchema }),
  } satisfies Partial<Exchange>;
}
