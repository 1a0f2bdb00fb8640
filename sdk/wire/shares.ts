/** What becomes of a listing's price: how long it waits, who else gets a part of it, and what a key costs in points. */
import { z } from "zod";
import { refundTerms } from "../records.ts";
import { amountSchema, ekIdSchema } from "./common.ts";

/** A part of the price: 100 is one per cent. */
const bpsSchema = z.int().min(0).max(5_000);
const royaltySchema = z.object({ ek_id: ekIdSchema, bps: bpsSchema.min(1) });

/** Fields of a pricing policy as its seller asks for it. */
export const shareFields = {
  /** Seconds that a payment waits in escrow, at most 30 days; 0 = the seller has it at once. */
  refund_window_seconds: z.int().min(0).max(2_592_000).default(0),
  /** Whether the buyer may take the money back by itself in that time: never, until it used the key, or always. */
  refund_terms: z.enum(refundTerms).default("none"),
  /** The validators' part, and that of whoever brought the buyer. With the royalties they take half of the price at most. */
  bounty_bps: bpsSchema.default(0),
  referral_bps: bpsSchema.default(0),
  /** What a resale of a key owes the seller (ERC-2981). */
  resale_bps: z.int().min(0).max(1_000).default(0),
  /** Parts of the price for the sellers of older listings that this one derives from. */
  royalties: z.array(royaltySchema).max(8).default([]),
  /** The price in points, with up to two decimals; left out = not sold for points. */
  points_price: amountSchema.optional(),
};

/** The same fields as everybody sees them. */
export const shownShareFields = {
  refund_window_seconds: z.int(),
  refund_terms: z.enum(refundTerms),
  bounty_bps: z.int(),
  referral_bps: z.int(),
  resale_bps: z.int(),
  royalties: z.array(royaltySchema),
  points_price: z.number().optional(),
};
