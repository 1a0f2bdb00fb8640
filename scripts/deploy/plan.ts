/**
 * What the exchange consists of, in the order in which it is made: the one table of the deployment.
 *
 * A new contract is one line in `contracts` and its name in `sdk/deployment.ts`; a new curve one line in `curves` and its name there.
 */
import { type Address, type Hex, keccak256, type PublicClient, toBytes } from "viem";
import { type CurveType, curveTypes, formulaTypes, curves as twins } from "../../sdk/curves.ts";
import { type ContractName, contractNames } from "../../sdk/deployment.ts";
import { CHALLENGE_STAKE, CONSENSUS, COSTS, labelRulesUri, rulesUri } from "./arbitration.ts";
import { artifactOf } from "./artifact.ts";

export const LOCAL_CHAIN_ID = 31337;

/** Every contract's address, known before the first is there. The token is the chain's own, or ours where the chain is local. */
export type Addresses = Record<ContractName, Address> & {
  curves: Record<CurveType, Address>;
  token: Address;
};

export type Context = { at: Addresses; deployer: Address };

export type Entry = {
  /** Name of the artifact. */
  artifact: string;
  /** Part of the salt: raised when new code is to stand beside the old on a chain that has it. */
  version: number;
  /**
   * Constructor arguments by their names in Solidity, without a trailing underscore. Where the contract has a view of the same name,
   * `npm run verify-deployment` compares.
   */
  args: (context: Context) => Record<string, unknown>;
  /** What further views must answer. */
  views?: (context: Context) => Record<string, unknown>;
};

function entry(artifact: string, args: Entry["args"] = () => ({}), more: Partial<Entry> = {}): Entry {
  return { artifact, version: 1, args, ...more };
}

/** What the exchange is wired to for ever. */
const wiringOf = ({ at }: Context) => ({
  registry: at.AgentRegistry,
  catalog: at.Catalog,
  keys: at.ExperienceKey,
  points: at.PointsLedger,
  tills: at.Tills,
  consensus: at.Consensus,
  disputes: at.Disputes,
  cardIssuer: at.CardIssuer,
});

/** In the order of creation, which is that of their names: a constructor may ask those above it. */
export const contracts: Record<ContractName, Entry> = {
  Authority: entry("Authority", ({ deployer }) => ({ initialAdmin: deployer })),
  AgentRegistry: entry("AgentRegistry", ({ at }) => ({ registrar: at.Exchange, catalog: at.Catalog })),
  ExperienceKey: entry("ExperienceKey", ({ at }) => ({
    registry: at.AgentRegistry,
    exchange: at.Exchange,
    catalog: at.Catalog,
  })),
  PointsLedger: entry("PointsLedger", ({ at }) => ({
    authority: at.Authority,
    exchange: at.Exchange,
    registry: at.AgentRegistry,
    endorsements: at.LabelRegistry,
  })),
  Catalog: entry(
    "Catalog",
    ({ at }) => ({ authority: at.Authority, registry: at.AgentRegistry, exchange: at.Exchange }),
    { views: () => ({ MAX_SHARES_BPS: 5000, MAX_REFUND_WINDOW: 2_592_000 }) },
  ),
  Exchange: entry("Exchange", (context) => ({ authority: context.at.Authority, wiring: wiringOf(context) }), {
    views: (context) => ({ ...wiringOf(context), MAX_FEE_BPS: 500, feeBps: 0 }),
  }),
  ReceiptProofs: entry("ReceiptProofs"),
  Tills: entry("Tills", ({ at }) => ({
    registry: at.AgentRegistry,
    exchange: at.Exchange,
    catalog: at.Catalog,
    receipts: at.ReceiptProofs,
  })),
  LabelRegistry: entry("LabelRegistry", ({ at }) => ({
    registry: at.AgentRegistry,
    catalog: at.Catalog,
    bonds: at.ValidatorBonds,
  })),
  CardIssuer: entry("CardIssuer", ({ at }) => ({
    authority: at.Authority,
    registry: at.AgentRegistry,
    catalog: at.Catalog,
    exchange: at.Exchange,
  })),
  // It takes no cases before it has a payee, which must be an agent.
  HouseArbitrator: entry("HouseArbitrator", ({ at }) => ({
    authority: at.Authority,
    registry: at.AgentRegistry,
    firstPayeeId: 0n,
    maxCost: COSTS.max,
    arbitrationCost: COSTS.arbitration,
    appealCost: COSTS.appeal,
  })),
  Disputes: entry("Disputes", ({ at }) => ({
    registry: at.AgentRegistry,
    orders: at.Exchange,
    arbitrator: at.HouseArbitrator,
    extraData: "0x",
    metaEvidence: rulesUri,
  })),
  ValidatorBonds: entry("ValidatorBonds", ({ at }) => ({
    registry: at.AgentRegistry,
    labels: at.LabelRegistry,
    token: at.token,
    arbitrator: at.HouseArbitrator,
    challengeStake: CHALLENGE_STAKE,
    arbitratorExtraData: "0x",
    metaEvidence: labelRulesUri,
  })),
  Consensus: entry("Consensus", ({ at }) => ({
    authority: at.Authority,
    registry: at.AgentRegistry,
    catalog: at.Catalog,
    labels: at.LabelRegistry,
    bonds: at.ValidatorBonds,
    pot: at.Exchange,
    policy: CONSENSUS,
  })),
  ReceiptAnchor: entry("ReceiptAnchor", ({ at }) => ({ registry: at.AgentRegistry })),
};

/** One of each kind. The piecewise one is made of the others, and so comes last. */
export const curves = Object.fromEntries(
  curveTypes.map((type) => [
    type,
    entry(
      twins[type].contract,
      type === "custom_piecewise"
        ? ({ at }) => ({ formulas: formulaTypes.map((formula) => at.curves[formula]) })
        : () => ({}),
    ),
  ]),
) as Record<CurveType, Entry>;

/** What local chains pay with. */
export const localToken = entry("TestUSDC");

/** A view of a deployed contract. */
export type Read = (contract: ContractName, functionName: string, args?: unknown[]) => Promise<unknown>;

export function readerOf(client: PublicClient, at: Addresses): Read {
  return (contract, functionName, args = []) => {
    const { abi } = artifactOf(contracts[contract].artifact);
    return client.readContract({ address: at[contract], abi, functionName, args });
  };
}

/** A transaction that the exchange needs once, after all contracts are there. */
export type Call = {
  what: string;
  contract: ContractName;
  functionName: string;
  args: (context: Context, read: Read) => unknown[] | Promise<unknown[]>;
  /** Whether the chain says that it is done. */
  isDone: (context: Context, read: Read) => Promise<boolean>;
};

const EXCHANGE_PROFILE = {
  type: "https://eips.ethereum.org/EIPS/eip-8004#registration-v1",
  name: "MOA Exchange",
  description: "The experience exchange itself.",
};
const profileUri = `data:application/json,${encodeURIComponent(JSON.stringify(EXCHANGE_PROFILE))}`;

/** In this order, by the deployer, while it still administers everything without delay. */
export const calls: readonly Call[] = [
  allow("the payment token", "Catalog", "allowToken", "isTokenAllowed", ({ at }) => at.token),
  ...curveTypes.map((name) =>
    allow(`the ${name} curve`, "Catalog", "allowCurve", "isCurveAllowed", ({ at }) => at.curves[name]),
  ),
  {
    // The exchange is an agent too: its deployer's EOA, which would earn the fee if there were one.
    what: "the exchange is an agent",
    contract: "AgentRegistry",
    functionName: "register",
    args: () => [profileUri],
    isDone: async ({ deployer }, read) => (await read("AgentRegistry", "agentOf", [deployer])) !== 0n,
  },
  {
    what: "that agent earns the fee, which is 0",
    contract: "Exchange",
    functionName: "setFee",
    args: async ({ deployer }, read) => [0, await read("AgentRegistry", "agentOf", [deployer])],
    isDone: async ({ deployer }, read) => {
      const agentId = await read("AgentRegistry", "agentOf", [deployer]);
      return agentId !== 0n && (await read("Exchange", "feeAgentId")) === agentId;
    },
  },
  {
    what: "that agent earns what the house's court takes",
    contract: "HouseArbitrator",
    functionName: "setPayee",
    args: async ({ deployer }, read) => [await read("AgentRegistry", "agentOf", [deployer])],
    isDone: async (_, read) => (await read("HouseArbitrator", "payeeId")) !== 0n,
  },
];

/** A call that puts something on an allowlist of `contract`. */
function allow(
  what: string,
  contract: ContractName,
  functionName: string,
  view: string,
  subject: (context: Context) => Address,
): Call {
  return {
    what: `${what} is allowed`,
    contract,
    functionName,
    args: (context) => [subject(context), true],
    isDone: async (context, read) => (await read(contract, view, [subject(context)])) === true,
  };
}

/** Everything that is created, in order, with the address that it gets. */
export function allEntries(at: Addresses): { entry: Entry; address: Address }[] {
  return [
    ...contractNames.map((name) => ({ entry: contracts[name], address: at[name] })),
    ...curveTypes.map((name) => ({ entry: curves[name], address: at.curves[name] })),
  ];
}

/** Under which salt the factory makes it for its deployer. */
export function saltOf({ artifact, version }: Entry): Hex {
  return keccak256(toBytes(`moa/${artifact}/${version}`));
}

/** The constructor's arguments in its own order. Throws when the table names others than the constructor does. */
export function orderedArgs(
  inputs: readonly { name?: string | undefined }[],
  args: Record<string, unknown>,
): unknown[] {
  const names = inputs.map(({ name }) => (name ?? "").replace(/_+$/, ""));
  const unknown = [
    ...Object.keys(args).filter((name) => !names.includes(name)),
    ...names.filter((n) => !(n in args)),
  ];
  if (unknown.length > 0)
    throw new Error(`Constructor and plan disagree about ${[...new Set(unknown)].join(", ")}.`);
  return names.map((name) => args[name]);
}
