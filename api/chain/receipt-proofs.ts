/** Proofs of logs, from what the node tells of a block: see `sdk/receipt-proof.ts`. */
import { type Hash, type Hex, hexToBigInt, numberToHex } from "viem";
import { proveLog, type RawHeader, type RawReceipt, type ReceiptProof } from "../../sdk/receipt-proof.ts";
import type { Chain } from "./client.ts";

/** The log with this index in its block, proven. Throws when the node does not tell the whole block. */
export async function proofOf({ client }: Chain, tx: Hash, logIndex: number): Promise<ReceiptProof> {
  const { blockNumber, transactionIndex: txIndex } = await client.getTransactionReceipt({ hash: tx });
  const ask = client.request as (call: { method: string; params: unknown[] }) => Promise<unknown>;
  const number = numberToHex(blockNumber);
  const header = (await ask({ method: "eth_getBlockByNumber", params: [number, false] })) as RawHeader & {
    transactions: Hash[];
  };
  const receipts = (await Promise.all(
    header.transactions.map((hash) => ask({ method: "eth_getTransactionReceipt", params: [hash] })),
  )) as (RawReceipt & { logs: { logIndex: Hex }[] })[];
  const place = receipts[txIndex]?.logs.findIndex((log) => hexToBigInt(log.logIndex) === BigInt(logIndex));
  if (place === undefined || place < 0) throw new Error(`Transaction ${tx} has no log ${logIndex}.`);
  return proveLog(header, receipts, { txIndex, logIndex: place });
}
