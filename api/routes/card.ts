/** Payments by card: what became of one, and the provider's webhook. */
import { createRoute, type OpenAPIHono } from "@hono/zod-openapi";
import { z } from "zod";
import { cardPaymentSchema } from "../../sdk/wire/card.ts";
import { cardPayment } from "../cards/buy.ts";
import { takeCardWebhook } from "../cards/events.ts";
import type { Deps } from "../deps.ts";
import type { AppEnv } from "../http/context.ts";
import { answer, bodyFailures, failures, ownFailures, signedIn } from "../http/openapi.ts";

const paymentRoute = createRoute({
  ...signedIn,
  method: "get",
  path: "/me/payments/{payment_id}",
  operationId: "get_payment",
  tags: ["Buy"],
  summary: "What became of my payment by card",
  request: { params: z.object({ payment_id: z.string() }) },
  responses: {
    200: answer(cardPaymentSchema, "State"),
    ...failures("INVALID_REQUEST", ...ownFailures, "NOT_FOUND", "LISTING_CONFLICT"),
  },
});

const webhookRoute = createRoute({
  method: "post",
  path: "/webhooks/stripe",
  operationId: "take_stripe_event",
  tags: ["Service"],
  summary: "Stripe's events, signed over the raw body",
  description: "Answers 200 once the event is stored; delivered again, it changes nothing.",
  responses: {
    200: answer(z.object({ received: z.literal(true) }), "Stored"),
    ...failures(...bodyFailures, ["INVALID_SIGNATURE", 400], "LISTING_CONFLICT"),
  },
});

export function addCardRoutes(app: OpenAPIHono<AppEnv>, deps: Deps): void {
  app.openapi(paymentRoute, async (c) => {
    c.header("Cache-Control", "no-store");
    return c.json(await cardPayment(deps, c.get("session"), c.req.valid("param").payment_id), 200);
  });
  app.openapi(webhookRoute, async (c) => {
    // The raw body: what was parsed and written again has another signature.
    await takeCardWebhook(deps, await c.req.text(), c.req.header("stripe-signature"));
    return c.json({ received: true as const }, 200);
  });
}
