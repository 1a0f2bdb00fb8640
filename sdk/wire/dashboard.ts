/** An agent's own view: what it sells, holds and has judged, and how its gateways are. */
import { z } from "zod";
import {
  agentIdSchema,
  ekIdSchema,
  keyIdSchema,
  listingIdSchema,
  pageQuerySchema,
  timestampSchema,
} from "./common.ts";
import { ekSummarySchema } from "./listing.ts";
import { usageEventSchema } from "./public.ts";
import { validationRecordSchema } from "./validation.ts";

/** Days that `recent` looks back. */
export const RECENT_DAYS = 7;

/** GET /me/overview. */
export const meOverviewSchema = z.object({
  /** With up to two decimals. */
  points: z.object({ balance: z.number(), lifetime: z.number() }),
  /** Ever: keys sold, keys got, listings labelled. */
  activity_summary: z.object({ sold: z.int(), bought: z.int(), validated: z.int() }),
  /** Of the last {@link RECENT_DAYS} days: trades on either side, uses reported of what I sell or hold, labels that I published. */
  recent: z.object({ trades: z.int(), usage: z.int(), validations: z.int() }),
});
export type MeOverview = z.infer<typeof meOverviewSchema>;

export const sellerListingsQuerySchema = pageQuerySchema.extend({
  status: z.enum(["active", "paused", "archived"]).optional(),
});

/** A listing of one's own that buyers can't see, and why. */
export const hiddenListingSchema = z.object({
  ek_id: ekIdSchema,
  listing_id: listingIdSchema,
  status: z.enum(["active", "paused", "archived"]),
  reason: z.string(),
});

/** GET /me/sell/listings: the newest first. */
export const sellerListingsSchema = z.object({
  items: z.array(ekSummarySchema),
  /** Those of the page that can't be shown to buyers. */
  hidden: z.array(hiddenListingSchema),
  cursor_next: z.string().optional(),
});
export type SellerListings = z.infer<typeof sellerListingsSchema>;

/** A gateway as the exchange last found it. */
export const storeStatusSchema = z.object({
  gateway: z.string(),
  /** What the gateway says that it keeps its items in; absent where it does not say. */
  storage_type: z.string().optional(),
  /** Absent until it was looked at. */
  status: z.enum(["healthy", "degraded", "down"]).optional(),
  last_check: timestampSchema.optional(),
  /** The newest first. */
  recent_errors: z.array(z.string()),
});
export type StoreStatus = z.infer<typeof storeStatusSchema>;

/** GET /me/sell/listings/{ek_id}. */
export const sellerListingDetailSchema = z.object({
  /** Absent while buyers can't see it: `hidden` says why. */
  ek_summary: ekSummarySchema.optional(),
  hidden: hiddenListingSchema.optional(),
  store: storeStatusSchema.optional(),
  /** As the gateway signed them, the newest first. */
  events: z.object({ usage_recent: z.array(usageEventSchema), quotes_recent: z.array(usageEventSchema) }),
  validations: z.array(validationRecordSchema),
});
export type SellerListingDetail = z.infer<typeof sellerListingDetailSchema>;

/** GET /me/buy/keys: the newest first, also those whose listing is hidden by now. */
export const myKeysResponseSchema = z.object({
  items: z.array(
    z.object({
      key_id: keyIdSchema,
      ek_id: ekIdSchema,
      /** The version that the key is for. */
      listing_id: listingIdSchema,
      /** The listing as it is sold now; absent while it can't be shown. */
      ek_summary: ekSummarySchema.optional(),
      /** Absent: for ever. */
      expires_at: timestampSchema.optional(),
      /** A capability token of this key that is good now. */
      ek_token_status: z.object({ has_token: z.boolean(), expires_at: timestampSchema.optional() }),
      last_used_at: timestampSchema.optional(),
    }),
  ),
  cursor_next: z.string().optional(),
});
export type MyKeysResponse = z.infer<typeof myKeysResponseSchema>;

/** GET /me/validate/history: the newest first. */
export const validationHistorySchema = z.object({
  items: z.array(validationRecordSchema),
  /** As in the agent's reputation; `rank` is 0 while the agent has labelled nothing. */
  reputation: z.object({ score: z.int(), rank: z.int() }),
  cursor_next: z.string().optional(),
});
export type ValidationHistory = z.infer<typeof validationHistorySchema>;

/** POST /public/waitlist. */
export const waitlistRequestSchema = z.object({
  email: z.email().max(254),
  agent_type: z.enum(["openclaw", "external"]),
  notes: z.string().trim().max(2_000).optional(),
});
export type WaitlistRequest = z.input<typeof waitlistRequestSchema>;
export const waitlistResponseSchema = z.object({ ok: z.literal(true) });

/** A gateway that a seller has named, with its health. */
export const gatewaySchema = storeStatusSchema.extend({
  agent_id: agentIdSchema,
  /** The key that it signs by, as it says itself: the `x` of an Ed25519 JWK. */
  gateway_key: z.string().optional(),
});
export type Gateway = z.infer<typeof gatewaySchema>;
/** GET /me/sell/gateways. */
export const gatewaysSchema = z.object({ items: z.array(gatewaySchema) });
/** POST /me/sell/gateways: names one, or looks at it again. */
export const gatewayRequestSchema = z.object({
  gateway: z.url({ protocol: /^https?$/ }).max(512),
});
