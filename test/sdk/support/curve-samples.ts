/** Fuzzed parameters of every price curve: small, large and extreme ones alike. */
import fc from "fast-check";
import {
  type CostInput,
  type CurveParams,
  type CurveType,
  type FormulaType,
  formulas,
  formulaTypes,
  type Piece,
  type PiecewiseParams,
  type Unit,
} from "../../../sdk/curves.ts";

const MAX_AMOUNT = 2n ** 96n - 1n;
const MAX_RATE = 67n * 10n ** 18n;

/** Whole numbers from `min` to `max`: the edges and small ones often, and as many of each magnitude as of the largest. */
export function between(min: bigint, max: bigint): fc.Arbitrary<bigint> {
  const size = max - min + 1n;
  const magnitudes = BigInt(size.toString(2).length);
  return fc.oneof(
    fc.constantFrom(min, max, min + (1n % size), max - (1n % size)),
    fc.bigInt({ min, max: min + (size < 1_000n ? size - 1n : 999n) }),
    fc.bigInt({ min, max }),
    fc
      .tuple(fc.bigInt({ min: 0n, max: magnitudes }), fc.bigInt({ min: 0n, max: size }))
      .map(([bits, number]) => min + ((number >> bits) % size)),
  );
}

export const inputs: fc.Arbitrary<CostInput> = fc.record({
  sold: between(0n, 2n ** 32n - 1n),
  count: fc.oneof({ weight: 40, arbitrary: fc.constantFrom(0n, 1n, 1n, 2n) }, between(0n, 256n)),
  time: between(0n, 2n ** 40n - 1n),
});

const amount = between(0n, MAX_AMOUNT);
const rate = between(0n, MAX_RATE);
const count = between(0n, 2n ** 32n - 1n);
const time = between(0n, 2n ** 40n - 1n);
/** Two amounts, the lower one first; the higher one is `least` at the least. */
const range = (least = 0n) =>
  fc.tuple(between(least, MAX_AMOUNT), between(least, MAX_AMOUNT)).map((pair) => pair.sort(ascending));

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : Number(a > b);
}

/** Parameters that `validate` takes. */
const validFormulas: { [T in FormulaType]: fc.Arbitrary<CurveParams<T>> } = {
  fixed: fc.record({ price: amount }),
  linear: fc
    .tuple(range(), amount, count, fc.boolean())
    .map(([[base = 0n, max = 0n], slope, steps, meets]) => ({
      base,
      // Half of them meet their maximum within the domain.
      slope: meets ? (max - base) / (steps + 1n) : slope,
      max,
    })),
  exp: fc.tuple(range(1n), rate).map(([[base = 1n, max = 1n], k]) => ({ base, k, max })),
  logistic: fc.tuple(range(), rate, count).map(([[min = 0n, max = 0n], k, mid]) => ({ min, max, k, mid })),
  time_decay: fc
    .tuple(range(), between(0n, MAX_RATE * 86_400n), time)
    .map(([[min = 0n, base = 0n], k, start]) => ({ base, k, min, start })),
  seasonal: between(2n, 2n ** 40n - 1n).chain((period) =>
    fc.record({
      base: amount,
      inSeason: amount,
      start: time,
      period: fc.constant(period),
      length: between(1n, period - 1n),
    }),
  ),
  quota: fc
    .tuple(range(1n), between(1n, 2n ** 32n - 1n))
    .map(([[base = 1n, max = 1n], quota]) => ({ base, quota, max })),
};

function pieceOf(params: typeof validFormulas): fc.Arbitrary<Piece> {
  return fc
    .constantFrom(...formulaTypes)
    .chain((formula) =>
      (params[formula] as fc.Arbitrary<unknown>).map((own) => ({ from: 0n, formula, params: own }) as Piece),
    );
}

/** A handful of pieces, and now and then a hundred, each beginning where the one before ends. */
const piecewise: fc.Arbitrary<PiecewiseParams> = fc
  .tuple(
    range(),
    fc.oneof(
      { weight: 30, arbitrary: fc.array(pieceOf(validFormulas), { minLength: 1, maxLength: 6 }) },
      { weight: 1, arbitrary: fc.array(pieceOf(validFormulas), { minLength: 100, maxLength: 100 }) },
    ),
    between(1n, 2n ** 25n),
  )
  .map(([[min = 0n, max = 0n], pieces, length]) => ({
    min,
    max,
    pieces: pieces.map((piece, i) => ({ ...piece, from: BigInt(i) * length })),
  }));

export const valid: { [T in CurveType]: fc.Arbitrary<CurveParams<T>> } = {
  ...validFormulas,
  custom_piecewise: piecewise,
};

const beyond: Record<Unit, fc.Arbitrary<bigint>> = {
  amount: between(0n, MAX_AMOUNT * 2n),
  rate: between(0n, MAX_RATE * 2n),
  count: between(0n, 2n ** 33n),
  time: between(0n, 2n ** 41n),
  seconds: between(0n, 2n ** 41n),
};

/** Parameters of the right shape, good or not. */
function anyNumbers(type: FormulaType): fc.Arbitrary<unknown> {
  const fields: Readonly<Record<string, Unit>> = formulas[type].fields;
  const huge = between(0n, 2n ** 256n - 1n);
  return fc.record(
    Object.fromEntries(
      Object.entries(fields).map(([name, unit]) => [
        name,
        fc.oneof({ weight: 9, arbitrary: beyond[unit] }, { weight: 1, arbitrary: huge }),
      ]),
    ),
  );
}

const anyFormulas = Object.fromEntries(
  formulaTypes.map((type) => [
    type,
    fc.oneof(anyNumbers(type), validFormulas[type] as fc.Arbitrary<unknown>),
  ]),
) as typeof validFormulas;

export const any: typeof valid = {
  ...anyFormulas,
  custom_piecewise: fc.oneof(
    piecewise,
    fc.record({
      min: amount,
      max: amount,
      pieces: fc.array(
        fc.tuple(pieceOf(anyFormulas), count).map(([piece, from]) => ({ ...piece, from })),
        { maxLength: 3 },
      ),
    }),
    // Too many pieces, and one of them bad.
    fc.tuple(piecewise, fc.nat({ max: 101 })).map(([params, length]) => ({
      ...params,
      pieces: Array.from({ length }, (_, i) => ({
        ...(params.pieces[i % params.pieces.length] as Piece),
        from: BigInt(i),
      })),
    })),
    fc.tuple(piecewise, pieceOf(anyFormulas)).map(([params, bad]) => ({
      ...params,
      pieces: [...params.pieces.slice(0, 5), { ...bad, from: 2n ** 32n - 1n }],
    })),
  ),
};
