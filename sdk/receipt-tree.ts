/**
 * The Merkle tree of a gateway's day, as the contract `ReceiptAnchor` hashes it: leaves ascending by value, each once; a leaf's node is its
 * keccak256, an inner node that of its two children; the row of leaf nodes is filled up with zero words to a power of two. Positional: a
 * proof says at which place a leaf stands, so that two leaves can be shown to be neighbours, and what should stand between them to be missing.
 */
import { concat, type Hex, hexToBigInt, keccak256 } from "viem";
import { ExchangeError } from "./errors.ts";

/** Root of a day without receipts, and what the row of leaf nodes is filled up with. */
export const ZERO_NODE: Hex = `0x${"00".repeat(32)}`;

/** That `leaf` stands at `index` (from 0) of `count`. `path` has the siblings from the bottom up. */
export type LeafProof = { leaf: Hex; index: number; count: number; path: Hex[] };

/** The leaves in the tree's order, each once, and its root. */
export function receiptTree(leaves: readonly Hex[]): { leaves: Hex[]; root: Hex } {
  const sorted = [...new Set(leaves)].sort(compare);
  return { leaves: sorted, root: layersOf(sorted).at(-1)?.[0] ?? ZERO_NODE };
}

/** Proves the leaf at `index` of leaves in the tree's order. Throws INVALID_REQUEST when there is none. */
export function proveLeaf(leaves: readonly Hex[], index: number): LeafProof {
  const leaf = leaves[index];
  if (!leaf) {
    throw new ExchangeError("INVALID_REQUEST", `There is no leaf ${index} among ${leaves.length}.`, {
      hint: "Leaves are counted from 0.",
      details: { index, count: leaves.length },
    });
  }
  const path = layersOf(leaves)
    .slice(0, -1)
    .map((layer, height) => layer[(index >> height) ^ 1] as Hex);
  return { leaf, index, count: leaves.length, path };
}

/** Whether the leaf stands at its place under `root`. `count` is to be had from whoever vouches for the root. */
export function verifyLeaf(root: Hex, { leaf, index, count, path }: LeafProof): boolean {
  if (!Number.isSafeInteger(index) || index < 0 || index >= count) return false;
  if (path.length !== heightOf(count)) return false;
  let node = keccak256(leaf);
  path.forEach((sibling, height) => {
    node = Math.floor(index / 2 ** height) % 2 === 0 ? hashNode(node, sibling) : hashNode(sibling, node);
  });
  return node === root;
}

/** Whether two leaves, or the lack of one at an end, show that `leaf`, a receipt that somebody has, is not in the tree. */
export function provesAbsence(
  { root, count }: { root: Hex; count: number },
  leaf: Hex,
  { before, after }: { before?: LeafProof | undefined; after?: LeafProof | undefined },
): boolean {
  if (!before && !after) return count === 0 && root === ZERO_NODE;
  if (before && (before.count !== count || compare(before.leaf, leaf) >= 0 || !verifyLeaf(root, before)))
    return false;
  if (after && (after.count !== count || compare(leaf, after.leaf) >= 0 || !verifyLeaf(root, after)))
    return false;
  if (before && after) return before.index + 1 === after.index;
  return before ? before.index === count - 1 : after?.index === 0;
}

/** Where a leaf stands, or would: for proofs that it is there, and that it is not. */
export function placeOf(leaves: readonly Hex[], leaf: Hex): { index: number; found: boolean } {
  const index = leaves.findIndex((other) => compare(other, leaf) >= 0);
  return index === -1 ? { index: leaves.length, found: false } : { index, found: leaves[index] === leaf };
}

/** From the leaves' nodes up to the root; empty without leaves. */
function layersOf(leaves: readonly Hex[]): Hex[][] {
  if (leaves.length === 0) return [];
  const width = 2 ** heightOf(leaves.length);
  let layer = Array.from({ length: width }, (_, i) => (leaves[i] ? keccak256(leaves[i] as Hex) : ZERO_NODE));
  const layers = [layer];
  while (layer.length > 1) {
    const below = layer;
    layer = Array.from({ length: below.length / 2 }, (_, i) =>
      hashNode(below[2 * i] as Hex, below[2 * i + 1] as Hex),
    );
    layers.push(layer);
  }
  return layers;
}

function heightOf(count: number): number {
  let height = 0;
  while (2 ** height < count) height += 1;
  return height;
}

function hashNode(left: Hex, right: Hex): Hex {
  return keccak256(concat([left, right]));
}

function compare(a: Hex, b: Hex): number {
  const [x, y] = [hexToBigInt(a), hexToBigInt(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}
