/** What sellers' reputation is computed from, kept up with every event. The rules are those of `sdk/reputation/seller.ts`. */
import { listingFacts, scoreCount, sellerFacts, tradePair } from "ponder:schema";
import {
  complaintWeight,
  RELATED,
  sellerReputation,
  toSellerFacts,
  tradeWeight,
} from "../../sdk/reputation/seller.ts";
import { type Db, existing } from "./event.ts";

/** The chain and the block that change a fact. */
export type Place = { chainId: number; blockNumber: bigint };

const NOTHING = {
  ...{ sales: 0, trades: 0, relatedTrades: 0, troubled: 0, buyers: 0, returning: 0, judged: 0, verified: 0 },
  ...{ tradeWeight: 0n, complaintWeight: 0n },
};
type Change = Partial<typeof NOTHING>;

/** Agents by score: one more with the score `after`, one less with `before`. */
export async function rescore(
  db: Db,
  { chainId, role }: { chainId: number; role: "seller" | "validator" },
  { before, after }: { before?: number; after: number },
) {
  if (before === after) return;
  if (before !== undefined) {
    // The row exists because the agent had this score.
    await db.update(scoreCount, { chainId, role, score: before }).set((row) => ({ agents: row.agents - 1 }));
  }
  await db
    .insert(scoreCount)
    .values({ chainId, role, score: after, agents: 1 })
    .onConflictDoUpdate((row) => ({ agents: row.agents + 1 }));
}

/** The agent listed something for the first time. */
export async function addSeller(db: Db, { chainId, blockNumber }: Place, agentId: string) {
  await db.insert(sellerFacts).values({ agentId, chainId, ...NOTHING, chainScore: 0, blockNumber });
  await rescore(db, { chainId, role: "seller" }, { after: 0 });
}

/** Adds to a seller's facts, and computes its score anew. */
export async function changeSeller(db: Db, { chainId, blockNumber }: Place, agentId: string, by: Change) {
  // The row exists because an agent lists before anything is sold, judged or disputed.
  const before = await existing(db.find(sellerFacts, { agentId }), agentId);
  const sum = <F extends keyof typeof NOTHING>(field: F) =>
    typeof before[field] === "bigint"
      ? before[field] + BigInt(by[field] ?? 0)
      : (before[field] as number) + Number(by[field] ?? 0);
  const fields = Object.keys(by) as (keyof typeof NOTHING)[];
  const after = { ...before, ...Object.fromEntries(fields.map((field) => [field, sum(field)])) };
  const { chainScore } = sellerReputation(toSellerFacts(after));
  await db.update(sellerFacts, { agentId }).set({ ...after, chainScore, blockNumber });
  await rescore(db, { chainId, role: "seller" }, { before: before.chainScore, after: chainScore });
}

type Parties = { ekId: string; sellerId: string; buyerId: string };

/** A trade was completed: its money is the seller's. `reasons` as the points ledger gives them. */
export async function countTrade(
  db: Db,
  place: Place,
  { ekId, sellerId, buyerId, reasons }: Parties & { reasons: number },
) {
  if ((reasons & RELATED) !== 0) return changeSeller(db, place, sellerId, { relatedTrades: 1 });
  // The row exists when the two traded before, or the buyer complained.
  const pair = await db
    .insert(tradePair)
    .values({ sellerId, buyerId, chainId: place.chainId, trades: 1, complaints: 0 })
    .onConflictDoUpdate((row) => ({ trades: row.trades + 1 }));
  const reverse = await db.find(tradePair, { sellerId: buyerId, buyerId: sellerId });
  // The row exists because only a listing can be sold.
  const listing = await db.update(listingFacts, { ekId }).set((row) => ({ trades: row.trades + 1 }));
  const weight = tradeWeight({
    reasons,
    pairTrades: pair.trades + (reverse?.trades ?? 0),
    listingTrades: listing.trades,
    vouched: listing.vouched,
  });
  await changeSeller(db, place, sellerId, {
    trades: 1,
    tradeWeight: BigInt(weight),
    buyers: pair.trades === 1 ? 1 : 0,
    returning: pair.trades === 2 ? 1 : 0,
  });
}

/** An order of theirs was disputed, refunded or charged back, for the first time. */
export async function countTrouble(db: Db, place: Place, { ekId, sellerId }: Omit<Parties, "buyerId">) {
  // The row exists because only what was listed is ordered.
  await db.update(listingFacts, { ekId }).set((row) => ({ troubled: row.troubled + 1 }));
  await changeSeller(db, place, sellerId, { troubled: 1 });
}

/** The buyer was right to complain, as far as `weight` says: one of `complaints`, or a part of it. */
export async function countComplaint(
  db: Db,
  place: Place,
  { sellerId, buyerId, weight }: Omit<Parties, "ekId"> & { weight: number },
) {
  if (weight === 0 || sellerId === buyerId) return;
  // The row exists when the two traded before, or the buyer complained.
  const pair = await db
    .insert(tradePair)
    .values({ sellerId, buyerId, chainId: place.chainId, trades: 0, complaints: 1 })
    .onConflictDoUpdate((row) => ({ complaints: row.complaints + 1 }));
  await changeSeller(db, place, sellerId, {
    complaintWeight: BigInt(complaintWeight(weight, pair.complaints)),
  });
}
