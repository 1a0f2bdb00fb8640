/** A chain in this process with the exchange on it, as the deployment makes it, and people with money. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { network } from "hardhat";
import {
  type Abi,
  type Account,
  type Address,
  custom,
  encodeDeployData,
  type HDAccount,
  type Hex,
  type TransactionReceipt,
} from "viem";
import { mnemonicToAccount } from "viem/accounts";
import { createMarket } from "../../../test/support/market.ts";
import { artifactOf } from "../../deploy/artifact.ts";
import { createSender } from "../../deploy/sender.ts";
import { deploy } from "../../deploy.ts";
import type { TokenKind } from "./tokens.ts";

const MNEMONIC = "test test test test test test test test test test test junk";
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
  const admin = mnemonicToAccount(MNEMONIC, { addressIndex: 0 });
  const dir = mkdtempSync(join(tmpdir(), "moa-bench-"));
  const base = { rpcUrl: "in process", transport, file: join(dir, "deployment.json") };
  // The market's client is wanted before the token is there, and only for its `send`.
  const { deployment: first } = await deploy(base);
  const token = await kind.create(createTools(transport, first, admin));
  const deployment = token ? { ...first, tokens: [{ ...first.tokens[0], ...token }] } : first;
  rmSync(dir, { recursive: true });
  const market = createMarket({ rpcUrl: "in process", deployment: deployment as typeof first }, transport);
  if (token) {
    const lister = "allowToken";
    await createSender(market.client, transport, admin).call(contractWith(deployment, lister), lister, [
      token.address,
      true,
    ]);
  }
  let people = 0;
  return {
    ...{ market, admin, provider, transport, deployment: deployment as typeof first },
    close: () => connection.close(),
    /** A fresh account with ether and tokens that it lets the exchange take. */
    async newcomer(spender: Address = market.contracts.exchange.address): Promise<HDAccount> {
      const account = mnemonicToAccount(MNEMONIC, { addressIndex: FIRST_NEWCOMER + people++ });
      await market.giveEther(account.address);
      await market.send(admin, market.contracts.usdc, "mint", [account.address, FUNDS]);
      await market.send(account, market.contracts.usdc, "approve", [spender, 2n ** 255n]);
      return account;
    },
    ...createTools(transport, first, admin),
  };
}

type Deployed = Awaited<ReturnType<typeof deploy>>["deployment"];
export type Tools = ReturnType<typeof createTools>;

function createTools(transport: ReturnType<typeof custom>, deployment: Deployed, admin: Account) {
  const { client } = createMarket({ rpcUrl: "in process", deployment }, transport);
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
export function contractWith({ contracts }: Pick<Deployed, "contracts">, functionName: string) {
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
