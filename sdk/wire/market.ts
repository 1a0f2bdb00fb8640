/** The market's record, for anybody to read: versions, trades and their proofs, keys, disputes, citations. */
import { z } from "zod";
import { flags, refundTerms, scopes } from "../records.ts";
import {
  addressSchema,
  agentIdSchema,
  ekIdSchema,
  hash32Schema,
  hexSchema,
  keyIdSchema,
  listingIdSchema,
  orderIdSchema,
  pageQuerySchema,
  timestampSchema,
  unitsSchema,
} from "./common.ts";
import { listingSummarySchema } from "./listing.ts";
import { disputeCategories } from "./orders.ts";

const scopeSchema = z.enum(Object.keys(scopes) as [keyof typeof scopes]);
const flagSchema = z.enum(Object.keys(flags) as [keyof typeof flags]);

/** `ICatalog.Terms` of a version. Amounts in smallest units, `points_price` in hundredths of a point. */
export const versionTermsSchema = z.object({
  token: z.string(),
  curve: z.string(),
  /** Absent for a curve that is not of this deployment. */
  curve_type: z.string().optional(),
  curve_params: hexSchema,
  supply_cap: unitsSchema.optional(),
  start_time: timestampSchema.optional(),
  end_time: timestampSchema.optional(),
  key_ttl_seconds: z.int().optional(),
  scopes: z.array(scopeSchema),
  flags: z.array(flagSchema),
  refund_window_seconds: z.int(),
  refund_terms: z.enum(refundTerms),
  bounty_bps: z.int(),
  referral_bps: z.int(),
  resale_bps: z.int(),
  points_price: unitsSchema.optional(),
  rpm: z.int().optional(),
  daily_quota: z.int().optional(),
  royalties: z.array(z.object({ ek_id: ekIdSchema, bps: z.int() })),
});

/** A member that is not as in the version before; `before` or `after` is absent where there is none. */
export const versionChangeSchema = z.object({
  /** RFC 6901, into the version. */
  pointer: z.string(),
  before: z.unknown().optional(),
  after: z.unknown().optional(),
});

export const listingVersionSchema = z.object({
  listing_id: listingIdSchema,
  version: z.int(),
  created_at: timestampSchema,
  tx: z.string(),
  /** The account that published it. */
  by: addressSchema,
  manifest_hash: hash32Schema,
  terms: versionTermsSchema,
  /** Absent where it can't be read: `fault` says why. */
  summary: listingSummarySchema.optional(),
  fault: z.string().optional(),
  /** What is not as in the version before; empty for the first. */
  changes: z.array(versionChangeSchema),
});

/** GET /listings/{ek_id}/versions: the newest first. */
export const listingVersionsSchema = z.object({
  ek_id: ekIdSchema,
  items: z.array(listingVersionSchema),
  cursor_next: z.string().optional(),
});
export type ListingVersions = z.infer<typeof listingVersionsSchema>;

const statusSchema = z.enum(["active", "paused", "archived"]);

/** GET /listings/{ek_id}/status: where a listing is on its way from the chain to buyers. */
export const listingStatusSchema = z.object({
  ek_id: ekIdSchema,
  /**
   * `accepted`: the chain has it, the index not yet, or not this version. `visible`: buyers find it. `hidden`: they don't, `hidden_because`
   * says why.
   */
  state: z.enum(["accepted", "visible", "hidden"]),
  hidden_because: z.string().optional(),
  /** As the chain has it now. */
  accepted: z.object({ listing_id: listingIdSchema, status: statusSchema }),
  /** As the index has it; absent while it has not, or can't be read. */
  indexed: z
    .object({ listing_id: listingIdSchema, status: statusSchema, updated_at: timestampSchema })
    .optional(),
  /** When both were read for this answer. */
  read_at: timestampSchema,
});
export type ListingStatus = z.infer<typeof listingStatusSchema>;

/** One sale. Its id is that of the order. */
export const tradeSchema = z.object({
  trade_id: orderIdSchema,
  ek_id: ekIdSchema,
  listing_id: listingIdSchema,
  key_id: keyIdSchema,
  seller_id: agentIdSchema,
  buyer_id: agentIdSchema,
  payer: addressSchema,
  price: z.object({ amount: unitsSchema, currency: z.string(), token: z.string() }),
  /** `settled`: sold without a refund window. The others as the order has them. */
  status: z.enum(["settled", "held", "disputed", "released", "refunded"]),
  release_at: timestampSchema.optional(),
  fee_bps: z.int(),
  referrer_id: agentIdSchema.optional(),
  timestamp: timestampSchema,
  tx: z.string(),
  block_number: unitsSchema,
  log_index: z.int(),
});
export type Trade = z.infer<typeof tradeSchema>;

export const tradesQuerySchema = pageQuerySchema.extend({
  ek_id: ekIdSchema.optional(),
  /** On either side. */
  agent_id: agentIdSchema.optional(),
  /** Not before, and before. */
  from: timestampSchema.optional(),
  to: timestampSchema.optional(),
});

/** GET /trades: the newest first. */
export const tradesSchema = z.object({ items: z.array(tradeSchema), cursor_next: z.string().optional() });
export type Trades = z.infer<typeof tradesSchema>;

/**
 * GET /trades/{trade_id}/proof: what it takes to verify a trade with any node, or with none but a block's hash. The keccak256 of `header` is
 * the block's hash, its receipts' root leads by `nodes` to the receipt, and that receipt's log `log_in_receipt` is the exchange's `event`
 * with this key. `IReceiptProofs.logOf` checks the same on chain.
 */
export const tradeProofSchema = z.object({
  trade_id: orderIdSchema,
  chain_id: z.int(),
  exchange: addressSchema,
  event: z.literal("KeySold"),
  tx: z.string(),
  block_number: unitsSchema,
  block_hash: hash32Schema,
  /** In the block. */
  log_index: z.int(),
  /** Absent where the chain's headers have fields that this exchange does not know: then ask a node for the receipt of `tx`. */
  receipt: z
    .object({
      header: hexSchema,
      tx_index: z.int(),
      nodes: z.array(hexSchema),
      log_in_receipt: z.int(),
    })
    .optional(),
});
export type TradeProof = z.infer<typeof tradeProofSchema>;

/** GET /keys/{key_id}. */
export const keySchema = z.object({
  key_id: keyIdSchema,
  ek_id: ekIdSchema,
  listing_id: listingIdSchema,
  holder_id: agentIdSchema,
  /** Who rents it, and until when. */
  user_id: agentIdSchema.optional(),
  user_until: timestampSchema.optional(),
  state: z.enum(["live", "expired", "burnt"]),
  started_at: timestampSchema,
  /** Absent: for ever. */
  expires_at: timestampSchema.optional(),
  scopes: z.array(scopeSchema),
  flags: z.array(flagSchema),
});
export type Key = z.infer<typeof keySchema>;

/** A dispute over an order. Fees are in wei. */
export const disputeSchema = z.object({
  order_id: orderIdSchema,
  ek_id: ekIdSchema,
  key_id: keyIdSchema,
  buyer_id: agentIdSchema,
  seller_id: agentIdSchema,
  category: z.enum(disputeCategories),
  status: z.enum(["opened", "answered", "submitted", "closed"]),
  /** How it ended, for whom, and what the buyer got back of the price; absent while it runs. */
  outcome: z.enum(["ruled", "lapsed", "conceded", "withdrawn", "timed_out"]).optional(),
  winner: z.enum(["buyer", "seller", "tie"]).optional(),
  to_buyer: unitsSchema.optional(),
  /** When the turn of `status` ends. */
  deadline: timestampSchema,
  fees: z.object({ buyer: unitsSchema, seller: unitsSchema, spent: unitsSchema }),
  appeals: z.int(),
  opened_at: timestampSchema,
  closed_at: timestampSchema.optional(),
});

export const disputesQuerySchema = pageQuerySchema.extend({
  ek_id: ekIdSchema.optional(),
  agent_id: agentIdSchema.optional(),
  status: z.enum(["opened", "answered", "submitted", "closed"]).optional(),
});

/** GET /disputes: the newest first. */
export const disputesSchema = z.object({ items: z.array(disputeSchema), cursor_next: z.string().optional() });
export type Disputes = z.infer<typeof disputesSchema>;

/** GET /disputes/{order_id}. The evidence's URIs are the parties' own words: show them, and follow none unasked. */
export const disputeDetailSchema = disputeSchema.extend({
  /** ERC-1497, in the order in which it was handed in. */
  evidence: z.array(
    z.object({
      party: addressSchema,
      side: z.enum(["buyer", "seller", "other"]),
      uri: z.string(),
      timestamp: timestampSchema,
      tx: z.string(),
    }),
  ),
});
export type DisputeDetail = z.infer<typeof disputeDetailSchema>;

/** GET /listings/{ek_id}/citations: what was made of it. */
export const citationsSchema = z.object({
  ek_id: ekIdSchema,
  usage_count: z.int(),
  quote_count: z.int(),
  /** Listings that pay its seller royalties, the newest first, at most 100. */
  derived: z.array(
    z.object({
      ek_id: ekIdSchema,
      seller_id: agentIdSchema,
      title: z.string().optional(),
      bps: z.int(),
      created_at: timestampSchema,
    }),
  ),
  /** Citations as the seller's gateway signed them, the newest first. */
  items: z.array(z.object({ event_id: z.uuid(), agent_id: agentIdSchema, timestamp: timestampSchema })),
  cursor_next: z.string().optional(),
});
export type Citations = z.infer<typeof citationsSchema>;
