/** Each sale raises the price by the same amount, up to a maximum. */
import { checkAtMost, MAX_AMOUNT } from "./bounds.ts";
import { formulaCurve } from "./curve.ts";
import { clamp } from "./rounding.ts";

export const linear = formulaCurve({
  title: "Linear by sales",
  formula: "min(max, base + slope × i)",
  contract: "LinearPrice",
  fields: { base: "amount", slope: "amount", max: "amount" },
  check({ base, slope, max }) {
    checkAtMost("max", max, MAX_AMOUNT);
    checkAtMost("slope", slope, MAX_AMOUNT);
    checkAtMost("base", base, max);
  },
  bounds: ({ base, max }) => ({ min: base, max }),
  price: ({ sold }, { base, slope, max }) => clamp(base + slope * sold, base, max),
});
