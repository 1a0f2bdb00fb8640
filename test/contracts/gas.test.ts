/** What the transactions cost, against the committed figures: a change of gas is a decision and not an accident. */
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { measureWorks, testUsdc } from "../../scripts/bench/gas/measure.ts";

/** Addresses with more or fewer zero bytes move a figure by this part at most. */
const TOLERANCE = 0.005;

describe("gas", () => {
  it("is what test/contracts/gas.snapshot.json says", async () => {
    const snapshot = JSON.parse(readFileSync(new URL("gas.snapshot.json", import.meta.url), "utf8"));
    const { figures } = await measureWorks(testUsdc);
    expect(Object.keys(figures), "measured works").to.deep.equal(Object.keys(snapshot));
    const moved = Object.entries(figures)
      .filter(([name, gas]) => Math.abs(gas / snapshot[name] - 1) > TOLERANCE)
      .map(([name, gas]) => `${name}: ${snapshot[name]} → ${gas}`);
    const advice = "If it is meant so, run `npm run bench:gas -- --write` and commit the snapshot.";
    expect(moved, `${moved.join("; ")}. ${advice}`).to.deep.equal([]);
  });
});
