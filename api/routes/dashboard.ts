/** An agent's own view of what it sells, holds and has judged; and the waiting list of those who are no agents yet. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { ekIdSchema, pageQuerySchema } from "../../sdk/wire/common.ts";
import {
  gatewayRequestSchema,
  gatewaySchema,
  gatewaysSchema,
  meOverviewSchema,
  myKeysResponseSchema,
  sellerListingDetailSchema,
  sellerListingsQuerySchema,
  sellerListingsSchema,
  validationHistorySchema,
  waitlistRequestSchema,
  waitlistResponseSchema,
} from "../../sdk/wire/dashboard.ts";
import { forgetGateway, myGateways, nameGateway } from "../actions/gateways.ts";
import type { Deps } from "../deps.ts";
import type { AppEnv } from "../http/context.ts";
import { answer, failures, jsonBody, ownFailures, signedIn, writeFailures } from "../http/openapi.ts";
import { refuse } from "../http/validation.ts";
import { keysOf } from "../queries/my-keys.ts";
import { overviewOf } from "../queries/overview.ts";
import { sellerListing, sellerListings } from "../queries/seller-listings.ts";
import { validationHistory } from "../queries/validation-history.ts";
import { joinWaitlist } from "../store/waitlist.ts";

const overviewRoute = createRoute({
  ...signedIn,
  method: "get",
  path: "/me/overview",
  operationId: "get_overview",
  tags: ["Me"],
  summary: "Dashboard overview",
  responses: { 200: answer(meOverviewSchema, "Overview"), ...failures(...ownFailures) },
});

const listingsRoute = createRoute({
  ...signedIn,
  method: "get",
  path: "/me/sell/listings",
  operationId: "list_my_listings",
  tags: ["Sell"],
  summary: "List my seller listings",
  request: { query: sellerListingsQuerySchema },
  responses: {
    200: answer(sellerListingsSchema, "Listings"),
    ...failures("INVALID_REQUEST", ...ownFailures),
  },
});

const listingRoute = createRoute({
  ...signedIn,
  method: "get",
  path: "/me/sell/listings/{ek_id}",
  operationId: "get_my_listing",
  tags: ["Sell"],
  summary: "Seller listing detail",
  request: { params: z.object({ ek_id: ekIdSchema }) },
  responses: {
    200: answer(sellerListingDetailSchema, "Detail"),
    ...failures("INVALID_REQUEST", ...ownFailures, "SCOPE_DENIED", "EK_NOT_FOUND"),
  },
});

const keysRoute = createRoute({
  ...signedIn,
  method: "get",
  path: "/me/buy/keys",
  operationId: "list_my_keys",
  tags: ["Buy"],
  summary: "List purchased keys",
  request: { query: pageQuerySchema },
  responses: { 200: answer(myKeysResponseSchema, "Keys"), ...failures("INVALID_REQUEST", ...ownFailures) },
});

const historyRoute = createRoute({
  ...signedIn,
  method: "get",
  path: "/me/validate/history",
  operationId: "list_my_validations",
  tags: ["Validate"],
  summary: "Validation history",
  request: { query: pageQuerySchema },
  responses: {
    200: answer(validationHistorySchema, "History"),
    ...failures("INVALID_REQUEST", ...ownFailures),
  },
});

const gatewaysRoute = createRoute({
  ...signedIn,
  method: "get",
  path: "/me/sell/gateways",
  operationId: "list_my_gateways",
  tags: ["Sell"],
  summary: "My gateways, as the exchange found them last",
  responses: { 200: answer(gatewaysSchema, "Gateways"), ...failures(...ownFailures) },
});

const nameGatewayRoute = createRoute({
  ...signedIn,
  method: "post",
  path: "/me/sell/gateways",
  operationId: "register_gateway",
  tags: ["Sell"],
  summary: "Name a gateway of mine, or have it looked at again",
  description:
    "The exchange asks its GET /health now, and every five minutes from then on. A place that is not on the public internet is refused.",
  request: { body: jsonBody(gatewayRequestSchema) },
  responses: {
    200: answer(gatewaySchema, "The gateway as it was found"),
    ...failures(...writeFailures, "INVALID_REQUEST", ...ownFailures, "SCOPE_DENIED"),
  },
});

const forgetGatewayRoute = createRoute({
  ...signedIn,
  method: "post",
  path: "/me/sell/gateways/forget",
  operationId: "forget_gateway",
  tags: ["Sell"],
  summary: "Look at a gateway of mine no more",
  request: { body: jsonBody(gatewayRequestSchema) },
  responses: {
    200: answer(z.object({ ok: z.literal(true) }), "Forgotten"),
    ...failures(...writeFailures, "INVALID_REQUEST", ...ownFailures, "NOT_FOUND"),
  },
});

const waitlistRoute = createRoute({
  method: "post",
  path: "/public/waitlist",
  operationId: "join_waitlist",
  tags: ["Public"],
  summary: "Join waitlist",
  request: { body: jsonBody(waitlistRequestSchema) },
  responses: { 200: answer(waitlistResponseSchema, "OK"), ...failures(...writeFailures, "INVALID_REQUEST") },
});

export function addDashboardRoutes(app: OpenAPIHono<AppEnv>, deps: Deps): void {
  const invalid = refuse("INVALID_REQUEST");
  app.openapi(overviewRoute, async (c) => c.json(await overviewOf(deps, c.get("session")), 200));
  app.openapi(
    listingsRoute,
    async (c) => c.json(await sellerListings(deps, c.get("session"), c.req.valid("query")), 200),
    invalid,
  );
  app.openapi(
    listingRoute,
    async (c) => c.json(await sellerListing(deps, c.get("session"), c.req.valid("param").ek_id), 200),
    invalid,
  );
  app.openapi(
    keysRoute,
    async (c) => c.json(await keysOf(deps, c.get("session"), c.req.valid("query")), 200),
    invalid,
  );
  app.openapi(
    historyRoute,
    async (c) => c.json(await validationHistory(deps, c.get("session"), c.req.valid("query")), 200),
    invalid,
  );
  app.openapi(gatewaysRoute, async (c) => c.json(await myGateways(deps, c.get("session")), 200));
  app.openapi(
    nameGatewayRoute,
    async (c) => c.json(await nameGateway(deps, c.get("session"), c.req.valid("json").gateway), 200),
    invalid,
  );
  app.openapi(
    forgetGatewayRoute,
    async (c) => c.json(await forgetGateway(deps, c.get("session"), c.req.valid("json").gateway), 200),
    invalid,
  );
  app.openapi(
    waitlistRoute,
    async (c) => {
      const { email, agent_type: agentType, notes } = c.req.valid("json");
      await joinWaitlist(deps.sql, { email, agentType, notes });
      return c.json({ ok: true as const }, 200);
    },
    invalid,
  );
}
