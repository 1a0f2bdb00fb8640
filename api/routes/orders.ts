/** Orders after the sale, and sellers' payouts. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { orderIdSchema, pageQuerySchema } from "../../sdk/wire/common.ts";
import {
  disputeRequestSchema,
  payoutsResponseSchema,
  transactionRequestSchema,
} from "../../sdk/wire/orders.ts";
import { acceptOrder, disputeOrder, refundOrder } from "../actions/order-calls.ts";
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
import { payoutsOf } from "../queries/payouts.ts";

const params = z.object({ order_id: orderIdSchema });

const OWN_TRANSACTION =
  "The contract takes this from the agent's own EOA alone, and no operator can be granted it, so the exchange does not send it. The answer is " +
  "the transaction to sign and send (to, data, value, chain_id), which the contract would take now; what it would refuse is refused here.";

function orderRoute<P extends string>(operationId: string, path: P, summary: string) {
  return {
    ...signedIn,
    method: "post" as const,
    path,
    operationId,
    tags: ["Orders"],
    summary,
    description: OWN_TRANSACTION,
    responses: {
      200: answer(transactionRequestSchema, "The transaction to sign and send"),
      ...failures(
        ...writeFailures,
        ...relayFailures,
        ...(["INVALID_REQUEST", "SCOPE_DENIED"] as const),
        ...ownFailures,
        ...(["NOT_FOUND", "LISTING_CONFLICT"] as const),
      ),
    },
  };
}

const refundRoute = createRoute({
  ...orderRoute(
    "refund_order",
    "/me/orders/{order_id}/refund",
    "Give an order's money back, as its buyer or seller",
  ),
  request: { params },
});

const acceptRoute = createRoute({
  ...orderRoute(
    "accept_order",
    "/me/orders/{order_id}/accept",
    "Let an order's money go to the seller, as its buyer",
  ),
  request: { params },
});

const disputeRoute = createRoute({
  ...orderRoute("dispute_order", "/me/orders/{order_id}/dispute", "Dispute an order, as its buyer"),
  request: { params, body: jsonBody(disputeRequestSchema) },
});

const payoutsRoute = createRoute({
  ...signedIn,
  method: "get",
  path: "/me/sell/payouts",
  operationId: "get_payouts",
  tags: ["Sell"],
  summary: "What I sold and am owed, by token; open orders, the next to be released first",
  description:
    "Sums come from the index, `credit` from the chain itself. Withdrawing is the agent's own transaction: `withdraw` is ready to send.",
  request: { query: pageQuerySchema },
  responses: {
    200: answer(payoutsResponseSchema, "Payouts"),
    ...failures("INVALID_REQUEST", ...ownFailures),
  },
});

export function addOrderRoutes(app: OpenAPIHono<AppEnv>, deps: Deps): void {
  const invalid = refuse("INVALID_REQUEST");
  app.openapi(
    refundRoute,
    async (c) => c.json(await refundOrder(deps, c.get("session"), c.req.valid("param").order_id), 200),
    invalid,
  );
  app.openapi(
    acceptRoute,
    async (c) => c.json(await acceptOrder(deps, c.get("session"), c.req.valid("param").order_id), 200),
    invalid,
  );
  app.openapi(
    disputeRoute,
    async (c) => {
      const { order_id } = c.req.valid("param");
      return c.json(await disputeOrder(deps, c.get("session"), order_id, c.req.valid("json")), 200);
    },
    invalid,
  );
  app.openapi(
    payoutsRoute,
    async (c) => c.json(await payoutsOf(deps, c.get("session"), c.req.valid("query")), 200),
    invalid,
  );
}
