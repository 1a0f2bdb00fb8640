/** The chain that the exchange lives on, as the API reads it. */
import { createPublicClient, defineChain, getContract, http, type PublicClient } from "viem";
import {
  agentRegistryAbi,
  cardIssuerAbi,
  catalogAbi,
  exchangeAbi,
  experienceKeyAbi,
  labelRegistryAbi,
  pointsLedgerAbi,
  receiptProofsAbi,
  tillsAbi,
} from "../../sdk/abis/index.ts";
import type { Deployment } from "../../sdk/deployment.ts";
import { createTokenRights } from "../../sdk/token-rights.ts";

const LOCAL_CHAIN_ID = 31337;

/** Milliseconds that one answer of the RPC may take. */
const RPC_TIMEOUT = 10_000;

export function createChain({ rpcUrl, deployment }: { rpcUrl: string; deployment: Deployment }) {
  const { chainId, contracts: at } = deployment;
  const local = chainId === LOCAL_CHAIN_ID; // it mines at once
  const client: PublicClient = createPublicClient({
    chain: defineChain({
      id: chainId,
      name: `eip155:${chainId}`,
      nativeCurrency: { name: "Ether", symbol: "ETH", decimals: 18 },
      rpcUrls: { default: { http: [rpcUrl] } },
    }),
    transport: http(rpcUrl, { timeout: RPC_TIMEOUT, retryCount: 1 }),
    pollingInterval: local ? 50 : 500,
    cacheTime: 0,
  });
  return {
    id: chainId,
    client,
    deployment,
    /** Milliseconds to wait for a transaction to be mined. */
    patience: local ? 8_000 : 25_000,
    /** Milliseconds after which one that is not mined is sent again at a higher fee. */
    stuckAfter: local ? 10_000 : 40_000,
    registry: getContract({ address: at.AgentRegistry, abi: agentRegistryAbi, client }),
    keys: getContract({ address: at.ExperienceKey, abi: experienceKeyAbi, client }),
    points: getContract({ address: at.PointsLedger, abi: pointsLedgerAbi, client }),
    catalog: getContract({ address: at.Catalog, abi: catalogAbi, client }),
    exchange: getContract({ address: at.Exchange, abi: exchangeAbi, client }),
    receipts: getContract({ address: at.ReceiptProofs, abi: receiptProofsAbi, client }),
    tills: getContract({ address: at.Tills, abi: tillsAbi, client }),
    cards: getContract({ address: at.CardIssuer, abi: cardIssuerAbi, client }),
    labels: getContract({ address: at.LabelRegistry, abi: labelRegistryAbi, client }),
    tokenRights: createTokenRights(client, at),
  };
}

export type Chain = ReturnType<typeof createChain>;

/**
 * Unix seconds that the next block will carry, as near as can be known: a chain that is quiet has an old head, and one that tests
 * sent into the future is ahead of the clock.
 */
export async function chainTime({ client }: Chain): Promise<bigint> {
  const { timestamp } = await client.getBlock({ blockTag: "latest" });
  const clock = BigInt(Math.floor(Date.now() / 1000));
  return timestamp > clock ? timestamp : clock;
}
