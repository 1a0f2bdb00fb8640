/** Creates what is missing of the plan, and finds in which block the first of it was made. */
import {
  type Abi,
  type AbiParameter,
  type Address,
  encodeDeployData,
  type PublicClient,
  parseAbi,
  parseAbiItem,
  zeroAddress,
} from "viem";
import { type CurveType, curveTypes } from "../../sdk/curves.ts";
import { type ContractName, contractNames } from "../../sdk/deployment.ts";
import { artifactOf, isCodeOf } from "./artifact.ts";
import { addressOf } from "./factory.ts";
import {
  type Addresses,
  allEntries,
  type Context,
  contracts,
  curves,
  type Entry,
  orderedArgs,
  saltOf,
} from "./plan.ts";
import type { Sender } from "./sender.ts";

const factoryAbi = parseAbi(["function create(bytes32 salt, bytes initCode) returns (address)"]);
const createdEvent = parseAbiItem(
  "event Created(address indexed deployer, bytes32 indexed salt, address indexed created)",
);
/** Blocks per request for logs: what public endpoints allow. */
const LOG_PAGE = 10_000n;

function constructorInputs(abi: Abi): readonly AbiParameter[] {
  return abi.find((item) => item.type === "constructor")?.inputs ?? [];
}

/** All addresses but the token's, before any contract is there. */
export function predictAddresses(factory: Address, deployer: Address): Addresses {
  const of = (entry: Entry) => addressOf(factory, deployer, entry);
  return {
    ...(Object.fromEntries(contractNames.map((name) => [name, of(contracts[name])])) as Record<
      ContractName,
      Address
    >),
    curves: Object.fromEntries(curveTypes.map((name) => [name, of(curves[name])])) as Record<
      CurveType,
      Address
    >,
    token: zeroAddress,
  };
}

/** Creates one contract, unless it is there already. Throws when other code is there. */
export async function ensureContract(
  client: PublicClient,
  sender: Sender,
  factory: Address,
  { entry, address, context }: { entry: Entry; address: Address; context: Context },
): Promise<void> {
  const artifact = artifactOf(entry.artifact);
  const code = await client.getCode({ address });
  if (code) {
    if (isCodeOf(artifact, code)) return;
    throw new Error(
      `${entry.artifact} at ${address} was built from other sources: deploy from those, or raise its version in ` +
        "scripts/deploy/plan.ts to make the new one beside it.",
    );
  }
  const args = orderedArgs(constructorInputs(artifact.abi), entry.args(context));
  const initCode = encodeDeployData({ abi: artifact.abi, bytecode: artifact.bytecode, args });
  const call = { address: factory, abi: factoryAbi };
  await sender.call(call, "create", [saltOf(entry), initCode]);
}

/** All contracts of the plan, in its order. */
export async function ensureContracts(
  client: PublicClient,
  sender: Sender,
  factory: Address,
  context: Context,
): Promise<void> {
  for (const { entry, address } of allEntries(context.at)) {
    await ensureContract(client, sender, factory, { entry, address, context });
  }
}

/** The block in which the first contract of the plan was made, by the factory's log. */
export async function findStartBlock(
  client: PublicClient,
  factory: Address,
  deployer: Address,
): Promise<{ startBlock: number; startBlockHash: `0x${string}` }> {
  const salt = saltOf(contracts[contractNames[0]]);
  for (let to = await client.getBlockNumber({ cacheTime: 0 }); to >= 0n; to -= LOG_PAGE) {
    const fromBlock = to >= LOG_PAGE ? to - LOG_PAGE + 1n : 0n;
    const filter = { address: factory, event: createdEvent, args: { deployer, salt } };
    const [log] = await client.getLogs({ ...filter, fromBlock, toBlock: to });
    if (log) return { startBlock: Number(log.blockNumber), startBlockHash: log.blockHash };
  }
  throw new Error(`The chain shows no log of ${contractNames[0]}'s creation by ${factory}.`);
}
