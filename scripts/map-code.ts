/** Writes `audit/known-code.ts`: the hashes by which the auditor tells our contracts. Needs a build. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { codeHash, type Immutable } from "../audit/code.ts";
import { curves } from "../sdk/curves.ts";
import { contractNames } from "../sdk/deployment.ts";
import { artifactOf } from "./deploy/artifact.ts";
import { repoRoot } from "./system/repo.ts";

const names = [...contractNames, ...Object.values(curves).map(({ contract }) => contract)];
const entries = names.map((name) => {
  const { deployedBytecode, immutableReferences } = artifactOf(name);
  const immutables = Object.values(immutableReferences)
    .flat()
    .map(({ start, length }): Immutable => [start, length])
    .toSorted(([a], [b]) => a - b);
  const places = immutables.map(([start, length]) => `[${start}, ${length}]`).join(", ");
  return `  ${name}: {\n    hash: "${codeHash(deployedBytecode, immutables)}",\n    immutables: [${places}],\n  },`;
});
const text = `/** Made by \`npm run generate\`: the contracts' runtime code, by hash. */
import type { KnownCode } from "./code.ts";

// biome-ignore format: generated
export const knownCode: Readonly<Record<string, KnownCode>> = {
${entries.join("\n")}
};
`;
writeFileSync(join(repoRoot, "audit/known-code.ts"), text);
console.log(`audit/known-code.ts: ${entries.length} contracts`);
