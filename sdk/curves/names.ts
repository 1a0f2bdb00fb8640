/** The names of all curves, for those who only have to know what there is. `curves.ts` has the curves. */

/** Curves that price keys by themselves. The order is that of the contracts in `PiecewisePrice`, which names them by their place: add at the end only. */
export const formulaTypes = [
  "fixed",
  "linear",
  "exp",
  "logistic",
  "time_decay",
  "seasonal",
  "quota",
] as const;
export const curveTypes = [...formulaTypes, "custom_piecewise"] as const;

export type FormulaType = (typeof formulaTypes)[number];
export type CurveType = (typeof curveTypes)[number];
