/** The peers' compiled contracts, from npm, in a folder of their own: the exchange does not depend on them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Abi, Address, Hex } from "viem";
import { installOwnPackages } from "../../system/own-packages.ts";
import { repoRoot } from "../../system/repo.ts";

const folder = join(repoRoot, "scripts/bench/peers");

export type PeerArtifact = {
  abi: Abi;
  bytecode: Hex;
  linkReferences: Record<string, Record<string, { start: number; length: number }[]>>;
};

export const installPeers = () => installOwnPackages(folder);

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
