/** The chains that are indexed, each with its deployment. One so far; another is one more entry. */
import { readFileSync } from "node:fs";
import { type Address, createPublicClient, HttpRequestError, http, isAddressEqual } from "viem";
import { type Deployment, deploymentSchema } from "../sdk/deployment.ts";
import { env } from "./env.ts";

type IndexedChain = { deployment: Deployment; rpcUrl: string };

function readDeployment(file: string): Deployment {
  try {
    return deploymentSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    console.error(`DEPLOYMENT_FILE: ${file} is not what scripts/deploy.ts wrote: ${error}`);
    process.exit(1);
  }
}

export const chains: readonly IndexedChain[] = [
  { deployment: readDeployment(env.DEPLOYMENT_FILE), rpcUrl: env.RPC_URL },
];

/**
 * Ends the process when the RPC leads to another chain than the one that the contracts are on: Ponder would index it in silence. An RPC
 * that does not answer is left to Ponder, which retries and says so.
 */
export async function refuseOtherChain({ deployment, rpcUrl }: IndexedChain): Promise<void> {
  const { chainId, startBlock, startBlockHash } = deployment;
  const client = createPublicClient({ transport: http(rpcUrl, { retryCount: 0 }) });
  try {
    const found = await client.getChainId();
    if (found !== chainId) return refuse(`it is chain ${found}, the contracts are on ${chainId}`);
    const block = await client.getBlock({ blockNumber: BigInt(startBlock) });
    if (block.hash === startBlockHash) return;
    return refuse(`its block ${startBlock} is ${block.hash}, not ${startBlockHash}`);
  } catch (error) {
    if (error instanceof HttpRequestError) return;
    return refuse(`its block ${startBlock} can't be read: ${error instanceof Error ? error.message : error}`);
  }
}

function refuse(reason: string): never {
  console.error(`RPC_URL: not the chain of DEPLOYMENT_FILE: ${reason.split("\n")[0]}`);
  process.exit(1);
}

/** The name that listings use for a curve (`pricing_policy.curve_type`); null when the deployment has none at that address. */
export function curveTypeOf(chainId: number, curve: Address): string | null {
  const chain = chains.find(({ deployment }) => deployment.chainId === chainId);
  const named = Object.entries<Address>(chain?.deployment.curves ?? {});
  return named.find(([, address]) => isAddressEqual(address, curve))?.[0] ?? null;
}
