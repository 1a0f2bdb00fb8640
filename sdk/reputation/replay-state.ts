/** What the two halves of a replay share. */
import type { ConsensusStatus, Voice } from "../consensus.ts";
import { NO_SELLER_FACTS, type SellerFacts } from "./seller.ts";
import { NO_VALIDATOR_FACTS, type ValidatorFacts } from "./validator.ts";

type Scores = NonNullable<Voice["label"]>["scores"];
export type ReplayedLabel = { types: number; disputed: boolean; revision: number; scores: Scores };
export type ReplayedListing = {
  sellerId: bigint;
  trades: number;
  vouched: boolean;
  status: ConsensusStatus;
  seats: bigint[];
  labels: Map<bigint, ReplayedLabel>;
};

export type ReplayState = {
  sellers: Map<bigint, SellerFacts>;
  validators: Map<bigint, ValidatorFacts>;
  listings: Map<bigint, ReplayedListing>;
};

/** By an event's name. */
// biome-ignore lint/suspicious/noExplicitAny: what an event's arguments are is known by its name alone
export type Handlers = Record<string, (args: any) => void>;

/** The map's value, made when it is not there. */
export function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}

export const sellerOf = ({ sellers }: ReplayState, id: bigint) =>
  entry(sellers, id, () => ({ ...NO_SELLER_FACTS }));
export const validatorOf = ({ validators }: ReplayState, id: bigint) =>
  entry(validators, id, () => ({ ...NO_VALIDATOR_FACTS }));

/** Throws RangeError for a listing that no event before has made. */
export function listingOf({ listings }: ReplayState, ekId: bigint): ReplayedListing {
  const listing = listings.get(ekId);
  if (!listing) throw new RangeError(`Listing ${ekId} is in no event before: begin at the first block.`);
  return listing;
}
