/** Sends the wallet's own transactions: what moves an agent's money, no operator may send for it. */
import {
  type Account,
  createPublicClient,
  createWalletClient,
  type Hash,
  http,
  type LocalAccount,
} from "viem";
import { ExchangeError } from "./errors.ts";
import type { Wallet } from "./signer.ts";
import type { TransactionRequest } from "./wire/orders.ts";

/** Signs, sends and waits for the block, where a node is known; answers the transaction's hash. */
export type SendTransaction = (transaction: TransactionRequest) => Promise<Hash>;

/** With a wallet client by its own way to the chain; with a local account over `rpcUrl`. */
export function createSender({
  wallet,
  rpcUrl,
}: {
  wallet: Wallet;
  rpcUrl: string | undefined;
}): SendTransaction {
  return async ({ chain_id, to, data, value, function: name }) => {
    const send = senderOf(wallet, rpcUrl);
    if (!send) {
      throw new ExchangeError(
        "INVALID_REQUEST",
        `${name} is the wallet's own transaction, and there is no way to send one.`,
        {
          hint: "Give createExchange an rpcUrl, or a WalletClient with a transport of its own. Nothing was sent.",
          details: { chain_id, to, data, value },
        },
      );
    }
    const chainId = await send.chainId();
    if (chainId !== chain_id) {
      throw new ExchangeError(
        "INVALID_REQUEST",
        `The wallet is on chain ${chainId}, the exchange on ${chain_id}.`,
        {
          hint: "Switch the wallet's chain. Nothing was sent.",
          details: { expected: chain_id, actual: chainId },
        },
      );
    }
    const hash = await send.send({ to, data: data as Hash, value: BigInt(value) });
    if (rpcUrl === undefined) return hash;
    const receipt = await createPublicClient({ transport: http(rpcUrl) }).waitForTransactionReceipt({ hash });
    if (receipt.status === "success") return hash;
    throw new ExchangeError("LISTING_CONFLICT", `${name} was refused in its block.`, {
      hint: "Something came in between. Ask for the order again.",
      details: { tx: hash },
    });
  };
}

type Transaction = { to: `0x${string}`; data: Hash; value: bigint };
type Way = { chainId(): Promise<number>; send(transaction: Transaction): Promise<Hash> };

function senderOf(wallet: Wallet, rpcUrl: string | undefined): Way | undefined {
  if ("account" in wallet) {
    const { account, sendTransaction, getChainId } = wallet;
    if (!account || !sendTransaction || !getChainId) return undefined;
    return {
      chainId: () => getChainId(),
      send: (transaction) => sendTransaction({ ...transaction, account, chain: null } as never),
    };
  }
  if (rpcUrl === undefined || !("signTransaction" in wallet)) return undefined;
  const account = wallet as unknown as LocalAccount;
  const client = createWalletClient({ account: account as Account, transport: http(rpcUrl) });
  return {
    chainId: () => client.getChainId(),
    send: (transaction) => client.sendTransaction({ ...transaction, chain: null } as never),
  };
}
