/** A chain in this process with the exchange on it, as the deployment makes it, and people with money. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { network } from "hardhat";
import {
  type Abi,
  type Account,
  type Address,
  createPublicClient,
  custom,
  encodeDeployData,
  type Hex,
  type TransactionReceipt,
  type Transport,
} from "viem";
import type { HDAccount } from "viem/accounts";
import type { Deployment } from "../../../sdk/deployment.ts";
import { createMarket } from "../../../test/support/market.ts";
import { artifactOf } from "../../deploy/artifact.ts";
import { createSender } from "../../deploy/sender.ts";
import { deploy } from "../../deploy.ts";
import { localAccount } from "./accounts.ts";
import type { TokenKind } from "./tokens.ts";

/** The accounts below are the chain's own. */
const FIRST_NEWCOMER = 1_000;
const FUNDS = 10n ** 12n;

export type World = Awaited<ReturnType<typeof createWorld>>;

/** All accounts, times and salts are fixed: zeros in calldata cost less, and a figure must not depend on luck. */
export async function createWorld(kind: TokenKind) {
  const connection = await network.create();
  const provider = connection.provider;
  const transport = custom({
    request: ({ method, params }: { method: string; params?: unknown[] }) =>
      provider.request({ method, params: params ?? [] }),
  });
  const admin = localAccount(0);
  const deployed = await deployOn(transport);
  const tools = createTools(transport, admin);
  const token = await kind.create(tools);
  if (token) {
    await tools.call(admin, contractWith(deployed, "allowToken"), "allowToken", [token.address, true]);
  }
  const deployment = token ? { ...deployed, tokens: [{ ...token, symbol: "USDC", decimals: 6 }] } : deployed;
  const market = createMarket({ rpcUrl: "in process", deployment }, transport);
  let people = 0;
  return {
    ...tools,
    ...{ market, admin, provider, deployment },
    close: () => connection.close(),
    /** A fresh account with ether and tokens that it lets the exchange take. */
    async newcomer(spender: Address = market.contracts.exchange.address): Promise<HDAccount> {
      const account = localAccount(FIRST_NEWCOMER + people++);
      await market.giveEther(account.address);
      await market.send(admin, market.contracts.usdc, "mint", [account.address, FUNDS]);
      await market.send(account, market.contracts.usdc, "approve", [spender, 2n ** 255n]);
      return account;
    },
  };
}

async function deployOn(transport: Transport): Promise<Deployment> {
  const dir = mkdtempSync(join(tmpdir(), "moa-bench-"));
  const { deployment } = await deploy({
    rpcUrl: "in process",
    transport,
    file: join(dir, "deployment.json"),
  });
  rmSync(dir, { recursive: true });
  return deployment;
}

export type Tools = ReturnType<typeof createTools>;

function createTools(transport: Transport, admin: Account) {
  const client = createPublicClient({ transport, pollingInterval: 5, cacheTime: 0 });
  const sender = createSender(client, transport, admin);
  return {
    /** Deploys anything by the administrator. */
    async create({ abi, bytecode }: { abi: Abi; bytecode: Hex }, args: unknown[] = []): Promise<Address> {
      const data = encodeDeployData({ abi, bytecode, args });
      const { contractAddress } = await sender.send("Creating", { data });
      return contractAddress as Address;
    },
    /** Calls anything by anybody. */
    call(
      account: Account,
      contract: { address: Address; abi: Abi },
      functionName: string,
      args: unknown[],
    ): Promise<TransactionReceipt> {
      return createSender(client, transport, account).call(contract, functionName, args);
    },
  };
}

/** The deployed contract that has this function. */
export function contractWith({ contracts }: Pick<Deployment, "contracts">, functionName: string) {
  for (const [name, address] of Object.entries(contracts) as [string, Address][]) {
    const { abi } = artifactOf(name);
    if (abi.some((item) => item.type === "function" && item.name === functionName)) return { address, abi };
  }
  throw new Error(`No contract has a function ${functionName}.`);
}

/** Whether some contract has this function: what is not built yet is not measured. */
export function hasFunction({ deployment }: Pick<World, "deployment">, functionName: string): boolean {
  try {
    contractWith(deployment, functionName);
    return true;
  } catch {
    return false;
  }
}
