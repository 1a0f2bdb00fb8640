/** The market and an agent's business over time, in buckets of UTC. Amounts are in the token's smallest units. */
import { z } from "zod";
import { bucketSizes } from "../buckets.ts";
import { addressSchema, agentIdSchema, ekIdSchema, timestampSchema, unitsSchema } from "./common.ts";

/** Buckets that one answer can span. */
export const MAX_BUCKETS = 1_000;

/** `from` and `to` may lie anywhere in the first and the last bucket. Left out: the last 30 days or 48 hours, up to now. */
export const spanQuerySchema = z.object({
  from: timestampSchema.optional(),
  to: timestampSchema.optional(),
  bucket: z.enum(bucketSizes).default("day"),
});
export type SpanQuery = z.output<typeof spanQuerySchema>;
export const daysQuerySchema = spanQuerySchema.omit({ bucket: true });

const tokenSchema = { token: addressSchema, currency: z.string() };

const activeSchema = z.object({ total: z.int(), sellers: z.int(), buyers: z.int(), validators: z.int() });

/** GET /public/analytics. Buckets in which nothing happened are left out. */
export const analyticsSchema = z.object({
  bucket: z.enum(bucketSizes),
  from: timestampSchema,
  to: timestampSchema,
  buckets: z.array(
    z.object({
      start: timestampSchema,
      new_agents: z.int(),
      experiences: z.int(),
      trades: z.int(),
      /** Trades of buyers that had bought something before. */
      repeat_trades: z.int(),
      labels: z.int(),
      refunds: z.int(),
      disputes: z.int(),
      volume: z.array(z.object({ ...tokenSchema, paid: unitsSchema, refunded: unitsSchema })),
      /** Days only: agents that did anything. */
      active: activeSchema.optional(),
      /** Days only: uses and quotes, by the time that gateways reported. */
      uses: z.int().optional(),
      quotes: z.int().optional(),
    }),
  ),
  /** Buyers by the week (from Monday) of their first purchase: how many of them bought in it and in each week after it. */
  retention: z.array(
    z.object({
      cohort: timestampSchema,
      buyers: z.int(),
      weeks: z.array(z.object({ week: z.int().min(0), buyers: z.int(), rate: z.number() })),
    }),
  ),
});
export type Analytics = z.infer<typeof analyticsSchema>;

/** GET /listings/{ek_id}/price-history. Prices are those that were paid; they are missing where all keys were free. */
export const priceHistorySchema = z.object({
  ek_id: ekIdSchema,
  bucket: z.enum(bucketSizes),
  buckets: z.array(
    z.object({
      start: timestampSchema,
      ...tokenSchema,
      trades: z.int(),
      paid: unitsSchema,
      open: unitsSchema.optional(),
      high: unitsSchema.optional(),
      low: unitsSchema.optional(),
      close: unitsSchema.optional(),
    }),
  ),
});
export type PriceHistory = z.infer<typeof priceHistorySchema>;

const sellerMoney = { sold: unitsSchema, refunded: unitsSchema, earned: unitsSchema, withdrawn: unitsSchema };
const buyerMoney = { spent: unitsSchema, returned: unitsSchema };

/** GET /me/analytics. `sold` is gross; `earned` is what was credited, for whatever but refunds: also fees, royalties and bounties. */
export const myAnalyticsSchema = z.object({
  agent_id: agentIdSchema,
  from: timestampSchema,
  to: timestampSchema,
  seller: z.object({
    /** Ever. `held` and `disputed` are in escrow now. */
    totals: z.array(z.object({ ...tokenSchema, ...sellerMoney, held: unitsSchema, disputed: unitsSchema })),
    days: z.array(
      z.object({
        start: timestampSchema,
        listed: z.int(),
        sold: z.int(),
        money: z.array(z.object({ ...tokenSchema, ...sellerMoney })),
      }),
    ),
  }),
  buyer: z.object({
    totals: z.array(z.object({ ...tokenSchema, ...buyerMoney })),
    days: z.array(
      z.object({
        start: timestampSchema,
        bought: z.int(),
        money: z.array(z.object({ ...tokenSchema, ...buyerMoney })),
      }),
    ),
  }),
});
export type MyAnalytics = z.infer<typeof myAnalyticsSchema>;
