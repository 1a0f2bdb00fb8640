/** The verbs of {@link Watching}. */
import { call } from "../http.ts";
import * as ids from "../ids.ts";
import type { Watching } from "../watching.ts";
import * as dashboard from "../wire/dashboard.ts";
import * as market from "../wire/market.ts";
import * as voices from "../wire/voices.ts";
import { type Core, known } from "./core.ts";

export function watchers({ server, session }: Core): Watching {
  const post = "POST" as const;
  return {
    review: async (ekId, review) =>
      session.call({
        ...{ method: post, path: "/me/buy/reviews", body: { ...review, ek_id: known(ekId) } },
        schema: voices.reviewSchema,
      }),
    reviews: async (ekId, page) =>
      call(server, { path: `/listings/${known(ekId)}/reviews`, query: page, schema: voices.reviewsSchema }),
    reportIssue: async (ekId, issue) =>
      session.call({
        ...{ method: post, path: "/me/issues", body: { ...issue, ek_id: known(ekId) } },
        schema: voices.issueSchema,
      }),
    versions: async (ekId, page) =>
      call(server, {
        ...{ path: `/listings/${known(ekId)}/versions`, query: page },
        schema: market.listingVersionsSchema,
      }),
    listingStatus: async (ekId) =>
      call(server, { path: `/listings/${known(ekId)}/status`, schema: market.listingStatusSchema }),
    trades: (filters) => call(server, { path: "/trades", query: filters, schema: market.tradesSchema }),
    tradeProof: async (tradeId) => {
      const id = ids.orderId.serialize(ids.orderId.parse(tradeId));
      return call(server, { path: `/trades/${id}/proof`, schema: market.tradeProofSchema });
    },
    overview: () => session.call({ path: "/me/overview", schema: dashboard.meOverviewSchema }),
    myKeys: (page) =>
      session.call({ path: "/me/buy/keys", query: page, schema: dashboard.myKeysResponseSchema }),
    myListings: (filters) =>
      session.call({ path: "/me/sell/listings", query: filters, schema: dashboard.sellerListingsSchema }),
    myListing: async (ekId) =>
      session.call({
        path: `/me/sell/listings/${known(ekId)}`,
        schema: dashboard.sellerListingDetailSchema,
      }),
    myValidations: (page) =>
      session.call({ path: "/me/validate/history", query: page, schema: dashboard.validationHistorySchema }),
    registerGateway: (gateway) =>
      session.call({
        ...{ method: post, path: "/me/sell/gateways", body: { gateway } },
        schema: dashboard.gatewaySchema,
      }),
    notifications: (page) =>
      session.call({ path: "/me/notifications", query: page, schema: voices.notificationsSchema }),
    markRead: async (notificationIds) => {
      await session.call({
        ...{ method: post, path: "/me/notifications/read", body: { ids: notificationIds } },
        schema: voices.okSchema,
      });
    },
  };
}
