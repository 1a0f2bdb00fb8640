/** The market's record, for anybody to read. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { agentProfileSchema } from "../../sdk/wire/agent.ts";
import {
  agentIdSchema,
  ekIdSchema,
  keyIdSchema,
  orderIdSchema,
  pageQuerySchema,
} from "../../sdk/wire/common.ts";
import * as wire from "../../sdk/wire/market.ts";
import type { Deps } from "../deps.ts";
import type { AppEnv } from "../http/context.ts";
import { answer, failures } from "../http/openapi.ts";
import { refuse } from "../http/validation.ts";
import { agentProfile } from "../queries/agent.ts";
import { citations } from "../queries/citations.ts";
import { dispute, disputes } from "../queries/disputes.ts";
import { getKey } from "../queries/key.ts";
import { listingStatus } from "../queries/listing-status.ts";
import { tradeProof } from "../queries/trade-proof.ts";
import { trade, trades } from "../queries/trades.ts";
import { listingVersions } from "../queries/versions.ts";

const ofListing = z.object({ ek_id: ekIdSchema });
const ofTrade = z.object({ trade_id: orderIdSchema });

const versionsRoute = createRoute({
  method: "get",
  path: "/listings/{ek_id}/versions",
  operationId: "list_versions",
  tags: ["Public"],
  summary: "All versions of a listing, and what changed with each",
  request: { params: ofListing, query: pageQuerySchema },
  responses: {
    200: answer(wire.listingVersionsSchema, "Versions"),
    ...failures("INVALID_REQUEST", "EK_NOT_FOUND"),
  },
});

const statusRoute = createRoute({
  method: "get",
  path: "/listings/{ek_id}/status",
  operationId: "get_listing_status",
  tags: ["Public"],
  summary: "Whether buyers find a listing, and if not, why",
  request: { params: ofListing },
  responses: {
    200: answer(wire.listingStatusSchema, "Status"),
    ...failures("INVALID_REQUEST", "EK_NOT_FOUND"),
  },
});

const citationsRoute = createRoute({
  method: "get",
  path: "/listings/{ek_id}/citations",
  operationId: "list_citations",
  tags: ["Public"],
  summary: "What was made of a listing: derived ones, and citations",
  request: { params: ofListing, query: pageQuerySchema },
  responses: {
    200: answer(wire.citationsSchema, "Citations"),
    ...failures("INVALID_REQUEST", "EK_NOT_FOUND"),
  },
});

const tradesRoute = createRoute({
  method: "get",
  path: "/trades",
  operationId: "list_trades",
  tags: ["Public"],
  summary: "Trades, the newest first",
  request: { query: wire.tradesQuerySchema },
  responses: { 200: answer(wire.tradesSchema, "Trades"), ...failures("INVALID_REQUEST") },
});

const tradeRoute = createRoute({
  method: "get",
  path: "/trades/{trade_id}",
  operationId: "get_trade",
  tags: ["Public"],
  summary: "One trade",
  request: { params: ofTrade },
  responses: { 200: answer(wire.tradeSchema, "Trade"), ...failures("INVALID_REQUEST", "NOT_FOUND") },
});

const proofRoute = createRoute({
  method: "get",
  path: "/trades/{trade_id}/proof",
  operationId: "get_trade_proof",
  tags: ["Public"],
  summary: "What it takes to verify a trade with any node of the chain",
  request: { params: ofTrade },
  responses: { 200: answer(wire.tradeProofSchema, "Proof"), ...failures("INVALID_REQUEST", "NOT_FOUND") },
});

const keyRoute = createRoute({
  method: "get",
  path: "/keys/{key_id}",
  operationId: "get_key",
  tags: ["Public"],
  summary: "One key, and who holds it",
  request: { params: z.object({ key_id: keyIdSchema }) },
  responses: { 200: answer(wire.keySchema, "Key"), ...failures("INVALID_REQUEST", "NOT_FOUND") },
});

const agentRoute = createRoute({
  method: "get",
  path: "/agents/{agent_id}",
  operationId: "get_agent",
  tags: ["Public"],
  summary: "An agent's public profile",
  request: { params: z.object({ agent_id: agentIdSchema }) },
  responses: { 200: answer(agentProfileSchema, "Profile"), ...failures("INVALID_REQUEST", "NOT_FOUND") },
});

const disputesRoute = createRoute({
  method: "get",
  path: "/disputes",
  operationId: "list_disputes",
  tags: ["Orders"],
  summary: "Disputes over orders, the newest first",
  request: { query: wire.disputesQuerySchema },
  responses: { 200: answer(wire.disputesSchema, "Disputes"), ...failures("INVALID_REQUEST") },
});

const disputeRoute = createRoute({
  method: "get",
  path: "/disputes/{order_id}",
  operationId: "get_dispute",
  tags: ["Orders"],
  summary: "A dispute, with what its parties handed in (ERC-1497)",
  request: { params: z.object({ order_id: orderIdSchema }) },
  responses: {
    200: answer(wire.disputeDetailSchema, "Dispute"),
    ...failures("INVALID_REQUEST", "NOT_FOUND"),
  },
});

export function addMarketRoutes(app: OpenAPIHono<AppEnv>, deps: Deps): void {
  const invalid = refuse("INVALID_REQUEST");
  app.openapi(
    versionsRoute,
    async (c) => c.json(await listingVersions(deps, c.req.valid("param").ek_id, c.req.valid("query")), 200),
    invalid,
  );
  app.openapi(
    statusRoute,
    async (c) => {
      c.header("Cache-Control", "no-store");
      return c.json(await listingStatus(deps, c.req.valid("param").ek_id), 200);
    },
    invalid,
  );
  app.openapi(
    citationsRoute,
    async (c) => c.json(await citations(deps, c.req.valid("param").ek_id, c.req.valid("query")), 200),
    invalid,
  );
  app.openapi(tradesRoute, async (c) => c.json(await trades(deps, c.req.valid("query")), 200), invalid);
  app.openapi(
    tradeRoute,
    async (c) => c.json(await trade(deps, c.req.valid("param").trade_id), 200),
    invalid,
  );
  app.openapi(
    proofRoute,
    async (c) => c.json(await tradeProof(deps, c.req.valid("param").trade_id), 200),
    invalid,
  );
  app.openapi(keyRoute, async (c) => c.json(await getKey(deps, c.req.valid("param").key_id), 200), invalid);
  app.openapi(
    agentRoute,
    async (c) => c.json(await agentProfile(deps, c.req.valid("param").agent_id), 200),
    invalid,
  );
  app.openapi(disputesRoute, async (c) => c.json(await disputes(deps, c.req.valid("query")), 200), invalid);
  app.openapi(
    disputeRoute,
    async (c) => c.json(await dispute(deps, c.req.valid("param").order_id), 200),
    invalid,
  );
}
