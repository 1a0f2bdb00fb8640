/** The state that the events add up to: the auditor's own books. Ids are those of the contracts; times are Unix seconds. */
import type { Address, Hash, Hex } from "viem";
import type { ConsensusPolicy } from "../sdk/consensus.ts";
import type { Place } from "./findings.ts";

export type Grant = { actions: bigint; expiry: bigint; epoch: number };
export type Agent = {
  eoa: Address;
  epoch: number;
  past: Address[];
  uri: string;
  grants: Map<Address, Grant>;
  joinedAt: bigint;
};

/** `ICatalog.Terms`, decoded. */
export type Terms = {
  token: Address;
  curve: Address;
  curveParams: Hex;
  supplyCap: number;
  startTime: number;
  endTime: number;
  keyTtl: number;
  scopes: number;
  flags: number;
  refundWindow: number;
  refundTerms: number;
  bountyBps: number;
  referralBps: number;
  resaleBps: number;
  pointsPrice: number;
  requestsPerMinute: number;
  requestsPerDay: number;
  royalties: readonly { ekId: bigint; bps: number }[];
};

export type Version = {
  terms: Terms;
  manifestHash: Hash;
  summaryHash: Hash;
  pointer: Address;
  /** What the next key costs; undefined for a curve that is not the deployment's. */
  price: ((sold: number, time: bigint) => bigint) | undefined;
};

export type Scores = {
  authenticity: number;
  utility: number;
  reproducibility: number;
  freshness: number;
  safety: number;
};
export type Aggregate = Scores & { count: number };

/** A validator's word on a listing. `endOf` has the ends of former revisions; null for one that was struck. */
export type Label = {
  live: boolean;
  /** Whether it was live when a challenge took it. */
  struck: boolean;
  revision: number;
  version: number;
  types: number;
  scores: Scores;
  createdAt: bigint;
  disputed: boolean;
  inputHash: Hex;
  endOf: Map<number, bigint | null>;
};

export type Seat = { validatorId: bigint; since: bigint };

export type Listing = {
  ekId: bigint;
  sellerId: bigint;
  versions: Version[];
  /** `ICatalog.Status`: 1 active, 2 paused, 3 archived. */
  status: number;
  sold: number;
  labels: Map<bigint, Label>;
  endorserId: bigint;
  allowed: Map<bigint, boolean>;
  seats: Seat[];
  bounties: Map<Address, bigint>;
  createdAt: bigint;
};

export type Key = {
  keyId: bigint;
  holderId: bigint;
  version: number;
  scopes: number;
  flags: number;
  startTime: bigint;
  expiry: bigint;
  burnt: boolean;
  /** Whom the log last named as owner. */
  announced: Address;
  tenantId: bigint;
  rentedUntil: bigint;
};

/** `IOrders.OrderStatus`: 1 held, 2 disputed, 3 released, 4 refunded. */
export type Order = {
  amount: bigint;
  releaseTime: bigint;
  payerId: bigint;
  referrerId: bigint;
  feeBps: number;
  status: number;
  accessed: boolean;
  toBuyer: bigint;
};

export type Trade = {
  number: number;
  keyId: bigint;
  ekId: bigint;
  version: number;
  sellerId: bigint;
  buyerId: bigint;
  payerId: bigint;
  payer: Address;
  token: Address;
  price: bigint;
  releaseTime: bigint;
  feeBps: number;
  referrerId: bigint;
  paymentRef: Hash;
  by: Address;
  time: bigint;
  place: Place;
};

/** The first listings, sales and labels, in the order of the chain: what a public feed has. */
export type Deed = {
  kind: "exp_listed" | "ek_trade" | "validation";
  ekId: bigint;
  agentId: bigint;
  keyId?: bigint;
  time: bigint;
  place: Place;
};

export type Points = { balance: bigint; lifetime: bigint; day: bigint; earned: bigint };
export type PointsEntry = {
  keyId: bigint;
  agentId: bigint;
  role: "seller" | "buyer" | "spender";
  delta: bigint;
  balance: bigint;
  reasons: number;
};
export type PointsPolicy = {
  sellerAward: number;
  buyerAward: number;
  pairTradesPerDay: number;
  agentPointsPerDay: number;
  handful: number;
  unendorsedPercent: number;
};

export type Bond = { bonded: bigint; unbonding: bigint; unbondedAt: bigint; atStake: bigint };
/** `IValidatorBonds.ChallengeStatus`: 1 open, 2 answered, 3 ruling, 4 struck, 5 upheld, 6 tied. */
export type Challenge = {
  challengerId: bigint;
  validatorId: bigint;
  ekId: bigint;
  revision: number;
  status: number;
  appeals: number;
  deadline: bigint;
  atStake: bigint;
  fee: bigint;
  /** What is left of both fees; undefined once an arbitrator took a part that its own events do not tell. */
  pot: bigint | undefined;
  challengerPayer: Address;
  validatorPayer: Address | undefined;
  surcharge: bigint;
  extraPayer: Address | undefined;
  disputeId: bigint | undefined;
};

/** `IDisputes.Status`: 1 opened, 2 answered, 3 submitted, 4 closed. */
export type Dispute = {
  buyerId: bigint;
  sellerId: bigint;
  category: number;
  status: number;
  outcome: number;
  ruling: number;
  deadline: bigint;
  buyerFee: bigint;
  sellerFee: bigint;
  spent: bigint;
  appeals: number;
  appellantId: bigint;
  disputeId: bigint | undefined;
};

/** `IHouseArbitrator.Phase`: 1 waiting, 2 appealable, 3 appealed, 4 final, 5 executed. */
export type Case = {
  arbitrable: Address;
  phase: number;
  deadline: bigint;
  fee: bigint;
  choices: bigint;
  ruling: bigint;
};

export type Rotation = {
  agentId: bigint;
  from: Address;
  to: Address;
  by: Address;
  epoch: number;
  consented: boolean;
  place: Place;
};
export type Charge = { keyId: bigint; reversed: boolean };
export type Anchor = { root: Hash; count: bigint; anchoredAt: bigint };

export type Books = ReturnType<typeof createBooks>;

export function createBooks() {
  return {
    agents: new Map<bigint, Agent>(),
    /** Which agent an EOA belongs or ever belonged to. */
    eoas: new Map<Address, bigint>(),
    nonces: new Map<Address, bigint>(),
    labelNonces: new Map<bigint, bigint>(),
    consents: new Map<Address, { agentId: bigint; epoch: number; deadline: bigint }>(),
    rotations: [] as Rotation[],
    tokens: new Map<Address, boolean>(),
    curves: new Map<Address, boolean>(),
    listings: new Map<bigint, Listing>(),
    keys: new Map<bigint, Key>(),
    /** How many keys of a listing an agent bought, by the id of its first one. */
    minted: new Map<bigint, number>(),
    keysOf: new Map<bigint, number>(),
    orders: new Map<bigint, Order>(),
    trades: [] as Trade[],
    deeds: [] as Deed[],
    paymentRefs: new Set<string>(),
    /** What an agent can withdraw, by agent and token. */
    credits: new Map<string, bigint>(),
    fee: { bps: 0, agentId: 0n },
    pause: { until: 0n, pausableFrom: 0n },
    points: new Map<bigint, Points>(),
    pointsEntries: [] as PointsEntry[],
    pairs: new Map<string, { day: bigint; trades: bigint; linked: boolean }>(),
    pointsPolicy: undefined as PointsPolicy | undefined,
    bonds: new Map<bigint, Bond>(),
    bondCredits: new Map<bigint, bigint>(),
    feeCredits: new Map<Address, bigint>(),
    burnt: 0n,
    challenges: new Map<bigint, Challenge>(),
    openChallenges: new Map<string, bigint>(),
    consensusPolicy: undefined as ConsensusPolicy | undefined,
    groups: new Map<bigint, bigint>(),
    disputes: new Map<bigint, Dispute>(),
    disputeCredits: new Map<bigint, bigint>(),
    cases: new Map<bigint, Case>(),
    courtCredits: new Map<bigint, bigint>(),
    court: { arbitrationCost: 0n, appealCost: 0n, payeeId: 0n },
    charges: new Map<Hash, Charge>(),
    cards: {
      hold: 0,
      caps: new Map<Address, bigint>(),
      spent: new Map<Address, { day: bigint; amount: bigint }>(),
    },
    receipts: new Set<string>(),
    anchors: new Map<string, Anchor>(),
    /** What the exchange and the bonds hold of each token, by the tokens' own logs; by holder and token. */
    vaults: new Map<string, bigint>(),
    /** What somebody sent there without any event of ours. */
    donations: new Map<string, bigint>(),
  };
}

export const creditName = (agentId: bigint, token: Address) => `${agentId} ${token}`;
export const vaultName = (holder: Address, token: Address) => `${holder} ${token}`;
export const labelName = (ekId: bigint, validatorId: bigint) => `${ekId} ${validatorId}`;

/** Adds to a map of sums. */
export function add<K>(sums: Map<K, bigint>, key: K, amount: bigint): bigint {
  const sum = (sums.get(key) ?? 0n) + amount;
  sums.set(key, sum);
  return sum;
}
