/**
 * Tempo: another chain, on which some payers have their money. The exchange has an account there that takes payments and sends back what
 * no key can be had for. Nothing is believed but what that chain's own log says.
 */
import {
  type Address,
  BaseError,
  type Chain,
  createPublicClient,
  type Hash,
  type Hex,
  HttpRequestError,
  http,
  type PublicClient,
  parseEventLogs,
  TimeoutError,
  TransactionReceiptNotFoundError,
} from "viem";
import { type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import { tempoModerato } from "viem/chains";
import { Abis } from "viem/tempo";
import { ExchangeError } from "../../sdk/errors.ts";
import { memoNonceIn } from "./memo.ts";

/** Milliseconds that one answer of the RPC may take. */
const RPC_TIMEOUT = 10_000;
/** Milliseconds for which it counts that the RPC is of the right chain. */
const TRUST_MS = 2_000;

export type TempoConfig = {
  rpcUrl: string;
  chainId: number;
  /** The token (TIP-20) that payments are taken in. */
  token: Address;
  decimals: number;
  /** The payment token of our own chain that it is worth as much as. */
  paysFor: Address;
  /** Of the account that takes payments and sends money back. */
  key: Hex;
  /** Blocks that must lie on a transfer's, before it counts. */
  confirmations: number;
};

export type Tempo = Omit<TempoConfig, "rpcUrl" | "key"> & {
  client: PublicClient;
  account: PrivateKeyAccount;
  /** Where payments go: the account's address. */
  recipient: Address;
  /** This API's name in challenges, and so in memos. */
  realm: string;
  /** Throws SERVICE_UNAVAILABLE unless the RPC is of the right chain. */
  assertTrusted(): Promise<void>;
};

/** One transfer of the token to the exchange, whose memo names a challenge of ours. */
export type Transfer = {
  tx: Hash;
  /** Which of the transaction's logs it is, counted from 0 within the transaction: with `tx` it names the transfer. */
  position: number;
  blockNumber: bigint;
  payer: Address;
  /** Smallest units of Tempo's token. */
  amount: bigint;
  memoNonce: Hex;
};

export function createTempo({ rpcUrl, key, ...config }: TempoConfig, realm: string): Tempo {
  const chain: Chain = { ...tempoModerato, id: config.chainId, name: `eip155:${config.chainId}` };
  const client: PublicClient = createPublicClient({
    chain,
    transport: http(rpcUrl, { timeout: RPC_TIMEOUT, retryCount: 1 }),
    cacheTime: 0,
  });
  const account = privateKeyToAccount(key);
  let trustedAt = Number.NEGATIVE_INFINITY;
  return {
    ...config,
    ...{ client, account, realm, recipient: account.address },
    async assertTrusted() {
      if (performance.now() - trustedAt < TRUST_MS) return;
      const given = await client.getChainId().catch((error: unknown) => {
        throw tempoDown("its RPC does not answer", error);
      });
      if (given !== config.chainId) throw tempoDown(`its RPC is of chain ${given}, not ${config.chainId}`);
      trustedAt = performance.now();
    },
  };
}

export function tempoDown(reason: string, cause?: unknown): ExchangeError {
  return new ExchangeError("SERVICE_UNAVAILABLE", `Tempo can't be relied on: ${reason}.`, {
    hint: "Do not pay again. Send the same request later, or pay by another of the offered methods if you have not paid yet.",
    details: { check: "tempo" },
    cause,
  });
}

/** Whether the error says that nobody answered, rather than what the chain thinks. */
export function isSilence(error: unknown): boolean {
  return (
    error instanceof BaseError &&
    error.walk((cause) => cause instanceof HttpRequestError || cause instanceof TimeoutError) !== null
  );
}

/** What costs `amount` of a token with `decimals` costs so much on Tempo: the same sum, rounded up. */
export function tempoAmountOf(tempo: Tempo, amount: bigint, decimals: number): bigint {
  const shift = BigInt(Math.abs(tempo.decimals - decimals));
  if (tempo.decimals >= decimals) return amount * 10n ** shift;
  const unit = 10n ** shift;
  return (amount + unit - 1n) / unit;
}

/** The transaction's transfers to the exchange; undefined while the chain has no such transaction. One that failed has none. */
export async function readTransfers(tempo: Tempo, hash: Hash): Promise<Transfer[] | undefined> {
  await tempo.assertTrusted();
  try {
    const { status, logs } = await tempo.client.getTransactionReceipt({ hash });
    return status === "success" ? transfersIn(tempo, logs, logs[0]?.logIndex ?? 0) : [];
  } catch (error) {
    if (error instanceof TransactionReceiptNotFoundError) return undefined;
    throw isSilence(error) ? tempoDown("its RPC does not answer", error) : error;
  }
}

type Log = Awaited<ReturnType<PublicClient["getTransactionReceipt"]>>["logs"][number];

/**
 * A transfer with a memo has a log of its own kind, after the plain one: that one alone counts. `first`: the block's index of the
 * transaction's first log.
 */
function transfersIn(tempo: Tempo, logs: readonly Log[], first: number): Transfer[] {
  const { token, recipient, realm } = tempo;
  return parseEventLogs({ abi: Abis.tip20, eventName: "TransferWithMemo", logs: [...logs] }).flatMap(
    ({ address, args, transactionHash, logIndex, blockNumber }) => {
      const memoNonce = memoNonceIn(args.memo, realm);
      if (!same(address, token) || !same(args.to, recipient) || memoNonce === undefined) return [];
      const { from: payer, amount } = args;
      return [{ tx: transactionHash, position: logIndex - first, blockNumber, payer, amount, memoNonce }];
    },
  );
}

/** The hashes of the transactions in these blocks that have transfers with memos to the exchange. */
export async function transactionsPaying(tempo: Tempo, fromBlock: bigint, toBlock: bigint): Promise<Hash[]> {
  await tempo.assertTrusted();
  const logs = await tempo.client.getContractEvents({
    ...{ address: tempo.token, abi: Abis.tip20, eventName: "TransferWithMemo" },
    args: { to: tempo.recipient },
    ...{ fromBlock, toBlock, strict: true },
  });
  const ours = logs.filter(({ args }) => memoNonceIn(args.memo, tempo.realm) !== undefined);
  return [...new Set(ours.map(({ transactionHash }) => transactionHash))];
}

/** The last block whose transfers count. */
export async function settledBlock({ client, confirmations }: Tempo): Promise<bigint> {
  return (await client.getBlockNumber()) - BigInt(confirmations);
}

function same(a: Address, b: Address): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
