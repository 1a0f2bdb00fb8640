/** The verbs that only look. */
import type { Exchange } from "../client.ts";
import { call } from "../http.ts";
import { agentProfileSchema } from "../wire/agent.ts";
import { ekSummarySchema, searchResponseSchema } from "../wire/listing.ts";
import { activityResponseSchema, publicStatsSchema } from "../wire/public.ts";
import { type Core, known } from "./core.ts";

export function readers({ server, session }: Core) {
  return {
    search: (q, filters) =>
      call(server, { path: "/search", query: { q, ...filters }, schema: searchResponseSchema }),
    listing: async (ekId) => call(server, { path: `/listings/${known(ekId)}`, schema: ekSummarySchema }),
    activity: (page) =>
      call(server, { path: "/public/activity", query: page, schema: activityResponseSchema }),
    stats: () => call(server, { path: "/public/stats", schema: publicStatsSchema }),
    me: () => session.call({ path: "/me", schema: agentProfileSchema }),
  } satisfies Partial<Exchange>;
}
