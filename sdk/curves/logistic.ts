/** The price saturates: slow, then fast, then slow again between a minimum and a maximum. */
import { checkAtMost, MAX_AMOUNT, MAX_KEYS } from "./bounds.ts";
import { formulaCurve } from "./curve.ts";
import { growth, MAX_EXPONENT, WAD } from "./growth.ts";
import { divUp } from "./rounding.ts";

export const logistic = formulaCurve({
  title: "Logistic by sales",
  formula: "min + (max − min) / (1 + e^(−k × (i − mid)))",
  contract: "LogisticPrice",
  fields: { min: "amount", max: "amount", k: "rate", mid: "count" },
  check({ min, max, k, mid }) {
    checkAtMost("max", max, MAX_AMOUNT);
    checkAtMost("min", min, max);
    checkAtMost("k", k, MAX_EXPONENT);
    checkAtMost("mid", mid, MAX_KEYS);
  },
  bounds: ({ min, max }) => ({ min, max }),
  price({ sold }, { min, max, k, mid }) {
    const rising = sold >= mid;
    const power = growth(k * (rising ? sold - mid : mid - sold));
    return min + divUp((max - min) * (rising ? power : WAD), WAD + power);
  },
});
