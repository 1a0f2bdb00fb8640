/** Each sale raises the price by the same factor, up to a maximum. */
import { checkAtLeast, checkAtMost, MAX_AMOUNT } from "./bounds.ts";
import { formulaCurve } from "./curve.ts";
import { growth, MAX_EXPONENT, WAD } from "./growth.ts";
import { clamp, divUp } from "./rounding.ts";

export const exponential = formulaCurve({
  title: "Exponential by sales",
  formula: "min(max, base × e^(k × i))",
  contract: "ExponentialPrice",
  fields: { base: "amount", k: "rate", max: "amount" },
  check({ base, k, max }) {
    checkAtMost("max", max, MAX_AMOUNT);
    checkAtMost("base", base, max);
    checkAtLeast("base", base, 1n);
    checkAtMost("k", k, MAX_EXPONENT);
  },
  bounds: ({ base, max }) => ({ min: base, max }),
  price: ({ sold }, { base, k, max }) => clamp(divUp(base * growth(k * sold), WAD), base, max),
});
