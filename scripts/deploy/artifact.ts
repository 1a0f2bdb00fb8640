/** Built contracts, by name, as Hardhat wrote them. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Abi, Hex } from "viem";
import { repoRoot } from "../system/repo.ts";

export type Artifact = {
  contractName: string;
  sourceName: string;
  abi: Abi;
  bytecode: Hex;
  deployedBytecode: Hex;
  /** Its source as the compiler knows it, and by which build. */
  inputSourceName: string;
  buildInfoId: string;
  /** Where the constructor writes into the runtime code, by AST id. */
  immutableReferences: Record<string, { start: number; length: number }[]>;
};

const folder = join(repoRoot, "artifacts/contracts");
const cache = new Map<string, Artifact>();

/** The artifact of a contract of this repository. Throws when it is not built. */
export function artifactOf(name: string): Artifact {
  const known = cache.get(name);
  if (known) return known;
  const [path] = globSync(join(folder, `**/${name}.json`));
  if (!path || !existsSync(path)) {
    throw new Error(`The contract ${name} is not built: run \`npm run build\` first.`);
  }
  const artifact = JSON.parse(readFileSync(path, "utf8")) as Artifact;
  cache.set(name, artifact);
  return artifact;
}

/** Every deployable contract of ours; mocks and interfaces are not. */
export function ownArtifacts(): Artifact[] {
  return globSync(join(folder, "**/*.json"))
    .filter((path) => !/\/(mocks|interfaces)\//.test(path))
    .map((path) => artifactOf(basename(path, ".json")))
    .filter(({ bytecode }) => bytecode.length > 2);
}

/** Whether `code` is what this artifact's constructor leaves, whatever the immutables are. */
export function isCodeOf({ deployedBytecode, immutableReferences }: Artifact, code: Hex): boolean {
  if (code.length !== deployedBytecode.length) return false;
  const blank = (hex: Hex) => {
    const bytes = Buffer.from(hex.slice(2), "hex");
    for (const { start, length } of Object.values(immutableReferences).flat())
      bytes.fill(0, start, start + length);
    return bytes;
  };
  return blank(code).equals(blank(deployedBytecode));
}
