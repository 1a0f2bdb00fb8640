/** `Consensus`: who sits, and who shares in a bounty. */
import type { consensusAbi } from "../../sdk/abis/index.ts";
import type { ConsensusPolicy } from "../../sdk/consensus.ts";
import type { Label, Listing } from "../books.ts";
import { type Context, DAY, grantOf, type Handlers, least, most, namesOf, told } from "../context.ts";
import { creditDue, share } from "./split.ts";

const SEATS = 16;
const MATURITY = DAY;
const MAX_WEIGHT_FACTOR = 100n;

export const groupOf = ({ books }: Context, validatorId: bigint) =>
  books.groups.get(validatorId) ?? validatorId;

const bondedOf = ({ books }: Context, validatorId: bigint) => books.bonds.get(validatorId)?.bonded ?? 0n;

/** The sitter's bond; 0 when its label is gone or its bond too small. */
function strengthOf(c: Context, listing: Listing, validatorId: bigint, minBond: bigint): bigint {
  const bonded = bondedOf(c, validatorId);
  return bonded < minBond || !listing.labels.get(validatorId)?.live ? 0n : bonded;
}

/** The place that the rule gives a newcomer: its group's, else an empty one, else the weakest. Undefined when it gives none. */
function placeFor(c: Context, listing: Listing, validatorId: bigint, minBond: bigint): number | undefined {
  const bonded = bondedOf(c, validatorId);
  let [index, least] = [0, 2n ** 256n];
  for (let i = 0; i < SEATS; i++) {
    const sitterId = listing.seats[i]?.validatorId ?? 0n;
    if (sitterId === validatorId) return undefined;
    const strength = sitterId === 0n ? 0n : strengthOf(c, listing, sitterId, minBond);
    if (strength !== 0n && groupOf(c, sitterId) === groupOf(c, validatorId))
      return strength < bonded ? i : undefined;
    if (strength < least) [index, least] = [i, strength];
  }
  return least < bonded ? index : undefined;
}

type Voice = { validatorId: bigint; groupId: bigint; weight: bigint; since: bigint; label: Label };

/** The seats that count: of each group the one with the most weight, the earlier one among equals. */
function voicesOf(c: Context, listing: Listing, policy: ConsensusPolicy): Voice[] {
  const best = new Map<bigint, Voice>();
  for (const { validatorId, since } of listing.seats.filter(Boolean)) {
    const label = listing.labels.get(validatorId);
    const bonded = bondedOf(c, validatorId);
    if (bonded < policy.minBond || !label?.live) continue;
    const weight = least(bonded, policy.maxWeight);
    const groupId = groupOf(c, validatorId);
    if (weight > (best.get(groupId)?.weight ?? 0n))
      best.set(groupId, { validatorId, groupId, weight, since, label });
  }
  const heard = new Set([...best.values()].map((voice) => voice.validatorId));
  return listing.seats.flatMap((seat) => {
    const voice = seat && best.get(groupOf(c, seat.validatorId));
    return voice && voice.validatorId === seat.validatorId && heard.has(seat.validatorId) ? [voice] : [];
  });
}

/** Who shares in a listing's bounty at that time; the seller when nobody's seat counts. */
function payeesOf(c: Context, listing: Listing, time: bigint): bigint[] {
  const policy = c.books.consensusPolicy;
  const voices = policy ? voicesOf(c, listing, policy) : [];
  if (voices.length === 0) return [listing.sellerId];
  return voices
    .filter(({ since, label }) => !label.disputed && time >= most(since, label.createdAt) + MATURITY)
    .map(({ validatorId }) => validatorId);
}

export function replayConsensus(c: Context): Handlers<typeof consensusAbi> {
  const { books, findings, script } = c;
  const name = namesOf(c.constants.chainId);
  return {
    AuthorityUpdated: told,

    PolicySet({ policy }, at) {
      const bounds: Record<keyof ConsensusPolicy, [bigint | number, bigint | number]> = {
        ...{ quorum: [2, 9], supportBps: [5001, 10_000], disputeBps: [1, 5000] },
        minBond: [c.constants.challengeStake, 2n ** 96n],
        maxWeight: [policy.minBond, policy.minBond * MAX_WEIGHT_FACTOR],
      };
      for (const [field, [least, most]] of Object.entries(bounds)) {
        const said = policy[field as keyof ConsensusPolicy];
        findings.check("CONSENSUS_POLICY", said >= least && said <= most, () => ({
          subject: "consensus",
          field,
          expected: `${least} to ${most}`,
          said,
          place: at.place,
        }));
      }
      books.consensusPolicy = policy;
    },

    ValidatorLinked({ validatorId, groupId }, at) {
      const known = books.agents.has(validatorId) && books.agents.has(groupId);
      findings.check("CONSENSUS_POLICY", known, () => ({
        subject: name.agt(validatorId),
        field: "groupId",
        expected: "agents",
        said: groupId,
        place: at.place,
      }));
      books.groups.set(validatorId, groupId);
    },

    Seated({ ekId, validatorId, index, displacedId }, at) {
      const subject = `${name.lbl(ekId, validatorId)} seat ${index}`;
      const place = at.place;
      const listing = books.listings.get(ekId);
      const minBond = books.consensusPolicy?.minBond ?? 0n;
      if (!listing) {
        findings.check("SEAT", false, () => ({ subject, expected: "a listing", said: "none", place }));
        return;
      }
      findings.equal("SEAT", {
        subject,
        field: "index",
        expected: placeFor(c, listing, validatorId, minBond),
        said: index,
        place,
      });
      findings.equal("SEAT", {
        subject,
        field: "displacedId",
        expected: listing.seats[Number(index)]?.validatorId ?? 0n,
        said: displacedId,
        place,
      });
      findings.check("SEAT", strengthOf(c, listing, validatorId, minBond) !== 0n, () => ({
        subject,
        expected: "a live label and a bond",
        said: bondedOf(c, validatorId),
        place,
      }));
      const seller = books.agents.get(listing.sellerId);
      const granted = seller ? grantOf(books.agents.get(validatorId), seller.eoa, at.time) : 0n;
      const isLinked = granted !== 0n || groupOf(c, validatorId) === groupOf(c, listing.sellerId);
      findings.check("SEAT", !isLinked, () => ({
        subject,
        expected: "a validator that is not the seller's",
        said: name.agt(validatorId),
        place,
      }));
      listing.seats[Number(index)] = { validatorId, since: at.time };
    },

    BountyShared({ ekId, token, agentIds, each }, at) {
      const subject = name.ek(ekId);
      const place = at.place;
      const listing = books.listings.get(ekId);
      const expected = listing ? payeesOf(c, listing, at.time) : [];
      findings.equal("BOUNTY_SHARED", {
        subject,
        field: "agentIds",
        expected: [...expected],
        said: [...agentIds],
        place,
      });
      const pot = listing?.bounties.get(token) ?? 0n;
      findings.equal("BOUNTY_SHARED", {
        subject,
        field: "each",
        expected: pot / BigInt(Math.max(agentIds.length, 1)),
        said: each,
        place,
      });
      script.promise(
        ...agentIds.map((agentId) => ({
          ...creditDue(c, { share: share.bounty, agentId, amount: each, keyId: ekId << 96n, token }),
          ...{ law: "BOUNTY_SHARED" as const, subject },
        })),
      );
    },
  };
}
