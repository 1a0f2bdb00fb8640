/** Records: names ↔ bits, both ways, and equal to the contracts' constants. */
import { readFileSync } from "node:fs";
import { expect } from "chai";
import fc from "fast-check";
import {
  actions,
  type Bit,
  flags,
  fromBits,
  labels,
  pointsReasons,
  scopes,
  toBits,
} from "../../sdk/records.ts";

const records: Record<string, Record<string, Bit>> = { labels, scopes, actions, flags, pointsReasons };

describe("records", () => {
  for (const [name, record] of Object.entries(records)) {
    const names = Object.keys(record);

    it(`${name}: any set of names is what its bits read as, in the record's order`, () => {
      fc.assert(
        fc.property(fc.subarray(names), (some) => {
          expect(fromBits(record, toBits(record, some))).to.deep.equal(some);
          expect(fromBits(record, BigInt(toBits(record, some)))).to.deep.equal(some);
        }),
      );
    });

    it(`${name}: no two share a bit, and bits that no name has are read as nothing`, () => {
      const bits = names.map((n) => (record[n] as Bit).bit);
      expect(new Set(bits).size).to.equal(bits.length);
      fc.assert(
        fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (set) => {
          expect(toBits(record, fromBits(record, set))).to.equal(set & toBits(record, names));
        }),
      );
    });
  }

  const constants = {
    scopes: "Scopes",
    actions: "Actions",
    flags: "Flags",
    pointsReasons: "PointsReasons",
  } as const;
  for (const [name, library] of Object.entries(constants)) {
    it(`${name}: the same bits as contracts/libraries/${library}.sol`, () => {
      const source = readFileSync(
        new URL(`../../contracts/libraries/${library}.sol`, import.meta.url),
        "utf8",
      );
      const inSolidity = [...source.matchAll(/constant ([A-Z_]+) = 1 << (\d+);/g)].map(
        ([, constant, bit]) => [constant?.toLowerCase().replaceAll("_", "-"), Number(bit)],
      );
      const here = Object.entries(records[name] ?? {}).map(([n, { bit }]) => [n, bit]);
      expect(here).to.deep.equal(inSolidity);
    });
  }
});
