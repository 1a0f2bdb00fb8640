/** What anybody may read: statistics, the feed, the points policy, health. */
import { z } from "zod";
import {
  addressSchema,
  agentIdSchema,
  ekIdSchema,
  hash32Schema,
  keyIdSchema,
  listingIdSchema,
  timestampSchema,
  unitsSchema,
} from "./common.ts";
import { ekSummarySchema } from "./listing.ts";
import { validationRecordSchema } from "./validation.ts";

const topicSchema = z.object({ name: z.string(), trades: z.int() });
const topicsSchema = z.object({ domains: z.array(topicSchema), modalities: z.array(topicSchema) });

/** "24h" and "7d" are the last 24 hours and 7 days of UTC that have begun, the present one included. */
export const publicStatsSchema = z.object({
  exp_total: z.int(),
  ek_listings_total: z.int(),
  ek_trades_total: z.int(),
  ek_trades_24h: z.int(),
  active_agents: z.object({ total: z.int(), sellers: z.int(), buyers: z.int(), validators: z.int() }),
  top_domains: z.array(z.object({ domain: z.string(), count: z.int() })),
  top_modalities: z.array(z.object({ modality: z.string(), count: z.int() })),
  /** The same by trades. */
  top_traded: z.object({ last_24h: topicsSchema, last_7d: topicsSchema }),
  /** What was paid for keys and renewals. */
  volume_24h: z.array(z.object({ token: addressSchema, currency: z.string(), paid: unitsSchema })),
  /** Agents that listed, sold, bought or labelled something today (UTC). */
  active_today: z.object({ total: z.int(), sellers: z.int(), buyers: z.int(), validators: z.int() }),
  bootstrap: z.object({
    experiences: z.int(),
    trades: z.int(),
    /** Of all Experiences, the part that was sold at least once: 0 to 1. */
    reuse_rate: z.number(),
    /** Of all trades, the part whose buyer had bought something before: 0 to 1. */
    repeat_rate: z.number(),
  }),
});
export type PublicStats = z.infer<typeof publicStatsSchema>;

export const activityItemSchema = z.discriminatedUnion("type", [
  z.object({
    type: z.literal("ek_trade"),
    timestamp: timestampSchema,
    ek_summary: ekSummarySchema,
    buyer: z.object({ agent_id: agentIdSchema }),
    tx: z.string(),
  }),
  z.object({
    type: z.literal("exp_listed"),
    timestamp: timestampSchema,
    ek_summary: ekSummarySchema,
    tx: z.string(),
  }),
  z.object({
    type: z.literal("validation"),
    timestamp: timestampSchema,
    ek_id: ekIdSchema,
    label: validationRecordSchema,
    tx: z.string(),
  }),
]);

export const activityResponseSchema = z.object({
  items: z.array(activityItemSchema),
  cursor_next: z.string().optional(),
});

export const pointsPolicySchema = z.object({
  phase: z.string(),
  award: z.object({ seller: z.int(), buyer: z.int() }),
  anti_gaming: z.looseObject({
    self_trade_block: z.boolean(),
    /** Neither a payer of the seller's nor an operator of either earns anybody points. */
    related_party_block: z.boolean(),
    /** Orders between the same two agents that earn points on one day (UTC). */
    wash_cap_per_day: z.int(),
    /** Points that one agent can earn on one day. */
    agent_cap_per_day: z.int(),
    /** Part of the award that an Experience earns after `after_sales` sales while no validator vouches for it. */
    unendorsed_weight: z.object({ after_sales: z.int(), weight: z.number() }),
  }),
});

/** A service is `ok` only when everything that it needs to do its work is. */
export const healthSchema = z.object({
  status: z.enum(["ok", "degraded", "down"]),
  chain_id: z.int(),
  checks: z.record(z.string(), z.object({ ok: z.boolean(), detail: z.string().optional() })),
  /** Where things are, for clients. */
  contracts: z.record(z.string(), z.string()).optional(),
  /** `waiting`: how many of its transactions are in no block yet. */
  relayer: z
    .object({
      address: z.string(),
      balance_wei: z.string(),
      low_below_wei: z.string().optional(),
      waiting: z.int().optional(),
    })
    .optional(),
});

const sha256Schema = z.string().regex(/^sha256:[0-9a-f]{64}$/, "sha256: and 64 lower-case hex digits");
export const thumbprintSchema = z.string().regex(/^[\w-]{43}$/, "an RFC 7638 thumbprint");

/** What makes an event a receipt: which use of which key it was, of what request, with which answer. */
export const receiptPartSchema = z.object({
  listing_id: listingIdSchema,
  /** Absent on a validator's use. */
  key_id: keyIdSchema.optional(),
  /** What is numbered: the key, or for a validator the listing and the agent. */
  chain: z.string().max(128),
  /** From 1, without a gap, for each `chain` and gateway. */
  number: z.int().min(1),
  /** The capability token's. */
  jti: z.string().max(128),
  request_hash: sha256Schema,
  /** Of the whole body of the answer; absent when not all of it went out. */
  response_hash: sha256Schema.optional(),
  /** The key that the token was bound to; it may countersign. */
  jkt: thumbprintSchema.optional(),
  watermark_id: z.string().max(128).optional(),
});

/** One use of an Experience, as a gateway reports it: the payload of a compact JWS signed with the listing's `gateway_key`. */
export const usageEventSchema = z.object({
  event_id: z.uuid(),
  event_type: z.enum(["UsageEvent", "QuoteEvent", "ErrorEvent", "DisputeEvent"]),
  timestamp: timestampSchema,
  ek_id: ekIdSchema,
  exp_id: z.string().max(128),
  seller_id: agentIdSchema,
  buyer_agent_id: agentIdSchema,
  action: z.enum(["fetch", "download", "execute", "quote"]),
  item_id: z.string().max(128).optional(),
  bytes: z.int().nonnegative().optional(),
  latency_ms: z.int().nonnegative().optional(),
  result: z.enum(["ok", "denied", "error"]),
  reason: z.string().max(200).optional(),
  receipt: receiptPartSchema.optional(),
  /** Of a DisputeEvent: the receipt that the buyer disputes. */
  disputed: z.uuid().optional(),
});
export type UsageEvent = z.infer<typeof usageEventSchema>;

/** POST /gateway/events: each string is a compact JWS (EdDSA) of one {@link usageEventSchema}. */
export const usageBatchSchema = z.object({ events: z.array(z.string().max(4096)).min(1).max(500) });
/** Which events are settled: stored now or before (`accepted`), or refused for good and not to be sent again (`rejected`). */
export const usageBatchResponseSchema = z.object({
  accepted: z.array(z.string()),
  rejected: z.array(z.object({ event_id: z.string(), reason: z.string() })),
});

/** GET /gateways/{id}/receipts/{day}: the Merkle tree of what a gateway reported of one UTC day. */
export const receiptDaySchema = z.object({
  /** RFC 7638 thumbprint of the gateway's key. */
  gateway_id: thumbprintSchema,
  day: z.iso.date(),
  root: hash32Schema,
  count: z.int().nonnegative(),
  /** Some of the day's receipts may still be on their way. */
  open: z.boolean(),
});
export type ReceiptDay = z.infer<typeof receiptDaySchema>;

/** A leaf of that tree with its proof: see `verifyLeaf`. */
export const leafProofSchema = z.object({
  leaf: hash32Schema,
  index: z.int().nonnegative(),
  count: z.int().nonnegative(),
  path: z.array(hash32Schema),
});

/**
 * GET /gateways/{id}/receipts/{day}/{leaf}: `proof` when the receipt with that hash is there; otherwise its neighbours, which prove that it
 * is not.
 */
export const receiptProofSchema = z.object({
  root: hash32Schema,
  count: z.int().nonnegative(),
  proof: leafProofSchema.optional(),
  before: leafProofSchema.optional(),
  after: leafProofSchema.optional(),
});

/** GET /receipts/{id} at the gateway. */
export const storedReceiptSchema = z.object({
  receipt: z.string().max(4096),
  /** The buyer's: a compact JWS over {@link countersignedSchema}, by the key that the receipt names as `jkt`. */
  countersignature: z.string().max(4096).optional(),
});

/** What a buyer signs to confirm a receipt: the keccak256 of its JWS, and whether what came was what was sold. */
export const countersignedSchema = z.object({
  event_id: z.uuid(),
  receipt_id: z.uuid(),
  receipt_hash: hash32Schema,
  verdict: z.enum(["received", "mismatch"]),
});
