/** How a price is made: what sellers ask for and what everybody sees. */
import { z } from "zod";
import { curveTypes, formulaTypes } from "../curves/names.ts";
import { amountSchema, timestampSchema } from "./common.ts";
import { shareFields, shownShareFields } from "./shares.ts";

const countSchema = z.int().min(0).max(4_294_967_295);

/**
 * What any curve is made of. Which fields it takes depends on the curve; `params` holds those of its own:
 *
 * | curve_type | fields | params |
 * |---|---|---|
 * | `fixed` | `base_price` | |
 * | `linear` | `base_price`, `max_price` (or a supply cap) | `slope` |
 * | `exp` | `base_price`, `max_price` | `k` per sale |
 * | `logistic` | `min_price` (0), `max_price` | `k` per sale, `mid` keys |
 * | `time_decay` | `base_price`, `min_price` (0) | `k` per day, `start` (when sales start) |
 * | `seasonal` | `base_price` | `in_season_price`, `start`, `period_seconds`, `season_seconds` |
 * | `quota` | `base_price`, `max_price` | `quota` keys (the supply cap) |
 *
 * In brackets: what it is when left out. Prices and `slope` are in whole tokens, `start` is a timestamp, `k` a number up to 18 decimals.
 */
const formulaFields = {
  base_price: amountSchema.optional(),
  min_price: amountSchema.optional(),
  max_price: amountSchema.optional(),
  params: z.record(z.string(), z.union([amountSchema, timestampSchema])).default({}),
};

/** From the key before which `sold_min` were sold on, `formula` prices the keys, with the fields of a curve of that type. */
export const breakpointSchema = z.object({
  sold_min: countSchema,
  /** Up to where, inclusive: one below the next breakpoint. For readers only. */
  sold_max: countSchema.optional(),
  formula: z.enum(formulaTypes),
  ...formulaFields,
});

export const pricingPolicySchema = z.object({
  curve_type: z.enum(curveTypes),
  ...formulaFields,
  /** `custom_piecewise` only; its price is kept between `min_price` and `max_price`, by default the least and the most of the formulas. */
  breakpoints: z.array(breakpointSchema).min(1).max(100).optional(),
  supply_cap: countSchema.min(1).optional(),
  start_time: timestampSchema.optional(),
  end_time: timestampSchema.optional(),
  /** The payment token's symbol; the deployment's first token when left out. */
  currency: z.string().max(16).optional(),
  ...shareFields,
});

/** The parameters as the contract has them, exact: amounts in smallest units, rates times 10^18, Unix seconds. */
const shownParamsSchema = z.record(z.string(), z.string());

/** The policy of a listing, as buyers see it. */
export const shownPricingPolicySchema = z.object({
  curve_type: z.string(),
  /** In whole tokens, as are the bounds: where the price starts, the least and the most that a key can cost. */
  base_price: z.number(),
  min_price: z.number(),
  max_price: z.number(),
  params: shownParamsSchema,
  breakpoints: z
    .array(z.object({ sold_min: z.int(), formula: z.string(), params: shownParamsSchema }))
    .optional(),
  supply_cap: z.int().optional(),
  start_time: timestampSchema.optional(),
  end_time: timestampSchema.optional(),
  ...shownShareFields,
});
