/** Merkle Patricia tries, as far as proofs of inclusion need them (Ethereum yellow paper, appendix D). Nothing is stored. */
import { type Hex, keccak256, numberToHex, size, toRlp } from "viem";

/** A key in nibbles, with its value. */
type Entry = { path: string; value: Hex };
/** As RLP has it: a leaf, an extension or a branch. Children of less than 32 bytes stand in their parents. */
type Node = (Hex | Node)[];

const LEAF = true;

export type TrieProof = {
  root: Hex;
  /** RLP of the nodes from the root to the value. */
  nodes: Hex[];
};

/**
 * The root of the trie of `values` under the RLP of their indexes, as blocks have their receipts and transactions, and the way to one of
 * them.
 *
 * @example
 * proveIndex(receipts, 3).root; // equal to the block's receiptsRoot
 */
export function proveIndex(values: readonly Hex[], index: number): TrieProof {
  const entries = values.map((value, i) => ({ path: pathOf(i), value }));
  const { node, way } = build(entries, pathOf(index));
  return { root: keccak256(toRlp(node)), nodes: way };
}

function pathOf(index: number): string {
  return toRlp(index === 0 ? "0x" : numberToHex(index)).slice(2);
}

/** A subtrie, and the RLP of its nodes that lead to the value that is looked for, where it is in here. */
type Built = { node: Node; way: Hex[] };

/** `target`: what is left of the path to the value that is looked for; undefined where that is elsewhere. */
function build(entries: readonly Entry[], target: string | undefined): Built {
  const [first] = entries;
  if (!first) throw new Error("An empty trie proves nothing.");
  if (entries.length === 1) return built([compact(first.path, LEAF), first.value], target, []);
  const shared = sharedPrefix(entries.map(({ path }) => path));
  if (shared.length === 0) return buildBranch(entries, target);
  const child = build(without(entries, shared.length), target?.slice(shared.length));
  return built([compact(shared, !LEAF), reference(child.node)], target, child.way);
}

function buildBranch(entries: readonly Entry[], target: string | undefined): Built {
  const branch: Node = [];
  let way: Hex[] = [];
  for (const nibble of "0123456789abcdef") {
    const below = entries.filter(({ path }) => path.startsWith(nibble));
    if (below.length === 0) {
      branch.push("0x");
      continue;
    }
    const child = build(without(below, 1), target?.startsWith(nibble) ? target.slice(1) : undefined);
    branch.push(reference(child.node));
    way = [...way, ...child.way];
  }
  branch.push(entries.find(({ path }) => path === "")?.value ?? "0x");
  return built(branch, target, way);
}

function built(node: Node, target: string | undefined, below: Hex[]): Built {
  return { node, way: target === undefined ? [] : [toRlp(node), ...below] };
}

const without = (entries: readonly Entry[], length: number): Entry[] =>
  entries.map(({ path, value }) => ({ path: path.slice(length), value }));

function sharedPrefix([first = "", ...others]: readonly string[]): string {
  let length = first.length;
  for (const other of others) {
    while (!other.startsWith(first.slice(0, length))) length--;
  }
  return first.slice(0, length);
}

/** How a parent names its child. */
function reference(node: Node): Hex | Node {
  const encoded = toRlp(node);
  return size(encoded) < 32 ? node : keccak256(encoded);
}

/** Hex-prefix encoding: whether it is a leaf, whether the nibbles are odd in number, and the nibbles. */
function compact(path: string, isLeaf: boolean): Hex {
  const flag = (isLeaf ? 2 : 0) + (path.length % 2);
  return `0x${flag.toString(16)}${path.length % 2 === 0 ? "0" : ""}${path}`;
}
