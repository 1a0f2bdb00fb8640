/** Deploys the whole of MOA to the test chain, in the order of `scripts/deploy.ts`: the ledgers first, for the exchange's future address. */
import { type Address, getAddress, getContract, getContractAddress } from "viem";
import {
  agentRegistryAbi,
  bountyPotAbi,
  consensusAbi,
  exchangeAbi,
  experienceKeyAbi,
  fixedPriceAbi,
  labelRegistryAbi,
  linearPriceAbi,
  pointsLedgerAbi,
  testArbitratorAbi,
  testUSDCAbi,
  validatorBondsAbi,
} from "../../../sdk/abis/index.ts";
import { publicClient, viem } from "./chain.ts";

const wallets = await viem.getWalletClients();
const names = [
  "admin",
  "relayer",
  "unit",
  "seller",
  "buyer",
  "validator",
  "operator",
  "stranger",
  "newcomer",
  "sponsor",
  "next",
  "afterNext",
  "rival",
  "bystander",
] as const;

/** An account of the test chain. */
export type Person = { address: Address; wallet: (typeof wallets)[number] };

function person(index: number): Person {
  const wallet = wallets[index];
  if (!wallet) throw new Error(`The test chain has no account ${index}.`);
  return { address: getAddress(wallet.account.address), wallet };
}

/** Everybody who plays in the tests. Whether they are agents is up to the fixture. */
export const people = Object.fromEntries(names.map((name, i) => [name, person(i)])) as Record<
  (typeof names)[number],
  Person
>;

export const client = { public: publicClient, wallet: people.admin.wallet };

/** Write options: sent by this person. */
export function by({ address }: { address: Address }): { account: Address } {
  return { account: address };
}

/** Deploys a contract by the administrator and returns its address. */
export async function create(name: string, args: unknown[] = []): Promise<Address> {
  const { address } = await viem.deployContract(name, args);
  return getAddress(address);
}

/** The address of the contract that the administrator creates `ahead` transactions from now. */
export async function predict(ahead: number): Promise<Address> {
  const nonce = await publicClient.getTransactionCount({ address: people.admin.address });
  return getContractAddress({ from: people.admin.address, nonce: BigInt(nonce + ahead) });
}

/** What a challenge costs, in USDC: 10. */
export const STAKE = 10_000_000n;
/** What an arbitration costs, in wei. */
export const FEE = 10n ** 16n;
export const POLICY = {
  quorum: 3,
  supportBps: 6667,
  disputeBps: 3334,
  minBond: 2n * STAKE,
  maxWeight: 20n * STAKE,
} as const;

/** All contracts, the curves and the test token allowed; no agents yet. */
export async function deployMoa() {
  const authority = await create("Authority", [people.admin.address]);
  const fixed = await create("FixedPrice");
  const linear = await create("LinearPrice");
  const exchangeAddress = await predict(3);
  const registry = await create("AgentRegistry", [exchangeAddress]);
  const keys = await create("ExperienceKey", [registry, exchangeAddress]);
  const points = await create("PointsLedger", [exchangeAddress]);
  await create("Exchange", [authority, registry, keys, points]);
  const usdc = await create("TestUSDC");
  const arbitrator = await create("TestArbitrator", [FEE]);
  const pot = await create("BountyPot");
  const bondsAddress = await predict(1);
  const labels = await create("LabelRegistry", [registry, exchangeAddress, bondsAddress]);
  const bonds = await create("ValidatorBonds", [
    registry,
    labels,
    usdc,
    arbitrator,
    STAKE,
    "0xc0",
    "ipfs://rules",
  ]);
  const consensus = await create("Consensus", [
    authority,
    registry,
    exchangeAddress,
    labels,
    bonds,
    pot,
    POLICY,
  ]);
  const exchange = getContract({ address: exchangeAddress, abi: exchangeAbi, client });
  await exchange.write.allowToken([usdc, true]);
  await exchange.write.allowCurve([fixed, true]);
  await exchange.write.allowCurve([linear, true]);
  return {
    authority,
    exchange,
    registry: getContract({ address: registry, abi: agentRegistryAbi, client }),
    keys: getContract({ address: keys, abi: experienceKeyAbi, client }),
    points: getContract({ address: points, abi: pointsLedgerAbi, client }),
    labels: getContract({ address: labels, abi: labelRegistryAbi, client }),
    bonds: getContract({ address: bonds, abi: validatorBondsAbi, client }),
    consensus: getContract({ address: consensus, abi: consensusAbi, client }),
    arbitrator: getContract({ address: arbitrator, abi: testArbitratorAbi, client }),
    pot: getContract({ address: pot, abi: bountyPotAbi, client }),
    usdc: getContract({ address: usdc, abi: testUSDCAbi, client }),
    fixed: getContract({ address: fixed, abi: fixedPriceAbi, client }),
    linear: getContract({ address: linear, abi: linearPriceAbi, client }),
  };
}

export type Moa = Awaited<ReturnType<typeof deployMoa>>;
