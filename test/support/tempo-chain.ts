/** A Tempo chain of our own: anvil's, as a process that ends with the tests. */
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import {
  type Address,
  createClient,
  createPublicClient,
  type Hash,
  type Hex,
  http,
  type LocalAccount,
  publicActions,
  walletActions,
} from "viem";
import { generatePrivateKey, mnemonicToAccount, privateKeyToAccount } from "viem/accounts";
import { tempoModerato } from "viem/chains";
import { Abis } from "viem/tempo";
import { freePort } from "./free-port.ts";

export const TEMPO_CHAIN_ID = 42_431;
/** pathUSD, which anvil gives to its accounts. */
export const PATH_USD: Address = "0x20c0000000000000000000000000000000000000";
/** The token that accounts pay fees in which have not chosen another. */
const FEE_TOKEN: Address = "0x20c0000000000000000000000000000000000003";
const MNEMONIC = "test test test test test test test test test test test junk";
const READY_MS = 20_000;

export type TempoChain = { rpcUrl: string };

// The binary itself: ended through its wrapper, it would live on.
const binary = fileURLToPath(
  new URL("../../node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil", import.meta.url),
);

export async function startTempo(): Promise<TempoChain & { stop(): Promise<void> }> {
  const port = await freePort();
  const rpcUrl = `http://127.0.0.1:${port}`;
  const child = spawn(
    binary,
    [
      ...["--network", "tempo", "--chain-id", String(TEMPO_CHAIN_ID), "--host", "127.0.0.1"],
      ...["--port", String(port), "--silent"],
      // Blocks of its own, as Tempo has them: what is signed for a few seconds is measured against the last one's time.
      ...["--block-time", "1", "--mixed-mining"],
    ],
    { stdio: "ignore" },
  );
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await answers(rpcUrl, child);
  return {
    rpcUrl,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

async function answers(rpcUrl: string, child: ChildProcess): Promise<void> {
  const client = createPublicClient({ transport: http(rpcUrl, { retryCount: 0 }) });
  for (const deadline = Date.now() + READY_MS; ; ) {
    const id = await client.getChainId().catch(() => undefined);
    if (id === TEMPO_CHAIN_ID) return;
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`No Tempo answers at ${rpcUrl}.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** One of anvil's accounts with money. */
export const tempoAccount = (index: number) => mnemonicToAccount(MNEMONIC, { addressIndex: index });

export function tempoKey(index: number): Hex {
  return `0x${Buffer.from(tempoAccount(index).getHdKey().privateKey ?? []).toString("hex")}`;
}

export function tempoClientOf({ rpcUrl }: TempoChain) {
  return createClient({
    chain: { ...tempoModerato, rpcUrls: { default: { http: [rpcUrl] } } },
    transport: http(rpcUrl),
    pollingInterval: 50,
    cacheTime: 0,
  }).extend(publicActions);
}

export const balanceOnTempo = (chain: TempoChain, owner: Address) =>
  tempoClientOf(chain).readContract({
    address: PATH_USD,
    abi: Abis.tip20,
    functionName: "balanceOf",
    args: [owner],
  });

/** Sends tokens with a memo, as anybody can. */
export async function sendWithMemo(
  chain: TempoChain,
  account: LocalAccount,
  { to, amount, memo, token = PATH_USD }: { to: Address; amount: bigint; memo: Hex; token?: Address },
): Promise<Hash> {
  const client = tempoClientOf(chain).extend(walletActions);
  const hash = await client.writeContract({
    account,
    chain: client.chain,
    address: token,
    abi: Abis.tip20,
    functionName: "transferWithMemo",
    args: [to, amount, memo],
  });
  await client.waitForTransactionReceipt({ hash });
  return hash;
}

/**
 * A fresh account with money. Anvil takes one transaction with an expiring nonce per account, as mppx's client signs them, so each payment
 * has its own.
 */
export async function tempoPayer(chain: TempoChain): Promise<LocalAccount> {
  const account = privateKeyToAccount(generatePrivateKey());
  const client = tempoClientOf(chain).extend(walletActions);
  for (const address of [PATH_USD, FEE_TOKEN]) {
    const hash = await client.writeContract({
      account: tempoAccount(0),
      chain: client.chain,
      ...{ address, abi: Abis.tip20, functionName: "transfer", args: [account.address, 10_000_000n] },
    });
    await client.waitForTransactionReceipt({ hash });
  }
  return account;
}
