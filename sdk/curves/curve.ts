/** What a price curve is to TypeScript: the twin of a contract behind `IPriceCurve`, refusing and pricing exactly as that does. */
import { concat, type Hex, numberToHex, size, slice } from "viem";
import { checkAtLeast, checkCount, checkLength } from "./bounds.ts";

/** `sold` keys were sold before, `count` (at most 256) are bought now, at Unix time `time`. */
export type CostInput = { sold: bigint; count: bigint; time: bigint };

/** `P` holds the parameters as the contract takes them; amounts in the token's smallest units. */
export type Curve<P> = {
  title: string;
  /** The price of key number i (from 0), in words. */
  formula: string;
  /** The contract's name. */
  contract: string;
  /** The parameters' encoding, as the listing stores it. */
  encode(params: P): Hex;
  /** Throws LISTING_INVALID for bytes that encode no parameters. What it returns can still be out of bounds: see `validate`. */
  decode(params: Hex): P;
  /** Throws LISTING_INVALID where the contract's `validate` refuses, with the same error's name and values in `details`. */
  validate(params: P): void;
  /** The least and the most that a key costs. */
  bounds(params: P): { min: bigint; max: bigint };
  /** The cost of the next `count` keys. Throws INVALID_REQUEST for more than 256. */
  cost(input: CostInput, params: P): bigint;
};

/**
 * What a parameter's number means: `amount` in the token's smallest units, `rate` with 18 decimals, `count` a number of keys, `time` Unix
 * seconds, `seconds` a span.
 */
export type Unit = "amount" | "rate" | "count" | "time" | "seconds";

type Numbers<F extends string> = Readonly<Record<F, bigint>>;
export type FormulaCurve<F extends string = string> = Curve<Numbers<F>> & {
  fields: Readonly<Record<F, Unit>>;
};

/** A curve of plain numbers: each is one ABI word, in the order of `fields`. */
export function formulaCurve<F extends string>({
  fields,
  check,
  price,
  ...rest
}: {
  title: string;
  formula: string;
  contract: string;
  fields: Readonly<Record<F, Unit>>;
  /** The contract's checks, in its order. */
  check(params: Numbers<F>): void;
  bounds(params: Numbers<F>): { min: bigint; max: bigint };
  /** What one key costs when `sold` were sold before. */
  price(at: { sold: bigint; time: bigint }, params: Numbers<F>): bigint;
}): FormulaCurve<F> {
  const names = Object.keys(fields) as F[];
  return {
    ...rest,
    fields,
    encode: (params) => concat(names.map((name) => numberToHex(params[name], { size: 32 }))),
    decode(params) {
      checkLength(size(params), 32 * names.length);
      return Object.fromEntries(
        names.map((name, i) => [name, BigInt(slice(params, 32 * i, 32 * i + 32))]),
      ) as Numbers<F>;
    },
    validate(params) {
      for (const name of names) checkAtLeast(name, params[name], 0n);
      check(params);
    },
    cost: (input, params) => costOfEach(input, (at) => price(at, params)),
  };
}

/** The sum of what the keys cost one by one. */
export function costOfEach(
  { sold, count, time }: CostInput,
  price: (at: { sold: bigint; time: bigint }) => bigint,
): bigint {
  checkCount(count);
  let sum = 0n;
  for (let i = 0n; i < count; i++) sum += price({ sold: sold + i, time });
  return sum;
}
