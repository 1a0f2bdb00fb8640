/** Paying, claiming, and the buyer's token. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { cardPaymentSchema } from "../../sdk/wire/card.ts";
import {
  purchaseRequestSchema,
  purchaseResponseSchema,
  quoteStateSchema,
  tokenRequestSchema,
  tokenResponseSchema,
} from "../../sdk/wire/purchase.ts";
import { purchase } from "../actions/claim.ts";
import { payQuote, quoteState } from "../actions/pay.ts";
import { issueToken } from "../actions/token.ts";
import { buyByCard } from "../cards/buy.ts";
import type { Deps } from "../deps.ts";
import type { AppEnv } from "../http/context.ts";
import { errorResponse } from "../http/errors.ts";
import {
  answer,
  failures,
  jsonBody,
  ownFailures,
  relayFailures,
  signedIn,
  writeFailures,
} from "../http/openapi.ts";
import { payHeadersOf } from "../http/payment.ts";
import { proofIn } from "../http/proof.ts";
import { refuse } from "../http/validation.ts";

// Any string: an id that is no quote's is not found. There is no input to check before the 402.
const params = z.object({ quote_id: z.string() });

const payRoute = createRoute({
  method: "post",
  path: "/quotes/{quote_id}/pay",
  operationId: "pay_quote",
  tags: ["Buy"],
  summary: "Pay a quote by x402 v2 (exact) or by the Machine Payments Protocol (evm and tempo charges)",
  description:
    "Without a payment it answers 402 with what to pay: x402's in PAYMENT-REQUIRED, MPP's in WWW-Authenticate. With a PAYMENT-SIGNATURE header " +
    "(x402) or an Authorization of the scheme Payment (MPP) it settles and answers the purchase, with the receipt in PAYMENT-RESPONSE or Payment-Receipt. " +
    "202 means: not known yet, send the same request again. A quote gives one key, however often it is paid.",
  request: { params },
  responses: {
    200: answer(purchaseResponseSchema, "The key is issued"),
    ...failures(
      "PAYMENT_PENDING",
      "PAYMENT_REQUIRED",
      "PAYMENT_FAILED",
      ["PAYMENT_FAILED", 410],
      ["PAYMENT_FAILED", 409],
      ...relayFailures,
      "INVALID_REQUEST",
      "NOT_FOUND",
      "METHOD_NOT_ALLOWED",
      "LISTING_CONFLICT",
    ),
  },
});

const quoteStateRoute = createRoute({
  method: "get",
  path: "/quotes/{quote_id}",
  operationId: "get_quote",
  tags: ["Buy"],
  summary: "What became of a quote",
  request: { params },
  responses: { 200: answer(quoteStateSchema, "State"), ...failures("INVALID_REQUEST", "NOT_FOUND") },
});

// Read as it comes: what is wrong with it is told by its own error.
const idempotencyHeaders = z.object({ "idempotency-key": z.string().optional() });

const purchaseRoute = createRoute({
  ...signedIn,
  method: "post",
  path: "/me/buy/purchase",
  operationId: "purchase_ek",
  tags: ["Buy"],
  summary: "Purchase EK (free, or with points); what costs money is paid by quote",
  description:
    "With an Idempotency-Key header, the same request sent again is the same order: one key, the same answer. The same key with another body " +
    "is refused (422). 202 means: not known yet, send the same request again.",
  request: { headers: idempotencyHeaders, body: jsonBody(purchaseRequestSchema) },
  responses: {
    200: answer(purchaseResponseSchema, "Purchased"),
    201: answer(cardPaymentSchema, "By card: its holder has to confirm the charge"),
    ...failures(
      ...writeFailures,
      "INVALID_REQUEST",
      ...ownFailures,
      "PAYMENT_REQUIRED",
      "PAYMENT_PENDING",
      "SCOPE_DENIED",
      "EK_NOT_FOUND",
      ...relayFailures,
      "LISTING_CONFLICT",
      "POINTS_POLICY_VIOLATION",
      ["INVALID_REQUEST", 422],
    ),
  },
});

/** Its `signIn` is set, not its `session`: who the EOA is now is read with the right to the token, at the same block. */
export const TOKEN_PATH = "/me/buy/token";

const tokenRoute = createRoute({
  ...signedIn,
  method: "post",
  path: TOKEN_PATH,
  operationId: "get_ek_token",
  tags: ["Buy"],
  summary: "Get or refresh EK capability token",
  description:
    "A JWT (EdDSA), or a PASETO v4.public where the listing's token_scheme says so. With a DPoP header (RFC 9449, htu is this URL) the token " +
    "is bound to the proof's key. 409 PAYMENT_PENDING: the purchase does not lie deep enough in the chain yet.",
  request: { body: jsonBody(tokenRequestSchema) },
  responses: {
    200: answer(tokenResponseSchema, "Token"),
    ...failures(
      ...writeFailures,
      "INVALID_REQUEST",
      ...ownFailures,
      "EK_NOT_OWNED",
      "SCOPE_DENIED",
      "EK_NOT_FOUND",
      "LISTING_CONFLICT",
      ["PAYMENT_PENDING", 409],
    ),
  },
});

export function addBuyRoutes(app: OpenAPIHono<AppEnv>, deps: Deps): void {
  const invalid = refuse("INVALID_REQUEST");
  app.openapi(payRoute, async (c) => {
    const { headers, ...result } = await payQuote(deps, c.req.valid("param").quote_id, payHeadersOf(c));
    for (const [name, value] of Object.entries(headers)) c.header(name, value);
    // The failures' types are not among the route's answers: see `failures`.
    return "error" in result ? (errorResponse(c, result.error) as never) : c.json(result.purchase, 200);
  });
  app.openapi(quoteStateRoute, async (c) =>
    c.json(await quoteState(deps, c.req.valid("param").quote_id), 200),
  );
  app.openapi(
    purchaseRoute,
    async (c) => {
      const key = c.req.header("idempotency-key");
      const body = c.req.valid("json");
      if (body.payment_method.type !== "card" || !deps.cards)
        return c.json(await purchase(deps, c.get("session"), body, key), 200);
      c.header("Cache-Control", "no-store");
      const wanted = { ekId: body.ek_id, requestKey: key };
      return c.json(await buyByCard(deps, c.get("session"), wanted), 201);
    },
    invalid,
  );
  app.openapi(
    tokenRoute,
    async (c) => {
      c.header("Cache-Control", "no-store");
      return c.json(await issueToken(deps, c.get("signIn"), c.req.valid("json").ek_id, proofIn(c)), 200);
    },
    invalid,
  );
}
