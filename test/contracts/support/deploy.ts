/** Deploys the whole of MOA to the test chain, in the order of `scripts/deploy.ts`: the ledgers first, for the exchange's future address. */
import { type Address, getAddress, getContract, getContractAddress } from "viem";
import {
  agentRegistryAbi,
  exchangeAbi,
  experienceKeyAbi,
  fixedPriceAbi,
  labelRegistryAbi,
  linearPriceAbi,
  pointsLedgerAbi,
  testUSDCAbi,
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

/** All contracts, the curves and the test token allowed; no agents yet. */
export async function deployMoa() {
  const authority = await create("Authority", [people.admin.address]);
  const curveAddresses = await deployCurves();
  const exchangeAddress = await predict(3);
  const registry = await create("AgentRegistry", [exchangeAddress]);
  const keys = await create("ExperienceKey", [registry, exchangeAddress]);
  const points = await create("PointsLedger", [exchangeAddress]);
  await create("Exchange", [authority, registry, keys, points]);
  const labels = await create("LabelRegistry", [registry, exchangeAddress]);
  const usdc = await create("TestUSDC");
  const exchange = getContract({ address: exchangeAddress, abi: exchangeAbi, client });
  await exchange.write.allowToken([usdc, true]);
  for (const curve of Object.values(curveAddresses)) await exchange.write.allowCurve([curve, true]);
  return {
    authority,
    exchange,
    registry: getContract({ address: registry, abi: agentRegistryAbi, client }),
    keys: getContract({ address: keys, abi: experienceKeyAbi, client }),
    points: getContract({ address: points, abi: pointsLedgerAbi, client }),
    labels: getContract({ address: labels, abi: labelRegistryAbi, client }),
    usdc: getContract({ address: usdc, abi: testUSDCAbi, client }),
    curves: curveAddresses,
    fixed: getContract({ address: curveAddresses.fixed, abi: fixedPriceAbi, client }),
    linear: getContract({ address: curveAddresses.linear, abi: linearPriceAbi, client }),
  };
}

export type Moa = Awaited<ReturnType<typeof deployMoa>>;
