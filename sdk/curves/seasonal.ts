/** Another price while a season lasts, again and again. */
import { checkAtLeast, checkAtMost, MAX_AMOUNT, MAX_TIME } from "./bounds.ts";
import { formulaCurve } from "./curve.ts";

export const seasonal = formulaCurve({
  title: "Seasonal",
  formula: "inSeason for the first `length` seconds of each `period` from `start` on, else base",
  contract: "SeasonalPrice",
  fields: { base: "amount", inSeason: "amount", start: "time", period: "seconds", length: "seconds" },
  check({ base, inSeason, start, period, length }) {
    checkAtMost("base", base, MAX_AMOUNT);
    checkAtMost("inSeason", inSeason, MAX_AMOUNT);
    checkAtMost("start", start, MAX_TIME);
    checkAtLeast("period", period, 2n);
    checkAtMost("period", period, MAX_TIME);
    checkAtLeast("length", length, 1n);
    checkAtMost("length", length, period - 1n);
  },
  bounds: ({ base, inSeason }) =>
    base < inSeason ? { min: base, max: inSeason } : { min: inSeason, max: base },
  price: ({ time }, { base, inSeason, start, period, length }) =>
    time >= start && (time - start) % period < length ? inSeason : base,
});
