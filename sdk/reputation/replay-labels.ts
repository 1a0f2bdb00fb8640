/** The validators' half of a replay. */
import { type ConsensusPolicy, consensusOf, stanceOf, type Voice } from "../consensus.ts";
import {
  entry,
  type Handlers,
  listingOf,
  type ReplayedListing,
  type ReplayState,
  sellerOf,
  validatorOf,
} from "./replay-state.ts";
import { nth } from "./score.ts";
import { cellOf, leaning, othersDecide, type Stance } from "./validator.ts";

type Judgement = { early: boolean; stance: Stance; weight: number; decision: Stance };

export function labelHandlers(state: ReplayState): Handlers {
  const judgements = new Map<string, Judgement>();
  const views = new Map<string, { labels: number; good: number; bad: number }>();
  const bonds = new Map<bigint, bigint>();
  const groups = new Map<bigint, bigint>();
  let policy: ConsensusPolicy | undefined;
  const view = (validatorId: bigint, sellerId: bigint) =>
    entry(views, `${validatorId} ${sellerId}`, () => ({ labels: 0, good: 0, bad: 0 }));

  function bench(listing: ReplayedListing): (Voice & { validatorId: bigint })[] {
    return listing.seats.map((validatorId) => ({
      validatorId,
      groupId: groups.get(validatorId) ?? validatorId,
      bonded: bonds.get(validatorId) ?? 0n,
      label: listing.labels.get(validatorId) ?? null,
    }));
  }

  /** Moves unconfirmed labels of a validator on a seller, and what they lean. */
  function hold(validatorId: bigint, sellerId: bigint, stance: Stance, by: number) {
    if (stance === 0) return;
    const own = view(validatorId, sellerId);
    const before = leaning(own.good, own.bad);
    own[stance === 1 ? "good" : "bad"] += by;
    validatorOf(state, validatorId).leaning += leaning(own.good, own.bad) - before;
  }

  function takeSeat(ekId: bigint, validatorId: bigint, index: number, rules: ConsensusPolicy) {
    const listing = listingOf(state, ekId);
    listing.seats[index] = validatorId;
    const name = `${ekId} ${validatorId}`;
    if (!judgements.has(name)) {
      const voices = bench(listing);
      const early = othersDecide(voices, groups.get(validatorId) ?? validatorId, rules) === 0;
      const stance = stanceOf(listing.labels.get(validatorId)?.types ?? 0);
      const facts = validatorOf(state, validatorId);
      facts.seated++;
      let weight = 0;
      if (early) {
        weight = nth(++view(validatorId, listing.sellerId).labels);
        facts.coverage += weight;
        if (stance !== 0) facts.stances++;
        hold(validatorId, listing.sellerId, stance, 1);
      }
      judgements.set(name, { early, stance, weight, decision: 0 });
    }
    review(ekId, rules);
  }

  function restate(ekId: bigint, validatorId: bigint, types: number) {
    const own = judgements.get(`${ekId} ${validatorId}`);
    const stance = stanceOf(types);
    if (!own?.early || own.decision !== 0 || own.stance === stance) return;
    const { sellerId } = listingOf(state, ekId);
    validatorOf(state, validatorId).stances += Math.abs(stance) - Math.abs(own.stance);
    hold(validatorId, sellerId, own.stance, -1);
    hold(validatorId, sellerId, stance, 1);
    own.stance = stance;
  }

  function review(ekId: bigint, rules = policy) {
    const listing = listingOf(state, ekId);
    if (listing.seats.length === 0 || !rules) return;
    const voices = bench(listing);
    const { status, positiveGroups } = consensusOf(voices, rules);
    const facts = sellerOf(state, listing.sellerId);
    facts.judged += Number(status !== "unverified") - Number(listing.status !== "unverified");
    facts.verified += Number(status === "verified") - Number(listing.status === "verified");
    listing.status = status;
    listing.vouched = positiveGroups > 0;
    for (const { validatorId, groupId } of voices) {
      const own = judgements.get(`${ekId} ${validatorId}`);
      const decision = othersDecide(voices, groupId, rules);
      if (!own?.early || own.stance === 0 || decision === 0 || decision === own.decision) continue;
      const [from, to] = [cellOf(own.stance, own.decision), cellOf(own.stance, decision)];
      if (from) validatorOf(state, validatorId)[from] -= own.weight;
      if (to) validatorOf(state, validatorId)[to] += own.weight;
      const confirmed = Number(own.stance === decision) - Number(own.stance === own.decision);
      hold(validatorId, listing.sellerId, own.stance, -confirmed);
      own.decision = decision;
    }
  }

  function mark(
    { ekId, validatorId, revision }: { ekId: bigint; validatorId: bigint; revision: number },
    disputed: boolean,
  ) {
    const label = listingOf(state, ekId).labels.get(validatorId);
    if (label?.revision !== revision) return;
    label.disputed = disputed;
    review(ekId);
  }

  return {
    PolicySet({ policy: set }) {
      // The points ledger sets one, too: the consensus's is the one with a quorum.
      if (set.quorum !== undefined) policy = set;
    },
    Labelled({ ekId, validatorId, revision, input }) {
      validatorOf(state, validatorId);
      const { labels } = listingOf(state, ekId);
      const disputed = labels.get(validatorId)?.disputed ?? false;
      labels.set(validatorId, { types: input.types, scores: input.scores, revision, disputed });
      restate(ekId, validatorId, input.types);
      review(ekId);
    },
    LabelWithdrawn({ ekId, validatorId }) {
      listingOf(state, ekId).labels.delete(validatorId);
      review(ekId);
    },
    LabelStruck({ ekId, validatorId, revision }) {
      validatorOf(state, validatorId).struck++;
      const { labels } = listingOf(state, ekId);
      if (labels.get(validatorId)?.revision !== revision) return;
      labels.delete(validatorId);
      review(ekId);
    },
    LabelDisputed: (args) => mark(args, true),
    LabelUpheld: (args) => mark(args, false),
    BondChanged: ({ validatorId, bonded }) => void bonds.set(validatorId, bonded),
    ValidatorLinked: ({ validatorId, groupId }) => void groups.set(validatorId, groupId),
    Seated: ({ ekId, validatorId, index }) =>
      takeSeat(ekId, validatorId, Number(index), policy as ConsensusPolicy),
  };
}
