/**
 * The TypeScript twins of the price curves: the same cost as the contract, to the last unit.
 * A curve is one record here and one contract behind `IPriceCurve`.
 */
import type { Hex } from "viem";
import type { CostInput, Curve } from "./curves/curve.ts";
import { formulas } from "./curves/formulas.ts";
import type { CurveType } from "./curves/names.ts";
import { piecewise } from "./curves/piecewise.ts";

export type { CostInput, Curve, FormulaCurve, Unit } from "./curves/curve.ts";
export { type FormulaParams, formulas } from "./curves/formulas.ts";
export { type CurveType, curveTypes, type FormulaType, formulaTypes } from "./curves/names.ts";
export type { Piece, PiecewiseParams } from "./curves/piecewise.ts";

/** All curves by the name that `pricing_policy.curve_type` uses. */
export const curves = { ...formulas, custom_piecewise: piecewise } as const satisfies Record<
  CurveType,
  unknown
>;

export type CurveParams<T extends CurveType> = ReturnType<(typeof curves)[T]["decode"]>;

/**
 * What the next `count` keys cost: the twin of `Catalog.quote`.
 *
 * @example
 * const params = curves.exp.encode({ base: 250_000n, k: 10n ** 16n, max: 1_000_000n });
 * quoteCurve("exp", params, { sold: 10n, count: 1n, time: 0n }); // 276293n
 */
export function quoteCurve(type: CurveType, params: Hex, input: CostInput): bigint {
  const curve = curves[type] as Curve<unknown>;
  return curve.cost(input, curve.decode(params));
}
