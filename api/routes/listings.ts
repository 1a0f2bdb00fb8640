/** Listing, finding, quoting. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { ekIdSchema } from "../../sdk/wire/common.ts";
import {
  createListingRequestSchema,
  createListingResponseSchema,
  ekSummarySchema,
  quoteRequestSchema,
  quoteResponseSchema,
  searchQuerySchema,
  searchResponseSchema,
} from "../../sdk/wire/listing.ts";
import { watermarkTraceSchema } from "../../sdk/wire/revocations.ts";
import { createListing } from "../actions/create-listing.ts";
import { giveQuote } from "../actions/quote.ts";
import { traceCopy } from "../actions/trace.ts";
import type { Deps } from "../deps.ts";
import type { AppEnv } from "../http/context.ts";
import {
  answer,
  failures,
  jsonBody,
  ownFailures,
  relayFailures,
  signedIn,
  writeFailures,
} from "../http/openapi.ts";
import { refuse } from "../http/validation.ts";
import { getListing, search } from "../queries/listings.ts";

const params = z.object({ ek_id: ekIdSchema });

const createListingRoute = createRoute({
  ...signedIn,
  method: "post",
  path: "/me/sell/listings",
  operationId: "create_listing",
  tags: ["Sell"],
  summary: "Create listing (metadata only)",
  request: { body: jsonBody(createListingRequestSchema) },
  responses: {
    200: answer(createListingResponseSchema, "Created"),
    ...failures(
      ...writeFailures,
      ...relayFailures,
      "INVALID_REQUEST",
      "LISTING_INVALID",
      "MANIFEST_INVALID",
      ...ownFailures,
      "SCOPE_DENIED",
      "LISTING_CONFLICT",
    ),
  },
});

const traceRoute = createRoute({
  ...signedIn,
  method: "get",
  path: "/me/sell/watermarks/{watermark_id}",
  operationId: "trace_watermark",
  tags: ["Sell"],
  summary: "Whose copy a watermark handle was in: for the seller of it",
  request: { params: z.object({ watermark_id: z.string().max(64) }) },
  responses: {
    200: answer(watermarkTraceSchema, "The buyer"),
    ...failures("INVALID_REQUEST", ...ownFailures, "NOT_FOUND"),
  },
});

const listingRoute = createRoute({
  method: "get",
  path: "/listings/{ek_id}",
  operationId: "get_listing",
  tags: ["Public"],
  summary: "What a buyer sees of a listing before paying",
  request: { params },
  responses: { 200: answer(ekSummarySchema, "Listing"), ...failures("INVALID_REQUEST", "EK_NOT_FOUND") },
});

const searchRoute = createRoute({
  method: "get",
  path: "/search",
  operationId: "search_ek",
  tags: ["Public"],
  summary: "Open listings that fit, best first",
  request: { query: searchQuerySchema },
  responses: { 200: answer(searchResponseSchema, "Listings"), ...failures("INVALID_REQUEST") },
});

const quoteRoute = createRoute({
  method: "post",
  path: "/listings/{ek_id}/quote",
  operationId: "quote_ek",
  tags: ["Buy"],
  summary: "What one key costs now, and where to pay for it",
  request: { params, body: jsonBody(quoteRequestSchema) },
  responses: {
    200: answer(quoteResponseSchema, "Quote"),
    ...failures(...writeFailures, "INVALID_REQUEST", "INVALID_EOA", "EK_NOT_FOUND", "LISTING_CONFLICT"),
  },
});

export function addListingRoutes(app: OpenAPIHono<AppEnv>, deps: Deps): void {
  app.openapi(
    createListingRoute,
    async (c) => c.json(await createListing(deps, c.get("session"), c.req.valid("json")), 200),
    refuse((faults) =>
      faults.every(({ pointer }) => pointer.startsWith("/content_manifest"))
        ? "MANIFEST_INVALID"
        : "LISTING_INVALID",
    ),
  );
  app.openapi(
    traceRoute,
    async (c) => {
      c.header("Cache-Control", "no-store");
      return c.json(await traceCopy(deps, c.get("session"), c.req.valid("param").watermark_id), 200);
    },
    refuse("INVALID_REQUEST"),
  );
  app.openapi(
    listingRoute,
    async (c) => c.json(await getListing(deps, c.req.valid("param").ek_id), 200),
    refuse("INVALID_REQUEST"),
  );
  app.openapi(
    searchRoute,
    async (c) => c.json(await search(deps, c.req.valid("query")), 200),
    refuse("INVALID_REQUEST"),
  );
  app.openapi(
    quoteRoute,
    async (c) => c.json(await giveQuote(deps, c.req.valid("param").ek_id, c.req.valid("json").buyer), 200),
    refuse(([first]) => (first?.pointer === "/buyer" ? "INVALID_EOA" : "INVALID_REQUEST")),
  );
}
