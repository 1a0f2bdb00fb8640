/**
 * The TypeScript twins of the price curves: the same cost as the contract, to the last unit.
 * A curve is one record here and one contract behind `IPriceCurve`.
 */
import { decodeAbiParameters, encodeAbiParameters, type Hex } from "viem";
import { ExchangeError } from "./errors.ts";

const MAX = 2n ** 128n - 1n;

/** `sold` keys were sold before, `count` are bought now, at Unix time `time`. Amounts in the token's smallest units. */
export type CostInput = { sold: bigint; count: bigint; time: bigint };

export type Curve<P> = {
  title: string;
  /** The parameters' ABI encoding, as the listing stores it. */
  encode(params: P): Hex;
  decode(params: Hex): P;
  /** Throws LISTING_INVALID with the reason when the contract's `validate` would refuse. */
  validate(params: P): void;
  cost(input: CostInput, params: P): bigint;
};

export type FixedParams = { price: bigint };
export type LinearParams = { base: bigint; slope: bigint; max: bigint };

function bounded(curve: string, values: Record<string, bigint>): void {
  for (const [name, value] of Object.entries(values)) {
    if (value < 0n || value > MAX) {
      throw new ExchangeError(
        "LISTING_INVALID",
        `${curve}: ${name} is ${value}; it must be 0 to 2^128 - 1.`,
        {
          details: { [name]: String(value) },
        },
      );
    }
  }
}

const fixed: Curve<FixedParams> = {
  title: "Fixed price",
  encode: ({ price }) => encodeAbiParameters([{ type: "uint256" }], [price]),
  decode: (params) => ({ price: decodeAbiParameters([{ type: "uint256" }], params)[0] }),
  validate: (params) => bounded("fixed", params),
  cost: ({ count }, { price }) => count * price,
};

const linear: Curve<LinearParams> = {
  title: "Linear by sales",
  encode: ({ base, slope, max }) =>
    encodeAbiParameters([{ type: "uint256" }, { type: "uint256" }, { type: "uint256" }], [base, slope, max]),
  decode: (params) => {
    const [base, slope, max] = decodeAbiParameters(
      [{ type: "uint256" }, { type: "uint256" }, { type: "uint256" }],
      params,
    );
    return { base, slope, max };
  },
  validate: (params) => {
    bounded("linear", params);
    if (params.base > params.max) {
      throw new ExchangeError("LISTING_INVALID", `linear: base ${params.base} is above max ${params.max}.`, {
        details: { base: String(params.base), max: String(params.max) },
      });
    }
  },
  cost: ({ sold, count }, { base, slope, max }) => {
    const end = slope === 0n ? sold + count : (max - base) / slope + 1n;
    const rising = sold >= end ? 0n : sold + count <= end ? count : end - sold;
    const series =
      rising * base + (rising === 0n ? 0n : slope * (rising * sold + (rising * (rising - 1n)) / 2n));
    return series + (count - rising) * max;
  },
};

/** All curves by the name that `pricing_policy.curve_type` uses. */
export const curves = { fixed, linear } as const;

export type CurveType = keyof typeof curves;

/** What the next `count` keys cost: the twin of `Catalog.quote`. */
export function quoteCurve(type: CurveType, params: Hex, input: CostInput): bigint {
  const curve = curves[type] as Curve<unknown>;
  return curve.cost(input, curve.decode(params));
}
