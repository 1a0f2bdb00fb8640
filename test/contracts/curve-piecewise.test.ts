/*
 * PiecewisePrice
 * ├── constructor(formulas)
 * │   ├── none, or more than 8            reverts CurveParamTooSmall, CurveParamTooLarge
 * │   └── no curve, or a piecewise one    reverts InvalidFormula
 * ├── cost                                the piece's formula at the breakpoints, kept within min and max
 * │   └── of 100 pieces                   at most 5,000 gas more than a fixed price
 * └── validate(params)
 *     ├── too short                       reverts CurveParamsLength
 *     ├── pieces, min, from, formula, offset out of bounds   revert with the value and the bound
 *     └── a piece that its formula refuses   reverts PieceRefused with the formula's reason
 */
import { expect } from "chai";
import {
  type Address,
  concat,
  encodeErrorResult,
  getContract,
  type Hex,
  numberToHex,
  size,
  toHex,
  zeroAddress,
} from "viem";
import { piecewisePriceAbi } from "../../sdk/abis/index.ts";
import { curves, formulaTypes, type Piece } from "../../sdk/curves.ts";
import { loadFixture } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { client, create, deployMoa, type Moa, people } from "./support/deploy.ts";

const MAX = 2n ** 96n - 1n;
const { encode } = curves.custom_piecewise;
const word = (value: bigint) => toHex(value, { size: 32 });
const at = (from: bigint, price: bigint): Piece => ({ from, formula: "fixed", params: { price } });

/** Packed by hand, so that the parts can be wrong. */
function pack({
  min = 0n,
  max = MAX,
  count,
  heads,
  data,
}: {
  min?: bigint;
  max?: bigint;
  count?: number;
  heads: [from: number, formula: number, offset: number][];
  data: Hex[];
}): Hex {
  return concat([
    numberToHex(min, { size: 12 }),
    numberToHex(max, { size: 12 }),
    numberToHex(count ?? heads.length, { size: 1 }),
    ...heads.flatMap(([from, formula, offset]) => [
      numberToHex(from, { size: 4 }),
      numberToHex(formula, { size: 1 }),
      numberToHex(offset, { size: 3 }),
    ]),
    ...data,
  ]);
}

describe("PiecewisePrice", () => {
  let moa: Moa;
  let curve: ReturnType<typeof curveAt>;
  const curveAt = (address: Address) =>
    getContract({ address, abi: piecewisePriceAbi, client: client.public });
  beforeEach(async () => {
    moa = await loadFixture(deployMoa);
    curve = curveAt(moa.curves.custom_piecewise);
  });
  const priceOf = (sold: bigint, params: Hex, time = 0n) => curve.read.cost([sold, 1n, time, params]);

  describe("constructor", () => {
    it("knows its formulas in the order of the record", async () => {
      expect(await curve.read.formulaCount()).to.equal(7n);
      for (const [i, type] of formulaTypes.entries()) {
        expect(await curve.read.formulaAt([BigInt(i)]), type).to.equal(moa.curves[type]);
      }
      expect(await curve.read.formulaAt([7n])).to.equal(zeroAddress);
      expect(await curve.read.formulaAt([2n ** 200n])).to.equal(zeroAddress);
    });

    it("takes one to eight formulas, each at its place", async () => {
      const { fixed, linear } = moa.curves;
      for (let count = 1; count <= 8; count++) {
        const own = curveAt(await create("PiecewisePrice", [[...Array(count - 1).fill(fixed), linear]]));
        const places = await Promise.all([...Array(9).keys()].map((i) => own.read.formulaAt([BigInt(i)])));
        const expected = places.map((_, i) =>
          i < count - 1 ? fixed : i === count - 1 ? linear : zeroAddress,
        );
        expect(places).to.deep.equal(expected);
      }
    });

    it("refuses none and nine", async () => {
      const none = create("PiecewisePrice", [[]]);
      await reverts(none, curve, "CurveParamTooSmall", ["formulas", 0n, 1n]);
      const nine = create("PiecewisePrice", [Array(9).fill(moa.curves.fixed)]);
      await reverts(nine, curve, "CurveParamTooLarge", ["formulas", 9n, 8n]);
    });

    it("refuses a piecewise curve and an account: pieces don't nest", async () => {
      const { fixed, custom_piecewise: piecewise } = moa.curves;
      for (const formula of [piecewise, people.stranger.address]) {
        const call = create("PiecewisePrice", [[fixed, formula]]);
        await reverts(call, curve, "InvalidFormula", [formula]);
      }
    });
  });

  describe("cost", () => {
    it("goes over to the next formula at its breakpoint", async () => {
      const params = encode({
        min: 0n,
        max: MAX,
        pieces: [
          at(0n, 0n),
          { from: 10n, formula: "linear", params: { base: 100n, slope: 10n, max: 10_000n } },
          {
            from: 20n,
            formula: "seasonal",
            params: { base: 7n, inSeason: 9n, start: 100n, period: 10n, length: 5n },
          },
          at(2n ** 32n - 1n, 1n),
        ],
      });
      await curve.read.validate([params]);
      const rows: [sold: bigint, time: bigint, price: bigint][] = [
        [0n, 0n, 0n],
        [9n, 0n, 0n],
        [10n, 0n, 200n], // the formulas count all keys, from the first
        [19n, 0n, 290n],
        [20n, 99n, 7n],
        [20n, 100n, 9n],
        [2n ** 32n - 2n, 0n, 7n],
        [2n ** 32n - 1n, 0n, 1n],
      ];
      for (const [sold, time, price] of rows)
        expect(await priceOf(sold, params, time), `${sold}`).to.equal(price);
      expect(await curve.read.cost([8n, 4n, 0n, params])).to.equal(0n + 0n + 200n + 210n);
    });

    it("invariant 12 keeps every price within its bounds", async () => {
      const pieces = [at(0n, 5n), at(1n, 10n), at(2n, 15n), at(3n, 20n), at(4n, 25n)];
      const params = encode({ min: 10n, max: 20n, pieces });
      const prices = await Promise.all([0n, 1n, 2n, 3n, 4n].map((sold) => priceOf(sold, params)));
      expect(prices).to.deep.equal([10n, 10n, 15n, 20n, 20n]);
    });

    it("finds each of 100 pieces", async () => {
      const pieces = Array.from({ length: 100 }, (_, i) => at(3n * BigInt(i), BigInt(i)));
      const params = encode({ min: 0n, max: MAX, pieces });
      await curve.read.validate([params]);
      for (let sold = 0n; sold < 310n; sold++) {
        expect(await priceOf(sold, params), `${sold}`).to.equal(sold / 3n > 99n ? 99n : sold / 3n);
      }
    });
  });

  describe("validate", () => {
    const refuses = (params: Hex, error: Parameters<typeof reverts>[2], args: unknown[]) =>
      reverts(curve.read.validate([params]), curve, error as never, args);
    const data = [word(1n), word(2n)];

    it("takes what is well formed, at the bounds", async () => {
      await curve.read.validate([encode({ min: MAX, max: MAX, pieces: [at(0n, 0n)] })]);
      const heads: [number, number, number][] = [
        [0, 0, 0],
        [2 ** 32 - 1, 0, 32],
      ];
      await curve.read.validate([pack({ heads, data })]);
    });

    it("refuses what is too short", async () => {
      await refuses("0x", "CurveParamsLength", [0n, 25n]);
      await refuses(`0x${"00".repeat(24)}`, "CurveParamsLength", [24n, 25n]);
      await refuses(pack({ heads: [[0, 0, 0]], count: 2, data: [] }), "CurveParamsLength", [33n, 41n]);
      await refuses(pack({ heads: [], count: 100, data: [] }), "CurveParamsLength", [25n, 825n]);
    });

    it("refuses no pieces and more than a hundred", async () => {
      await refuses(pack({ heads: [], data: [] }), "CurveParamTooSmall", ["pieces", 0n, 1n]);
      await refuses(pack({ heads: [], count: 101, data: [] }), "CurveParamTooLarge", ["pieces", 101n, 100n]);
    });

    it("refuses a minimum above the maximum", async () => {
      const params = pack({ min: 6n, max: 5n, heads: [[0, 0, 0]], data: [word(1n)] });
      await refuses(params, "CurveParamTooLarge", ["min", 6n, 5n]);
    });

    it("refuses pieces that don't start at 0 and go up", async () => {
      const two = (first: number, second: number) =>
        pack({
          heads: [
            [first, 0, 0],
            [second, 0, 32],
          ],
          data,
        }); // prettier-ignore
      await refuses(two(1, 2), "CurveParamTooLarge", ["from", 1n, 0n]);
      await refuses(two(0, 0), "CurveParamTooSmall", ["from", 0n, 1n]);
      const falling = pack({
        heads: [
          [0, 0, 0],
          [9, 0, 32],
          [8, 0, 64],
        ],
        data: [...data, word(3n)],
      }); // prettier-ignore
      await refuses(falling, "CurveParamTooSmall", ["from", 8n, 10n]);
    });

    it("refuses a formula that is not on the list", async () => {
      await refuses(pack({ heads: [[0, 7, 0]], data: [word(1n)] }), "CurveParamTooLarge", [
        "formula",
        7n,
        6n,
      ]);
      await refuses(pack({ heads: [[0, 255, 0]], data: [word(1n)] }), "CurveParamTooLarge", [
        "formula",
        255n,
        6n,
      ]);
    });

    it("refuses offsets that leave gaps, go back or lead out of the data", async () => {
      const two = (first: number, second: number) =>
        pack({
          heads: [
            [0, 0, first],
            [1, 0, second],
          ],
          data,
        }); // prettier-ignore
      await refuses(two(1, 32), "CurveParamTooLarge", ["offset", 1n, 0n]);
      await refuses(two(0, 65), "CurveParamTooLarge", ["offset", 65n, 64n]);
      const back = pack({
        heads: [
          [0, 0, 0],
          [1, 0, 32],
          [2, 0, 31],
        ],
        data,
      }); // prettier-ignore
      await refuses(back, "CurveParamTooSmall", ["offset", 31n, 32n]);
    });

    it("T7 refuses what a piece's formula refuses, and says which and why", async () => {
      const length = (given: bigint) =>
        encodeErrorResult({ abi: piecewisePriceAbi, errorName: "CurveParamsLength", args: [given, 32n] });
      await refuses(pack({ heads: [[0, 0, 0]], data: [] }), "PieceRefused", [0n, length(0n)]);
      const shared = pack({
        heads: [
          [0, 0, 0],
          [1, 0, 0],
        ],
        data: [word(1n)],
      }); // prettier-ignore
      await refuses(shared, "PieceRefused", [0n, length(0n)]);
      const rest = pack({
        heads: [
          [0, 0, 0],
          [1, 0, 32],
        ],
        data: [...data, "0x00"],
      }); // prettier-ignore
      await refuses(rest, "PieceRefused", [1n, length(33n)]);
      const dear = pack({
        heads: [
          [0, 0, 0],
          [1, 0, 32],
        ],
        data: [word(1n), word(MAX + 1n)],
      }); // prettier-ignore
      const reason = encodeErrorResult({
        abi: piecewisePriceAbi,
        errorName: "CurveParamTooLarge",
        args: ["price", MAX + 1n, MAX],
      });
      await refuses(dear, "PieceRefused", [1n, reason]);
    });

    it("takes a hundred pieces of the longest parameters", async () => {
      const params = { base: 1n, inSeason: 2n, start: 3n, period: 4n, length: 1n };
      const pieces = Array.from(
        { length: 100 },
        (_, i): Piece => ({ from: BigInt(i), formula: "seasonal", params }),
      );
      const encoded = encode({ min: 0n, max: MAX, pieces });
      expect(size(encoded)).to.equal(25 + 100 * (8 + 160));
      await curve.read.validate([encoded]);
    });
  });
});
