/** The curves that price keys by themselves, by the name that listings use. A piecewise curve is made of them. */
import { exponential } from "./exponential.ts";
import { fixed } from "./fixed.ts";
import { linear } from "./linear.ts";
import { logistic } from "./logistic.ts";
import { quota } from "./quota.ts";
import { seasonal } from "./seasonal.ts";
import { timeDecay } from "./time-decay.ts";

/** The order is that of the contracts in `PiecewisePrice`, which names them by their place: add at the end only. */
export const formulas = {
  fixed,
  linear,
  exp: exponential,
  logistic,
  time_decay: timeDecay,
  seasonal,
  quota,
} as const;

export type FormulaType = keyof typeof formulas;
export type FormulaParams<T extends FormulaType> = ReturnType<(typeof formulas)[T]["decode"]>;

export const formulaTypes = Object.keys(formulas) as [FormulaType, ...FormulaType[]];
