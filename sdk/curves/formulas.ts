/** The curves that price keys by themselves, by the name that listings use. A piecewise curve is made of them. */
import { exponential } from "./exponential.ts";
import { fixed } from "./fixed.ts";
import { linear } from "./linear.ts";
import { logistic } from "./logistic.ts";
import type { FormulaType } from "./names.ts";
import { quota } from "./quota.ts";
import { seasonal } from "./seasonal.ts";
import { timeDecay } from "./time-decay.ts";

export const formulas = {
  fixed,
  linear,
  exp: exponential,
  logistic,
  time_decay: timeDecay,
  seasonal,
  quota,
} as const satisfies Record<FormulaType, unknown>;

export type FormulaParams<T extends FormulaType> = ReturnType<(typeof formulas)[T]["decode"]>;
