/** The table of roles against the compiled code, both ways. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { type Artifact, ownArtifacts } from "../../scripts/deploy/artifact.ts";
import { contracts, curves } from "../../scripts/deploy/plan.ts";
import { roleEntries } from "../../scripts/deploy/roles.ts";
import { repoRoot } from "../../scripts/system/repo.ts";

type Node = {
  id: number;
  nodeType: string;
  name: string;
  nodes?: Node[];
  linearizedBaseContracts?: number[];
  modifiers?: { modifierName: { name: string } }[];
};
type Sources = Record<string, { ast: Node }>;

const builds = new Map<string, Sources>();

function sourcesOf({ buildInfoId }: Artifact): Sources {
  const known = builds.get(buildInfoId);
  if (known) return known;
  const file = join(repoRoot, `artifacts/build-info/${buildInfoId}.output.json`);
  const { sources } = (JSON.parse(readFileSync(file, "utf8")) as { output: { sources: Sources } }).output;
  builds.set(buildInfoId, sources);
  return sources;
}

/** The names of the functions with the modifier `restricted`, inherited ones too. */
function restrictedOf(artifact: Artifact): string[] {
  const all = Object.values(sourcesOf(artifact)).flatMap(({ ast }) => ast.nodes ?? []);
  const contract = sourcesOf(artifact)[artifact.inputSourceName]?.ast.nodes?.find(
    ({ name }) => name === artifact.contractName,
  );
  if (!contract) throw new Error(`The build of ${artifact.contractName} does not hold its source.`);
  return all
    .filter(({ id }) => contract.linearizedBaseContracts?.includes(id))
    .flatMap(({ nodes }) => nodes ?? [])
    .filter(({ modifiers }) => modifiers?.some(({ modifierName }) => modifierName.name === "restricted"))
    .map(({ name }) => `${artifact.contractName}.${name}`);
}

describe("the table of roles", () => {
  const inTable = roleEntries.flatMap(([, { functions }]) =>
    Object.entries(functions).flatMap(([contract, names]) => names.map((name) => `${contract}.${name}`)),
  );

  it("names every restricted function of the contracts, and no other", () => {
    const inCode = ownArtifacts().flatMap(restrictedOf);
    expect(inCode, "no function is restricted: the reader of the code is broken").not.to.deep.equal([]);
    expect([...new Set(inTable)].toSorted()).to.deep.equal([...new Set(inCode)].toSorted());
  });

  it("gives a function to one role only, and an id to one role only", () => {
    expect(new Set(inTable).size).to.equal(inTable.length);
    const ids = roleEntries.map(([, { id }]) => id);
    expect(new Set(ids).size).to.equal(ids.length);
  });

  it("every contract of ours that asks an authority is in the plan", () => {
    const planned = new Set(
      [...Object.values(contracts), ...Object.values(curves)].map(({ artifact }) => artifact),
    );
    const asking = ownArtifacts().filter(({ abi }) =>
      abi.some((item) => item.type === "function" && item.name === "authority"),
    );
    expect(asking.map(({ contractName }) => contractName).filter((name) => !planned.has(name))).to.deep.equal(
      [],
    );
  });
});
