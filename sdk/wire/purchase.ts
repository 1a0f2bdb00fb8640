/** Buying, and the tokens that a key or a validator gets. */
import { z } from "zod";
import {
  agentIdSchema,
  ekIdSchema,
  hash32Schema,
  keyIdSchema,
  listingIdSchema,
  orderIdSchema,
  timestampSchema,
  unitsSchema,
} from "./common.ts";

export const purchaseRequestSchema = z.object({
  ek_id: ekIdSchema,
  payment_method: z.object({ type: z.enum(["free", "card", "crypto", "points"]), id: z.string().optional() }),
});

export const purchaseResponseSchema = z.object({
  ek_id: ekIdSchema,
  listing_id: listingIdSchema,
  status: z.enum(["PaymentAuthorized", "PaymentConfirmed", "EKIssued", "AccessGranted"]),
  order_id: orderIdSchema,
  key_id: keyIdSchema,
  buyer: z.object({ agent_id: agentIdSchema, eoa: z.string() }),
  /** In the token's smallest units; for points in hundredths, with currency "points" and their ledger as the token. */
  price: z.object({ amount: unitsSchema, currency: z.string(), token: z.string() }),
  /** When the escrow ends and the seller's side gets the money; absent where it had it at once. */
  release_at: timestampSchema.optional(),
  tx: z.string(),
  /** With up to two decimals; at the end of the escrow, where there is one. */
  points_awarded: z.object({ seller: z.number(), buyer: z.number() }),
});
export type PurchaseResponse = z.infer<typeof purchaseResponseSchema>;

/** GET /quotes/{id}: what became of a quote, as the chain and the payment's row have it. */
export const quoteStateSchema = z.object({
  quote_id: hash32Schema,
  ek_id: ekIdSchema,
  listing_id: listingIdSchema,
  /**
   * `open`: can be paid. `pending`: a payment is on its way. `issued`: the key is there, see `purchase`. `funded`: the money is in the
   * till, POST to `pay_url` turns it into the key; with reason `buyer_not_agent` only once the buyer has joined, or with the payment that it signed. `expired`, `unavailable`: can't be paid any more; `reason` says why.
   * `refunded`: the money went back, by `tx`.
   */
  state: z.enum(["open", "pending", "funded", "issued", "expired", "unavailable", "refunded"]),
  expires_at: timestampSchema,
  till: z.string(),
  pay_url: z.string(),
  reason: z.string().optional(),
  tx: z.string().optional(),
  purchase: purchaseResponseSchema.optional(),
});
export type QuoteState = z.infer<typeof quoteStateSchema>;

export const tokenRequestSchema = z.object({ ek_id: ekIdSchema });
export const tokenResponseSchema = z.object({
  ek_token: z.string(),
  /** `DPoP`: good only with a proof by the client's key at each use (RFC 9449). Absent: `Bearer`. */
  token_type: z.enum(["Bearer", "DPoP"]).optional(),
  /** By which the gateway signs its receipts: the `x` of an Ed25519 JWK. Absent where the listing names none. */
  gateway_key: z.string().optional(),
  expires_at: timestampSchema,
  /** Where to use it. */
  gateway: z.string(),
  /** keccak256 of the manifest that the key's version commits to; the gateway's must hash to it. */
  manifest_hash: z.string(),
  listing_id: listingIdSchema,
});
export type TokenResponse = z.infer<typeof tokenResponseSchema>;
