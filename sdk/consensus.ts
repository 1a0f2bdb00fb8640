/** What bonded validators say together of a listing: the twin of `Consensus.verdictOf`, from data that anybody can read off the chain. */
import { fromBits, type LabelName, labels, scoreNames } from "./records.ts";

export type ConsensusStatus = "unverified" | "pending" | "verified" | "disputed";

/** `IConsensus.Policy`; shares in basis points, bonds in the bond token's smallest units. */
export type ConsensusPolicy = {
  quorum: number;
  supportBps: number;
  disputeBps: number;
  minBond: bigint;
  maxWeight: bigint;
};

/** One seat, in the table's order: its validator's group and bond now, and its live label, or null for none. */
export type Voice = {
  groupId: bigint | string;
  bonded: bigint;
  label: {
    types: number;
    disputed: boolean;
    scores: Readonly<Record<(typeof scoreNames)[number], number>>;
  } | null;
};

export type Consensus = {
  status: ConsensusStatus;
  groups: number;
  positiveGroups: number;
  weight: bigint;
  positive: bigint;
  negative: bigint;
  challenged: bigint;
  /** Weighted means, rounded down, in the order of `scoreNames`. */
  scores: number[];
};

const POSITIVE: readonly LabelName[] = ["verified-real", "reproducible", "high-utility"];
const NEGATIVE: readonly LabelName[] = ["low-quality", "suspected-fraud", "outdated", "policy-risk"];
const BPS = 10_000n;

/** What a label's types say, as `LabelTypes` has it: -1 bad, whatever else it says; 1 good, where it says nothing bad; 0 neither. */
export function stanceOf(types: number): 1 | 0 | -1 {
  const says = (names: readonly LabelName[]) => fromBits(labels, types).some((name) => names.includes(name));
  if (says(NEGATIVE)) return -1;
  return says(POSITIVE) ? 1 : 0;
}

type Heard = { weight: bigint; label: NonNullable<Voice["label"]> };

/** Of each group the weightiest voice that counts, the earlier one among equals. */
function heard(voices: readonly Voice[], { minBond, maxWeight }: ConsensusPolicy): Heard[] {
  const groups = new Map<bigint | string, Heard>();
  for (const { groupId, bonded, label } of voices) {
    if (!label || bonded < minBond) continue;
    const weight = bonded < maxWeight ? bonded : maxWeight;
    if (weight > (groups.get(groupId)?.weight ?? 0n)) groups.set(groupId, { weight, label });
  }
  return [...groups.values()];
}

const sum = (voices: readonly Heard[], of: (voice: Heard) => bigint = ({ weight }) => weight) =>
  voices.reduce((total, voice) => total + of(voice), 0n);

/**
 * The verdict of the seats, equal to the contract's.
 *
 * @example
 * consensusOf([], policy).status; // "unverified"
 */
export function consensusOf(voices: readonly Voice[], policy: ConsensusPolicy): Consensus {
  const all = heard(voices, policy);
  const open = all.filter(({ label }) => !label.disputed);
  const bad = open.filter(({ label }) => stanceOf(label.types) === -1);
  const good = open.filter(({ label }) => stanceOf(label.types) === 1);
  const [weight, positive, negative] = [sum(open), sum(good), sum(bad)];
  const challenged = sum(all) - weight;
  const mean = (name: (typeof scoreNames)[number]) =>
    weight === 0n
      ? 0
      : Number(sum(open, ({ weight: own, label }) => own * BigInt(label.scores[name])) / weight);
  const counted = {
    groups: open.length,
    positiveGroups: good.length,
    weight,
    positive,
    negative,
    challenged,
  };
  return { status: statusOf(counted, policy), ...counted, scores: scoreNames.map(mean) };
}

function statusOf(
  c: Omit<Consensus, "status" | "scores">,
  { quorum, supportBps, disputeBps }: ConsensusPolicy,
): ConsensusStatus {
  const all = c.weight + c.challenged;
  if (all === 0n) return "unverified";
  if ((c.negative + c.challenged) * BPS >= all * BigInt(disputeBps)) return "disputed";
  const agreed = c.positiveGroups >= quorum && c.positive * BPS >= c.weight * BigInt(supportBps);
  return agreed ? "verified" : "pending";
}
