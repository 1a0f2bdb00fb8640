/** The fewer are left, the dearer. */
import { checkAtLeast, checkAtMost, MAX_AMOUNT, MAX_KEYS } from "./bounds.ts";
import { formulaCurve } from "./curve.ts";
import { clamp, divUp } from "./rounding.ts";

export const quota = formulaCurve({
  title: "By what is left",
  formula: "min(max, base × quota / (quota − i)), and max from the quota on",
  contract: "QuotaPrice",
  fields: { base: "amount", quota: "count", max: "amount" },
  check({ base, quota, max }) {
    checkAtMost("max", max, MAX_AMOUNT);
    checkAtMost("base", base, max);
    checkAtLeast("base", base, 1n);
    checkAtLeast("quota", quota, 1n);
    checkAtMost("quota", quota, MAX_KEYS);
  },
  bounds: ({ base, max }) => ({ min: base, max }),
  price: ({ sold }, { base, quota, max }) =>
    sold >= quota ? max : clamp(divUp(base * quota, quota - sold), base, max),
});
