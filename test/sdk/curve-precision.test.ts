/**
 * The curves' formulas against decimals of 90 digits, computed without any of the contracts' means: the relative error is at most 10^−15,
 * apart from the rounding up to a whole unit. That the contracts cost what the twins say is proved in curves.test.ts.
 */
import { expect } from "chai";
import fc from "fast-check";
import { growth } from "../../sdk/curves/growth.ts";
import { type Curve, curves, curveTypes } from "../../sdk/curves.ts";
import { between, valid } from "./support/curve-samples.ts";
import { exactPrice, exp, ONE } from "./support/exact.ts";

const CASES = 2_000;
const SEED = 0x6d6f61;
const ERROR = 10n ** 15n;
const WAD = 10n ** 18n;
const DAY = 86_400n;

/** Keys and times at which the exponent is anything up to 100, half of the time: most others are at their bounds. */
const moments = fc.record({
  exponent: between(0n, 100n * WAD),
  sold: between(0n, 2n ** 32n - 1n),
  time: between(0n, 2n ** 40n - 1n),
  aimed: fc.boolean(),
});

function aim(
  { exponent, sold, time, aimed }: { exponent: bigint; sold: bigint; time: bigint; aimed: boolean },
  params: unknown,
): { sold: bigint; time: bigint } {
  const { k = 0n, mid = 0n, start = 0n } = params as Record<string, bigint>;
  if (!aimed || k === 0n) return { sold, time };
  const keys = exponent / k;
  const at = time % 2n === 0n || mid < keys ? mid + keys : mid - keys;
  const age = (exponent * DAY) / k;
  return {
    sold: at < 2n ** 32n ? at : 2n ** 32n - 1n,
    time: start + age < 2n ** 40n ? start + age : 2n ** 40n - 1n,
  };
}

describe("curves against exact decimals", () => {
  for (const type of curveTypes) {
    it(`invariant 12 ${type}: within 10^−15 and a unit, in ${CASES} cases`, () => {
      const curve = curves[type] as Curve<unknown>;
      fc.assert(
        fc.property(valid[type] as fc.Arbitrary<unknown>, moments, (params, moment) => {
          const at = aim(moment, params);
          const cost = curve.cost({ ...at, count: 1n }, params) * ONE;
          const exact = exactPrice(type, at, params);
          const slack = exact / ERROR;
          expect(cost >= exact - slack, "too cheap").to.equal(true);
          expect(cost < exact + slack + ONE, "too dear").to.equal(true);
        }),
        { seed: SEED, numRuns: CASES },
      );
    });
  }

  it("e^x is within 10^−18 and its last decimal, from 0 to 67", () => {
    fc.assert(
      fc.property(between(0n, 67n * WAD), (x) => {
        const exact = exp((x * ONE) / WAD);
        const found = (growth(x) * ONE) / WAD;
        const slack = exact / WAD + ONE / WAD;
        expect(found <= exact + slack && found >= exact - slack).to.equal(true);
      }),
      { seed: SEED, numRuns: CASES },
    );
  });

  it("the decimals themselves are right", () => {
    // e to 60 places
    expect(exp(ONE) / 10n ** 30n).to.equal(2718281828459045235360287471352662497757247093699959574966967n);
    expect((exp(ONE * 50n) * exp(ONE / 2n)) / ONE / 10n ** 30n).to.equal(exp((ONE * 101n) / 2n) / 10n ** 30n);
  });
});
