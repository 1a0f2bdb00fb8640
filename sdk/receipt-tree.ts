/**
 * The Merkle tree of a gateway's day, and what can be proven from its root. Positional: a proof says at which place a leaf stands, so two
 * leaves can be shown to be neighbours, and what should stand between them to be missing.
 */
import { concat, encodeAbiParameters, type Hex, keccak256, parseAbiParameters } from "viem";
import { ExchangeError } from "./errors.ts";
import { compareLeaves, type Leaf } from "./receipts.ts";

/** Root of a day without receipts. */
export const EMPTY_ROOT: Hex = `0x${"00".repeat(32)}`;

/** That `leaf` stands at `index` (from 0) of `count`. `path` has the siblings from the bottom up; a node without one goes up as it is. */
export type LeafProof = { leaf: Leaf; index: number; count: number; path: Hex[] };

const leafTypes = parseAbiParameters("bytes32 chain, uint64 number, bytes32 receipt");

/** keccak256 of 96 bytes, and so never that of a node, which has 64. */
export function hashLeaf({ chain, number, receipt }: Leaf): Hex {
  return keccak256(encodeAbiParameters(leafTypes, [chain, BigInt(number), receipt]));
}

/** The leaves in the tree's order, and its root. */
export function receiptTree(leaves: readonly Leaf[]): { leaves: Leaf[]; root: Hex } {
  const sorted = [...leaves].sort(compareLeaves);
  return { leaves: sorted, root: layersOf(sorted).at(-1)?.[0] ?? EMPTY_ROOT };
}

/** Proves the leaf at `index` of leaves in the tree's order. Throws INVALID_REQUEST when there is none. */
export function proveLeaf(leaves: readonly Leaf[], index: number): LeafProof {
  const leaf = leaves[index];
  if (!leaf) {
    throw new ExchangeError("INVALID_REQUEST", `There is no leaf ${index} among ${leaves.length}.`, {
      hint: "Leaves are counted from 0.",
      details: { index, count: leaves.length },
    });
  }
  const path: Hex[] = [];
  let at = index;
  for (const layer of layersOf(leaves).slice(0, -1)) {
    const sibling = layer[at ^ 1];
    if (sibling !== undefined) path.push(sibling);
    at >>= 1;
  }
  return { leaf, index, count: leaves.length, path };
}

/** Whether the leaf stands at its place under `root`. */
export function verifyLeaf(root: Hex, { leaf, index, count, path }: LeafProof): boolean {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(count) || index < 0 || index >= count)
    return false;
  let node = hashLeaf(leaf);
  let at = index;
  let next = 0;
  for (let width = count; width > 1; width = Math.ceil(width / 2)) {
    if ((at ^ 1) < width) {
      const sibling = path[next++];
      if (sibling === undefined) return false;
      node = at % 2 === 0 ? hashNode(node, sibling) : hashNode(sibling, node);
    }
    at >>= 1;
  }
  return next === path.length && node === root;
}

/**
 * Whether two proofs show that a number was left out: neighbours of one row that are not consecutive. `missing` are the numbers between
 * them.
 */
export function provesOmission(root: Hex, before: LeafProof, after: LeafProof): { missing: number[] } | null {
  if (!areNeighbours(root, before, after) || before.leaf.chain !== after.leaf.chain) return null;
  const missing: number[] = [];
  for (let n = before.leaf.number + 1; n < after.leaf.number && missing.length < 1000; n++) missing.push(n);
  return missing.length === 0 ? null : { missing };
}

/** Whether the proofs show that `leaf`, a receipt that somebody has, is missing: it would stand between these two neighbours. */
export function provesAbsence(
  root: Hex,
  leaf: Leaf,
  before: LeafProof | null,
  after: LeafProof | null,
): boolean {
  if (before && compareLeaves(before.leaf, leaf) >= 0) return false;
  if (after && compareLeaves(leaf, after.leaf) >= 0) return false;
  if (before && after) return areNeighbours(root, before, after);
  if (before) return before.index === before.count - 1 && verifyLeaf(root, before);
  if (after) return after.index === 0 && verifyLeaf(root, after);
  return root === EMPTY_ROOT;
}

/** Whether two proofs, of any two days of one gateway, show one number of a row on two different receipts. */
export function provesReplay(
  first: { root: Hex; proof: LeafProof },
  second: { root: Hex; proof: LeafProof },
): boolean {
  const [a, b] = [first.proof.leaf, second.proof.leaf];
  return (
    a.chain === b.chain &&
    a.number === b.number &&
    a.receipt !== b.receipt &&
    verifyLeaf(first.root, first.proof) &&
    verifyLeaf(second.root, second.proof)
  );
}

function areNeighbours(root: Hex, before: LeafProof, after: LeafProof): boolean {
  return (
    before.index + 1 === after.index &&
    before.count === after.count &&
    verifyLeaf(root, before) &&
    verifyLeaf(root, after)
  );
}

/** From the leaves' hashes up to the root. */
function layersOf(leaves: readonly Leaf[]): Hex[][] {
  const layers: Hex[][] = [leaves.map(hashLeaf)];
  for (let layer = layers[0] as Hex[]; layer.length > 1; ) {
    const above: Hex[] = [];
    for (let i = 0; i < layer.length; i += 2) {
      const [left, right] = [layer[i] as Hex, layer[i + 1]];
      above.push(right === undefined ? left : hashNode(left, right));
    }
    layers.push(above);
    layer = above;
  }
  return layers;
}

function hashNode(left: Hex, right: Hex): Hex {
  return keccak256(concat([left, right]));
}
