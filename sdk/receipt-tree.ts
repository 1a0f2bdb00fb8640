/**
 * The tree of a gateway's receipts of one day, whose root the contract `ReceiptAnchor` keeps. Positions count: the leaves are sorted, so
 * that two neighbours prove that nothing between them was used. `IReceiptAnchor.sol` has the rules; this is their twin.
 */
import type { Hex } from "viem";
import { ExchangeError } from "./errors.ts";
import { keccak256, ZERO_HASH } from "./hash.ts";

/** The rows of nodes, from the leaves' up to the root's. */
export type ReceiptTree = { leaves: readonly Hex[]; root: Hex; rows: readonly (readonly Hex[])[] };

/**
 * The tree of these receipts' keccak256 hashes, in any order. Without any its root is zero. Throws INVALID_REQUEST for a receipt that
 * comes twice: it would count twice.
 *
 * @example
 * const tree = receiptTree(receipts.map((receipt) => keccak256(receipt)));
 * // anchor(agentId, gatewayId, day, tree.root, tree.leaves.length)
 */
export function receiptTree(hashes: readonly Hex[]): ReceiptTree {
  const leaves = hashes.map((hash) => hash.toLowerCase() as Hex).toSorted();
  const twice = leaves.find((leaf, i) => leaf === leaves[i + 1]);
  if (twice)
    throw new ExchangeError("INVALID_REQUEST", `The receipt ${twice} is among the day's receipts twice.`);
  if (leaves.length === 0) return { leaves, root: ZERO_HASH, rows: [] };
  const width = 2 ** Math.ceil(Math.log2(leaves.length));
  const filling = Array.from({ length: width - leaves.length }, () => ZERO_HASH);
  const rows: Hex[][] = [[...leaves.map((leaf) => keccak256(leaf)), ...filling]];
  for (let row = rows[0] as Hex[]; row.length > 1; rows.push(row)) row = parentsOf(row);
  return { leaves, root: rows.at(-1)?.[0] as Hex, rows };
}

/** The siblings of the leaf at `index`, from its node up: the proof that `ReceiptAnchor.verify` takes. */
export function receiptProof({ rows }: ReceiptTree, index: number): Hex[] {
  return rows.slice(0, -1).map((row, height) => row[(index >> height) ^ 1] as Hex);
}

function parentsOf(row: readonly Hex[]): Hex[] {
  return Array.from({ length: row.length / 2 }, (_, i) =>
    keccak256(`${row[2 * i] as Hex}${(row[2 * i + 1] as Hex).slice(2)}`),
  );
}
