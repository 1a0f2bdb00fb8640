/** From the quote to the key, with a stock x402 client; against a bare transfer of the same token on the same node. */
import {
  type Address,
  createPublicClient,
  encodeFunctionData,
  erc20Abi,
  http,
  type PrivateKeyAccount,
  parseGwei,
} from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { quoteResponseSchema } from "../../../sdk/wire/listing.ts";
import { fund } from "../../demo/funds.ts";
import { payWithStockClient } from "../../demo/stock-payment.ts";
import { localKey } from "../../system/chain.ts";
import type { RunInfo } from "../../system/run-info.ts";
import { drive } from "./load.ts";
import { interleave } from "./rounds.ts";
import { compare, quantile, type Row } from "./row.ts";
import type { Stage } from "./stage.ts";

/** Purchases, and transfers, in one round. */
const COUNT = 12;
/** In smallest units: what a buyer gets to spend. */
const FUNDS = 1_000_000n;
/**
 * The least that the exchange can do is to simulate the sale once and to send it once, and the sale takes five times the gas of a
 * transfer: ten times. The quote, the 402 and the signatures have to fit into what is left.
 */
const GOAL = { most: 10 };
/** A well-known account with ether that neither deploys nor relays nor judges. */
const SENDER = 9;

export async function measurePurchases({ run, small }: Stage): Promise<Row[]> {
  const transfer = await createTransfers(run);
  const { ours, peer } = await interleave({
    ours: async () => inTurn(await newBuyers(run), (account) => purchase(run, small.ekId, account)),
    peer: () => inTurn(Array.from({ length: COUNT }), transfer),
  });
  const row = (name: string, part: number) =>
    compare({
      ...{ name, unit: "ms", goal: GOAL, what: "bare transfer of the token, from sending to the receipt" },
      ours: ours.map((times) => quantile(times, part)),
      peer: peer.map((times) => quantile(times, part)),
    });
  return [row("purchase over x402, p50 of a round", 0.5), row("purchase over x402, p95 of a round", 0.95)];
}

/** Fresh wallets with money: each purchase makes its buyer an agent, which is the dearer kind. */
async function newBuyers(run: RunInfo): Promise<PrivateKeyAccount[]> {
  const buyers = Array.from({ length: COUNT }, () => privateKeyToAccount(generatePrivateKey()));
  for (const { address } of buyers) await fund(run, address, FUNDS);
  return buyers;
}

/** Milliseconds of each, one after the other. */
async function inTurn<T>(subjects: readonly T[], work: (subject: T) => Promise<number>): Promise<number[]> {
  const times: number[] = [];
  for (const subject of subjects) times.push(await work(subject));
  return times;
}

async function purchase(
  { apiUrl, chainId }: RunInfo,
  ekId: string,
  account: PrivateKeyAccount,
): Promise<number> {
  const started = performance.now();
  const body = JSON.stringify({ buyer: account.address });
  const headers = { "content-type": "application/json" };
  const ask = { path: `/listings/${ekId}/quote`, method: "POST", headers, body };
  const [text = ""] = await drive(apiUrl, 1, () => ask);
  await payWithStockClient(quoteResponseSchema.parse(JSON.parse(text)), { account, chainId });
  return performance.now() - started;
}

/** A function that transfers a unit of the token and gives the ms from sending to the receipt; signing comes before. */
async function createTransfers(run: RunInfo): Promise<() => Promise<number>> {
  const { rpcUrl, chainId, deployment } = run;
  const token = deployment.tokens[0]?.address as Address;
  const client = createPublicClient({ transport: http(rpcUrl) });
  const account = privateKeyToAccount(localKey(SENDER));
  await fund(run, account.address, FUNDS);
  const payee = privateKeyToAccount(generatePrivateKey()).address;
  const data = encodeFunctionData({ abi: erc20Abi, functionName: "transfer", args: [payee, 1n] });
  const fees = { maxFeePerGas: parseGwei("100"), maxPriorityFeePerGas: parseGwei("1") };
  let nonce = await client.getTransactionCount({ address: account.address });
  return async () => {
    const transaction = { to: token, data, gas: 100_000n, chainId, nonce: nonce++, ...fees };
    const serializedTransaction = await account.signTransaction(transaction);
    const started = performance.now();
    const hash = await client.sendRawTransaction({ serializedTransaction });
    const { status } = await client.getTransactionReceipt({ hash }); // this node mines before it answers
    const time = performance.now() - started;
    if (status !== "success") throw new Error(`The transfer ${hash} reverted.`);
    return time;
  };
}
