/** Another formula from each breakpoint on. Its parameters are packed; `PiecewisePrice.sol` says how. */
import { concat, type Hex, numberToHex, size, slice } from "viem";
import { ExchangeError } from "../errors.ts";
import { checkAtLeast, checkAtMost, checkLength, MAX_AMOUNT, MAX_KEYS } from "./bounds.ts";
import { type Curve, costOfEach } from "./curve.ts";
import { type FormulaParams, formulas } from "./formulas.ts";
import { type FormulaType, formulaTypes } from "./names.ts";
import { clamp } from "./rounding.ts";

/** From key number `from` (from 0) on, `formula` prices the keys. */
export type Piece = {
  [T in FormulaType]: { from: bigint; formula: T; params: FormulaParams<T> };
}[FormulaType];
export type PiecewiseParams = { min: bigint; max: bigint; pieces: readonly Piece[] };

const MAX_PIECES = 100n;
const HEADS_AT = 25;
const HEAD_SIZE = 8;

/** The formula of a piece, for its parameters: that they belong together is what {@link Piece} says. */
function formulaOf(type: FormulaType): Curve<Piece["params"]> {
  return formulas[type] as unknown as Curve<Piece["params"]>;
}

export const piecewise: Curve<PiecewiseParams> = {
  title: "Piecewise",
  formula: "the formula of the last piece that starts at or before i, kept between min and max",
  contract: "PiecewisePrice",
  encode({ min, max, pieces }) {
    const data = pieces.map(({ formula, params }) => formulaOf(formula).encode(params));
    let offset = 0;
    const heads = pieces.map(({ from, formula }, i) => {
      const head = [
        numberToHex(from, { size: 4 }),
        numberToHex(formulaTypes.indexOf(formula), { size: 1 }),
        numberToHex(offset, { size: 3 }),
      ];
      offset += size(data[i] as Hex);
      return concat(head);
    });
    return concat([
      numberToHex(min, { size: 12 }),
      numberToHex(max, { size: 12 }),
      numberToHex(pieces.length, { size: 1 }),
      ...heads,
      ...data,
    ]);
  },
  decode(params) {
    const number = (at: number, bytes: number) => Number(slice(params, at, at + bytes));
    if (size(params) < HEADS_AT) checkLength(size(params), HEADS_AT);
    const count = number(24, 1);
    const dataAt = HEADS_AT + count * HEAD_SIZE;
    if (size(params) < dataAt) checkLength(size(params), dataAt);
    const dataSize = size(params) - dataAt;
    const offset = (i: number) => (i === count ? dataSize : number(HEADS_AT + i * HEAD_SIZE + 5, 3));
    if (count > 0) checkAtMost("offset", BigInt(offset(0)), 0n);
    const pieces = Array.from({ length: count }, (_, i): Piece => {
      const formula = formulaTypes[number(HEADS_AT + i * HEAD_SIZE + 4, 1)];
      if (!formula) checkAtMost("formula", BigInt(number(HEADS_AT + i * HEAD_SIZE + 4, 1)), lastFormula);
      checkAtLeast("offset", BigInt(offset(i + 1)), BigInt(offset(i)));
      checkAtMost("offset", BigInt(offset(i + 1)), BigInt(dataSize));
      const own =
        offset(i + 1) === offset(i) ? "0x" : slice(params, dataAt + offset(i), dataAt + offset(i + 1));
      const piece = { from: BigInt(number(HEADS_AT + i * HEAD_SIZE, 4)), formula: formula as FormulaType };
      return { ...piece, params: inPiece(i, () => formulaOf(piece.formula).decode(own)) } as Piece;
    });
    return { min: BigInt(slice(params, 0, 12)), max: BigInt(slice(params, 12, 24)), pieces };
  },
  validate({ min, max, pieces }) {
    checkAtLeast("pieces", BigInt(pieces.length), 1n);
    checkAtMost("pieces", BigInt(pieces.length), MAX_PIECES);
    checkAtLeast("min", min, 0n);
    checkAtMost("max", max, MAX_AMOUNT);
    checkAtMost("min", min, max);
    pieces.forEach(({ from }, i) => {
      checkAtLeast("from", from, (pieces[i - 1]?.from ?? -1n) + 1n);
      checkAtMost("from", from, i === 0 ? 0n : MAX_KEYS);
    });
    pieces.forEach(({ formula, params }, i) => {
      inPiece(i, () => formulaOf(formula).validate(params));
    });
  },
  bounds: ({ min, max }) => ({ min, max }),
  cost: (input, { min, max, pieces }) =>
    costOfEach(input, ({ sold, time }) => {
      const piece = pieces.findLast(({ from }) => from <= sold);
      if (!piece) throw new RangeError("The first piece does not start at 0.");
      return clamp(formulaOf(piece.formula).cost({ sold, count: 1n, time }, piece.params), min, max);
    }),
};

const lastFormula = BigInt(formulaTypes.length - 1);

/** Says in which piece (from 0) the formula refused. */
function inPiece<T>(piece: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    throw new ExchangeError("LISTING_INVALID", `Piece ${piece}: ${error.message}`, {
      details: { error: "PieceRefused", piece: String(piece), reason: error.details },
      cause: error,
    });
  }
}
