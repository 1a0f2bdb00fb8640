/**
 * Anchors the receipts of a gateway's day on chain, by the seller's account, once what the gateway and the exchange have of that day is the
 * same: what is anchored stays for ever. Prints the transaction.
 *
 *   node scripts/anchor-receipts.ts 2026-11-30
 *
 * GATEWAY_URL, EXCHANGE_URL, RPC_URL, DEPLOYMENT_FILE, and SELLER_KEY: the private key of the agent's EOA, or of an operator with `anchor`
 * for the agent that SELLER names (agt_…).
 */
import { readFileSync } from "node:fs";
import { createWalletClient, defineChain, type Hex, http, publicActions } from "viem";
import { privateKeyToAccount } from "viem/accounts";
import { z } from "zod";
import { agentRegistryAbi, receiptAnchorAbi } from "../sdk/abis/index.ts";
import { anchorArguments } from "../sdk/anchor.ts";
import { deploymentSchema } from "../sdk/deployment.ts";
import { agentId as agentIds } from "../sdk/ids.ts";
import { agentIdSchema } from "../sdk/wire/common.ts";
import { type ReceiptDay, receiptDaySchema } from "../sdk/wire/public.ts";

const url = z.url().transform((text) => text.replace(/\/+$/, ""));
const env = z
  .object({
    GATEWAY_URL: url,
    EXCHANGE_URL: url,
    RPC_URL: url,
    DEPLOYMENT_FILE: z.string(),
    SELLER_KEY: z.string().regex(/^0x[0-9a-fA-F]{64}$/),
    SELLER: agentIdSchema.optional(),
  })
  .parse(process.env);
const day = z.iso.date("a UTC day such as 2026-11-30").parse(process.argv[2]);

const here = await readDay(`${env.GATEWAY_URL}/receipts/days/${day}`);
const there = await readDay(`${env.EXCHANGE_URL}/gateways/${here.gateway_id}/receipts/${day}`);
if (here.open) throw new Error(`${day} is not over yet: what comes later would be left out for ever.`);
if (here.root !== there.root) {
  throw new Error(
    `The gateway has ${here.count} receipts of ${day}, the exchange ${there.count}: wait until all have arrived.`,
  );
}
if (here.count === 0) throw new Error(`There are no receipts of ${day}.`);

const { chainId, contracts } = deploymentSchema.parse(JSON.parse(readFileSync(env.DEPLOYMENT_FILE, "utf8")));
const wallet = createWalletClient({
  account: privateKeyToAccount(env.SELLER_KEY as Hex),
  chain: defineChain({
    id: chainId,
    name: `chain ${chainId}`,
    nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
    rpcUrls: { default: { http: [env.RPC_URL] } },
  }),
  transport: http(env.RPC_URL),
}).extend(publicActions);
const agentId =
  env.SELLER === undefined
    ? await wallet.readContract({
        address: contracts.AgentRegistry,
        abi: agentRegistryAbi,
        functionName: "agentOf",
        args: [wallet.account.address],
      })
    : agentIds.parse(env.SELLER).agentId;
const { request } = await wallet.simulateContract({
  account: wallet.account,
  address: contracts.ReceiptAnchor,
  abi: receiptAnchorAbi,
  functionName: "anchor",
  args: anchorArguments(agentId, here),
});
const hash = await wallet.writeContract(request);
await wallet.waitForTransactionReceipt({ hash });
console.log(`${here.count} receipts of ${day}, root ${here.root}, anchored by ${hash}`);

async function readDay(at: string): Promise<ReceiptDay> {
  const response = await fetch(at);
  if (!response.ok) throw new Error(`${at} answered ${response.status}.`);
  return receiptDaySchema.parse(await response.json());
}
