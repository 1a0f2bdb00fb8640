/** Which unit tests meet a fault in which contract first. All of them run in the end. */
import { globSync } from "node:fs";
import { basename, join, relative } from "node:path";

/** What the names of the test files begin with; a contract that is not here has tests named like itself. */
const PREFIXES: Record<string, readonly string[]> = {
  AgentRegistry: ["registry-"],
  ExperienceKey: ["key-"],
  LabelRegistry: ["labels-"],
  PointsLedger: ["points"],
  Till: ["till", "exchange-finalize-till", "exchange-refund-till", "exchange-buy-via-till", "tills"],
  Create3Factory: ["deploy"],
};
/** They compare figures and bytes, which every fault changes: that would kill without having noticed anything. */
const NOT_PROOF = new Set(["gas.test.ts"]);

/** All unit tests of the contracts, the nearest first. */
export function testFilesFor(dir: string, contract?: string): string[] {
  const all = globSync([join(dir, "test/contracts/*.test.ts"), join(dir, "test/deploy/*.test.ts")])
    .filter((file) => !NOT_PROOF.has(basename(file)))
    .toSorted();
  const isNear = (file: string) =>
    contract !== undefined && prefixesOf(contract).some((p) => basename(file).startsWith(p));
  const near = all.filter(isNear);
  return [...near, ...all.filter((file) => !near.includes(file))].map((file) => relative(dir, file));
}

function prefixesOf(contract: string): readonly string[] {
  if (PREFIXES[contract]) return PREFIXES[contract];
  if (/Price$|Curve$/.test(contract)) return ["curve"];
  return [contract.replace(/([a-z])([A-Z])/g, "$1-$2").toLowerCase()];
}
