/** A seller's reputation: ES = w1·sales + w2·usage + w3·verified ratio − w4·dispute rate, and repurchase rate and reviews. */
import { BPS, component, nth, type Reputation, repeated, saturation, share, total, UNIT } from "./score.ts";

/** What the chain says of a seller. All are 0 for one that has done nothing. */
export type SellerFacts = {
  /** Weights of completed trades, in thousandths: see {@link tradeWeight}. */
  tradeWeight: number;
  /** Agents that completed a trade with it, and those that completed more than one. */
  buyers: number;
  returning: number;
  /** Listings that bonded validators have said something of, and those of them that they agree are good. */
  judged: number;
  verified: number;
  /** Weights of complaints, in thousandths: see {@link complaintWeight}. */
  complaintWeight: number;
};

/** What only signed receipts and the exchange's own records say. */
export type SellerUse = {
  /** Uses of what it sold, in thousandths: {@link useWeight} of every listing and buyer, summed. */
  useWeight: number;
  /** Buyers with a review: one voice each, see {@link foldReviews}. */
  reviewers: number;
  /** The sum of their ratings, each in basis points. */
  ratings: number;
};

export const NO_SELLER_FACTS: SellerFacts = {
  ...{ tradeWeight: 0, buyers: 0, returning: 0, judged: 0, verified: 0, complaintWeight: 0 },
};
export const NO_SELLER_USE: SellerUse = { useWeight: 0, reviewers: 0, ratings: 0 };

/** The facts of a table's row, whose weights may be bigints. */
export function toSellerFacts(row: Readonly<Record<keyof SellerFacts, number | bigint>>): SellerFacts {
  const names = Object.keys(NO_SELLER_FACTS) as (keyof SellerFacts)[];
  return Object.fromEntries(names.map((name) => [name, Number(row[name])])) as SellerFacts;
}

export const sellerWeights = {
  ...{ sales: 35, verified: 25, repurchase: 10, disputes: -60, usage: 20, reviews: 10 },
} as const;

/** Trades of so many buyers, and uses by so many, give half of a component. In thousandths. */
const HALF_SALES = 20 * UNIT;
const HALF_USES = 50 * UNIT;
/** What stands in a ratio's denominator for what is not known yet. */
const UNJUDGED = 2;
const UNKNOWN_BUYERS = 5;
const UNKNOWN_REVIEWERS = 5;
const UNDISPUTED = 2 * UNIT;
/** A quarter of complaints costs all that complaints can cost. */
const COMPLAINT_FACTOR = 4;

/**
 * A seller's score.
 * @example
 * sellerReputation({ ...NO_SELLER_FACTS, tradeWeight: 20_000, buyers: 20 }).score // 17
 */
export function sellerReputation(facts: SellerFacts, use: SellerUse = NO_SELLER_USE): Reputation {
  const settled = facts.tradeWeight + facts.complaintWeight + UNDISPUTED;
  const disputeRate = share(facts.complaintWeight, settled);
  // Gateways are the sellers': what nobody bought can't have been used, nor reviewed.
  const used = Math.min(use.useWeight, 2 * facts.tradeWeight);
  const rated =
    use.reviewers > facts.buyers ? 0 : Math.floor(use.ratings / (use.reviewers + UNKNOWN_REVIEWERS));
  const w = sellerWeights;
  return total([
    component("sales", "chain", w.sales, saturation(facts.tradeWeight, HALF_SALES)),
    component("verified", "chain", w.verified, share(facts.verified, facts.judged + UNJUDGED)),
    component("repurchase", "chain", w.repurchase, share(facts.returning, facts.buyers + UNKNOWN_BUYERS)),
    component("disputes", "chain", w.disputes, Math.min(BPS, COMPLAINT_FACTOR * disputeRate)),
    component("usage", "receipts", w.usage, saturation(used, HALF_USES)),
    component("reviews", "reviews", w.reviews, Math.min(BPS, rated)),
  ]);
}

// ------------------------------------------------- how facts come about

/** Reasons of `PointsReasons` for which a trade is none: one agent, the seller's money, an operator of the other's. */
export const RELATED = 0b111;
/** Trades of a listing after which a bonded validator must vouch for it. */
export const HANDFUL = 5;

export type Trade = {
  /** `reasons` of the order's PointsAwarded or PointsWithheld. */
  reasons: number;
  /** Completed trades of the two agents with each other, whoever of them sold, with this one. */
  pairTrades: number;
  /** Completed trades of the listing, with this one. */
  listingTrades: number;
  /** Whether a bonded validator's live, unchallenged label says something good of the listing and nothing bad. */
  vouched: boolean;
};

/** What a completed trade adds to its seller's `tradeWeight`, in thousandths. Nothing when the two are related. */
export function tradeWeight({ reasons, pairTrades, listingTrades, vouched }: Trade): number {
  if ((reasons & RELATED) !== 0) return 0;
  const weight = nth(pairTrades);
  return listingTrades > HANDFUL && !vouched ? Math.floor(weight / 2) : weight;
}

/** What a complaint weighs when it is the buyer's first with the seller, in thousandths; a dispute as much as went back. */
export const complaints = { refund: UNIT / 4, chargeback: UNIT / 2, dispute: UNIT } as const;

/** What a dispute weighs that gave the buyer `toBuyer` of `amount` back. */
export function disputeWeight(toBuyer: bigint, amount: bigint): number {
  return amount === 0n ? 0 : Number((BigInt(complaints.dispute) * toBuyer) / amount);
}

/** What a complaint of `weight` adds when it is the buyer's number `count` with the seller: each weighs half of the one before. */
export function complaintWeight(weight: number, count: number): number {
  return Math.floor((weight * nth(count)) / UNIT);
}

/** What one buyer's uses of one listing weigh together, in thousandths. */
export function useWeight(uses: number): number {
  return repeated(uses);
}

/** Reviews as facts: a buyer has one voice, the mean of its reviews, however many it wrote. `rating` is in basis points. */
export function foldReviews(
  reviews: readonly { buyerId: string; rating: number }[],
): Pick<SellerUse, "reviewers" | "ratings"> {
  const byBuyer = new Map<string, number[]>();
  for (const { buyerId, rating } of reviews) byBuyer.set(buyerId, [...(byBuyer.get(buyerId) ?? []), rating]);
  const mean = (of: number[]) => Math.floor(of.reduce((sum, rating) => sum + rating, 0) / of.length);
  return {
    reviewers: byBuyer.size,
    ratings: [...byBuyer.values()].reduce((sum, of) => sum + mean(of), 0),
  };
}
