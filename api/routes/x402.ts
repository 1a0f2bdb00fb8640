/** Buying in one step, and the list by which x402's discovery finds what is sold so. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { ekIdSchema } from "../../sdk/wire/common.ts";
import { discoveryQuerySchema, discoveryResponseSchema, oneStepResponseSchema } from "../../sdk/wire/x402.ts";
import { buyInOneStep } from "../actions/one-step.ts";
import type { Deps } from "../deps.ts";
import type { AppContext, AppEnv } from "../http/context.ts";
import { errorResponse } from "../http/errors.ts";
import { answer, failures, relayFailures } from "../http/openapi.ts";
import { payHeadersOf } from "../http/payment.ts";
import { proofIn } from "../http/proof.ts";
import { refuse } from "../http/validation.ts";
import { discoverable } from "../queries/discovery.ts";

const oneStepRoute = createRoute({
  method: "post",
  path: "/x402/{ek_id}",
  operationId: "buy_in_one_step",
  tags: ["Buy"],
  summary: "Buy a key in one step with any x402 v2 or MPP client",
  description:
    "Whatever comes without a payment (PAYMENT-SIGNATURE, or an Authorization of the scheme Payment) gets its 402. With `buyer` (query, or JSON body) the key is that account's, without one it is the " +
    "payer's. 202 means: not known yet, send the same request again. Who holds a key signs in (SIGN-IN-WITH-X) and gets a token instead of a 402.",
  request: { params: z.object({ ek_id: ekIdSchema }) },
  responses: {
    200: answer(oneStepResponseSchema, "The key is issued, or was held before"),
    ...failures(
      "PAYMENT_PENDING",
      "PAYMENT_REQUIRED",
      "PAYMENT_FAILED",
      ["PAYMENT_FAILED", 410],
      ["PAYMENT_FAILED", 409],
      ...relayFailures,
      "INVALID_REQUEST",
      "INVALID_EOA",
      "EK_NOT_FOUND",
      "METHOD_NOT_ALLOWED",
      "LISTING_CONFLICT",
    ),
  },
});

const discoveryRoute = createRoute({
  method: "get",
  path: "/discovery/resources",
  operationId: "discover_resources",
  tags: ["Public"],
  summary: "What is sold in one step, as x402's bazaar lists it",
  request: { query: discoveryQuerySchema },
  responses: { 200: answer(discoveryResponseSchema, "Resources"), ...failures("INVALID_REQUEST") },
});

export function addX402Routes(app: OpenAPIHono<AppEnv>, deps: Deps): void {
  app.openapi(
    oneStepRoute,
    async (c) => {
      const { headers, ...result } = await buyInOneStep(deps, {
        ekId: c.req.valid("param").ek_id,
        buyer: c.req.query("buyer") ?? (await buyerInBody(c)),
        headers: payHeadersOf(c),
        signIn: c.req.header("sign-in-with-x"),
        proof: proofIn(c),
      });
      for (const [name, value] of Object.entries(headers)) c.header(name, value);
      // The failures' types are not among the route's answers: see `failures`.
      return "error" in result ? (errorResponse(c, result.error) as never) : c.json(result.body, 200);
    },
    refuse("INVALID_REQUEST"),
  );
  app.openapi(
    discoveryRoute,
    async (c) => c.json(await discoverable(deps, c.req.valid("query")), 200),
    refuse("INVALID_REQUEST"),
  );
}

/** The body's `buyer`, whatever it is. A body that is no JSON names nobody: it gets its 402 all the same. */
async function buyerInBody(c: AppContext): Promise<unknown> {
  const body: unknown = await c.req.json().catch(() => undefined);
  return typeof body === "object" && body !== null && "buyer" in body ? body.buyer : undefined;
}
