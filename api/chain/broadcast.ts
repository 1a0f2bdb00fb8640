/** Sending a signed transaction, and what the node then knows of it. */
import {
  BaseError,
  type Hash,
  type Hex,
  HttpRequestError,
  TimeoutError,
  TransactionNotFoundError,
  type TransactionReceipt,
} from "viem";
import type { Chain } from "./client.ts";

/**
 * Throws what the RPC said, unless the transaction may be on its way all the same. `taken`: a node has it; else the connection broke, and
 * nobody knows.
 */
export async function broadcast(
  chain: Chain,
  { hash, raw }: { hash: Hash; raw: Hex },
): Promise<{ taken: boolean }> {
  try {
    await chain.client.sendRawTransaction({ serializedTransaction: raw });
    return { taken: true };
  } catch (error) {
    // Hardhat answers with the revert of one that it has mined, other nodes with "already known".
    const known = await isKnown(chain, hash).catch(() => undefined);
    if (known) return { taken: true };
    if (known === undefined || isSilence(error) || isSecond(error)) return { taken: false };
    throw error;
  }
}

/** What a block says of a transaction. */
export type Mined = Pick<
  TransactionReceipt,
  "status" | "logs" | "blockNumber" | "blockHash" | "transactionHash"
> & { gasUsed?: bigint };

/** The receipt, or what stands for it where the node has the block and not its receipt: the transaction's logs, of which a sale has some. */
export async function minedNow(chain: Chain, hash: Hash): Promise<Mined | undefined> {
  const receipt = await receiptNow(chain, hash);
  if (receipt) return receipt;
  const { client } = chain;
  const transaction = await client.getTransaction({ hash }).catch(unlessSilent);
  if (!transaction?.blockHash) return undefined;
  const { blockHash, blockNumber } = transaction;
  const all = (await client.getLogs({ blockHash }).catch(unlessSilent)) ?? [];
  const logs = all.filter((log) => log.transactionHash === hash);
  if (logs.length === 0) return undefined;
  return { status: "success", logs, blockHash, blockNumber, transactionHash: hash };
}

/** The receipt if there is one now; undefined also when the RPC is out of breath. */
export async function receiptNow({ client }: Chain, hash: Hash): Promise<TransactionReceipt | undefined> {
  return client.getTransactionReceipt({ hash }).catch(unlessSilent);
}

function unlessSilent(error: unknown): undefined {
  if (!(error instanceof BaseError)) throw error;
}

/** Whether the node has the transaction, in a block or waiting for one. */
export async function isKnown({ client }: Chain, hash: Hash): Promise<boolean> {
  try {
    await client.getTransaction({ hash });
    return true;
  } catch (error) {
    if (error instanceof TransactionNotFoundError) return false;
    throw error;
  }
}

/**
 * The node has seen the transaction, or its nonce used. Where an answer is lost viem asks a second time, and the first one may be in a block
 * that the node that is asked next does not have yet.
 */
function isSecond(error: unknown): boolean {
  const words = /already known|known transaction|already imported|nonce (is )?too low|underpriced/i;
  return error instanceof BaseError && error.walk((cause) => words.test(String(cause))) !== null;
}

/** The connection broke: the request may have arrived. */
function isSilence(error: unknown): boolean {
  return (
    error instanceof BaseError &&
    error.walk((cause) => cause instanceof HttpRequestError || cause instanceof TimeoutError) !== null
  );
}
