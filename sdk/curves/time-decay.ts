/** The price falls with age, down to a minimum. */
import { checkAtMost, MAX_AMOUNT, MAX_TIME } from "./bounds.ts";
import { formulaCurve } from "./curve.ts";
import { growth, MAX_EXPONENT, WAD } from "./growth.ts";
import { clamp, divUp } from "./rounding.ts";

const DAY = 86_400n;

export const timeDecay = formulaCurve({
  title: "Decay over time",
  formula: "max(min, base × e^(−k × age in days)), the age counted from `start`",
  contract: "TimeDecayPrice",
  fields: { base: "amount", k: "rate", min: "amount", start: "time" },
  check({ base, k, min, start }) {
    checkAtMost("base", base, MAX_AMOUNT);
    checkAtMost("min", min, base);
    checkAtMost("k", k, MAX_EXPONENT * DAY);
    checkAtMost("start", start, MAX_TIME);
  },
  bounds: ({ base, min }) => ({ min, max: base }),
  price({ time }, { base, k, min, start }) {
    if (time <= start) return base;
    return clamp(divUp(base * WAD, growth((k * (time - start)) / DAY)), min, base);
  },
});
