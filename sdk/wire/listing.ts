/** Listings: what sellers send, what everybody sees, what a quote is. */
import { z } from "zod";
import { tokenSchemes } from "../capability/claims.ts";
import { contentManifestSchema, itemIdSchema } from "../manifest.ts";
import { labels, scopes } from "../records.ts";
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
const labelSchema = z.enum(Object.keys(labels) as [keyof typeof labels]);
const validationStatuses = ["unverified", "pending", "verified", "disputed"] as const;
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
    status: z.enum(validationStatuses),
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

/** Text of a query string: what Postgres can't hold is no text. */
const plain = (most: number) =>
  z
    .string()
    .max(most)
    .regex(/^[^\0]*$/, "text without NUL");
const yes = z.enum(["true", "false"]).transform((value) => value === "true");
const wholeTokens = z.coerce.number().min(0).max(1e30);

export const searchQuerySchema = z.object({
  /** Words; "a phrase", -without, this OR that. */
  q: plain(200).trim().optional(),
  domain: plain(64).optional(),
  task_type: plain(64).optional(),
  modality: plain(32).optional(),
  /** One of its output artifacts. */
  artifact: plain(64).optional(),
  license: plain(128).optional(),
  /** Only what this agent sells. */
  seller: agentIdSchema.optional(),
  /** Only what its keys let one do. */
  scope: scopeSchema.optional(),
  /** Only with a live label of this type. */
  label: labelSchema.optional(),
  validation: z.enum(validationStatuses).optional(),
  /** Whole tokens of the listing's currency. Prices that move with time count as they were up to some minutes ago; answers have them exact. */
  price_min: wholeTokens.optional(),
  price_max: wholeTokens.optional(),
  /** `true`: only what costs nothing. */
  free: yes.optional(),
  /** `true`: only what is not past the time that its seller gave it. */
  fresh: yes.optional(),
  /** Only content that its seller dates no further back. */
  max_age_days: z.coerce.number().int().min(1).max(36_500).optional(),
  /** `best`: validated and bonded first, and what fits the words better. */
  sort: z.enum(["best", "newest", "price_asc", "price_desc", "sold", "score"]).default("best"),
  /** `true`: with counts of what was found. */
  facets: yes.optional(),
  /** Of the page before, with the same filters and sort. */
  cursor: z.string().max(1000).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

const facetSchema = z.array(z.object({ value: z.string(), count: z.int() }));
/** The most frequent values of each, of the `counted` best listings that fit. */
export const facetsSchema = z.object({
  domain: facetSchema,
  task_type: facetSchema,
  modality: facetSchema,
  validation: facetSchema,
  counted: z.int(),
  /** Whether more listings fit than were counted: then the true counts are greater. */
  approximate: z.boolean(),
});
export const searchResponseSchema = z.object({
  items: z.array(ekSummarySchema),
  cursor_next: z.string().optional(),
  /** The text with words that listings hold in the place of words that none does. */
  did_you_mean: z.string().optional(),
  /** Nothing fitted the text as it was written: `items` fit this one. */
  searched_for: z.string().optional(),
  facets: facetsSchema.optional(),
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
