/** A Merkle-Patricia tree as Ethereum makes one of a block's receipts, and the proofs that it gives. */
import { fromRlp, type Hex, keccak256, size, toRlp } from "viem";

type Item = Hex | Item[];
type Entry = { path: readonly number[]; value: Hex };

/** Its root, and the RLP of every node that is not inside another, by its hash. */
export type Trie = { root: Hex; nodes: ReadonlyMap<Hex, Hex> };

/** The tree of `values` by their index, as Ethereum keys receipts and transactions. */
export function trieOf(values: readonly Hex[]): Trie {
  const nodes = new Map<Hex, Hex>();
  const entries = values.map((value, index) => ({ path: pathOf(index), value }));
  const rlp = toRlp(build(entries, 0, nodes));
  const root = keccak256(rlp);
  nodes.set(root, rlp);
  return { root, nodes };
}

/** The nodes from the root to the value at `index`; as far as they go when there is none. */
export function proofOf({ root, nodes }: Trie, index: number): Hex[] {
  const proof: Hex[] = [];
  let path = pathOf(index);
  let item: Item | undefined = root;
  while (item !== undefined) {
    let node: Item = item;
    if (typeof node === "string") {
      const rlp = nodes.get(node);
      if (rlp === undefined) break;
      proof.push(rlp);
      node = fromRlp(rlp, "hex") as Item[];
    }
    if (node.length === 17) {
      item = path.length === 0 ? undefined : node[path[0] as number];
      path = path.slice(1);
    } else {
      const { nibbles, leaf } = unpack(node[0] as Hex);
      const fits = nibbles.every((nibble, i) => nibble === path[i]);
      item = leaf || !fits ? undefined : node[1];
      path = path.slice(nibbles.length);
    }
  }
  return proof;
}

function pathOf(index: number): number[] {
  return nibblesOf(toRlp(index === 0 ? "0x" : `0x${even(index.toString(16))}`));
}

function build(entries: readonly Entry[], depth: number, nodes: Map<Hex, Hex>): Item[] {
  const [first] = entries;
  if (!first) throw new Error("A tree of nothing has no nodes.");
  if (entries.length === 1) return [pack(first.path.slice(depth), true), first.value];
  let end = depth;
  while (entries.every(({ path }) => path[end] === first.path[end])) end++;
  if (end > depth)
    return [pack(first.path.slice(depth, end), false), reference(build(entries, end, nodes), nodes)];
  // No key of a receipt begins with another, so a branch has no value of its own.
  const children = Array.from({ length: 16 }, (_, nibble): Item => {
    const below = entries.filter(({ path }) => path[depth] === nibble);
    return below.length === 0 ? "0x" : reference(build(below, depth + 1, nodes), nodes);
  });
  return [...children, "0x"];
}

/** A node stands inside its parent while it is shorter than its hash. */
function reference(node: Item[], nodes: Map<Hex, Hex>): Item {
  const rlp = toRlp(node);
  if (size(rlp) < 32) return node;
  const hash = keccak256(rlp);
  nodes.set(hash, rlp);
  return hash;
}

/** The hex-prefix encoding of the Yellow Paper, appendix C. */
function pack(nibbles: readonly number[], leaf: boolean): Hex {
  const odd = nibbles.length % 2;
  const flag = (leaf ? 2 : 0) + odd;
  const all = odd ? [flag, ...nibbles] : [flag, 0, ...nibbles];
  return `0x${all.map((nibble) => nibble.toString(16)).join("")}`;
}

function unpack(packed: Hex): { nibbles: number[]; leaf: boolean } {
  const [flag = 0, ...rest] = nibblesOf(packed);
  return { nibbles: flag % 2 ? rest : rest.slice(1), leaf: flag >= 2 };
}

function nibblesOf(bytes: Hex): number[] {
  return [...bytes.slice(2)].map((digit) => Number.parseInt(digit, 16));
}

function even(digits: string): string {
  return digits.length % 2 ? `0${digits}` : digits;
}
