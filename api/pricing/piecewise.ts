/** The parameters of a piecewise curve, from the breakpoints of a pricing policy. */
import { curves, type Piece, type PiecewiseParams } from "../../sdk/curves.ts";
import { formulaOf, noteRefusal, readFormula, refuseOthers } from "./formula.ts";
import type { Breakpoint } from "./sources.ts";
import { type Reader, valueAt } from "./values.ts";

/** The parameters from the policy at `at`; undefined when there are faults, which are then noted. */
export function readPiecewise(reader: Reader, at: string): PiecewiseParams | undefined {
  const { pricing, faults } = reader;
  const before = faults.length;
  const { breakpoints } = pricing;
  refuseOthers(reader, at, pricing, new Set(["min_price", "max_price"]));
  if (breakpoints === undefined) {
    faults.push({ pointer: `${at}/breakpoints`, message: "is missing: which formula holds from where on" });
    return undefined;
  }
  const pieces = breakpoints.map((breakpoint, i) => readPiece(reader, `${at}/breakpoints/${i}`, breakpoint));
  breakpoints.forEach(({ sold_max }, i) => {
    const next = breakpoints[i + 1]?.sold_min ?? pricing.supply_cap;
    if (sold_max === undefined || sold_max + 1 === next) return;
    const message = next === undefined ? "has no end: there is no supply_cap" : `must be ${next - 1}`;
    faults.push({ pointer: `${at}/breakpoints/${i}/sold_max`, message });
  });
  const min = valueAt(reader, at, pricing, "min_price", "amount");
  const max = valueAt(reader, at, pricing, "max_price", "amount");
  if (faults.length > before || min === "unreadable" || max === "unreadable") return undefined;
  return checkPiecewise(reader, at, pieces as Piece[], { min, max });
}

function readPiece(reader: Reader, at: string, breakpoint: Breakpoint): Piece | undefined {
  const { sold_min, formula } = breakpoint;
  const params = readFormula(reader, at, formula, breakpoint);
  return params && ({ from: BigInt(sold_min), formula, params } as unknown as Piece);
}

function checkPiecewise(
  { faults }: Reader,
  at: string,
  pieces: readonly Piece[],
  given: { min: bigint | undefined; max: bigint | undefined },
): PiecewiseParams | undefined {
  const bounds = pieces.map(({ formula, params }) => formulaOf(formula).bounds(params));
  const [least] = bounds.map(({ min }) => min).sort(ascending);
  const most = bounds
    .map(({ max }) => max)
    .sort(ascending)
    .at(-1);
  const params = {
    min: given.min ?? least ?? 0n,
    max: given.max ?? most ?? 0n,
    pieces,
  };
  try {
    curves.custom_piecewise.validate(params);
    return params;
  } catch (error) {
    const unordered = pieces.findIndex(
      ({ from }, i) => from <= (pieces[i - 1]?.from ?? -1n) || (i === 0 && from > 0n),
    );
    noteRefusal(faults, error, (name) =>
      name === "from" ? `${at}/breakpoints/${unordered}/sold_min` : `${at}/${name}_price`,
    );
    return undefined;
  }
}

function ascending(a: bigint, b: bigint): number {
  return a < b ? -1 : Number(a > b);
}
