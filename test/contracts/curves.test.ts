/*
 * FixedPrice, LinearPrice: exact values, also those of the TypeScript twins
 * ├── cost(sold, count, time, params)   fixed: count × price; linear: the sum of min(max, base + slope × i)
 * │   ├── n at once                     cost what n singly cost (T7: splitting a purchase changes nothing)
 * │   └── at the bounds                 never overflows
 * └── validate(params)                  reverts InvalidCurveParams(reason) for a wrong length and values out of bounds
 */
import { expect } from "chai";
import { type Hex, toHex } from "viem";
import { type CostInput, curves, type LinearParams } from "../../sdk/curves.ts";
import { loadFixture } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { deployMoa, type Moa } from "./support/deploy.ts";
import { SLOPE } from "./support/market.ts";

const MAX = 2n ** 128n - 1n;
const COUNT = 2n ** 32n - 1n;
const words = (...values: bigint[]): Hex =>
  `0x${values.map((value) => toHex(value, { size: 32 }).slice(2)).join("")}`;

describe("price curves", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMoa);
  });

  describe("FixedPrice", () => {
    const cost = (count: bigint, price: bigint, { sold = 0n, time = 0n } = {}) =>
      moa.fixed.read.cost([sold, count, time, curves.fixed.encode({ price })]);

    it("costs the same for every key, whenever", async () => {
      expect(await cost(1n, 5n)).to.equal(5n);
      expect(await cost(3n, 5n, { sold: 1000n, time: 2n ** 40n - 1n })).to.equal(15n);
      expect(await cost(0n, 5n)).to.equal(0n);
      expect(await cost(7n, 0n)).to.equal(0n);
      expect(await cost(COUNT, MAX)).to.equal(COUNT * MAX);
    });

    it("takes any price below 2^128 and nothing else", async () => {
      await moa.fixed.read.validate([words(0n)]);
      await moa.fixed.read.validate([words(MAX)]);
      const length = ["fixed: params must be abi.encode(uint256 price)"];
      for (const params of ["0x", "0x05", words(1n, 1n), `${words(1n)}00`] as Hex[]) {
        await reverts(moa.fixed.read.validate([params]), moa.fixed, "InvalidCurveParams", length);
      }
      for (const price of [MAX + 1n, 2n ** 256n - 1n]) {
        const call = moa.fixed.read.validate([words(price)]);
        await reverts(call, moa.fixed, "InvalidCurveParams", ["fixed: price must be below 2^128"]);
      }
    });
  });

  describe("LinearPrice", () => {
    const cost = ({ sold, count, time }: CostInput, params: LinearParams) =>
      moa.linear.read.cost([sold, count, time, curves.linear.encode(params)]);

    it("rises by the slope with each key, up to the maximum", async () => {
      const prices = [100n, 125n, 150n, 175n, 200n, 200n, 200n].map((price) => price * 10_000n);
      let total = 0n;
      for (const [sold, price] of prices.entries()) {
        const single = await cost({ sold: BigInt(sold), count: 1n, time: 0n }, SLOPE);
        expect(single, `key ${sold}`).to.equal(price);
        total += price;
        const together = await cost({ sold: 0n, count: BigInt(sold) + 1n, time: 0n }, SLOPE);
        expect(together, `the first ${sold + 1}`).to.equal(total);
      }
      expect(await cost({ sold: 3n, count: 0n, time: 0n }, SLOPE)).to.equal(0n);
      expect(await cost({ sold: 2n, count: 4n, time: 9n }, SLOPE)).to.equal(7_250_000n);
    });

    it("meets a maximum that the slope steps over", async () => {
      const params = { base: 1n, slope: 4n, max: 10n }; // 1, 5, 9, 10, 10, …
      for (const [sold, price] of [1n, 5n, 9n, 10n, 10n].entries()) {
        expect(await cost({ sold: BigInt(sold), count: 1n, time: 0n }, params)).to.equal(price);
      }
      expect(await cost({ sold: 0n, count: 5n, time: 0n }, params)).to.equal(35n);
    });

    it("is flat where the slope is 0, or the base the maximum", async () => {
      expect(await cost({ sold: 9n, count: 3n, time: 0n }, { base: 2n, slope: 0n, max: 5n })).to.equal(6n);
      expect(await cost({ sold: 9n, count: 3n, time: 0n }, { base: 5n, slope: 9n, max: 5n })).to.equal(15n);
    });

    it("is free only where it says so", async () => {
      const params = { base: 0n, slope: 1n, max: 9n };
      expect(await cost({ sold: 0n, count: 1n, time: 0n }, params)).to.equal(0n);
      expect(await cost({ sold: 1n, count: 1n, time: 0n }, params)).to.equal(1n);
      expect(await cost({ sold: 1n, count: 1n, time: 0n }, { base: 0n, slope: MAX, max: 0n })).to.equal(0n);
    });

    it("T7 agrees with its twin, and splitting a purchase changes nothing, up to the bounds", async () => {
      const shapes: LinearParams[] = [
        SLOPE,
        { base: 1n, slope: 4n, max: 10n },
        { base: 0n, slope: 1n, max: MAX },
        { base: MAX, slope: MAX, max: MAX },
        { base: 0n, slope: MAX, max: MAX },
        { base: MAX - 1n, slope: 1n, max: MAX },
      ];
      const positions = [0n, 1n, 3n, 4n, 5n, 2n ** 31n, COUNT - 7n];
      for (const params of shapes) {
        for (const sold of positions) {
          const together = await cost({ sold, count: 7n, time: 0n }, params);
          expect(together).to.equal(curves.linear.cost({ sold, count: 7n, time: 0n }, params));
          const split = await cost({ sold, count: 2n, time: 0n }, params);
          const rest = await cost({ sold: sold + 2n, count: 5n, time: 0n }, params);
          expect(split + rest).to.equal(together);
        }
        const most = { sold: COUNT, count: COUNT, time: 2n ** 40n - 1n };
        expect(await cost(most, params)).to.equal(curves.linear.cost(most, params));
      }
    });

    it("takes bounds that hold and nothing else", async () => {
      const { validate } = moa.linear.read;
      await validate([words(0n, 0n, 0n)]);
      await validate([words(MAX, MAX, MAX)]);
      const length = ["linear: params must be abi.encode(uint256 base, uint256 slope, uint256 max)"];
      for (const params of ["0x", words(1n), words(1n, 1n, 1n, 1n)]) {
        await reverts(validate([params as Hex]), moa.linear, "InvalidCurveParams", length);
      }
      const refused: [Hex, string][] = [
        [words(0n, 0n, MAX + 1n), "linear: max must be below 2^128"],
        [words(0n, MAX + 1n, 0n), "linear: slope must be below 2^128"],
        [words(2n, 0n, 1n), "linear: base must not be above max"],
        [words(2n ** 256n - 1n, 0n, MAX), "linear: base must not be above max"],
      ];
      for (const [params, reason] of refused) {
        await reverts(validate([params]), moa.linear, "InvalidCurveParams", [reason]);
      }
    });
  });
});
