/**
 * Reputation from the chain alone: all events of the contracts in their order, folded into the facts of every seller and validator. What
 * comes out equals the index's tables after the same block.
 *
 * Feed it the decoded logs of PointsLedger, Catalog, Exchange, CardIssuer, Disputes, LabelRegistry, ValidatorBonds and Consensus, from the
 * deployment's first block on. Others are passed over.
 */
import { labelHandlers } from "./replay-labels.ts";
import { entry, type Handlers, type ReplayState, sellerOf } from "./replay-state.ts";
import { tradeHandlers } from "./replay-trades.ts";
import type { SellerFacts } from "./seller.ts";
import type { ValidatorFacts } from "./validator.ts";

/** A decoded log, as viem's `parseEventLogs` gives it. */
export type ChainEvent = { eventName: string; args: Record<string, unknown> };

export type ReputationReplay = {
  /** By agent id, as far as the events went. */
  sellers: ReadonlyMap<bigint, SellerFacts>;
  validators: ReadonlyMap<bigint, ValidatorFacts>;
  /** Takes the next event. Throws RangeError where an earlier one is missing. */
  apply(event: ChainEvent): void;
};

/**
 * @example
 * const replay = createReputationReplay();
 * for (const log of parseEventLogs({ abi, logs })) replay.apply(log);
 * sellerReputation(replay.sellers.get(7n) ?? NO_SELLER_FACTS).chainScore;
 */
export function createReputationReplay(): ReputationReplay {
  const state: ReplayState = { sellers: new Map(), validators: new Map(), listings: new Map() };
  const handlers: Handlers = {
    ListingVersion({ ekId, sellerId }) {
      sellerOf(state, sellerId);
      entry(state.listings, ekId, () => ({
        ...{ sellerId, trades: 0, vouched: false, status: "unverified" as const },
        ...{ seats: [], labels: new Map() },
      }));
    },
    ...tradeHandlers(state),
    ...labelHandlers(state),
  };
  return {
    ...{ sellers: state.sellers, validators: state.validators },
    apply: ({ eventName, args }) => handlers[eventName]?.(args),
  };
}
