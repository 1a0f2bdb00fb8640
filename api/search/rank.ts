/**
 * Where a listing stands among all, before anybody has asked for anything. Trust decides first: no number of words, sales or good scores
 * lifts a listing over one of a higher class.
 */
import { type labels, scoreNames } from "../../sdk/records.ts";

export type Status = "unverified" | "pending" | "verified" | "disputed";
export type LabelName = keyof typeof labels;

/** Labels by which a validator recommends, and by which it warns: as `Consensus` counts them. */
export const POSITIVE: readonly LabelName[] = ["verified-real", "reproducible", "high-utility"];
export const NEGATIVE: readonly LabelName[] = ["low-quality", "suspected-fraud", "outdated", "policy-risk"];

/** Live, unchallenged labels by validators that risk a bond for them. */
export type Bonded = {
  heard: number;
  /** How many recommend it and warn of nothing, and how many warn. */
  good: number;
  bad: number;
  /** Sum of their mean scores, each 0 to 100. */
  score: number;
};

type Ranked = {
  status: Status;
  labelCount: number;
  sold: number;
  bonded: Bonded;
  /** Whether its content is past the time that its seller gave it. */
  stale: boolean;
} & Record<(typeof scoreNames)[number], number>;

const classes = { disputed: 0, unverified: 1, pending: 2, verified: 3 } as const;
/** Recommended, and somebody loses money if that is wrong. */
const BONDED_CLASS = 4;

/** Width of a class. What is added within one stays below it. */
const CLASS = 200_000;
const SCORE_MOST = 100_000;
const BONDED_EACH = 10_000;
const BONDED_MOST = 5;
const SOLD_MOST = 40_000;
/** Sales from which more of them change nothing: they are counted by their logarithm, since they can be bought. */
const SOLD_FULL = 10_000;
const FRESH = 9_999;

/**
 * 0 to 999,999. Labels cost nothing but gas, so where bonded validators have spoken nobody else is listened to: no number of other labels
 * moves such a listing.
 */
export function rankOf(listing: Ranked): number {
  const { bonded, sold, stale } = listing;
  const popularity = Math.min(1, Math.log1p(sold) / Math.log1p(SOLD_FULL));
  const within =
    Math.round(discountedScore(listing) * SCORE_MOST) +
    Math.min(bonded.good, BONDED_MOST) * BONDED_EACH +
    Math.round(popularity * SOLD_MOST) +
    (stale ? 0 : FRESH);
  return classOf(listing) * CLASS + within;
}

function classOf({ status, bonded: { heard, good, bad } }: Ranked): number {
  if (heard === 0) return classes[status];
  if (bad * 2 >= heard) return classes.disputed;
  return good > 0 ? BONDED_CLASS : classes.pending;
}

/** The mean of the scores, 0 to 1, discounted while the labels are few. */
function discountedScore({ labelCount, bonded, ...listing }: Ranked): number {
  if (bonded.heard > 0) return bonded.score / (100 * (bonded.heard + 1));
  const sum = scoreNames.reduce((total, name) => total + listing[name], 0);
  return sum / (100 * scoreNames.length * (labelCount + 1));
}

/** Listings of one rank are told apart by their number, newest first. */
const NUMBERS = 2n ** 40n;

/** The one number by which listings are ordered. */
export function placeOf(rank: number, number: bigint): bigint {
  return BigInt(rank) * NUMBERS + number;
}
