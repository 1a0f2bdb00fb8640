/** The curves' formulas as mathematics has them, to 60 digits and more: no fixed-point tricks, no cut exponents, nothing rounded up. */
import type { CurveParams, FormulaType, Piece, PiecewiseParams } from "../../../sdk/curves.ts";

/** 90 decimals. */
export const ONE = 10n ** 90n;
const WAD = 10n ** 18n;
/** Beyond it e^−x is below 10^−86. */
const FAR = 200n * ONE;

type At = { sold: bigint; time: bigint };

/** e^x for x ≥ 0, by its series; the whole part by multiplication. */
export function exp(x: bigint): bigint {
  let result = series(x % ONE);
  const e = series(ONE);
  for (let n = x / ONE; n > 0n; n--) result = (result * e) / ONE;
  return result;
}

function series(x: bigint): bigint {
  let sum = 0n;
  let term = ONE;
  for (let n = 1n; term > 0n; n++) {
    sum += term;
    term = (term * x) / ONE / n;
  }
  return sum;
}

/** e^−x for x ≥ 0; never nothing. */
const decay = (x: bigint) => (x > FAR ? 1n : (ONE * ONE) / exp(x));

/** Prices times {@link ONE}. */
const exact: { [T in FormulaType]: (at: At, params: CurveParams<T>) => bigint } = {
  fixed: (_at, { price }) => price * ONE,
  linear: ({ sold }, { base, slope, max }) => least(max * ONE, (base + slope * sold) * ONE),
  exp({ sold }, { base, k, max }) {
    const x = (k * sold * ONE) / WAD;
    return x > FAR ? max * ONE : least(max * ONE, base * exp(x));
  },
  logistic({ sold }, { min, max, k, mid }) {
    const x = (k * (sold > mid ? sold - mid : mid - sold) * ONE) / WAD;
    const e = decay(x);
    const share = sold > mid ? (ONE * ONE) / (ONE + e) : (e * ONE) / (ONE + e) + 1n; // not nothing either
    return min * ONE + (max - min) * share;
  },
  time_decay({ time }, { base, k, min, start }) {
    const age = time > start ? time - start : 0n;
    const price = base * decay((k * age * ONE) / WAD / 86_400n);
    return price < min * ONE ? min * ONE : price;
  },
  seasonal({ time }, { base, inSeason, start, period, length }) {
    const sinceSeason = time < start ? length : (time - start) % period;
    return (sinceSeason < length ? inSeason : base) * ONE;
  },
  quota: ({ sold }, { base, quota, max }) =>
    sold < quota ? least(max * ONE, (base * quota * ONE) / (quota - sold)) : max * ONE,
};

function least(a: bigint, b: bigint): bigint {
  if (a < b) return a;
  return b;
}

/** What one key costs, times {@link ONE}. */
export function exactPrice(type: FormulaType | "custom_piecewise", at: At, params: unknown): bigint {
  if (type !== "custom_piecewise") return (exact[type] as (at: At, params: unknown) => bigint)(at, params);
  const { min, max, pieces } = params as PiecewiseParams;
  let held: Piece | undefined;
  for (const piece of pieces) if (piece.from <= at.sold) held = piece;
  if (!held) throw new Error("No piece holds.");
  const price = exactPrice(held.formula, at, held.params);
  return price < min * ONE ? min * ONE : least(max * ONE, price);
}
