/**
 * Proofs that a transaction of an earlier block logged something, for contracts that check them against the block's hash: the twin of
 * `IReceiptProofs.Proof`.
 */
import { concat, type Hash, type Hex, hexToBigInt, keccak256, toRlp } from "viem";
import { proveIndex } from "./trie.ts";

/** A receipt, as `eth_getTransactionReceipt` has it. */
export type RawReceipt = {
  type: Hex;
  status: Hex;
  cumulativeGasUsed: Hex;
  logsBloom: Hex;
  logs: { address: Hex; topics: Hex[]; data: Hex; logIndex: Hex }[];
  /** Of deposits on OP chains. */
  depositNonce?: Hex | null;
  depositReceiptVersion?: Hex | null;
};

/** A block's header, as `eth_getBlockByHash` has it. */
export type RawHeader = Readonly<Record<string, unknown>> & { hash: Hash; receiptsRoot: Hash };

/** `IReceiptProofs.Proof`. */
export type ReceiptProof = { header: Hex; txIndex: bigint; nodes: Hex[]; logIndex: bigint };

/** The header's fields in the order in which they are hashed. Forks have added at the end. */
const headerFields = [
  ...["parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom"],
  ...["difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce"],
  ...[
    "baseFeePerGas",
    "withdrawalsRoot",
    "blobGasUsed",
    "excessBlobGas",
    "parentBeaconBlockRoot",
    "requestsHash",
  ],
] as const;
/** Those that are numbers: their leading zeros are not hashed. */
const numbers = new Set<string>([
  ...[
    "difficulty",
    "number",
    "gasLimit",
    "gasUsed",
    "timestamp",
    "baseFeePerGas",
    "blobGasUsed",
    "excessBlobGas",
  ],
]);

/**
 * The way from the block's hash to a log. `receipts` are all of the block's, in their order; `logIndex` counts in the receipt.
 * Throws when the parts don't fit together, which no contract would take.
 *
 * @example
 * const proof = proveLog(header, receipts, { txIndex: 0, logIndex: 1 });
 */
export function proveLog(
  header: RawHeader,
  receipts: readonly RawReceipt[],
  { txIndex, logIndex }: { txIndex: number; logIndex: number },
): ReceiptProof {
  const encoded = encodeHeader(header);
  if (keccak256(encoded) !== header.hash)
    throw new Error(`The header of block ${header.hash} has fields that are not known here.`);
  const { root, nodes } = proveIndex(receipts.map(encodeReceipt), txIndex);
  if (root !== header.receiptsRoot)
    throw new Error(`The receipts of block ${header.hash} are not those of its header.`);
  return { header: encoded, txIndex: BigInt(txIndex), nodes, logIndex: BigInt(logIndex) };
}

/** RLP of a header's fields, which hashes to the block's hash; but for fields of a fork that is not known here. */
export function encodeHeader(header: RawHeader): Hex {
  const fields: Hex[] = [];
  for (const name of headerFields) {
    const value = header[name];
    if (typeof value !== "string") break; // of a later fork
    fields.push(numbers.has(name) ? quantity(value as Hex) : (value as Hex));
  }
  return toRlp(fields);
}

/** EIP-2718, and EIP-658 for the status. */
export function encodeReceipt(receipt: RawReceipt): Hex {
  const { type, status, cumulativeGasUsed, logsBloom, logs, depositNonce, depositReceiptVersion } = receipt;
  const deposit = [depositNonce, depositReceiptVersion].filter((v): v is Hex => typeof v === "string");
  const payload = toRlp([
    ...[quantity(status), quantity(cumulativeGasUsed), logsBloom],
    logs.map(({ address, topics, data }) => [address, topics, data]),
    ...deposit.map(quantity),
  ]);
  const kind = hexToBigInt(type);
  return kind === 0n ? payload : concat([`0x${kind.toString(16).padStart(2, "0")}`, payload]);
}

/** Without leading zeros; nothing for 0. */
function quantity(value: Hex): Hex {
  const digits = value.slice(2).replace(/^0+/, "");
  return `0x${digits.length % 2 === 0 ? "" : "0"}${digits}`;
}
