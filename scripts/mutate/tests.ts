/** Which unit tests meet a fault in which contract first. All of them run in the end. */
import { globSync } from "node:fs";
import { basename, join, relative } from "node:path";

/** What the names of the test files begin with; a contract that is not here has tests named like itself. */
const PREFIXES: Record<string, readonly string[]> = {
  Actions: ["registry-grant"],
  AgentRegistry: ["registry-"],
  CardIssuer: ["cards-"],
  Create3Factory: ["deploy"],
  CurveMath: ["curve"],
  CurveParams: ["curve"],
  Deals: ["exchange-", "order-"],
  Exchange: ["exchange-", "order-"],
  ExperienceKey: ["key-"],
  LabelHash: ["labels-"],
  LabelRegistry: ["labels-"],
  LabelSlot: ["labels-"],
  LabelTypes: ["labels-"],
  PointsLedger: ["points"],
  PointsReasons: ["points"],
  Signatures: ["tills", "exchange-buy-with"],
  TermsCode: ["catalog"],
  Till: ["till"],
  Tills: ["tills"],
  ValidatorBonds: ["bonds-"],
};
/** They compare figures and bytes, which every fault changes: that would kill without having noticed anything. */
const NOT_PROOF = /gas\.test\.ts$/;

/** All unit tests of the contracts, the nearest first. */
export function testFilesFor(dir: string, contract?: string): string[] {
  const all = unitTests(dir);
  const near = contract === undefined ? [] : nearestTests(dir, contract);
  return [...near, ...all.filter((file) => !near.includes(file))];
}

/** Those whose names say that they are about this contract. */
export function nearestTests(dir: string, contract: string): string[] {
  const prefixes = prefixesOf(contract);
  return unitTests(dir).filter((file) => prefixes.some((prefix) => basename(file).startsWith(prefix)));
}

function unitTests(dir: string): string[] {
  return globSync([join(dir, "test/contracts/*.test.ts"), join(dir, "test/deploy/*.test.ts")])
    .filter((file) => !NOT_PROOF.test(file))
    .toSorted()
    .map((file) => relative(dir, file));
}

function prefixesOf(contract: string): readonly string[] {
  if (PREFIXES[contract]) return PREFIXES[contract];
  if (/Price$|Curve$/.test(contract)) return ["curve"];
  return [contract.replace(/([a-z])([A-Z])/g, "$1-$2").toLowerCase()];
}
