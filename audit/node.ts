/** What the audit asks of a node, in JSON-RPC. It believes none of the answers: what it can check, it checks. */
import {
  type Address,
  BaseError,
  createPublicClient,
  type Hash,
  type Hex,
  http,
  MethodNotFoundRpcError,
  MethodNotSupportedRpcError,
  numberToHex,
  type PublicClient,
} from "viem";
import type { RawHeader, RawReceipt } from "../sdk/receipt-proof.ts";
import { lower } from "./context.ts";

/** The audit can't go on: it says nothing about the exchange. */
export class AuditError extends Error {
  override readonly name = "AuditError";
  readonly hint: string | undefined;
  constructor(message: string, { hint, cause }: { hint?: string; cause?: unknown } = {}) {
    super(message, { cause });
    this.hint = hint;
  }
}

/** A log as the node serves it. Some nodes tell the block's time with it; it is read from the header all the same. */
export type ServedLog = {
  address: Address;
  topics: Hex[];
  data: Hex;
  blockNumber: Hex;
  blockHash: Hash;
  transactionHash: Hash;
  transactionIndex: Hex;
  logIndex: Hex;
};
export type Header = RawHeader & {
  number: Hex;
  parentHash: Hash;
  timestamp: Hex;
  logsBloom: Hex;
  transactions: Hash[];
};
export type Receipt = RawReceipt & { transactionHash: Hash; transactionIndex: Hex };
export type Filter = { address: readonly Address[]; topics?: readonly (Hex | readonly Hex[] | null)[] };

/** Requests that travel together, and how often a failed one is tried again. */
const BATCH = 100;
const RETRIES = 4;
const TIMEOUT_MS = 60_000;
/** A larger answer is refused: pieces of the log are made to be much smaller. */
const MAX_ANSWER_BYTES = 512 * 1024 * 1024;

export type Node = ReturnType<typeof createNode>;

export function createNode(rpcUrl: string) {
  const transport = http(rpcUrl, {
    batch: { batchSize: BATCH },
    retryCount: RETRIES,
    timeout: TIMEOUT_MS,
    maxResponseBodySize: MAX_ANSWER_BYTES,
  });
  const client: PublicClient = createPublicClient({ transport, cacheTime: 0 });
  const request = <T>(method: string, params: readonly unknown[], retryCount = RETRIES): Promise<T> =>
    client.request({ method, params } as never, { retryCount }) as Promise<T>;

  async function block(number: bigint): Promise<Header> {
    const found = await request<Header | null>("eth_getBlockByNumber", [numberToHex(number), false]);
    if (!found) throw new AuditError(`The node has no block ${number}.`, { hint: "Is it in sync?" });
    return found;
  }

  let givesWhole = true;

  /** All receipts of a block, in their order. Nodes that don't give them at once are asked one by one. */
  async function receiptsOf({ number, transactions }: Header): Promise<Receipt[]> {
    try {
      const found = givesWhole && (await request<Receipt[] | null>("eth_getBlockReceipts", [number]));
      if (found) return found;
    } catch (error) {
      const isUnknown =
        error instanceof BaseError &&
        error.walk((e) => e instanceof MethodNotSupportedRpcError || e instanceof MethodNotFoundRpcError);
      if (!isUnknown) throw error;
    }
    givesWhole = false;
    const receipts = await Promise.all(
      transactions.map((tx) => request<Receipt | null>("eth_getTransactionReceipt", [tx])),
    );
    return receipts.map((receipt, i) => {
      if (!receipt)
        throw new AuditError(
          `The node has no receipt of ${transactions[i]}, which is in its block ${BigInt(number)}.`,
        );
      return receipt;
    });
  }

  /** Throws when the provider refuses: for more than one block that mostly means that it is too much, so it is not asked again. */
  const logs = ({ address, topics }: Filter, from: bigint, to: bigint) =>
    request<ServedLog[]>(
      "eth_getLogs",
      [{ address, ...(topics && { topics }), fromBlock: numberToHex(from), toBlock: numberToHex(to) }],
      from === to ? RETRIES : 0,
    );

  /** A few logs out of a long range, in as many pieces as the provider wants. Throws what it says of a single block. */
  async function logsOf(filter: Filter, from: bigint, to: bigint): Promise<ServedLog[]> {
    try {
      return await logs(filter, from, to);
    } catch (error) {
      if (from === to) throw error;
      const middle = (from + to) / 2n;
      return [...(await logsOf(filter, from, middle)), ...(await logsOf(filter, middle + 1n, to))];
    }
  }

  return {
    client,
    logs,
    logsOf,
    chainId: () => client.getChainId(),
    head: () => client.getBlockNumber(),
    block,
    blockOrNothing: (number: bigint) =>
      request<Header | null>("eth_getBlockByNumber", [numberToHex(number), false]),
    receiptOrNothing: (tx: Hash) =>
      request<(Receipt & { blockNumber: Hex }) | null>("eth_getTransactionReceipt", [tx]),
    receiptsOf,
  };
}

/** The first line of what went wrong. */
export function reasonOf(error: unknown): string {
  if (error instanceof BaseError) return error.details || error.shortMessage;
  return (error instanceof Error ? error.message.split("\n")[0] : String(error)) ?? "";
}

/** Maps in order, some at a time. */
export async function each<T, R>(
  members: readonly T[],
  atOnce: number,
  read: (member: T) => Promise<R>,
): Promise<R[]> {
  const answers: R[] = [];
  for (let i = 0; i < members.length; i += atOnce)
    answers.push(...(await Promise.all(members.slice(i, i + atOnce).map(read))));
  return answers;
}

export const lowered = (log: ServedLog): ServedLog => ({ ...log, address: lower(log.address) });
