/**
 * Deploys the exchange's contracts and writes where they are.
 *
 *   RPC_URL=… DEPLOYER_KEY=0x… node scripts/deploy.ts
 *
 * Idempotent: a deployment file that fits the chain is left as it is; without one, what is on the chain already is found and what is
 * missing is made, so a run that was cut off is completed by the next. On chain 31337 the well-known test accounts are used and a test
 * token is deployed; elsewhere `DEPLOYER_KEY` and `PAYMENT_TOKEN` say what to use, and `ROLE_HOLDERS` (JSON, role name → address) who
 * holds which role; whoever is not named there is the deployer.
 * The file is `DEPLOYMENT_FILE`, by default `deployments/<chain id>.json`. What is made is in `deploy/plan.ts` and `deploy/roles.ts`.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type Account,
  type Address,
  createPublicClient,
  erc20Abi,
  getAddress,
  type Hex,
  http,
  isAddress,
  type PublicClient,
  parseAbi,
  type Transport,
} from "viem";
import { mnemonicToAccount, privateKeyToAccount } from "viem/accounts";
import { contractNames, type Deployment, deploymentSchema } from "../sdk/deployment.ts";
import { ensureRoles, type Holders } from "./deploy/access.ts";
import { artifactOf } from "./deploy/artifact.ts";
import { ensureContract, ensureContracts, findStartBlock, predictAddresses } from "./deploy/create.ts";
import { addressOf, ensureFactory } from "./deploy/factory.ts";
import {
  type Addresses,
  type Context,
  calls,
  contracts,
  LOCAL_CHAIN_ID,
  localToken,
  readerOf,
} from "./deploy/plan.ts";
import { activeRoles, type RoleName, roles } from "./deploy/roles.ts";
import { createSender, type Sender } from "./deploy/sender.ts";

const LOCAL_MNEMONIC = "test test test test test test test test test test test junk";

type Token = Deployment["tokens"][number];

export type DeployOptions = {
  rpcUrl: string;
  /** Another way to the chain than HTTP to `rpcUrl`. */
  transport?: Transport | undefined;
  /** Where the result goes; default `deployments/<chain id>.json`. */
  file?: string | undefined;
  /** Pays for the deployment and administers the exchange. Default on chain 31337: the first test account. */
  deployer?: Account | undefined;
  /** An ERC-20 with ERC-3009 to allow. Default on chain 31337: a fresh TestUSDC. */
  paymentToken?: Address | undefined;
  /** Who holds which role; default: the deployer. */
  holders?: Holders | undefined;
};

/** Deploys, or finds the deployment that is there. Throws with one clear line when it can do neither. */
export async function deploy(
  options: DeployOptions,
): Promise<{ deployment: Deployment; file: string; fresh: boolean }> {
  const transport = options.transport ?? http(options.rpcUrl);
  const client = createPublicClient({ transport, pollingInterval: 50, cacheTime: 0 });
  const chainId = await client.getChainId();
  const file = options.file ?? fileURLToPath(new URL(`../deployments/${chainId}.json`, import.meta.url));
  const existing = await readDeployment(client, chainId, file);
  if (existing) return { deployment: existing, file, fresh: false };

  const sender = createSender(client, transport, options.deployer ?? localAccount(chainId));
  const deployment = await deployAll(client, sender, { ...options, chainId });
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify(deployment, null, 2)}\n`);
  renameSync(`${file}.new`, file); // whoever reads it meanwhile sees the old one or the new one, whole
  return { deployment, file, fresh: true };
}

/** The deployment in `file` when it is of this very chain; undefined when there is none. */
async function readDeployment(
  client: PublicClient,
  chainId: number,
  file: string,
): Promise<Deployment | undefined> {
  if (!existsSync(file)) return undefined;
  const deployment = deploymentSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  if (deployment.chainId !== chainId) {
    throw new Error(
      `${file} is of chain ${deployment.chainId}, the RPC answers as chain ${chainId}: name another file.`,
    );
  }
  const block = await client.getBlock({ blockNumber: BigInt(deployment.startBlock) }).catch(() => undefined);
  if (block?.hash !== deployment.startBlockHash) {
    throw new Error(
      `${file} was made on another chain with id ${chainId} (block ${deployment.startBlock} is ${block?.hash ?? "not there"}, ` +
        `not ${deployment.startBlockHash}): remove the file to deploy anew, or point RPC_URL at the right chain.`,
    );
  }
  return deployment;
}

function localAccount(chainId: number): Account {
  if (chainId === LOCAL_CHAIN_ID) return mnemonicToAccount(LOCAL_MNEMONIC, { addressIndex: 0 });
  throw new Error(
    `Chain ${chainId} has no deployment here: set DEPLOYER_KEY (0x…) to a funded account to make one.`,
  );
}

/** On a local chain two of the well-known accounts judge: nobody may sit in both courts. The relayer's records first uses. */
function localHolder(name: RoleName): Address | undefined {
  const addressIndex = { ARBITER: 4, APPEAL: 5, RECORDER: 1 }[name as string];
  return addressIndex === undefined ? undefined : mnemonicToAccount(LOCAL_MNEMONIC, { addressIndex }).address;
}

async function deployAll(
  client: PublicClient,
  sender: Sender,
  { chainId, paymentToken, holders = {} }: DeployOptions & { chainId: number },
): Promise<Deployment> {
  const deployer = sender.address;
  const isLocal = chainId === LOCAL_CHAIN_ID;
  if (!isLocal && !paymentToken) {
    throw new Error(
      `Chain ${chainId} needs PAYMENT_TOKEN: the address of an ERC-20 with ERC-3009, such as USDC.`,
    );
  }
  const factory = await ensureFactory(client, sender);
  const at = predictAddresses(factory, deployer);
  // First: validators bond it, and their contract is made for it.
  at.token = paymentToken ?? (await ensureLocalToken(client, sender, factory, at));
  await ensureContracts(client, sender, factory, { at, deployer });
  const token = await describeToken(client, at.token);
  await makeCalls(client, sender, { at, deployer });
  const start = await findStartBlock(client, factory, deployer);
  const allHolders = Object.fromEntries(
    activeRoles.map(([name]) => [
      name,
      holders[name] ?? (isLocal ? localHolder(name) : undefined) ?? deployer,
    ]),
  ) as Holders;
  const startBlock = BigInt(start.startBlock);
  await ensureRoles(client, sender, {
    ...{ authority: at.Authority, at, holders: allHolders, isLocal, startBlock },
  });
  return deploymentSchema.parse({
    chainId,
    ...start,
    contracts: Object.fromEntries(contractNames.map((name) => [name, at[name]])),
    curves: at.curves,
    tokens: [token],
    deployer,
    factory,
    holders: allHolders,
  });
}

/** What the plan wants done once, as far as it is not done yet. */
async function makeCalls(client: PublicClient, sender: Sender, context: Context): Promise<void> {
  const read = readerOf(client, context.at);
  for (const call of calls) {
    if (await call.isDone(context, read)) continue;
    const contract = {
      address: context.at[call.contract],
      abi: artifactOf(contracts[call.contract].artifact).abi,
    };
    await sender.call(contract, call.functionName, await call.args(context, read));
  }
}

async function ensureLocalToken(
  client: PublicClient,
  sender: Sender,
  factory: Address,
  at: Addresses,
): Promise<Address> {
  const deployer = sender.address;
  const address = addressOf(factory, deployer, localToken);
  await ensureContract(client, sender, factory, { entry: localToken, address, context: { at, deployer } });
  return address;
}

async function describeToken(client: PublicClient, address: Address): Promise<Token> {
  const abi = [...erc20Abi, ...parseAbi(["function version() view returns (string)"])] as const;
  const [symbol, name, version, decimals] = await Promise.all([
    client.readContract({ address, abi, functionName: "symbol" }),
    client.readContract({ address, abi, functionName: "name" }),
    client.readContract({ address, abi, functionName: "version" }),
    client.readContract({ address, abi, functionName: "decimals" }),
  ]);
  return { address, symbol, name, version, decimals };
}

/** `ROLE_HOLDERS`. Throws for a role that is not in the table and for what is no address. */
export function parseHolders(text: string | undefined): Holders {
  const holders: Holders = {};
  for (const [name, address] of Object.entries(JSON.parse(text ?? "{}") as Record<string, unknown>)) {
    if (!(name in roles)) throw new Error(`ROLE_HOLDERS: there is no role ${name}.`);
    if (typeof address !== "string" || !isAddress(address)) {
      throw new Error(`ROLE_HOLDERS: ${name} needs an address, not ${String(address)}.`);
    }
    holders[name as RoleName] = getAddress(address);
  }
  return holders;
}

async function main(): Promise<void> {
  const env = process.env;
  if (!env.RPC_URL) throw new Error("Set RPC_URL to the chain's JSON-RPC endpoint.");
  const { deployment, file, fresh } = await deploy({
    rpcUrl: env.RPC_URL,
    file: env.DEPLOYMENT_FILE,
    deployer: env.DEPLOYER_KEY ? privateKeyToAccount(env.DEPLOYER_KEY as Hex) : undefined,
    paymentToken: env.PAYMENT_TOKEN as Address | undefined,
    holders: parseHolders(env.ROLE_HOLDERS),
  });
  console.log(`${fresh ? "Deployed on" : "Already on"} chain ${deployment.chainId}: ${file}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message.split("\n")[0] : error);
    process.exitCode = 1;
  });
}
