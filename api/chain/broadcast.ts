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
    if (known === undefined || isSilence(error)) return { taken: false };
    throw error;
  }
}

/** The receipt if there is one now; undefined also when the RPC is out of breath. */
export async function receiptNow({ client }: Chain, hash: Hash): Promise<TransactionReceipt | undefined> {
  return client.getTransactionReceipt({ hash }).catch((error: unknown) => {
    if (error instanceof BaseError) return undefined;
    throw error;
  });
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

/** The connection broke: the request may have arrived. */
function isSilence(error: unknown): boolean {
  return (
    error instanceof BaseError &&
    error.walk((cause) => cause instanceof HttpRequestError || cause instanceof TimeoutError) !== null
  );
}
