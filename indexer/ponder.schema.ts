/**
 * The public tables: what the chain's events say, by id, ready to be read. Everything here can be thrown away and rebuilt.
 *
 * - Ids are those of the wire (`sdk/ids.ts`) and name their chain. Amounts are in the token's smallest units, times in Unix seconds.
 * - Where the chain says 0 for "none" (no cap, no end), so does the column.
 * - `by` is the account that sent the transaction for the agent: its EOA, an operator, or a relayer.
 * - Rows that tell of one event carry `tx`, `blockNumber`, `logIndex` and `at`.
 */
import { index, onchainTable, primaryKey } from "ponder";

/** Ponder's column builders. */
type Columns = Parameters<Extract<Parameters<typeof onchainTable>[1], (t: never) => unknown>>[0];

/** Where an event stands. `blockNumber` and `logIndex` order all events of a chain. */
const origin = (t: Columns) => ({
  tx: t.hex().notNull(),
  blockNumber: t.bigint().notNull(),
  logIndex: t.integer().notNull(),
  at: t.bigint().notNull(),
});

/** A part of the price that goes to the seller of an older listing, in basis points. */
type Royalty = { ekId: string; bps: number };

/** `ICatalog.Terms`. uint32 that a seller sets freely is a bigint: it does not fit a Postgres integer. */
const terms = (t: Columns) => ({
  token: t.hex().notNull(),
  curve: t.hex().notNull(),
  /** The curve's name in the deployment; null for one that is not in it. */
  curveType: t.text(),
  curveParams: t.hex().notNull(),
  supplyCap: t.bigint().notNull(),
  startTime: t.bigint().notNull(),
  endTime: t.bigint().notNull(),
  keyTtl: t.bigint().notNull(),
  scopes: t.integer().notNull(),
  flags: t.integer().notNull(),
  /** Seconds that a payment waits in escrow, and until when the buyer may take it back by itself. */
  refundWindow: t.integer().notNull(),
  refundTerms: t.text({ enum: ["none", "until_access", "full"] }).notNull(),
  bountyBps: t.integer().notNull(),
  referralBps: t.integer().notNull(),
  resaleBps: t.integer().notNull(),
  /** In units of the points ledger; 0 = not sold for points. */
  pointsPrice: t.bigint().notNull(),
  requestsPerMinute: t.bigint().notNull(),
  requestsPerDay: t.bigint().notNull(),
  royalties: t.jsonb().$type<Royalty[]>().notNull(),
});

/** `ICatalog.Content`, and whether the summary could be read. */
const content = (t: Columns) => ({
  manifestHash: t.hex().notNull(),
  summaryHash: t.hex().notNull(),
  /** The summary as it stands in the event; empty when `uri` says where it is. */
  summaryJson: t.text().notNull(),
  uri: t.text().notNull(),
  /** Whether the summary is one that can be shown; `fault` says why not. */
  indexable: t.boolean().notNull(),
  fault: t.text(),
});

/** The five scores, or their sums. */
const scores = (t: Columns) => ({
  authenticity: t.integer().notNull(),
  utility: t.integer().notNull(),
  reproducibility: t.integer().notNull(),
  freshness: t.integer().notNull(),
  safety: t.integer().notNull(),
});

// ------------------------------------------------------------------ agents

export const agent = onchainTable(
  "agent",
  (t) => ({
    id: t.text().primaryKey(),
    chainId: t.integer().notNull(),
    eoa: t.hex().notNull(),
    /** How often it rotated. */
    epoch: t.integer().notNull(),
    agentUri: t.text().notNull(),
    /** From the registration file, where that is a data URI. */
    displayName: t.text(),
    agentType: t.text(),
    /** Listings made. */
    listed: t.integer().notNull(),
    /** Keys sold, keys got, listings labelled. */
    sold: t.integer().notNull(),
    bought: t.integer().notNull(),
    validated: t.integer().notNull(),
    /** Its reputation as a validator, as in `validator_facts`: 0 to 100. */
    validatorScore: t.integer().notNull(),
    pointsBalance: t.bigint().notNull(),
    pointsLifetime: t.bigint().notNull(),
    joinedAt: t.bigint().notNull(),
  }),
  (table) => ({ eoa: index().on(table.eoa) }),
);

/** Which agent an EOA belongs or ever belonged to. One row for ever: the registry lets no EOA change its agent. */
export const binding = onchainTable(
  "binding",
  (t) => ({
    chainId: t.integer().notNull(),
    eoa: t.hex().notNull(),
    agentId: t.text().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.chainId, table.eoa] }) }),
);

/** Which EOA an agent had, and when. */
export const agentEoa = onchainTable(
  "agent_eoa",
  (t) => ({
    agentId: t.text().notNull(),
    epoch: t.integer().notNull(),
    chainId: t.integer().notNull(),
    eoa: t.hex().notNull(),
    since: t.bigint().notNull(),
    /** Null for the present one. */
    until: t.bigint(),
    /** Who sent the rotation; null for the EOA that it joined with. */
    by: t.hex(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.agentId, table.epoch] }) }),
);

/** The last word on what an operator may do. It counts while `actions` is not 0, `expiry` is ahead and `epoch` is the agent's. */
export const operatorGrant = onchainTable(
  "operator_grant",
  (t) => ({
    agentId: t.text().notNull(),
    operator: t.hex().notNull(),
    chainId: t.integer().notNull(),
    actions: t.integer().notNull(),
    expiry: t.bigint().notNull(),
    epoch: t.integer().notNull(),
    by: t.hex().notNull(),
    updatedAt: t.bigint().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.agentId, table.operator] }) }),
);

// ---------------------------------------------------------------- listings

/** A listing as it is now: its present version, what was sold, what validators say of it. */
export const listing = onchainTable(
  "listing",
  (t) => ({
    id: t.text().primaryKey(),
    chainId: t.integer().notNull(),
    sellerId: t.text().notNull(),
    version: t.integer().notNull(),
    status: t.text({ enum: ["active", "paused", "archived"] }).notNull(),
    sold: t.integer().notNull(),
    ...terms(t),
    ...content(t),
    // The summary's fields; null while it is not indexable.
    title: t.text(),
    summary: t.text(),
    domain: t.text(),
    taskType: t.text(),
    modality: t.text().array(),
    outputArtifacts: t.text().array(),
    license: t.text(),
    expId: t.text(),
    packaging: t.text(),
    thumbnailItemId: t.text(),
    previewItemId: t.text(),
    /** When the seller says that the content was made, and for how long it is fresh. */
    contentCreatedAt: t.bigint(),
    recommendedTtlDays: t.integer(),
    gateway: t.text(),
    tokenScheme: t.text(),
    gatewayKey: t.text(),
    /** Live labels, the sums of their scores, and how many carry each type, by the type's bit. */
    labelCount: t.integer().notNull(),
    ...scores(t),
    labelTypeCounts: t.integer().array().notNull(),
    createdAt: t.bigint().notNull(),
    /** When the present version was made. */
    updatedAt: t.bigint().notNull(),
    /** Block of the row's last change, or of the last change of what its labels are worth: who follows the table reads from there. */
    changedIn: t.bigint().notNull(),
  }),
  (table) => ({
    seller: index().on(table.sellerId),
    domain: index().on(table.domain),
    created: index().on(table.createdAt),
    changed: index().on(table.changedIn),
  }),
);

/** Every version that a listing ever had, as sold. */
export const listingVersion = onchainTable(
  "listing_version",
  (t) => ({
    id: t.text().primaryKey(),
    chainId: t.integer().notNull(),
    ekId: t.text().notNull(),
    version: t.integer().notNull(),
    ...terms(t),
    ...content(t),
    /** The contract whose code the terms are. */
    pointer: t.hex().notNull(),
    by: t.hex().notNull(),
    ...origin(t),
  }),
  (table) => ({ ek: index().on(table.ekId) }),
);

// ---------------------------------------------------------- sales and keys

/** One sale; its id is the order's. */
export const sale = onchainTable(
  "sale",
  (t) => ({
    id: t.text().primaryKey(),
    chainId: t.integer().notNull(),
    /** Counts all sales of the chain from 1, so that the sales of a period are the difference of two numbers. */
    number: t.integer().notNull(),
    ekId: t.text().notNull(),
    version: t.integer().notNull(),
    keyId: t.text().notNull(),
    sellerId: t.text().notNull(),
    buyerId: t.text().notNull(),
    payer: t.hex().notNull(),
    /** The agent that a refund goes to: the buyer, unless somebody gave the key. */
    payerId: t.text().notNull(),
    token: t.hex().notNull(),
    price: t.bigint().notNull(),
    /** When the escrow ends; 0 = the price was split at once. */
    releaseTime: t.bigint().notNull(),
    /** The exchange's part, in basis points, as it was at the sale. */
    feeBps: t.integer().notNull(),
    /** Who brought the buyer; null when nobody did. */
    referrerId: t.text(),
    /** The quote's hash for a sale through a till, the nonce of a bound authorization, else zero. */
    paymentRef: t.hex().notNull(),
    by: t.hex().notNull(),
    ...origin(t),
  }),
  (table) => ({
    ek: index().on(table.ekId),
    seller: index().on(table.sellerId),
    buyer: index().on(table.buyerId),
    paymentRef: index().on(table.paymentRef),
    at: index().on(table.chainId, table.at),
  }),
);

/** The money of a sale with a refund window: an escrow, which ends once. A sale without one has no row here. */
export const order = onchainTable(
  "orders",
  (t) => ({
    id: t.text().primaryKey(),
    chainId: t.integer().notNull(),
    ekId: t.text().notNull(),
    version: t.integer().notNull(),
    keyId: t.text().notNull(),
    sellerId: t.text().notNull(),
    /** Who got the key. */
    buyerId: t.text().notNull(),
    /** Who paid, and is refunded. */
    payerId: t.text().notNull(),
    token: t.hex().notNull(),
    amount: t.bigint().notNull(),
    /** From then on anybody may release it. */
    releaseTime: t.bigint().notNull(),
    status: t.text({ enum: ["held", "disputed", "released", "refunded"] }).notNull(),
    /** Whether the key was used while the order was open. */
    accessed: t.boolean().notNull(),
    /** What went back to the payer. */
    toBuyer: t.bigint().notNull(),
    updatedAt: t.bigint().notNull(),
  }),
  (table) => ({
    seller: index().on(table.sellerId),
    buyer: index().on(table.buyerId),
    payer: index().on(table.payerId),
    due: index().on(table.status, table.releaseTime),
  }),
);

/** A key's life, prolonged for a price. */
export const renewal = onchainTable(
  "renewal",
  (t) => ({
    chainId: t.integer().notNull(),
    keyId: t.text().notNull(),
    payerId: t.text().notNull(),
    expiry: t.bigint().notNull(),
    token: t.hex().notNull(),
    price: t.bigint().notNull(),
    feeBps: t.integer().notNull(),
    ...origin(t),
  }),
  (table) => ({
    pk: primaryKey({ columns: [table.chainId, table.blockNumber, table.logIndex] }),
    key: index().on(table.keyId),
  }),
);

/** A key that was bought for a card's holder. */
export const charge = onchainTable(
  "charge",
  (t) => ({
    chainId: t.integer().notNull(),
    /** The provider's charge, hashed. */
    chargeId: t.hex().notNull(),
    keyId: t.text().notNull(),
    token: t.hex().notNull(),
    price: t.bigint().notNull(),
    by: t.hex().notNull(),
    /** What the escrow still held when the payment was taken back; null while it was not. */
    recovered: t.bigint(),
    ...origin(t),
  }),
  (table) => ({
    pk: primaryKey({ columns: [table.chainId, table.chargeId] }),
    key: index().on(table.keyId),
  }),
);

/**
 * One key, with its holder now. Who rents it has the use in the holder's place while `userExpires` is ahead; both are null when nobody
 * does, or the rental was ended. `expiry` is that of the key, as renewed last.
 */
export const key = onchainTable(
  "key",
  (t) => ({
    id: t.text().primaryKey(),
    chainId: t.integer().notNull(),
    ekId: t.text().notNull(),
    version: t.integer().notNull(),
    holderId: t.text().notNull(),
    startedAt: t.bigint().notNull(),
    expiry: t.bigint().notNull(),
    scopes: t.integer().notNull(),
    flags: t.integer().notNull(),
    burnt: t.boolean().notNull(),
    userId: t.text(),
    userExpires: t.bigint(),
  }),
  (table) => ({
    holder: index().on(table.holderId),
    user: index().on(table.userId),
    ek: index().on(table.ekId),
  }),
);

/** What an agent can withdraw in a token. */
export const credit = onchainTable(
  "credit",
  (t) => ({
    agentId: t.text().notNull(),
    token: t.hex().notNull(),
    chainId: t.integer().notNull(),
    amount: t.bigint().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.agentId, table.token] }) }),
);

/** What a listing's validators can share in a token. */
export const bounty = onchainTable(
  "bounty",
  (t) => ({
    ekId: t.text().notNull(),
    token: t.hex().notNull(),
    chainId: t.integer().notNull(),
    amount: t.bigint().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.ekId, table.token] }) }),
);

export const withdrawal = onchainTable(
  "withdrawal",
  (t) => ({
    chainId: t.integer().notNull(),
    agentId: t.text().notNull(),
    token: t.hex().notNull(),
    to: t.hex().notNull(),
    amount: t.bigint().notNull(),
    by: t.hex().notNull(),
    ...origin(t),
  }),
  (table) => ({
    pk: primaryKey({ columns: [table.chainId, table.blockNumber, table.logIndex] }),
    agent: index().on(table.agentId),
  }),
);

/** Money that went back from a till. Anybody may make a quote up, so nothing here need exist anywhere else. */
export const tillRefund = onchainTable(
  "till_refund",
  (t) => ({
    chainId: t.integer().notNull(),
    quoteHash: t.hex().notNull(),
    ekId: t.text().notNull(),
    buyer: t.hex().notNull(),
    token: t.hex().notNull(),
    amount: t.bigint().notNull(),
    ...origin(t),
  }),
  (table) => ({
    pk: primaryKey({ columns: [table.chainId, table.blockNumber, table.logIndex] }),
    quote: index().on(table.quoteHash),
  }),
);

/** A day's receipts of a gateway, as the seller anchored them: a row per agent, gateway and day, which never changes. */
export const receiptAnchor = onchainTable(
  "receipt_anchor",
  (t) => ({
    chainId: t.integer().notNull(),
    agentId: t.text().notNull(),
    gatewayId: t.hex().notNull(),
    /** Days since 1970-01-01 UTC. */
    day: t.integer().notNull(),
    root: t.hex().notNull(),
    count: t.bigint().notNull(),
    by: t.hex().notNull(),
    ...origin(t),
  }),
  (table) => ({
    pk: primaryKey({ columns: [table.agentId, table.gatewayId, table.day] }),
  }),
);

// ------------------------------------------------------- labels and points

/** What a validator last said of a listing, also when it is withdrawn or struck. */
export const label = onchainTable(
  "label",
  (t) => ({
    id: t.text().primaryKey(),
    chainId: t.integer().notNull(),
    ekId: t.text().notNull(),
    validatorId: t.text().notNull(),
    /** Counts what this validator said of this listing, from 1. */
    revision: t.integer().notNull(),
    status: t.text({ enum: ["live", "withdrawn", "struck"] }).notNull(),
    /** Whether this revision is challenged, and so frozen. */
    disputed: t.boolean().notNull(),
    /** When it was published; a revision keeps it. */
    createdAt: t.bigint().notNull(),
    /** The listing's version that was examined. */
    version: t.integer().notNull(),
    /** Bit set of label types. */
    types: t.integer().notNull(),
    ...scores(t),
    tags: t.text().array().notNull(),
    summary: t.text().notNull(),
    evidenceKind: t.text({ enum: ["none", "link", "text", "file"] }).notNull(),
    evidence: t.hex().notNull(),
    /** Hash of what a link leads to; zero when it is not given. */
    evidenceHash: t.hex().notNull(),
    /** Who answers for it: the validator's EOA, which sent or signed it, or its operator. */
    by: t.hex().notNull(),
    ...origin(t),
  }),
  (table) => ({ ek: index().on(table.ekId), validator: index().on(table.validatorId) }),
);

/** A revision that is over. */
export const formerLabel = onchainTable(
  "former_label",
  (t) => ({
    labelId: t.text().notNull(),
    revision: t.integer().notNull(),
    chainId: t.integer().notNull(),
    version: t.integer().notNull(),
    types: t.integer().notNull(),
    ...scores(t),
    /** When it was revised or withdrawn; it can be challenged for some time after it. Null when it was struck. */
    endedAt: t.bigint(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.labelId, table.revision] }) }),
);

/** On whose label a listing's endorsement rests. */
export const endorsement = onchainTable("endorsement", (t) => ({
  ekId: t.text().primaryKey(),
  chainId: t.integer().notNull(),
  validatorId: t.text().notNull(),
}));

/** What a validator risks for its labels. */
export const validatorBond = onchainTable("validator_bond", (t) => ({
  validatorId: t.text().primaryKey(),
  chainId: t.integer().notNull(),
  bonded: t.bigint().notNull(),
  /** On its way out: without weight, and still to be slashed. */
  unbonding: t.bigint().notNull(),
  unbondedAt: t.bigint().notNull(),
  /** What of it is at stake in open challenges. */
  atStake: t.bigint().notNull(),
  /** Block of the last change of `bonded`. */
  changedIn: t.bigint().notNull(),
}));

/** What an agent can withdraw from the bonds' contract, in its token. */
export const bondCredit = onchainTable("bond_credit", (t) => ({
  agentId: t.text().primaryKey(),
  chainId: t.integer().notNull(),
  amount: t.bigint().notNull(),
}));

/** Arbitration fees that an account can withdraw, in wei. */
export const feeCredit = onchainTable(
  "fee_credit",
  (t) => ({
    chainId: t.integer().notNull(),
    account: t.hex().notNull(),
    amount: t.bigint().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.chainId, table.account] }) }),
);

/** A challenge to a label. */
export const challenge = onchainTable(
  "challenge",
  (t) => ({
    chainId: t.integer().notNull(),
    challengeId: t.bigint().notNull(),
    labelId: t.text().notNull(),
    revision: t.integer().notNull(),
    validatorId: t.text().notNull(),
    challengerId: t.text().notNull(),
    status: t.text({ enum: ["open", "answered", "ruling", "struck", "upheld", "tied"] }).notNull(),
    atStake: t.bigint().notNull(),
    /** Each side's arbitration fee, in wei. */
    fee: t.bigint().notNull(),
    /** When the present state ends by itself, in Unix time. */
    deadline: t.bigint().notNull(),
    evidence: t.text().notNull(),
    evidenceHash: t.hex().notNull(),
    /** Null until it is referred to the arbitrator. */
    disputeId: t.bigint(),
    appeals: t.integer().notNull(),
    /** What the validator lost, and what of it the challenger got. */
    slashed: t.bigint().notNull(),
    reward: t.bigint().notNull(),
    ...origin(t),
  }),
  (table) => ({
    pk: primaryKey({ columns: [table.chainId, table.challengeId] }),
    label: index().on(table.labelId),
    validator: index().on(table.validatorId),
  }),
);

/** The seats of bonded validators. With labels, bonds, groups and policy they give the status: see `sdk/consensus.ts`. */
export const seat = onchainTable(
  "seat",
  (t) => ({
    ekId: t.text().notNull(),
    index: t.integer().notNull(),
    chainId: t.integer().notNull(),
    validatorId: t.text().notNull(),
    since: t.bigint().notNull(),
  }),
  (table) => ({
    pk: primaryKey({ columns: [table.ekId, table.index] }),
    validator: index().on(table.validatorId),
  }),
);

/** Validators that somebody linked; who is not here is a group of its own. */
export const validatorGroup = onchainTable("validator_group", (t) => ({
  validatorId: t.text().primaryKey(),
  chainId: t.integer().notNull(),
  groupId: t.text().notNull(),
}));

export const consensusPolicy = onchainTable("consensus_policy", (t) => ({
  chainId: t.integer().primaryKey(),
  quorum: t.integer().notNull(),
  supportBps: t.integer().notNull(),
  disputeBps: t.integer().notNull(),
  minBond: t.bigint().notNull(),
  maxWeight: t.bigint().notNull(),
}));

/** A bounty that was shared out: `each` to every one of the agents. */
export const bountyShare = onchainTable(
  "bounty_share",
  (t) => ({
    chainId: t.integer().notNull(),
    ekId: t.text().notNull(),
    token: t.hex().notNull(),
    agentIds: t.text().array().notNull(),
    each: t.bigint().notNull(),
    ...origin(t),
  }),
  (table) => ({
    pk: primaryKey({ columns: [table.chainId, table.blockNumber, table.logIndex] }),
    ek: index().on(table.ekId),
  }),
);

export const validatorAllowance = onchainTable(
  "validator_allowance",
  (t) => ({
    ekId: t.text().notNull(),
    validatorId: t.text().notNull(),
    chainId: t.integer().notNull(),
    allowed: t.boolean().notNull(),
    by: t.hex().notNull(),
    updatedAt: t.bigint().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.ekId, table.validatorId] }) }),
);

/** One agent's points of one order: what it earned, perhaps nothing, and for the buyer also what it paid. In hundredths of a point. */
export const pointsEntry = onchainTable(
  "points_entry",
  (t) => ({
    orderId: t.text().notNull(),
    agentId: t.text().notNull(),
    chainId: t.integer().notNull(),
    ekId: t.text().notNull(),
    role: t.text({ enum: ["seller", "buyer", "spender"] }).notNull(),
    delta: t.bigint().notNull(),
    /** What the agent can spend after it. */
    balance: t.bigint().notNull(),
    /** Bit set of `pointsReasons`: why the order earned less than the policy's award. */
    reasons: t.integer().notNull(),
    ...origin(t),
  }),
  (table) => ({
    pk: primaryKey({ columns: [table.orderId, table.agentId, table.role] }),
    agent: index().on(table.agentId, table.blockNumber, table.logIndex),
  }),
);

/** What orders earn from now on, in points, orders and sales per day, and per cent. */
export const pointsPolicy = onchainTable("points_policy", (t) => ({
  chainId: t.integer().primaryKey(),
  sellerAward: t.integer().notNull(),
  buyerAward: t.integer().notNull(),
  pairTradesPerDay: t.integer().notNull(),
  agentPointsPerDay: t.integer().notNull(),
  handful: t.integer().notNull(),
  unendorsedPercent: t.integer().notNull(),
  updatedAt: t.bigint().notNull(),
}));

// ---------------------------------------------------------------- disputes

/** A dispute over an order, by the order's id. Fees are in wei. */
export const dispute = onchainTable(
  "dispute",
  (t) => ({
    orderId: t.text().primaryKey(),
    chainId: t.integer().notNull(),
    ekId: t.text().notNull(),
    keyId: t.text().notNull(),
    buyerId: t.text().notNull(),
    sellerId: t.text().notNull(),
    category: t
      .text({
        enum: ["unfair_fee", "failed_service", "reputation_abuse", "contract_violation", "data_integrity"],
      })
      .notNull(),
    status: t.text({ enum: ["opened", "answered", "submitted", "closed"] }).notNull(),
    /** How it ended; null while it runs. */
    outcome: t.text({ enum: ["ruled", "lapsed", "conceded", "withdrawn", "timed_out"] }),
    /** 1 the buyer won, 2 the seller won, 0 a tie; null while it runs. */
    ruling: t.integer(),
    /** What the buyer got back of the order's amount; null while it runs. */
    toBuyer: t.bigint(),
    /** When the turn of `status` ends. */
    deadline: t.bigint().notNull(),
    buyerFee: t.bigint().notNull(),
    sellerFee: t.bigint().notNull(),
    /** What the arbitrator got of the two fees. */
    spent: t.bigint().notNull(),
    appeals: t.integer().notNull(),
    /** The agent that appealed last. */
    appellantId: t.text(),
    /** The dispute's number at the arbitrator; null before it was submitted. */
    disputeNumber: t.bigint(),
    /** Whether the arbitrator has handed its ruling over. */
    ruled: t.boolean().notNull(),
    openedAt: t.bigint().notNull(),
    closedAt: t.bigint(),
  }),
  (table) => ({
    ek: index().on(table.ekId),
    buyer: index().on(table.buyerId),
    seller: index().on(table.sellerId),
    status: index().on(table.chainId, table.status),
  }),
);

/** Which order a dispute's number at the arbitrator means, while its ruling is waited for. */
export const disputeNumber = onchainTable(
  "dispute_number",
  (t) => ({
    chainId: t.integer().notNull(),
    number: t.bigint().notNull(),
    orderId: t.text().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.chainId, table.number] }) }),
);

/** A piece of evidence, by URI (ERC-1497). */
export const evidence = onchainTable(
  "evidence",
  (t) => ({
    chainId: t.integer().notNull(),
    orderId: t.text().notNull(),
    /** The EOA that handed it in. */
    party: t.hex().notNull(),
    uri: t.text().notNull(),
    ...origin(t),
  }),
  (table) => ({
    pk: primaryKey({ columns: [table.chainId, table.blockNumber, table.logIndex] }),
    order: index().on(table.orderId),
  }),
);

/** What an agent can withdraw from the disputes' desk, in wei. */
export const disputeCredit = onchainTable("dispute_credit", (t) => ({
  agentId: t.text().primaryKey(),
  chainId: t.integer().notNull(),
  amount: t.bigint().notNull(),
}));

/** A dispute at the house arbitrator, whoever made it. */
export const courtCase = onchainTable(
  "court_case",
  (t) => ({
    chainId: t.integer().notNull(),
    number: t.bigint().notNull(),
    arbitrable: t.hex().notNull(),
    phase: t.text({ enum: ["waiting", "appealable", "appealed", "final", "executed"] }).notNull(),
    /** When the phase ends. */
    deadline: t.bigint().notNull(),
    /** The fee of the present round, in wei, while it is nobody's. */
    fee: t.bigint().notNull(),
    /** Any number up to 2^256: a dispute is made by anybody. */
    choices: t.text().notNull(),
    ruling: t.text().notNull(),
    /** Whether a court was silent beyond its time. */
    expired: t.boolean().notNull(),
    openedAt: t.bigint().notNull(),
  }),
  (table) => ({
    pk: primaryKey({ columns: [table.chainId, table.number] }),
    phase: index().on(table.chainId, table.phase),
  }),
);

/** What an agent can withdraw from the house arbitrator, in wei. */
export const courtCredit = onchainTable("court_credit", (t) => ({
  agentId: t.text().primaryKey(),
  chainId: t.integer().notNull(),
  amount: t.bigint().notNull(),
}));

/** What the house arbitrator takes from now on, in wei, and the agent that earns it. */
export const courtSetting = onchainTable("court_setting", (t) => ({
  chainId: t.integer().primaryKey(),
  arbitrationCost: t.bigint().notNull(),
  appealCost: t.bigint().notNull(),
  payeeId: t.text().notNull(),
  updatedAt: t.bigint().notNull(),
}));

// -------------------------------------------------------------- reputation
//
// The facts that scores are computed from: `sdk/reputation` has the rules, docs/REPUTATION.md explains them. Weights are in thousandths.

/** What a listing's reputation needs of it. */
export const listingFacts = onchainTable("listing_facts", (t) => ({
  ekId: t.text().primaryKey(),
  chainId: t.integer().notNull(),
  sellerId: t.text().notNull(),
  /** Keys ever sold, also those that were refunded. */
  sales: t.integer().notNull(),
  /** Trades completed between agents that are not related. */
  trades: t.integer().notNull(),
  /** Orders that were refunded, disputed or charged back, each once. */
  troubled: t.integer().notNull(),
  /** Seats that were ever taken: they fill up from 0. */
  seats: t.integer().notNull(),
  /** What the seats said (`sdk/consensus.ts`) when something last happened to the listing's labels or seats. */
  status: t.text({ enum: ["unverified", "pending", "verified", "disputed"] }).notNull(),
  /** Whether one of them said something good then. */
  vouched: t.boolean().notNull(),
}));

/** `SellerFacts`, of every agent that listed something. */
export const sellerFacts = onchainTable("seller_facts", (t) => ({
  agentId: t.text().primaryKey(),
  chainId: t.integer().notNull(),
  sales: t.integer().notNull(),
  trades: t.integer().notNull(),
  /** Completed trades with itself, with its own money, or with an operator: they count nothing. */
  relatedTrades: t.integer().notNull(),
  troubled: t.integer().notNull(),
  tradeWeight: t.bigint().notNull(),
  buyers: t.integer().notNull(),
  returning: t.integer().notNull(),
  judged: t.integer().notNull(),
  verified: t.integer().notNull(),
  complaintWeight: t.bigint().notNull(),
  /** What it comes to, on chain facts alone. */
  chainScore: t.integer().notNull(),
  /** The block that changed any of it last. */
  blockNumber: t.bigint().notNull(),
}));

/** `ValidatorFacts`, of every agent that published a label. */
export const validatorFacts = onchainTable("validator_facts", (t) => ({
  agentId: t.text().primaryKey(),
  chainId: t.integer().notNull(),
  seated: t.integer().notNull(),
  coverage: t.bigint().notNull(),
  goodGood: t.bigint().notNull(),
  goodBad: t.bigint().notNull(),
  badGood: t.bigint().notNull(),
  badBad: t.bigint().notNull(),
  struck: t.integer().notNull(),
  stances: t.integer().notNull(),
  leaning: t.integer().notNull(),
  chainScore: t.integer().notNull(),
  blockNumber: t.bigint().notNull(),
}));

/** What passed between a seller and a buyer that are not related. */
export const tradePair = onchainTable(
  "trade_pair",
  (t) => ({
    sellerId: t.text().notNull(),
    buyerId: t.text().notNull(),
    chainId: t.integer().notNull(),
    trades: t.integer().notNull(),
    complaints: t.integer().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.sellerId, table.buyerId] }) }),
);

/** What a validator said of a seller's listings, early: how often, and which way while nobody confirmed it. */
export const judgementPair = onchainTable(
  "judgement_pair",
  (t) => ({
    validatorId: t.text().notNull(),
    sellerId: t.text().notNull(),
    chainId: t.integer().notNull(),
    labels: t.integer().notNull(),
    good: t.integer().notNull(),
    bad: t.integer().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.validatorId, table.sellerId] }) }),
);

/** A label with a seat, as it counts for its validator's accuracy. */
export const judgement = onchainTable("judgement", (t) => ({
  labelId: t.text().primaryKey(),
  chainId: t.integer().notNull(),
  ekId: t.text().notNull(),
  validatorId: t.text().notNull(),
  /** Whether the others had not decided yet: only then it counts. */
  early: t.boolean().notNull(),
  /** 1 good, -1 bad, 0 neither; it stands from the others' decision on. */
  stance: t.integer().notNull(),
  weight: t.integer().notNull(),
  /** What the others decided last: 1 good, -1 bad, 0 nothing yet. */
  decision: t.integer().notNull(),
}));

/** How many agents have which score by the chain alone: ranks and percentiles are sums of it. */
export const scoreCount = onchainTable(
  "score_count",
  (t) => ({
    chainId: t.integer().notNull(),
    role: t.text({ enum: ["seller", "validator"] }).notNull(),
    score: t.integer().notNull(),
    agents: t.integer().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.chainId, table.role, table.score] }) }),
);

// --------------------------------------------------------------- roll-ups
//
// What dashboards read. A bucket is an hour or a day of UTC, by the Unix time at which it starts; a week starts on Monday. Trades count
// when they are made; what is taken back counts again, as a refund, when that happens.

/** What happened on a chain. */
export const marketBucket = onchainTable(
  "market_bucket",
  (t) => ({
    chainId: t.integer().notNull(),
    size: t.text({ enum: ["hour", "day"] }).notNull(),
    start: t.bigint().notNull(),
    agents: t.integer().notNull(),
    listings: t.integer().notNull(),
    trades: t.integer().notNull(),
    /** Trades of buyers that had bought something before. */
    repeats: t.integer().notNull(),
    labels: t.integer().notNull(),
    refunds: t.integer().notNull(),
    disputes: t.integer().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.chainId, table.size, table.start] }) }),
);

/** What was paid in a token, for keys and renewals, and what of it went back. */
export const volumeBucket = onchainTable(
  "volume_bucket",
  (t) => ({
    chainId: t.integer().notNull(),
    size: t.text({ enum: ["hour", "day"] }).notNull(),
    start: t.bigint().notNull(),
    token: t.hex().notNull(),
    paid: t.bigint().notNull(),
    refunded: t.bigint().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.chainId, table.size, table.start, table.token] }) }),
);

/** A listing's sales and prices in a token. The prices are null where all keys were free or paid with points. */
export const priceBucket = onchainTable(
  "price_bucket",
  (t) => ({
    ekId: t.text().notNull(),
    size: t.text({ enum: ["hour", "day"] }).notNull(),
    start: t.bigint().notNull(),
    token: t.hex().notNull(),
    chainId: t.integer().notNull(),
    trades: t.integer().notNull(),
    paid: t.bigint().notNull(),
    open: t.bigint(),
    high: t.bigint(),
    low: t.bigint(),
    close: t.bigint(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.ekId, table.size, table.start, table.token] }) }),
);

/** Trades of a domain or a modality. */
export const topicBucket = onchainTable(
  "topic_bucket",
  (t) => ({
    chainId: t.integer().notNull(),
    kind: t.text({ enum: ["domain", "modality"] }).notNull(),
    size: t.text({ enum: ["hour", "day"] }).notNull(),
    start: t.bigint().notNull(),
    name: t.text().notNull(),
    trades: t.integer().notNull(),
  }),
  (table) => ({
    pk: primaryKey({ columns: [table.chainId, table.kind, table.size, table.start, table.name] }),
  }),
);

/** What an agent did on a day. */
export const agentDay = onchainTable(
  "agent_day",
  (t) => ({
    agentId: t.text().notNull(),
    start: t.bigint().notNull(),
    chainId: t.integer().notNull(),
    listed: t.integer().notNull(),
    sold: t.integer().notNull(),
    bought: t.integer().notNull(),
    labelled: t.integer().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.agentId, table.start] }) }),
);

/** How many agents did anything on a day; how many of them listed or sold, bought, labelled. */
export const activeDay = onchainTable(
  "active_day",
  (t) => ({
    chainId: t.integer().notNull(),
    start: t.bigint().notNull(),
    agents: t.integer().notNull(),
    sellers: t.integer().notNull(),
    buyers: t.integer().notNull(),
    validators: t.integer().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.chainId, table.start] }) }),
);

/** An agent as a buyer: in which week it began, and in which it bought last. */
export const buyerWeek = onchainTable("buyer_week", (t) => ({
  agentId: t.text().primaryKey(),
  chainId: t.integer().notNull(),
  first: t.bigint().notNull(),
  last: t.bigint().notNull(),
}));

/** Of the buyers that began in the week `cohort`, how many bought in `week`. */
export const cohortWeek = onchainTable(
  "cohort_week",
  (t) => ({
    chainId: t.integer().notNull(),
    cohort: t.bigint().notNull(),
    week: t.bigint().notNull(),
    buyers: t.integer().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.chainId, table.cohort, table.week] }) }),
);

/** An agent's money in a token, ever: as the seller of keys, as their payer, and what it was credited. */
const money = (t: Columns) => ({
  /** Prices of keys that it sold. */
  sold: t.bigint().notNull(),
  /** What of them went back. */
  refunded: t.bigint().notNull(),
  /** What it was credited for whatever reason but a refund. */
  earned: t.bigint().notNull(),
  withdrawn: t.bigint().notNull(),
  /** What it paid, for keys and renewals, and got back. */
  spent: t.bigint().notNull(),
  returned: t.bigint().notNull(),
});

export const agentMoney = onchainTable(
  "agent_money",
  (t) => ({
    agentId: t.text().notNull(),
    token: t.hex().notNull(),
    chainId: t.integer().notNull(),
    ...money(t),
    /** Of `sold`: without a refund window, waiting, disputed, and let go. */
    soldAtOnce: t.bigint().notNull(),
    held: t.bigint().notNull(),
    disputed: t.bigint().notNull(),
    released: t.bigint().notNull(),
    /** What its listings' validators can still share. */
    bounties: t.bigint().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.agentId, table.token] }) }),
);

/** The same, by days. */
export const agentMoneyDay = onchainTable(
  "agent_money_day",
  (t) => ({
    agentId: t.text().notNull(),
    start: t.bigint().notNull(),
    token: t.hex().notNull(),
    chainId: t.integer().notNull(),
    ...money(t),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.agentId, table.start, table.token] }) }),
);

// --------------------------------------------------- the market as a whole

/** The public feed: first listings, sales and labels. Page by (`blockNumber`, `logIndex`), newest first. */
export const activity = onchainTable(
  "activity",
  (t) => ({
    chainId: t.integer().notNull(),
    type: t.text({ enum: ["exp_listed", "ek_trade", "validation"] }).notNull(),
    ekId: t.text().notNull(),
    /** Who did it: the seller, the buyer, the validator. */
    agentId: t.text().notNull(),
    /** The listing's first version, the order, or the label. */
    refId: t.text().notNull(),
    ...origin(t),
  }),
  (table) => ({
    pk: primaryKey({ columns: [table.chainId, table.blockNumber, table.logIndex] }),
    order: index().on(table.blockNumber, table.logIndex),
  }),
);

/** One chain's totals. */
export const protocol = onchainTable("protocol", (t) => ({
  chainId: t.integer().primaryKey(),
  agents: t.integer().notNull(),
  /** Agents that listed, got a key, published a label; and those that did any of it. */
  sellers: t.integer().notNull(),
  buyers: t.integer().notNull(),
  validators: t.integer().notNull(),
  activeAgents: t.integer().notNull(),
  /** Listings ever made, and those that can be found now: active, with a summary that can be read. */
  listings: t.integer().notNull(),
  openListings: t.integer().notNull(),
  sales: t.integer().notNull(),
  /** Listings that were sold at least once, and sales to buyers that had bought something before. */
  soldListings: t.integer().notNull(),
  repeatSales: t.integer().notNull(),
  /** Live ones. */
  labels: t.integer().notNull(),
}));

/** How many listings of a domain can be found now. */
export const domainCount = onchainTable(
  "domain_count",
  (t) => ({
    chainId: t.integer().notNull(),
    domain: t.text().notNull(),
    listings: t.integer().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.chainId, table.domain] }) }),
);

/** How many listings of a modality can be found now. */
export const modalityCount = onchainTable(
  "modality_count",
  (t) => ({
    chainId: t.integer().notNull(),
    modality: t.text().notNull(),
    listings: t.integer().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.chainId, table.modality] }) }),
);

/** The fee on sales from now on, in basis points, and the agent that earns it. */
export const feeSetting = onchainTable("fee_setting", (t) => ({
  chainId: t.integer().primaryKey(),
  feeBps: t.integer().notNull(),
  feeAgentId: t.text().notNull(),
  updatedAt: t.bigint().notNull(),
}));

/** Until when nothing new is sold or listed. No row while there never was a pause. */
export const pause = onchainTable("pause", (t) => ({
  chainId: t.integer().primaryKey(),
  until: t.bigint().notNull(),
  by: t.hex().notNull(),
  updatedAt: t.bigint().notNull(),
}));

/** Whether new listings may ask for a token. */
export const allowedToken = onchainTable(
  "allowed_token",
  (t) => ({
    chainId: t.integer().notNull(),
    token: t.hex().notNull(),
    allowed: t.boolean().notNull(),
    updatedAt: t.bigint().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.chainId, table.token] }) }),
);

/** Whether new listings may use a curve. */
export const allowedCurve = onchainTable(
  "allowed_curve",
  (t) => ({
    chainId: t.integer().notNull(),
    curve: t.hex().notNull(),
    curveType: t.text(),
    allowed: t.boolean().notNull(),
    updatedAt: t.bigint().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.chainId, table.curve] }) }),
);
