/** Proofs of logs, made of what the node tells of its blocks, and checked against the block's own hash and root. */
import { concat, type Hash, type Hex, keccak256, numberToHex, toRlp } from "viem";
import { networkHelpers, publicClient } from "./chain.ts";
import { proofOf, type Trie, trieOf } from "./trie.ts";

export type Proof = { header: Hex; txIndex: bigint; nodes: Hex[]; logIndex: bigint };
type RawLog = { address: Hex; topics: Hex[]; data: Hex };
type RawReceipt = { type: Hex; status: Hex; cumulativeGasUsed: Hex; logsBloom: Hex; logs: RawLog[] };
type RawBlock = Record<string, Hex> & { transactions: Hash[] };

/** The header's fields in their order; the later ones are there from their fork on. */
const fields = {
  bytes: ["parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom"],
  numbers: ["difficulty", "number", "gasLimit", "gasUsed", "timestamp"],
  more: ["extraData", "mixHash", "nonce"],
  later: [
    ["baseFeePerGas", quantity],
    ["withdrawalsRoot", same],
    ["blobGasUsed", quantity],
    ["excessBlobGas", quantity],
    ["parentBeaconBlockRoot", same],
    ["requestsHash", same],
  ],
} as const;

/** A block as it is proven: its header, and the tree of its receipts. */
export type Proven = { number: bigint; header: Hex; trie: Trie; receipts: readonly RawReceipt[] };

/** Throws when header or tree are not what the block's hash says: then this file is wrong. */
export async function provenBlock(number: bigint): Promise<Proven> {
  const block = (await publicClient.request({
    method: "eth_getBlockByNumber",
    params: [numberToHex(number), false],
  })) as unknown as RawBlock;
  const receipts = await Promise.all(
    block.transactions.map(
      async (hash) =>
        (await publicClient.request({
          method: "eth_getTransactionReceipt",
          params: [hash],
        })) as unknown as RawReceipt,
    ),
  );
  const header = headerOf(block);
  const trie = trieOf(receipts.map(encodeReceipt));
  if (keccak256(header) !== block.hash) throw new Error(`The header of block ${number} has another hash.`);
  if (trie.root !== block.receiptsRoot) throw new Error(`The receipts of block ${number} have another root.`);
  return { number, header, trie, receipts };
}

/** The proof of a log of this transaction: the one at `logIndex` in its receipt. */
export async function proveLog(hash: Hash | Promise<Hash>, logIndex: number): Promise<Proof> {
  const receipt = await publicClient.waitForTransactionReceipt({ hash: await hash });
  // What views ask is answered as of the last block, which does not know its own hash yet.
  if (receipt.blockNumber === (await publicClient.getBlockNumber())) await networkHelpers.mine();
  const { header, trie } = await provenBlock(receipt.blockNumber);
  const nodes = proofOf(trie, receipt.transactionIndex);
  return { header, txIndex: BigInt(receipt.transactionIndex), nodes, logIndex: BigInt(logIndex) };
}

/** The proof of the transaction's first log that `emitter` made with this first topic. */
export async function proveEvent(hash: Hash | Promise<Hash>, emitter: Hex, topic: Hex): Promise<Proof> {
  const { logs } = await publicClient.waitForTransactionReceipt({ hash: await hash });
  const index = logs.findIndex((log) => log.address === emitter.toLowerCase() && log.topics[0] === topic);
  if (index < 0) throw new Error(`${emitter} has not logged that in ${await hash}.`);
  return proveLog(hash, index);
}

function headerOf(block: RawBlock): Hex {
  const value = (name: string): Hex => {
    const found = block[name];
    if (found === undefined) throw new Error(`The block has no ${name}.`);
    return found;
  };
  return toRlp([
    ...fields.bytes.map(value),
    ...fields.numbers.map((name) => quantity(value(name))),
    ...fields.more.map(value),
    ...fields.later.flatMap(([name, encode]) => (block[name] === undefined ? [] : [encode(value(name))])),
  ]);
}

/** A receipt as the tree has it: after its type's byte, unless it is of the first type (EIP-2718). */
function encodeReceipt({ type, status, cumulativeGasUsed, logsBloom, logs }: RawReceipt): Hex {
  const list = toRlp([
    quantity(status),
    quantity(cumulativeGasUsed),
    logsBloom,
    logs.map(({ address, topics, data }) => [address, topics, data]),
  ]);
  return type === "0x0" ? list : concat([numberToHex(Number(type), { size: 1 }), list]);
}

function quantity(value: Hex): Hex {
  const digits = value.slice(2).replace(/^0+/, "");
  return `0x${digits.length % 2 ? "0" : ""}${digits}`;
}

function same(value: Hex): Hex {
  return value;
}
