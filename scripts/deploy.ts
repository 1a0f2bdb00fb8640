/**
 * Deploys the exchange's contracts and writes where they are.
 *
 *   RPC_URL=… DEPLOYER_KEY=0x… node scripts/deploy.ts
 *
 * Idempotent: a deployment file that fits the chain is left as it is. On chain 31337 the well-known test accounts are used and a test
 * token is deployed; elsewhere `DEPLOYER_KEY`, `RELAYER_ADDRESS`, `PAYMENT_TOKEN` and `ARBITRATOR` say what to use.
 * The file is `DEPLOYMENT_FILE`, by default `deployments/<chain id>.json`.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import {
  type Abi,
  type Account,
  type Address,
  createPublicClient,
  createWalletClient,
  erc20Abi,
  getAddress,
  getContractAddress,
  type Hex,
  http,
  type PublicClient,
  parseAbi,
} from "viem";
import { mnemonicToAccount, privateKeyToAccount } from "viem/accounts";
import { type Deployment, deploymentSchema } from "../sdk/deployment.ts";

const LOCAL_CHAIN_ID = 31337;
const LOCAL_MNEMONIC = "test test test test test test test test test test test junk";
const EXCHANGE_PROFILE = {
  type: "https://eips.ethereum.org/EIPS/eip-8004#registration-v1",
  name: "MOA Exchange",
  description: "The experience exchange itself.",
};

type Artifact = { abi: Abi; bytecode: Hex };
type Token = Deployment["tokens"][number];

export type DeployOptions = {
  rpcUrl: string;
  /** Where the result goes; default `deployments/<chain id>.json`. */
  file?: string | undefined;
  /** Pays for the deployment and administers the exchange. Default on chain 31337: the first test account. */
  deployer?: Account | undefined;
  /** An ERC-20 with ERC-3009 to allow. Default on chain 31337: a fresh TestUSDC. */
  paymentToken?: Address | undefined;
  /** An ERC-792 arbitrator for challenged labels. Default on chain 31337: one that anybody may rule for. */
  arbitrator?: Address | undefined;
};

/** Deploys, or finds the deployment that is there. Throws with one clear line when it can do neither. */
export async function deploy(
  options: DeployOptions,
): Promise<{ deployment: Deployment; file: string; fresh: boolean }> {
  const client = createPublicClient({ transport: http(options.rpcUrl), pollingInterval: 50 });
  const chainId = await client.getChainId();
  const file = options.file ?? fileURLToPath(new URL(`../deployments/${chainId}.json`, import.meta.url));
  const existing = await readDeployment(client, chainId, file);
  if (existing) return { deployment: existing, file, fresh: false };

  const deployer = options.deployer ?? localAccount(chainId);
  const chain = createDeployer(client, options.rpcUrl, deployer);
  const deployment = await deployAll(client, chain, {
    chainId,
    deployer,
    paymentToken: options.paymentToken,
    arbitrator: options.arbitrator,
  });
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

function artifact(name: string): Artifact {
  const url = new URL(`../artifacts/contracts/${name}.sol/${name.split("/").at(-1)}.json`, import.meta.url);
  if (!existsSync(url)) throw new Error("The contracts are not built: run `npm run build` first.");
  return JSON.parse(readFileSync(url, "utf8")) as Artifact;
}

type Deployer = ReturnType<typeof createDeployer>;

/** Sends one transaction after the other from one account and waits for each. */
function createDeployer(client: PublicClient, rpcUrl: string, account: Account) {
  const wallet = createWalletClient({ account, transport: http(rpcUrl) });
  const mined = async (hash: Hex, what: string) => {
    const receipt = await client.waitForTransactionReceipt({ hash });
    if (receipt.status !== "success") throw new Error(`${what} reverted in transaction ${hash}.`);
    return receipt;
  };
  return {
    async create(name: string, args: unknown[] = []) {
      const { abi, bytecode } = artifact(name);
      const hash = await wallet.deployContract({ abi, bytecode, args, chain: null });
      const receipt = await mined(hash, `Deploying ${name}`);
      if (!receipt.contractAddress)
        throw new Error(`Deploying ${name} made no contract (transaction ${hash}).`);
      return { address: getAddress(receipt.contractAddress), receipt };
    },
    async call(name: string, address: Address, functionName: string, args: unknown[]) {
      const { request } = await client.simulateContract({
        account,
        address,
        abi: artifact(name).abi,
        functionName,
        args,
      });
      await mined(await wallet.writeContract({ ...request, chain: null }), `${name}.${functionName}`);
    },
    /** The address of the contract that this account creates `ahead` transactions from now. */
    async predict(ahead: number): Promise<Address> {
      const nonce = await client.getTransactionCount({ address: account.address, blockTag: "pending" });
      return getContractAddress({ from: account.address, nonce: BigInt(nonce + ahead) });
    },
  };
}

async function deployAll(
  client: PublicClient,
  chain: Deployer,
  {
    chainId,
    deployer,
    paymentToken,
    arbitrator,
  }: {
    chainId: number;
    deployer: Account;
    paymentToken: Address | undefined;
    arbitrator: Address | undefined;
  },
): Promise<Deployment> {
  const authority = await chain.create("Authority", [deployer.address]);
  const fixed = await chain.create("curves/FixedPrice");
  const linear = await chain.create("curves/LinearPrice");
  // The ledgers trust one exchange for ever, so they must know its address before it is there.
  const exchangeAddress = await chain.predict(3);
  const registry = await chain.create("AgentRegistry", [exchangeAddress]);
  const keys = await chain.create("ExperienceKey", [registry.address, exchangeAddress]);
  const points = await chain.create("PointsLedger", [exchangeAddress]);
  const exchange = await chain.create("Exchange", [
    authority.address,
    registry.address,
    keys.address,
    points.address,
  ]);
  const token = await resolveToken(client, chain, { chainId, paymentToken });
  const { labels, bonds, consensus } = await deployLabels(chain, {
    authority: authority.address,
    registry: registry.address,
    exchange: exchange.address,
    token,
    arbitrator: arbitrator ?? (await resolveArbitrator(chain, chainId)),
  });

  await chain.call("Exchange", exchange.address, "allowToken", [token.address, true]);
  await chain.call("Exchange", exchange.address, "allowCurve", [fixed.address, true]);
  await chain.call("Exchange", exchange.address, "allowCurve", [linear.address, true]);
  // The exchange is an agent too: its deployer's EOA, which would earn the fee if there were one.
  const profile = `data:application/json,${encodeURIComponent(JSON.stringify(EXCHANGE_PROFILE))}`;
  await chain.call("AgentRegistry", registry.address, "register", [profile]);
  await chain.call("Exchange", exchange.address, "setFee", [0, 1n]);

  return deploymentSchema.parse({
    chainId,
    startBlock: Number(authority.receipt.blockNumber),
    startBlockHash: authority.receipt.blockHash,
    contracts: {
      Authority: authority.address,
      AgentRegistry: registry.address,
      ExperienceKey: keys.address,
      PointsLedger: points.address,
      Exchange: exchange.address,
      LabelRegistry: labels,
      ValidatorBonds: bonds,
      Consensus: consensus,
    },
    curves: { fixed: fixed.address, linear: linear.address },
    tokens: [token],
  });
}

/** What an arbitration costs on the local chain, in wei. */
const LOCAL_ARBITRATION_COST = 10n ** 16n;
/** The rules of the disputes over labels (ERC-1497). */
const LABEL_RULES = `data:application/json,${encodeURIComponent(
  JSON.stringify({
    title: "A validator's label is challenged",
    description:
      "Does the label say what its validator could honestly say of the Experience, by the evidence?",
    question: "Is the label wrong?",
    rulingOptions: { titles: ["The label is wrong", "The label stands"] },
  }),
)}`;

/** The labels, what validators risk for them, and what they say together. The first two know each other. */
async function deployLabels(
  chain: Deployer,
  at: { authority: Address; registry: Address; exchange: Address; token: Token; arbitrator: Address },
) {
  const stake = 10n * 10n ** BigInt(at.token.decimals);
  const policy = {
    quorum: 3,
    supportBps: 6667,
    disputeBps: 3334,
    minBond: 2n * stake,
    maxWeight: 20n * stake,
  };
  const { address: labels } = await chain.create("LabelRegistry", [
    at.registry,
    at.exchange,
    await chain.predict(1),
  ]);
  const { address: bonds } = await chain.create("ValidatorBonds", [
    ...[at.registry, labels, at.token.address, at.arbitrator, stake, "0x", LABEL_RULES],
  ]);
  const { address: consensus } = await chain.create("Consensus", [
    ...[at.authority, at.registry, at.exchange, labels, bonds, at.exchange, policy],
  ]);
  return { labels, bonds, consensus };
}

async function resolveArbitrator(chain: Deployer, chainId: number): Promise<Address> {
  if (chainId !== LOCAL_CHAIN_ID)
    throw new Error(`Chain ${chainId} needs ARBITRATOR: the address of an ERC-792 arbitrator.`);
  return (await chain.create("mocks/TestArbitrator", [LOCAL_ARBITRATION_COST])).address;
}

async function resolveToken(
  client: PublicClient,
  chain: Deployer,
  { chainId, paymentToken }: { chainId: number; paymentToken: Address | undefined },
): Promise<Token> {
  if (!paymentToken && chainId !== LOCAL_CHAIN_ID) {
    throw new Error(
      `Chain ${chainId} needs PAYMENT_TOKEN: the address of an ERC-20 with ERC-3009, such as USDC.`,
    );
  }
  const address = paymentToken ?? (await chain.create("mocks/TestUSDC")).address;
  const abi = [...erc20Abi, ...parseAbi(["function version() view returns (string)"])] as const;
  const [symbol, name, version, decimals] = await Promise.all([
    client.readContract({ address, abi, functionName: "symbol" }),
    client.readContract({ address, abi, functionName: "name" }),
    client.readContract({ address, abi, functionName: "version" }),
    client.readContract({ address, abi, functionName: "decimals" }),
  ]);
  return { address, symbol, name, version, decimals };
}

async function main(): Promise<void> {
  const env = process.env;
  if (!env.RPC_URL) throw new Error("Set RPC_URL to the chain's JSON-RPC endpoint.");
  const { deployment, file, fresh } = await deploy({
    rpcUrl: env.RPC_URL,
    file: env.DEPLOYMENT_FILE,
    deployer: env.DEPLOYER_KEY ? privateKeyToAccount(env.DEPLOYER_KEY as Hex) : undefined,
    paymentToken: env.PAYMENT_TOKEN as Address | undefined,
    arbitrator: env.ARBITRATOR as Address | undefined,
  });
  console.log(`${fresh ? "Deployed on" : "Already on"} chain ${deployment.chainId}: ${file}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message.split("\n")[0] : error);
    process.exitCode = 1;
  });
}
