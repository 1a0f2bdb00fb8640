/** Deploys the whole of MOA to the test chain, each contract for the addresses that the others are going to have. */
import { type Address, getAddress, getContract, getContractAddress } from "viem";
import {
  agentRegistryAbi,
  bountyPotAbi,
  cardIssuerAbi,
  catalogAbi,
  consensusAbi,
  exchangeAbi,
  experienceKeyAbi,
  fixedPriceAbi,
  labelRegistryAbi,
  linearPriceAbi,
  pointsLedgerAbi,
  receiptProofsAbi,
  testArbitratorAbi,
  testUSDCAbi,
  tillsAbi,
  validatorBondsAbi,
} from "../../../sdk/abis/index.ts";
import { type CurveType, curves, type FormulaType, formulas, formulaTypes } from "../../../sdk/curves.ts";
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
  "issuer",
  "guardian",
  "recorder",
  "disputesDesk",
  "consensusDesk",
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

/** The house in the order of its deployment. */
const house = [
  "registry",
  "keys",
  "points",
  "exchange",
  "catalog",
  "tills",
  "cards",
  "labels",
  "bonds",
  "consensus",
  "desk",
] as const;
export type House = Record<(typeof house)[number], Address>;

/** Where the house will stand, if its first contract is the administrator's next transaction but `ahead`. */
export async function plan(ahead = 0): Promise<House> {
  const addresses = await Promise.all(house.map((_, i) => predict(ahead + i)));
  return Object.fromEntries(house.map((name, i) => [name, addresses[i]])) as House;
}

/**
 * What the exchange is wired to. Two people stand in for the consensus and the disputes, unless told otherwise, so that tests can act as
 * them.
 */
export function wiringOf(
  { registry, catalog, keys, points, tills, cards }: House,
  disputes: Address = people.disputesDesk.address,
  consensus: Address = people.consensusDesk.address,
) {
  return { registry, catalog, keys, points, tills, consensus, disputes, cardIssuer: cards };
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

/** One curve of each kind, by the name that listings use. */
export async function deployCurves(
  createContract: (name: string, args?: unknown[]) => Promise<Address> = create,
): Promise<Record<CurveType, Address>> {
  const addresses = new Map<FormulaType, Address>();
  for (const type of formulaTypes) addresses.set(type, await createContract(formulas[type].contract));
  const formulaAddresses = [...addresses.values()];
  return {
    ...(Object.fromEntries(addresses) as Record<FormulaType, Address>),
    custom_piecewise: await createContract(curves.custom_piecewise.contract, [formulaAddresses]),
  };
}

/** All contracts, the curves and the test token allowed; no agents yet. A person is the desk of disputes. */
export const deployMoa = () => deployMoaWith();

type CreateDesk = (at: House, authority: Address) => Promise<unknown>;

/** Makes, in one transaction, who decides about challenges. */
export type CreateArbitrator = (authority: Address, registry: Address) => Promise<Address>;

const createTestArbitrator: CreateArbitrator = () => create("TestArbitrator", [FEE]);

/**
 * The same with another desk of disputes: one that is at an address, or that this makes, as the first of its transactions.
 * `payingConsensus`: the exchange's bounties are the consensus' to share; else a person's, and the consensus has a mock.
 * `createArbitrator`: who decides about challenges, if not an arbitrator that does what it is told.
 */
export async function deployMoaWith(
  desk?: Address | CreateDesk,
  { payingConsensus = false, createArbitrator = createTestArbitrator } = {},
) {
  const createDesk = typeof desk === "function" ? desk : undefined;
  const authority = await create("Authority", [people.admin.address]);
  const curveAddresses = await deployCurves();
  const usdc = await create("TestUSDC");
  // The bounties' mock and the receipts' proofs lie between the arbitrator and the house.
  const arbitrator = await createArbitrator(authority, (await plan(3)).registry);
  const pot = await create("BountyPot");
  const receipts = await create("ReceiptProofs");
  const at = await plan();
  await create("AgentRegistry", [at.exchange, at.catalog]);
  await create("ExperienceKey", [at.registry, at.exchange, at.catalog]);
  await create("PointsLedger", [authority, at.exchange, at.registry, at.labels]);
  const disputes = createDesk ? at.desk : (desk as Address | undefined);
  await create("Exchange", [authority, wiringOf(at, disputes, payingConsensus ? at.consensus : undefined)]);
  await create("Catalog", [authority, at.registry, at.exchange]);
  await create("Tills", [at.registry, at.exchange, at.catalog, receipts]);
  await create("CardIssuer", [authority, at.registry, at.catalog, at.exchange]);
  await create("LabelRegistry", [at.registry, at.catalog, at.bonds]);
  await create("ValidatorBonds", [at.registry, at.labels, usdc, arbitrator, STAKE, "0xc0", "ipfs://rules"]);
  await create("Consensus", [
    ...[authority, at.registry, at.catalog, at.labels, at.bonds, payingConsensus ? at.exchange : pot, POLICY],
  ]);
  await createDesk?.(at, authority);
  const catalog = getContract({ address: at.catalog, abi: catalogAbi, client });
  await catalog.write.allowToken([usdc, true]);
  for (const curve of Object.values(curveAddresses)) await catalog.write.allowCurve([curve, true]);
  return {
    authority,
    catalog,
    exchange: getContract({ address: at.exchange, abi: exchangeAbi, client }),
    tills: getContract({ address: at.tills, abi: tillsAbi, client }),
    cards: getContract({ address: at.cards, abi: cardIssuerAbi, client }),
    registry: getContract({ address: at.registry, abi: agentRegistryAbi, client }),
    keys: getContract({ address: at.keys, abi: experienceKeyAbi, client }),
    points: getContract({ address: at.points, abi: pointsLedgerAbi, client }),
    labels: getContract({ address: at.labels, abi: labelRegistryAbi, client }),
    bonds: getContract({ address: at.bonds, abi: validatorBondsAbi, client }),
    consensus: getContract({ address: at.consensus, abi: consensusAbi, client }),
    arbitrator: getContract({ address: arbitrator, abi: testArbitratorAbi, client }),
    receipts: getContract({ address: receipts, abi: receiptProofsAbi, client }),
    pot: getContract({ address: pot, abi: bountyPotAbi, client }),
    usdc: getContract({ address: usdc, abi: testUSDCAbi, client }),
    curves: curveAddresses,
    fixed: getContract({ address: curveAddresses.fixed, abi: fixedPriceAbi, client }),
    linear: getContract({ address: curveAddresses.linear, abi: linearPriceAbi, client }),
  };
}

export type Moa = Awaited<ReturnType<typeof deployMoaWith>>;
