/** The chain, with the contracts on it: Hardhat's node as a child process, or the one at RPC_URL. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { PERMIT2_ADDRESS, x402UptoPermit2ProxyAddress } from "@x402/evm";
import { type Address, createPublicClient, createTestClient, type Hex, http } from "viem";
import { mnemonicToAccount, privateKeyToAccount } from "viem/accounts";
import { ZodError } from "zod";
import { artifactOf } from "../deploy/artifact.ts";
import { deploy } from "../deploy.ts";
import { inheritedEnv } from "./env.ts";
import { LaunchError, reasonOf } from "./launch-error.ts";
import type { Supervisor } from "./process.ts";
import { repoRoot } from "./repo.ts";
import type { RunInfo } from "./run-info.ts";

export const LOCAL_CHAIN_ID = 31337;
const LOCAL_MNEMONIC = "test test test test test test test test test test test junk";

const START_DEADLINE_MS = 60_000;
const RPC_TIMEOUT_MS = 5_000;

export type ChainOfRun = Pick<RunInfo, "chainId" | "rpcUrl" | "ephemeral" | "deploymentFile" | "deployment">;

export type ForeignChain = {
  rpcUrl: string;
  /** Where deployments are found and written. */
  deploymentsDir: string;
  /** Pays for a deployment where there is none. */
  deployerKey?: Hex | undefined;
  /** The ERC-20 to pay with, where a deployment is made. */
  paymentToken?: Address | undefined;
};

type Log = (line: string) => void;

/** Private key of one of the well-known accounts that local chains fund: 0 deploys, 1 relays, 2 is the exchange's own agent. */
export function localKey(index: number): Hex {
  const { privateKey } = mnemonicToAccount(LOCAL_MNEMONIC, { addressIndex: index }).getHdKey();
  return `0x${Buffer.from(privateKey ?? []).toString("hex")}`;
}

/** Starts a chain that ends with its process, and deploys the contracts. */
export async function startFreshChain(
  supervisor: Supervisor,
  { dataDir, port, log }: { dataDir: string; port: number; log: Log },
): Promise<ChainOfRun> {
  const deploymentFile = join(dataDir, "deployment.json");
  rmSync(deploymentFile, { force: true }); // of a chain that is gone
  const rpcUrl = await startNode(supervisor, { port });
  await placePermit2(rpcUrl);
  log(`chain      ${rpcUrl} (fresh, id ${LOCAL_CHAIN_ID})`);
  const { deployment } = await deployContracts({ rpcUrl, file: deploymentFile });
  log(`contracts  deployed, the exchange is ${deployment.contracts.Exchange}`);
  return { rpcUrl, deploymentFile, deployment, ephemeral: true, chainId: LOCAL_CHAIN_ID };
}

/**
 * Uses a chain of somebody else's: its contracts are found, or deployed by whoever can pay for that. Throws a {@link LaunchError} when
 * no chain answers, when the deployment file is of another chain, and when there is nothing to pay with.
 */
export async function useForeignChain(
  { rpcUrl, deploymentsDir, deployerKey, paymentToken }: ForeignChain,
  log: Log,
): Promise<ChainOfRun> {
  const chainId = await checkChain(rpcUrl);
  log(`chain      ${new URL(rpcUrl).host} (RPC_URL, id ${chainId})`);
  const deploymentFile = join(deploymentsDir, `${chainId}.json`);
  const found = existsSync(deploymentFile);
  const canPay = deployerKey ?? (chainId === LOCAL_CHAIN_ID && (await isFunded(rpcUrl, localKey(0))));
  if (!found && !canPay) {
    throw new LaunchError(`The contracts are not on chain ${chainId}: there is no ${deploymentFile}.`, {
      hint: "Put the deployment file there, or set DEPLOYER_KEY (0x…) to a funded account to deploy.",
    });
  }
  const { deployment } = await deployContracts({
    rpcUrl,
    file: deploymentFile,
    deployer: deployerKey && privateKeyToAccount(deployerKey),
    paymentToken,
  });
  log(`contracts  ${found ? "found in" : "deployed, see"} ${deploymentFile}`);
  return { chainId, rpcUrl, deploymentFile, deployment, ephemeral: false };
}

/** Puts stand-ins for Permit2 and x402's `upto` proxy where the real ones are on every chain that has them. */
async function placePermit2(rpcUrl: string): Promise<void> {
  const transport = http(rpcUrl, { timeout: RPC_TIMEOUT_MS });
  const client = createTestClient({ mode: "hardhat", transport });
  const standIns = [
    [PERMIT2_ADDRESS, "TestPermit2"],
    [x402UptoPermit2ProxyAddress, "TestUptoProxy"],
  ] as const;
  for (const [address, name] of standIns) {
    await client.setCode({ address, bytecode: artifactOf(name).deployedBytecode });
  }
}

async function deployContracts(options: Parameters<typeof deploy>[0]): ReturnType<typeof deploy> {
  try {
    return await deploy(options);
  } catch (cause) {
    if (cause instanceof ZodError || cause instanceof SyntaxError) {
      throw new LaunchError(`${options.file} is not a deployment file.`, {
        hint: "Restore it, or remove it to deploy anew.",
        cause,
      });
    }
    throw new LaunchError(`${reasonOf(cause)}.`, { cause });
  }
}

/** Starts Hardhat's node on `port` and returns its RPC URL. */
export async function startNode(supervisor: Supervisor, { port }: { port: number }): Promise<string> {
  const rpcUrl = `http://127.0.0.1:${port}`;
  await supervisor.start({
    name: "chain",
    command: process.execPath,
    args: [
      join(repoRoot, "node_modules/hardhat/dist/src/cli.js"),
      ...["node", "--network", "node", "--hostname", "127.0.0.1", "--port", String(port)],
    ],
    env: { ...inheritedEnv(), HARDHAT_DISABLE_TELEMETRY_PROMPT: "true" },
    cwd: repoRoot,
    probe: async () => {
      const chainId = await chainIdAt(rpcUrl);
      if (chainId !== LOCAL_CHAIN_ID) throw new Error(`chain ${chainId} answers`);
    },
    deadline: START_DEADLINE_MS,
    stopSignal: "SIGTERM",
    grace: 1_000,
    lastSignal: "SIGKILL",
  });
  return rpcUrl;
}

/** The id of the chain at RPC_URL. Throws a {@link LaunchError} when nothing answers as a chain there. */
async function checkChain(rpcUrl: string): Promise<number> {
  try {
    return await chainIdAt(rpcUrl);
  } catch (error) {
    throw new LaunchError(`RPC_URL: no chain answers at ${new URL(rpcUrl).host} (${reasonOf(error)}).`, {
      hint: "Start that chain or mend the URL; unset RPC_URL to use a local one.",
      cause: error,
    });
  }
}

/** Whether this account can pay for a deployment. */
async function isFunded(rpcUrl: string, key: Hex): Promise<boolean> {
  const client = createPublicClient({ transport: http(rpcUrl, { timeout: RPC_TIMEOUT_MS }) });
  return (await client.getBalance({ address: privateKeyToAccount(key).address })) > 0n;
}

async function chainIdAt(rpcUrl: string): Promise<number> {
  const response = await fetch(rpcUrl, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_chainId" }),
    signal: AbortSignal.timeout(RPC_TIMEOUT_MS),
  });
  const text = await response.text();
  const answer = /"result"\s*:\s*"(0x[0-9a-f]+)"/.exec(text)?.[1];
  if (answer === undefined) throw new Error(`HTTP ${response.status}, no chain id in the answer`);
  return Number(answer);
}
