/**
 * Listings, sales and money. Ignored events:
 * - AuthorityUpdated: who administers is read from the `Authority` contract.
 * - EIP712DomainChanged: never emitted, the domain is fixed.
 */
import { type Event, ponder } from "ponder:registry";
import {
  activity,
  agent,
  allowedCurve,
  allowedToken,
  credit,
  feeSetting,
  key,
  listing,
  listingVersion,
  sale,
  tillRefund,
  withdrawal,
} from "ponder:schema";
import type { Hex } from "viem";
import { labels } from "../../sdk/records.ts";
import { curveTypeOf } from "../chains.ts";
import { type Db, existing, idsOf, originOf, storable } from "./event.ts";
import { readSummary } from "./summary.ts";
import { addToTotals, countDeed, countListing } from "./totals.ts";

/** `IExchange.Status`, without its unused first member. */
const statuses = { 1: "active", 2: "paused", 3: "archived" } as const;

const NEW_LISTING = {
  status: "active",
  sold: 0,
  labelCount: 0,
  authenticity: 0,
  utility: 0,
  reproducibility: 0,
  freshness: 0,
  safety: 0,
  labelTypeCounts: Object.keys(labels).map(() => 0),
} as const;

type Version = Event<"Exchange:ListingVersion">["args"];

const termsOf = (chainId: number, terms: Version["terms"]) => ({
  ...terms,
  supplyCap: BigInt(terms.supplyCap),
  startTime: BigInt(terms.startTime),
  endTime: BigInt(terms.endTime),
  keyTtl: BigInt(terms.keyTtl),
  curveType: curveTypeOf(chainId, terms.curve),
});

const contentOf = ({ manifestHash, summary, summaryHash, uri }: Version["content"]) => ({
  manifestHash,
  summaryHash,
  summaryJson: storable(summary),
  uri: storable(uri),
});

ponder.on("Exchange:ListingVersion", async ({ event, context: { db, chain } }) => {
  const { ekId, version, terms, content, by } = event.args;
  const ids = idsOf(chain.id);
  const id = ids.ek(ekId);
  const sellerId = ids.agent(event.args.sellerId);
  const at = event.block.timestamp;
  const { fields, ...reading } = readSummary(content.summary, content.summaryHash);
  const frozen = { ...termsOf(chain.id, terms), ...contentOf(content), ...reading };
  const present = { version, ...frozen, ...fields, updatedAt: at };
  await db.insert(listingVersion).values({
    id: ids.listing(ekId, version),
    chainId: chain.id,
    ekId: id,
    version,
    ...frozen,
    by,
    ...originOf(event),
  });
  const before = await db.find(listing, { id });
  if (before) {
    await countListing(db, before, -1);
    await countListing(db, await db.update(listing, { id }).set(present), 1);
    return;
  }
  const row = { id, chainId: chain.id, sellerId, ...NEW_LISTING, ...present, createdAt: at };
  await countListing(db, await db.insert(listing).values(row), 1);
  await addToTotals(db, chain.id, { listings: 1 });
  await countDeed(db, { chainId: chain.id, agentId: sellerId, deed: "listed" });
  await db.insert(activity).values({
    chainId: chain.id,
    type: "exp_listed",
    ekId: id,
    agentId: sellerId,
    refId: ids.listing(ekId, version),
    ...originOf(event),
  });
});

ponder.on("Exchange:ListingStatus", async ({ event, context: { db, chain } }) => {
  const id = idsOf(chain.id).ek(event.args.ekId);
  const status = statuses[event.args.status as keyof typeof statuses];
  // The row exists because a listing has a version before it gets a status.
  await countListing(db, await existing(db.find(listing, { id }), id), -1);
  await countListing(db, await db.update(listing, { id }).set({ status }), 1);
});

ponder.on("Exchange:KeySold", async ({ event, context: { db, chain } }) => {
  const { ekId, keyId, sale: sold } = event.args;
  const chainId = chain.id;
  const ids = idsOf(chainId);
  const parts = { chainId, ekId: ids.ek(ekId), version: sold.version };
  const [sellerId, buyerId] = [ids.agent(sold.sellerId), ids.agent(event.args.buyerId)];
  // The row exists because only a listing can be sold; its scopes and flags are still those of the version sold.
  const { scopes, flags } = await db.update(listing, { id: parts.ekId }).set({ sold: sold.soldAfter });
  await db.insert(key).values({
    id: ids.key(keyId),
    ...parts,
    holderId: buyerId,
    startedAt: event.block.timestamp,
    expiry: BigInt(sold.expiry),
    scopes,
    flags,
    burnt: false,
  });
  const totals = await addToTotals(db, chainId, { sales: 1 });
  await db.insert(sale).values({
    id: ids.order(keyId),
    ...parts,
    number: totals.sales,
    keyId: ids.key(keyId),
    sellerId,
    buyerId,
    payer: sold.payer,
    token: sold.token,
    price: sold.price,
    fee: sold.fee,
    paymentRef: sold.paymentRef,
    by: sold.by,
    ...originOf(event),
  });
  // A free sale moves no money, and its event leaves the credit out.
  if (sold.price !== 0n) {
    await setCredit(db, { chainId, agentId: sellerId, token: sold.token, amount: sold.sellerCredit });
  }
  // The row exists because sellers are agents.
  await db.update(agent, { id: sellerId }).set((row) => ({ sold: row.sold + 1 }));
  await countDeed(db, { chainId, agentId: buyerId, deed: "bought" });
  await db.insert(activity).values({
    chainId,
    type: "ek_trade",
    ekId: parts.ekId,
    agentId: buyerId,
    refId: ids.order(keyId),
    ...originOf(event),
  });
});

ponder.on("Exchange:FeeCredited", async ({ event, context: { db, chain } }) => {
  const { agentId, token, creditAfter } = event.args;
  await setCredit(db, {
    chainId: chain.id,
    agentId: idsOf(chain.id).agent(agentId),
    token,
    amount: creditAfter,
  });
});

ponder.on("Exchange:Withdrawn", async ({ event, context: { db, chain } }) => {
  const { token, to, amount, creditAfter, by } = event.args;
  const agentId = idsOf(chain.id).agent(event.args.agentId);
  await setCredit(db, { chainId: chain.id, agentId, token, amount: creditAfter });
  await db
    .insert(withdrawal)
    .values({ chainId: chain.id, agentId, token, to, amount, by, ...originOf(event) });
});

/** `amount` is the credit after the event. */
async function setCredit(
  db: Db,
  { chainId, agentId, token, amount }: { chainId: number; agentId: string; token: Hex; amount: bigint },
) {
  // The row exists when the agent earned this token before.
  await db.insert(credit).values({ agentId, token, chainId, amount }).onConflictDoUpdate({ amount });
}

ponder.on("Exchange:TillRefunded", async ({ event, context: { db, chain } }) => {
  const { quoteHash, ekId, buyer, token, amount } = event.args;
  // Not looked up anywhere: anybody can have a made-up quote of a made-up token refunded.
  await db.insert(tillRefund).values({
    chainId: chain.id,
    quoteHash,
    ekId: idsOf(chain.id).ek(ekId),
    buyer,
    token,
    amount,
    ...originOf(event),
  });
});

ponder.on("Exchange:FeeSet", async ({ event, context: { db, chain } }) => {
  const state = {
    feeBps: event.args.feeBps,
    feeAgentId: idsOf(chain.id).agent(event.args.feeAgentId),
    updatedAt: event.block.timestamp,
  };
  // The row exists when the fee was set before.
  await db
    .insert(feeSetting)
    .values({ chainId: chain.id, ...state })
    .onConflictDoUpdate(state);
});

ponder.on("Exchange:TokenAllowed", async ({ event, context: { db, chain } }) => {
  const { token, allowed } = event.args;
  const state = { allowed, updatedAt: event.block.timestamp };
  // The row exists when the token was allowed or not before.
  await db
    .insert(allowedToken)
    .values({ chainId: chain.id, token, ...state })
    .onConflictDoUpdate(state);
});

ponder.on("Exchange:CurveAllowed", async ({ event, context: { db, chain } }) => {
  const { curve, allowed } = event.args;
  const state = { allowed, updatedAt: event.block.timestamp };
  // The row exists when the curve was allowed or not before.
  await db
    .insert(allowedCurve)
    .values({ chainId: chain.id, curve, curveType: curveTypeOf(chain.id, curve), ...state })
    .onConflictDoUpdate(state);
});
