/**
 * Listings. Ignored events:
 * - AuthorityUpdated: who administers is read from the `Authority` contract.
 */
import { type Event, ponder } from "ponder:registry";
import { activity, allowedCurve, allowedToken, listing, listingFacts, listingVersion } from "ponder:schema";
import { labels } from "../../sdk/records.ts";
import { curveTypeOf } from "../chains.ts";
import { existing, idsOf, momentOf, originOf, storable } from "./event.ts";
import { countDay, countMarket } from "./rollups.ts";
import { addSeller } from "./seller-facts.ts";
import { readSummary } from "./summary.ts";
import { addToTotals, countDeed, countListing } from "./totals.ts";

/** `ICatalog.Status`, without its unused first member. */
const statuses = { 1: "active", 2: "paused", 3: "archived" } as const;

/** `ICatalog.RefundTerms`. */
const refundTerms = { 0: "none", 1: "until_access", 2: "full" } as const;

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

const NO_FACTS = {
  sales: 0,
  trades: 0,
  troubled: 0,
  seats: 0,
  status: "unverified",
  vouched: false,
} as const;

type Version = Event<"Catalog:ListingVersion">["args"];

const termsOf = (chainId: number, terms: Version["terms"]) => ({
  ...terms,
  supplyCap: BigInt(terms.supplyCap),
  startTime: BigInt(terms.startTime),
  endTime: BigInt(terms.endTime),
  keyTtl: BigInt(terms.keyTtl),
  refundTerms: refundTerms[terms.refundTerms as keyof typeof refundTerms],
  pointsPrice: BigInt(terms.pointsPrice),
  requestsPerMinute: BigInt(terms.requestsPerMinute),
  requestsPerDay: BigInt(terms.requestsPerDay),
  royalties: terms.royalties.map(({ ekId, bps }) => ({ ekId: idsOf(chainId).ek(ekId), bps })),
  curveType: curveTypeOf(chainId, terms.curve),
});

const contentOf = ({ manifestHash, summary, summaryHash, uri }: Version["content"]) => ({
  manifestHash,
  summaryHash,
  summaryJson: storable(summary),
  uri: storable(uri),
});

ponder.on("Catalog:ListingVersion", async ({ event, context: { db, chain } }) => {
  const { ekId, version, terms, content, pointer, by } = event.args;
  const ids = idsOf(chain.id);
  const id = ids.ek(ekId);
  const sellerId = ids.agent(event.args.sellerId);
  const at = event.block.timestamp;
  const { fields, ...reading } = readSummary(content.summary, content.summaryHash);
  const frozen = { ...termsOf(chain.id, terms), ...contentOf(content), ...reading };
  const present = { version, ...frozen, ...fields, updatedAt: at, changedIn: event.block.number };
  await db.insert(listingVersion).values({
    id: ids.listing(ekId, version),
    chainId: chain.id,
    ekId: id,
    version,
    ...frozen,
    pointer,
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
  await db.insert(listingFacts).values({ ekId: id, chainId: chain.id, sellerId, ...NO_FACTS });
  await addToTotals(db, chain.id, { listings: 1 });
  const moment = momentOf(chain.id, event);
  const isFirst = await countDeed(db, { chainId: chain.id, agentId: sellerId, deed: "listed" });
  if (isFirst) await addSeller(db, moment, sellerId);
  await countMarket(db, moment, { listings: 1 });
  await countDay(db, moment, sellerId, "listed");
  await db.insert(activity).values({
    chainId: chain.id,
    type: "exp_listed",
    ekId: id,
    agentId: sellerId,
    refId: ids.listing(ekId, version),
    ...originOf(event),
  });
});

ponder.on("Catalog:ListingStatus", async ({ event, context: { db, chain } }) => {
  const id = idsOf(chain.id).ek(event.args.ekId);
  const status = statuses[event.args.status as keyof typeof statuses];
  // The row exists because a listing has a version before it gets a status.
  await countListing(db, await existing(db.find(listing, { id }), id), -1);
  await countListing(db, await db.update(listing, { id }).set({ status, changedIn: event.block.number }), 1);
});

ponder.on("Catalog:TokenAllowed", async ({ event, context: { db, chain } }) => {
  const { token, allowed } = event.args;
  const state = { allowed, updatedAt: event.block.timestamp };
  // The row exists when the token was allowed or not before.
  await db
    .insert(allowedToken)
    .values({ chainId: chain.id, token, ...state })
    .onConflictDoUpdate(state);
});

ponder.on("Catalog:CurveAllowed", async ({ event, context: { db, chain } }) => {
  const { curve, allowed } = event.args;
  const state = { allowed, updatedAt: event.block.timestamp };
  // The row exists when the curve was allowed or not before.
  await db
    .insert(allowedCurve)
    .values({ chainId: chain.id, curve, curveType: curveTypeOf(chain.id, curve), ...state })
    .onConflictDoUpdate(state);
});
