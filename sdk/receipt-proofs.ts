/**
 * What can be proven from the root of a gateway's day (receipt-tree.ts): that a receipt is among them, and that it is not. A proof says at
 * which place a leaf stands, so two leaves can be shown to be neighbours, and what should stand between them to be missing.
 */
import { concat, type Hex, hexToBigInt, keccak256, zeroHash } from "viem";
import { ExchangeError } from "./errors.ts";
import { type ReceiptTree, receiptProof } from "./receipt-tree.ts";

/** That `leaf` stands at `index` (from 0) of `count`. `path` has the siblings from the bottom up. */
export type LeafProof = { leaf: Hex; index: number; count: number; path: Hex[] };

/** Proves the leaf at `index`. Throws INVALID_REQUEST when there is none. */
export function proveLeaf(tree: ReceiptTree, index: number): LeafProof {
  const leaf = tree.leaves[index];
  const count = tree.leaves.length;
  if (!leaf) {
    throw new ExchangeError("INVALID_REQUEST", `There is no leaf ${index} among ${count}.`, {
      hint: "Leaves are counted from 0.",
      details: { index, count },
    });
  }
  return { leaf, index, count, path: receiptProof(tree, index) };
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
  if (!before && !after) return count === 0 && root === zeroHash;
  if (before && (before.count !== count || compare(before.leaf, leaf) >= 0 || !verifyLeaf(root, before)))
    return false;
  if (after && (after.count !== count || compare(leaf, after.leaf) >= 0 || !verifyLeaf(root, after)))
    return false;
  if (before && after) return before.index + 1 === after.index;
  return before ? before.index === count - 1 : after?.index === 0;
}

/** Where a leaf stands, or would: for proofs that it is there, and that it is not. */
export function placeOf({ leaves }: ReceiptTree, leaf: Hex): { index: number; found: boolean } {
  const index = leaves.findIndex((other) => compare(other, leaf) >= 0);
  return index === -1 ? { index: leaves.length, found: false } : { index, found: leaves[index] === leaf };
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
