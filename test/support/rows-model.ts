/** The indexer's rows in the shape of `storage-model.ts`, so that both can be compared whole. */
import { encodeAbiParameters, type Hex, keccak256, parseAbiParameters, sliceHex } from "viem";
import * as tables from "../../indexer/ponder.schema.ts";
import { labelRegistryAbi } from "../../sdk/abis/index.ts";
import { ekId } from "../../sdk/ids.ts";
import { flags, scoreNames } from "../../sdk/records.ts";
import type { IndexReader } from "./index-reader.ts";

export type Shape = Record<string, Record<string, unknown>>;
export type Rows = Awaited<ReturnType<typeof readRows>>;
export type Model = { [group in keyof ReturnType<typeof modelOfRows>]: Shape };

/** All rows that mirror storage. */
export async function readRows({ db }: IndexReader) {
  return {
    agents: await db.select().from(tables.agent),
    eoas: await db.select().from(tables.agentEoa),
    bindings: await db.select().from(tables.binding),
    grants: await db.select().from(tables.operatorGrant),
    listings: await db.select().from(tables.listing),
    keys: await db.select().from(tables.key),
    orders: await db.select().from(tables.order),
    credits: await db.select().from(tables.credit),
    bounties: await db.select().from(tables.bounty),
    charges: await db.select().from(tables.charge),
    pauses: await db.select().from(tables.pause),
    labels: await db.select().from(tables.label),
    formerLabels: await db.select().from(tables.formerLabel),
    endorsements: await db.select().from(tables.endorsement),
    bonds: await db.select().from(tables.validatorBond),
    bondCredits: await db.select().from(tables.bondCredit),
    feeCredits: await db.select().from(tables.feeCredit),
    challenges: await db.select().from(tables.challenge),
    seats: await db.select().from(tables.seat),
    groups: await db.select().from(tables.validatorGroup),
    consensusPolicies: await db.select().from(tables.consensusPolicy),
    allowances: await db.select().from(tables.validatorAllowance),
    fees: await db.select().from(tables.feeSetting),
    tokens: await db.select().from(tables.allowedToken),
    curves: await db.select().from(tables.allowedCurve),
    policies: await db.select().from(tables.pointsPolicy),
    disputes: await db.select().from(tables.dispute),
    disputeCredits: await db.select().from(tables.disputeCredit),
    courtCases: await db.select().from(tables.courtCase),
    courtCredits: await db.select().from(tables.courtCredit),
    courts: await db.select().from(tables.courtSetting),
  };
}

/** Groups of things by name; both models sort alike. `now` is the chain's time, in Unix seconds. */
export function modelOfRows(rows: Rows, now: bigint) {
  return {
    agents: shape(rows.agents, (a) => [a.id, { ...agentOf(a), keys: keysHeldBy(rows, a.id) }]),
    eoas: shape(rows.eoas, (e) => [`${e.agentId} epoch ${e.epoch}`, { eoa: e.eoa }]),
    bindings: shape(rows.bindings, (b) => [b.eoa, { agentId: b.agentId }]),
    grants: shape(rows.grants, (g) => [`${g.agentId} to ${g.operator}`, liveGrantOf(rows, g, now)]),
    listings: shape(rows.listings, (l) => [l.id, listingOf(l)]),
    keys: shape(rows.keys, (k) => [k.id, keyOf(k, now)]),
    credits: shape(
      rows.credits.filter(({ amount }) => amount !== 0n),
      (c) => [`${c.agentId} in ${c.token}`, { amount: c.amount }],
    ),
    orders: shape(rows.orders, (o) => [o.id, orderOf(o)]),
    bounties: shape(
      rows.bounties.filter(({ amount }) => amount !== 0n),
      (b) => [`${b.ekId} in ${b.token}`, { amount: b.amount }],
    ),
    charges: shape(rows.charges, (c) => [c.chargeId, { keyId: c.keyId, reversed: c.recovered !== null }]),
    labels: shape(rows.labels, (l) => [l.id, labelOf(l)]),
    formerLabels: shape(rows.formerLabels, (f) => [
      `${f.labelId} revision ${f.revision}`,
      { endedAt: f.endedAt ?? STRUCK },
    ]),
    endorsements: shape(rows.endorsements, (e) => [e.ekId, { validatorId: e.validatorId }]),
    ...bondsOf(rows),
    mayLabel: shape(judgedPairs(rows), ({ l, agentId }) => [
      `${agentId} labels ${l.id}`,
      { allowed: mayLabel(rows, l, agentId) },
    ]),
    fees: shape(rows.fees, (f) => ["fee", { feeBps: f.feeBps, feeAgentId: f.feeAgentId }]),
    pauses: { pause: { until: rows.pauses[0]?.until ?? 0n } },
    tokens: shape(rows.tokens, (t) => [t.token, { allowed: t.allowed }]),
    curves: shape(rows.curves, (c) => [c.curve, { allowed: c.allowed }]),
    policies: shape(rows.policies, ({ chainId: _, updatedAt: __, ...policy }) => ["points", policy]),
    disputes: shape(rows.disputes, (d) => [d.keyId, disputeOf(d)]),
    disputeCredits: shape(owed(rows.disputeCredits), (c) => [c.agentId, { amount: c.amount }]),
    courtCases: shape(rows.courtCases, (c) => [`case ${c.number}`, courtCaseOf(c)]),
    courtCredits: shape(owed(rows.courtCredits), (c) => [c.agentId, { amount: c.amount }]),
    courts: shape(rows.courts, ({ arbitrationCost, appealCost, payeeId }) => [
      "court",
      { arbitrationCost, appealCost, payeeId },
    ]),
  };
}

/** With each listing, how many agents are asked about who have nothing to do with it. */
const STRANGERS = 5;

/**
 * Listings with the agents who judged them, may judge them, or sell them, and with a few others that change from listing to listing. All
 * pairs would be as many as agents times listings.
 */
export function judgedPairs(rows: Rows) {
  return rows.listings.flatMap((l, i) => {
    const strangers = Array.from(
      { length: STRANGERS },
      (_, n) => rows.agents[(i * STRANGERS + n) % rows.agents.length]?.id as string,
    );
    const known = [...rows.labels, ...rows.allowances].filter(({ ekId: id }) => id === l.id);
    const agentIds = new Set([l.sellerId, ...known.map(({ validatorId }) => validatorId), ...strangers]);
    return [...agentIds].map((agentId) => ({ l, agentId }));
  });
}

/** A group from its members, in the order of their names. */
export function shape<T>(members: readonly T[], entry: (m: T) => [string, Record<string, unknown>]): Shape {
  return Object.fromEntries(members.map(entry).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const agentOf = (a: Rows["agents"][number]) => ({
  eoa: a.eoa,
  epoch: a.epoch,
  agentUri: a.agentUri,
  pointsBalance: a.pointsBalance,
  pointsLifetime: a.pointsLifetime,
});

const keysHeldBy = (rows: Rows, agentId: string) =>
  BigInt(rows.keys.filter((key) => key.holderId === agentId && !key.burnt).length);

/** A grant dies with its epoch and at its expiry. */
function liveGrantOf(rows: Rows, grant: Rows["grants"][number], now: bigint) {
  const epoch = rows.agents.find(({ id }) => id === grant.agentId)?.epoch;
  return grant.actions !== 0 && grant.epoch === epoch && grant.expiry > now
    ? { actions: BigInt(grant.actions), expiry: grant.expiry }
    : { actions: 0n, expiry: 0n };
}

const listingOf = (l: Rows["listings"][number]) => ({
  ...{ sellerId: l.sellerId, version: l.version, sold: l.sold, status: l.status },
  ...{ token: l.token, curve: l.curve, curveParams: l.curveParams, supplyCap: l.supplyCap },
  ...{ startTime: l.startTime, endTime: l.endTime, keyTtl: l.keyTtl, scopes: l.scopes, flags: l.flags },
  ...{ refundWindow: l.refundWindow, refundTerms: l.refundTerms, pointsPrice: l.pointsPrice },
  ...{ bountyBps: l.bountyBps, referralBps: l.referralBps, resaleBps: l.resaleBps, royalties: l.royalties },
  ...{ requestsPerMinute: l.requestsPerMinute, requestsPerDay: l.requestsPerDay },
  contentHash: keccak256(
    encodeAbiParameters(parseAbiParameters("bytes32, bytes32"), [l.manifestHash, l.summaryHash]),
  ),
  labels: l.labelCount,
  scores: scoreNames.map((name) => l[name]),
});

/** A rental ends by itself. */
const isRented = (k: Rows["keys"][number], now: bigint) => k.userExpires !== null && k.userExpires > now;

const keyOf = (k: Rows["keys"][number], now: bigint) =>
  k.burnt
    ? { burnt: true }
    : {
        userId: isRented(k, now) ? k.userId : null,
        userExpires: isRented(k, now) ? k.userExpires : 0n,
        ...{ holderId: k.holderId, version: k.version, startedAt: k.startedAt, expiry: k.expiry },
        ...{ scopes: k.scopes, flags: k.flags },
      };

const orderOf = (o: Rows["orders"][number]) => ({
  ...{ sellerId: o.sellerId, payerId: o.payerId, version: o.version, token: o.token, amount: o.amount },
  ...{ releaseTime: o.releaseTime, status: o.status, accessed: o.accessed },
});

const owed = <T extends { amount: bigint }>(credits: T[]) => credits.filter(({ amount }) => amount !== 0n);

const disputeOf = (d: Rows["disputes"][number]) => ({
  ...{ buyerId: d.buyerId, sellerId: d.sellerId, category: d.category, status: d.status },
  ...{ outcome: d.outcome, ruling: d.ruling ?? 0, deadline: d.deadline },
  ...{ buyerFee: d.buyerFee, sellerFee: d.sellerFee, spent: d.spent },
  ...{ appeals: d.appeals, appellantId: d.appellantId, disputeNumber: d.disputeNumber },
  awaitsRuling: d.disputeNumber !== null && !d.ruled,
});

const courtCaseOf = (c: Rows["courtCases"][number]) => ({
  ...{ arbitrable: c.arbitrable, phase: c.phase, deadline: c.deadline },
  ...{ fee: c.fee, choices: c.choices, ruling: c.ruling },
});

const evidenceKinds = ["none", "link", "text", "file"];

/** What the contract keeps as the end of a revision that was struck. */
const STRUCK = 1n;

/** A label that is gone leaves the number of its last revision. */
const labelOf = (l: Rows["labels"][number]) =>
  l.status === "live" ? liveLabelOf(l) : { gone: true, revision: l.revision };

const liveLabelOf = (l: Rows["labels"][number]) => ({
  ...{ version: l.version, types: l.types, createdAt: l.createdAt },
  ...{ revision: l.revision, disputed: l.disputed },
  scores: scoreNames.map((name) => l[name]),
  inputHash: isLossy(l) ? null : labelInputHash(l),
});

/** Whether a NUL, or bytes that are no UTF-8, had to be replaced in a label's text. */
export const isLossy = (l: Rows["labels"][number]) => [l.summary, ...l.tags].join("").includes("\ufffd");

const labelAbi = labelRegistryAbi.find((item) => item.type === "function" && item.name === "label");

/** What `LabelRegistry` keeps of a label's input: half the hash of its ABI encoding as a tuple. */
function labelInputHash(l: Rows["labels"][number]): Hex {
  const type = labelAbi?.type === "function" ? labelAbi.inputs[1] : undefined;
  if (!type) throw new Error("The ABI has no label(validatorId, input).");
  const input = {
    ...{
      ekId: ekId.parse(l.ekId).ekId,
      version: l.version,
      types: l.types,
      tags: l.tags,
      summary: l.summary,
    },
    scores: Object.fromEntries(scoreNames.map((name) => [name, l[name]])),
    ...{ evidenceKind: evidenceKinds.indexOf(l.evidenceKind), evidence: l.evidence },
    evidenceHash: l.evidenceHash,
  };
  return sliceHex(keccak256(sliceHex(encodeAbiParameters([type], [input as never]), 32)), 0, 16);
}

const challengeStatuses = ["none", "open", "answered", "ruling", "struck", "upheld", "tied"];

/** Bonds, challenges and who sits where. */
function bondsOf(rows: Rows) {
  return {
    bonds: shape(rows.bonds, ({ validatorId, bonded, unbonding, unbondedAt, atStake }) => [
      validatorId,
      { bonded, unbonding, unbondedAt, atStake },
    ]),
    bondCredits: shape(rows.bondCredits, (c) => [c.agentId, { amount: c.amount }]),
    feeCredits: shape(rows.feeCredits, (c) => [c.account, { amount: c.amount }]),
    challenges: shape(rows.challenges, (c) => [
      `challenge ${c.challengeId}`,
      {
        ...{ labelId: c.labelId, revision: c.revision, challengerId: c.challengerId },
        ...{ status: challengeStatuses.indexOf(c.status), atStake: c.atStake, fee: c.fee },
        ...{ deadline: c.deadline, disputeId: c.disputeId ?? 0n, appeals: c.appeals },
      },
    ]),
    seats: shape(rows.seats, (s) => [
      `${s.ekId} seat ${s.index}`,
      { validatorId: s.validatorId, since: s.since },
    ]),
    groups: shape(rows.groups, (g) => [g.validatorId, { groupId: g.groupId }]),
    consensusPolicies: shape(rows.consensusPolicies, ({ chainId, ...policy }) => [
      `chain ${chainId}`,
      policy,
    ]),
  };
}

function mayLabel(rows: Rows, listing: Rows["listings"][number], agentId: string): boolean {
  const isRestricted = (listing.flags & (1 << flags["restricted-validators"].bit)) !== 0;
  const isListed = rows.allowances.some(
    (a) => a.ekId === listing.id && a.validatorId === agentId && a.allowed,
  );
  return (
    listing.sellerId !== agentId &&
    (!isRestricted || isListed) &&
    !rows.labels.some((l) => l.ekId === listing.id && l.validatorId === agentId && l.status === "live")
  );
}
