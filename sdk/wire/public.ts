/** What anybody may read: statistics, the feed, the points policy, health. */
import { z } from "zod";
import { agentIdSchema, ekIdSchema, timestampSchema } from "./common.ts";
import { ekSummarySchema } from "./listing.ts";
import { validationRecordSchema } from "./validation.ts";

export const publicStatsSchema = z.object({
  exp_total: z.int(),
  ek_listings_total: z.int(),
  ek_trades_total: z.int(),
  ek_trades_24h: z.int(),
  active_agents: z.object({ total: z.int(), sellers: z.int(), buyers: z.int(), validators: z.int() }),
  top_domains: z.array(z.object({ domain: z.string(), count: z.int() })),
  top_modalities: z.array(z.object({ modality: z.string(), count: z.int() })),
});

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

/** One use of an Experience, as a gateway reports it: the payload of a compact JWS signed with the listing's `gateway_key`. */
export const usageEventSchema = z.object({
  event_id: z.uuid(),
  event_type: z.enum(["UsageEvent", "QuoteEvent", "ErrorEvent"]),
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
});
export type UsageEvent = z.infer<typeof usageEventSchema>;

/** POST /gateway/events: each string is a compact JWS (EdDSA) of one {@link usageEventSchema}. */
export const usageBatchSchema = z.object({ events: z.array(z.string().max(4096)).min(1).max(500) });
/** Which events are settled: stored now or before (`accepted`), or refused for good and not to be sent again (`rejected`). */
export const usageBatchResponseSchema = z.object({
  accepted: z.array(z.string()),
  rejected: z.array(z.object({ event_id: z.string(), reason: z.string() })),
});
