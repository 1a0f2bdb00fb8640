/** The peers' compiled contracts, from npm, in a folder of their own: the exchange does not depend on them. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Abi, Address, Hex } from "viem";
import { repoRoot } from "../../system/repo.ts";

const folder = join(repoRoot, "scripts/bench/peers");

export type PeerArtifact = {
  abi: Abi;
  bytecode: Hex;
  linkReferences: Record<string, Record<string, { start: number; length: number }[]>>;
};

/** Installs them when they are not there. Their own dependencies are for building, not for running. */
export function installPeers(): void {
  const { dependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  const isThere = ([name, version]: [string, string]) => {
    const file = join(folder, "node_modules", name, "package.json");
    return (
      existsSync(file) && (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version === version
    );
  };
  if (Object.entries(dependencies).every(isThere)) return;
  const args = [
    "install",
    "--no-audit",
    "--no-fund",
    "--no-package-lock",
    "--ignore-scripts",
    "--legacy-peer-deps",
  ];
  const { status, stderr } = spawnSync("npm", args, { cwd: folder, encoding: "utf8" });
  if (status !== 0) throw new Error(`The peers do not install: ${stderr.trim().split("\n").at(-1)}`);
}

/** An artifact below the peers' `node_modules`. */
export function peerArtifact(path: string): PeerArtifact {
  return JSON.parse(readFileSync(join(folder, "node_modules", path), "utf8")) as PeerArtifact;
}

/** The creation code with its one library's address filled in. */
export function linked({ bytecode, linkReferences }: PeerArtifact, library: Address): Hex {
  let code = bytecode.slice(2);
  for (const { start, length } of Object.values(linkReferences).flatMap((names) =>
    Object.values(names).flat(),
  )) {
    code = code.slice(0, 2 * start) + library.slice(2).toLowerCase() + code.slice(2 * (start + length));
  }
  return `0x${code}`;
}
