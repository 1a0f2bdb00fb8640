/** Points ↔ the contract's hundredths. */
import { expect } from "chai";
import fc from "fast-check";
import { fromPoints, toPoints, UNITS_PER_POINT } from "../../sdk/points.ts";

describe("points", () => {
  it("reads hundredths as points", () => {
    expect([0n, 50n, 100n, 250n, -50n].map(toPoints)).to.deep.equal([0, 0.5, 1, 2.5, -0.5]);
    expect(UNITS_PER_POINT).to.equal(100n);
  });

  it("goes there and back without loss", () => {
    fc.assert(
      fc.property(fc.bigInt(-(10n ** 15n), 10n ** 15n), (units) => {
        expect(fromPoints(toPoints(units))).to.equal(units);
      }),
    );
  });

  it("refuses what the contract can't count", () => {
    for (const points of [0.001, 1.005, 2 / 3]) expect(() => fromPoints(points)).to.throw(RangeError);
  });
});
