/** Listings: what sellers send, what everybody sees, what a quote is. */
import { z } from "zod";
import { tokenSchemes } from "../capability/claims.ts";
import { contentManifestSchema, itemIdSchema } from "../manifest.ts";
import { scopes } from "../records.ts";
import {
  addressSchema,
  agentIdSchema,
  ekIdSchema,
  hash32Schema,
  listingIdSchema,
  timestampSchema,
  unitsSchema,
} from "./common.ts";
import { pricingPolicySchema, shownPricingPolicySchema } from "./pricing.ts";

const scopeSchema = z.enum(Object.keys(scopes) as [keyof typeof scopes]);
const modalitySchema = z.string().min(1).max(32);
const uint32Schema = z.int().min(1).max(4_294_967_295);
export const accessPolicySchema = z.object({
  /** Where the gateway answers, without a trailing slash. */
  gateway: z.url({ protocol: /^https?$/ }).max(512),
  /** How the gateway wants its tokens: `paseto` is PASETO v4.public. */
  token_scheme: z.enum(tokenSchemes).default("jwt"),
  scopes: z.array(scopeSchema).min(1).default(["read", "download", "quote"]),
  /** Seconds that a key lives; left out = for ever. */
  key_ttl_seconds: z.int().min(60).max(4_294_967_295).optional(),
  transferable: z.boolean().default(false),
  /** Whether the gateway marks each buyer's copies with the token's `watermark_id`. */
  watermark: z.boolean().optional(),
  /** Requests that a key is good for at the gateway; left out = no limit. */
  quota: z.object({ rpm: uint32Schema.optional(), daily_quota: uint32Schema.optional() }).optional(),
  /** Only these validators may label; left out = anyone. */
  validator_allowlist: z.array(agentIdSchema).max(100).optional(),
  /** The Ed25519 public key (JWK `x`) by which the gateway signs its usage events. */
  gateway_key: z
    .string()
    .regex(/^[A-Za-z0-9_-]{43}$/, "the x of an Ed25519 public JWK")
    .optional(),
});

export const createListingRequestSchema = z.object({
  title: z.string().trim().min(1).max(200),
  /** One to three sentences. */
  summary: z.string().trim().min(1).max(2000),
  domain: z.string().trim().min(1).max(64),
  task_type: z.string().trim().min(1).max(64),
  modality: z.array(modalitySchema).min(1).max(16),
  output_artifacts: z.array(z.string().min(1).max(64)).max(64).default([]),
  license: z.string().max(128).optional(),
  recommended_ttl_days: z.int().min(1).max(36_500).optional(),
  pricing_policy: pricingPolicySchema,
  access_policy: accessPolicySchema,
  content_manifest: contentManifestSchema,
});
export type CreateListingRequest = z.input<typeof createListingRequestSchema>;

export const createListingResponseSchema = z.object({
  ek_id: ekIdSchema,
  listing_id: listingIdSchema,
  manifest_hash: hash32Schema,
  tx: z.string(),
});

/**
 * The public summary as it stands on chain, in canonical JSON. It names the items that are public (preview, thumbnail) and no reference
 * to any bytes.
 */
export const listingSummarySchema = z.object({
  title: z.string(),
  summary: z.string(),
  domain: z.string(),
  task_type: z.string(),
  modality: z.array(z.string()),
  output_artifacts: z.array(z.string()),
  license: z.string().optional(),
  exp_id: z.string(),
  packaging: z.string(),
  content_preview: z.object({
    thumbnail_item_id: itemIdSchema.optional(),
    preview_item_id: itemIdSchema.optional(),
  }),
  freshness: z.object({ created_at: timestampSchema, recommended_ttl_days: z.int().optional() }),
  access_policy: z.object({
    gateway: z.string(),
    token_scheme: z.string(),
    watermark: z.boolean().optional(),
    gateway_key: z.string().optional(),
  }),
});
export type ListingSummary = z.infer<typeof listingSummarySchema>;

/** What a buyer sees before paying. */
export const ekSummarySchema = z.object({
  ek_id: ekIdSchema,
  listing_id: listingIdSchema,
  status: z.enum(["active", "paused", "archived"]),
  title: z.string(),
  summary: z.string(),
  domain: z.string(),
  task_type: z.string(),
  modality: z.array(z.string()),
  output_artifacts: z.array(z.string()),
  license: z.string().optional(),
  content_preview: z.object({
    thumbnail_item_id: z.string().optional(),
    preview_item_id: z.string().optional(),
  }),
  access_scopes: z.array(scopeSchema),
  access_policy: z.object({
    gateway: z.string(),
    token_scheme: z.string(),
    /** By which the gateway signs its usage events; a seller sees here that it is its own. */
    gateway_key: z.string().optional(),
    quota: z.object({ rpm: z.int().optional(), daily_quota: z.int().optional() }).optional(),
  }),
  freshness: z.object({ created_at: timestampSchema, recommended_ttl_days: z.int().optional() }),
  pricing: z.object({
    mode: z.enum(["free", "card", "crypto", "points"]),
    /** In whole tokens, for people; `current_price_units` is exact. */
    current_price: z.number(),
    current_price_units: unitsSchema,
    currency: z.string(),
  }),
  pricing_policy: shownPricingPolicySchema,
  seller: z.object({ agent_id: agentIdSchema, eoa: z.string(), score: z.int() }),
  validation_snapshot: z.object({
    status: z.enum(["unverified", "pending", "verified", "disputed"]),
    top_labels: z.array(z.string()),
    score: z.int(),
    validators: z.array(z.object({ agent_id: agentIdSchema, score: z.int() })),
  }),
  metrics: z.object({
    sold_count: z.int(),
    usage_count: z.int(),
    quote_count: z.int(),
    dispute_rate: z.number(),
  }),
  manifest_hash: hash32Schema,
});
export type EKSummary = z.infer<typeof ekSummarySchema>;

export const searchQuerySchema = z.object({
  q: z.string().trim().max(200).optional(),
  domain: z.string().max(64).optional(),
  task_type: z.string().max(64).optional(),
  modality: z.string().max(32).optional(),
  /** Only what this agent sells. */
  seller: agentIdSchema.optional(),
  cursor: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});
export const searchResponseSchema = z.object({
  items: z.array(ekSummarySchema),
  cursor_next: z.string().optional(),
});

export const quoteRequestSchema = z.object({
  /** Who gets the key, or the money back: the wallet that is going to pay. */
  buyer: addressSchema,
});
export const quoteResponseSchema = z.object({
  quote_id: hash32Schema,
  ek_id: ekIdSchema,
  listing_id: listingIdSchema,
  buyer: z.string(),
  price: z.object({ amount: unitsSchema, display: z.string(), currency: z.string(), token: z.string() }),
  /** The quote is good until then. */
  expires_at: timestampSchema,
  /** The deposit address that pays for this quote and nothing else. */
  till: z.string(),
  /** POST here with an x402 client. */
  pay_url: z.string(),
  /** The struct that `Tills.tillOf` takes, so that the buyer can check the till itself. Whole numbers as decimal strings. */
  quote: z.object({
    ekId: unitsSchema,
    version: z.int(),
    buyer: z.string(),
    token: z.string(),
    maxPrice: unitsSchema,
    deadline: unitsSchema,
    salt: hash32Schema,
  }),
});
export type QuoteResponse = z.infer<typeof quoteResponseSchema>;
