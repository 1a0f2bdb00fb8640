/** Buying by card. */
import { z } from "zod";
import { ekIdSchema, listingIdSchema, timestampSchema, unitsSchema } from "./common.ts";
import { purchaseResponseSchema } from "./purchase.ts";

/** POST /me/buy/purchase by card, and GET /me/payments/{payment_id}. */
export const cardPaymentSchema = z.object({
  payment_id: z.uuid(),
  rail: z.literal("card"),
  ek_id: ekIdSchema,
  listing_id: listingIdSchema,
  /**
   * `Open`: confirm the PaymentIntent with `client_secret` (Stripe.js), before `expires_at`. Then the money is reserved, the key is issued,
   * and only with the key is the money taken: `EKIssued`, see `purchase`. `Failed`: nothing was taken, `reason` says why. `Refunded`,
   * `Disputed`: the money went back or is asked back, and the key is burnt.
   */
  state: z.enum([
    "Open",
    "PaymentAuthorized",
    "PaymentConfirmed",
    "EKIssued",
    "AccessGranted",
    "Unknown",
    "Failed",
    "Refunded",
    "Disputed",
  ]),
  reason: z.string().optional(),
  /** What the key costs at most, in the listing's token. */
  price: z.object({ amount: unitsSchema, currency: z.string(), token: z.string() }),
  charge: z.object({
    provider: z.literal("stripe"),
    /** US cents, at one dollar to the token, rounded up. */
    amount_cents: z.int().positive(),
    currency: z.literal("usd"),
    intent_id: z.string().optional(),
    client_secret: z.string().optional(),
    publishable_key: z.string().optional(),
  }),
  expires_at: timestampSchema,
  purchase: purchaseResponseSchema.optional(),
});
export type CardPayment = z.infer<typeof cardPaymentSchema>;
