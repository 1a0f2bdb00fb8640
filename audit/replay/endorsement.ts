/** Whose label vouches for a listing: a live, unchallenged, good one of a validator that bonds a whole stake. */
import { fromBits, type LabelName, labels } from "../../sdk/records.ts";
import type { Context } from "../context.ts";

const GOOD: readonly LabelName[] = ["verified-real", "reproducible", "high-utility"];
const BAD: readonly LabelName[] = ["low-quality", "suspected-fraud", "outdated", "policy-risk"];

/** Says something good and nothing bad. */
export function isPositive(types: number): boolean {
  const names = fromBits(labels, types);
  return names.some((name) => GOOD.includes(name)) && !names.some((name) => BAD.includes(name));
}

export function endorses({ books, constants }: Context, ekId: bigint, validatorId: bigint): boolean {
  const label = books.listings.get(ekId)?.labels.get(validatorId);
  if (!label?.live || label.disputed || !isPositive(label.types)) return false;
  return (books.bonds.get(validatorId)?.bonded ?? 0n) >= constants.challengeStake;
}

export function isEndorsed(c: Context, ekId: bigint): boolean {
  return endorses(c, ekId, c.books.listings.get(ekId)?.endorserId ?? 0n);
}
