/**
 * What validators' reputation is computed from, kept up with every event about a listing's labels and seats. The rules are those of
 * `sdk/reputation/validator.ts`.
 *
 * A bond, a group or a policy that changes is seen at the next event about the listing: to look at once at all listings where the
 * validator sits would let it stop the indexer for the price of one call.
 */
import {
  agent,
  consensusPolicy,
  judgement,
  judgementPair,
  label,
  listingFacts,
  seat,
  validatorBond,
  validatorFacts,
  validatorGroup,
} from "ponder:schema";
import { type ConsensusPolicy, consensusOf, stanceOf, type Voice } from "../../sdk/consensus.ts";
import { agentId as agentIds, ekId as ekIds, labelId as labelIds } from "../../sdk/ids.ts";
import { nth } from "../../sdk/reputation/score.ts";
import {
  cellOf,
  leaning,
  othersDecide,
  type Stance,
  toValidatorFacts,
  validatorReputation,
} from "../../sdk/reputation/validator.ts";
import { type Db, existing } from "./event.ts";
import { changeSeller, type Place, rescore } from "./seller-facts.ts";

type Judgement = typeof judgement.$inferSelect;
type Sitter = Voice & { labelId: string; validatorId: string };
/** A listing's seats, and the rules that they are counted by. */
type Bench = { ekId: string; sellerId: string; sitters: Sitter[]; policy: ConsensusPolicy };

const NOTHING = {
  ...{ seated: 0, struck: 0, stances: 0, leaning: 0 },
  ...{ coverage: 0n, goodGood: 0n, goodBad: 0n, badGood: 0n, badBad: 0n },
};
type Change = Partial<typeof NOTHING>;

/** The agent published a label for the first time. */
export async function addValidator(db: Db, { chainId, blockNumber }: Place, agentId: string) {
  await db.insert(validatorFacts).values({ agentId, chainId, ...NOTHING, chainScore: 0, blockNumber });
  await rescore(db, { chainId, role: "validator" }, { after: 0 });
}

/** Adds to a validator's facts, and computes its score anew. */
export async function changeValidator(db: Db, { chainId, blockNumber }: Place, agentId: string, by: Change) {
  // The row exists because a validator labels before it is seated, judged or struck.
  const before = await existing(db.find(validatorFacts, { agentId }), agentId);
  const fields = Object.keys(by) as (keyof typeof NOTHING)[];
  const sum = (field: keyof typeof NOTHING) =>
    typeof before[field] === "bigint"
      ? before[field] + BigInt(by[field] ?? 0)
      : (before[field] as number) + Number(by[field] ?? 0);
  const after = { ...before, ...Object.fromEntries(fields.map((field) => [field, sum(field)])) };
  const { chainScore } = validatorReputation(toValidatorFacts(after));
  await db.update(validatorFacts, { agentId }).set({ ...after, chainScore, blockNumber });
  if (chainScore === before.chainScore) return;
  // The row exists because validators are agents.
  await db.update(agent, { id: agentId }).set({ validatorScore: chainScore });
  await rescore(db, { chainId, role: "validator" }, { before: before.chainScore, after: chainScore });
}

/** The validator took that seat of the listing. */
export async function countSeat(
  db: Db,
  place: Place,
  { ekId, index, validatorId }: { ekId: string; index: number; validatorId: string },
) {
  // The row exists because only a listing has seats.
  await db
    .update(listingFacts, { ekId })
    .set((row) => ({ seats: row.seats > index ? row.seats : index + 1 }));
  const bench = await benchOf(db, place, ekId);
  const sitter = bench?.sitters[index];
  if (!bench || !sitter) throw new Error(`Seat ${index} of ${ekId} is not there, though it was just taken.`);
  // The row exists when it was seated here before.
  if ((await db.find(judgement, { labelId: sitter.labelId })) === null) {
    await addJudgement(db, place, bench, { ...sitter, validatorId });
  }
  await review(db, place, bench);
}

/** Something was said, unsaid, challenged or decided about a label of the listing. */
export async function reviewListing(db: Db, place: Place, ekId: string) {
  const bench = await benchOf(db, place, ekId);
  if (bench) await review(db, place, bench);
}

/** A label says something else now. It counts as what it said when the others decided. */
export async function changeStance(db: Db, place: Place, labelId: string, types: number) {
  const row = await db.find(judgement, { labelId });
  const stance = stanceOf(types);
  if (!row?.early || row.decision !== 0 || row.stance === stance) return;
  const { sellerId } = await existing(db.find(listingFacts, { ekId: row.ekId }), row.ekId);
  await db.update(judgement, { labelId }).set({ stance });
  const lean = await moveUnconfirmed(db, row.validatorId, sellerId, [
    { stance: row.stance as Stance, by: -1 },
    { stance, by: 1 },
  ]);
  const stances = Math.abs(stance) - Math.abs(row.stance);
  await changeValidator(db, place, row.validatorId, { stances, leaning: lean });
}

/** The listing's seats as they are now; undefined while nobody ever sat there. */
async function benchOf(db: Db, { chainId }: Place, ekId: string): Promise<Bench | undefined> {
  // The row exists because only what was listed is labelled.
  const { seats, sellerId } = await existing(db.find(listingFacts, { ekId }), ekId);
  if (seats === 0) return undefined;
  // The row exists because the contract sets its first policy when it is made.
  const policy = await existing(db.find(consensusPolicy, { chainId }), `The consensus policy of ${chainId}`);
  const sitters: Sitter[] = [];
  for (let index = 0; index < seats; index++) {
    const { validatorId } = await existing(db.find(seat, { ekId, index }), `Seat ${index} of ${ekId}`);
    const labelId = labelIds.serialize({
      ...ekIds.parse(ekId),
      validatorId: agentIds.parse(validatorId).agentId,
    });
    const row = await db.find(label, { id: labelId });
    const group = await db.find(validatorGroup, { validatorId });
    const bond = await db.find(validatorBond, { validatorId });
    sitters.push({
      ...{ labelId, validatorId, groupId: group?.groupId ?? validatorId, bonded: bond?.bonded ?? 0n },
      label: row?.status === "live" ? { types: row.types, disputed: row.disputed, scores: row } : null,
    });
  }
  return { ekId, sellerId, sitters, policy };
}

async function addJudgement(db: Db, place: Place, { ekId, sellerId, sitters, policy }: Bench, own: Sitter) {
  const { labelId, validatorId, groupId } = own;
  const early = othersDecide(sitters, groupId, policy) === 0;
  const stance = own.label ? stanceOf(own.label.types) : 0;
  const common = { chainId: place.chainId, decision: 0 };
  if (!early) {
    await db.insert(judgement).values({ labelId, ekId, validatorId, early, stance, weight: 0, ...common });
    return changeValidator(db, place, validatorId, { seated: 1 });
  }
  // The row exists when it labelled another listing of the seller's early.
  const pair = await db
    .insert(judgementPair)
    .values({ validatorId, sellerId, chainId: place.chainId, labels: 1, good: 0, bad: 0 })
    .onConflictDoUpdate((row) => ({ labels: row.labels + 1 }));
  const weight = nth(pair.labels);
  await db.insert(judgement).values({ labelId, ekId, validatorId, early, stance, weight, ...common });
  await changeValidator(db, place, validatorId, {
    seated: 1,
    coverage: BigInt(weight),
    stances: Math.abs(stance),
    leaning: await moveUnconfirmed(db, validatorId, sellerId, [{ stance, by: 1 }]),
  });
}

/** Moves the pair's unconfirmed labels, and answers by how much they lean more than before. */
async function moveUnconfirmed(
  db: Db,
  validatorId: string,
  sellerId: string,
  moves: readonly { stance: Stance; by: number }[],
): Promise<number> {
  const key = { validatorId, sellerId };
  const before = await existing(db.find(judgementPair, key), `${validatorId} on ${sellerId}`);
  const moved = (stance: Stance, of: number) =>
    moves.filter((move) => move.stance === stance).reduce((sum, { by }) => sum + by, of);
  const [good, bad] = [moved(1, before.good), moved(-1, before.bad)];
  await db.update(judgementPair, key).set({ good, bad });
  return leaning(good, bad) - leaning(before.good, before.bad);
}

/** Looks at what all and what the others of each seat say. */
async function review(db: Db, place: Place, bench: Bench) {
  const { ekId, sellerId, sitters, policy } = bench;
  const { status, positiveGroups } = consensusOf(sitters, policy);
  const before = await existing(db.find(listingFacts, { ekId }), ekId);
  await db.update(listingFacts, { ekId }).set({ status, vouched: positiveGroups > 0 });
  const change = {
    judged: Number(status !== "unverified") - Number(before.status !== "unverified"),
    verified: Number(status === "verified") - Number(before.status === "verified"),
  };
  if (change.judged !== 0 || change.verified !== 0) await changeSeller(db, place, sellerId, change);
  for (const { labelId, groupId } of sitters) {
    // The row exists because it is made when the seat is taken.
    const row = await existing(db.find(judgement, { labelId }), `The judgement of ${labelId}`);
    const decision = othersDecide(sitters, groupId, policy);
    if (row.early && row.stance !== 0 && decision !== 0 && decision !== row.decision) {
      await decide(db, place, sellerId, row, decision);
    }
  }
}

/** The others decided, or decided otherwise than before. */
async function decide(db: Db, place: Place, sellerId: string, row: Judgement, decision: Stance) {
  const { labelId, validatorId } = row;
  const stance = row.stance as Stance;
  await db.update(judgement, { labelId }).set({ decision });
  const [from, to] = [cellOf(stance, row.decision as Stance), cellOf(stance, decision)];
  const confirmed = Number(stance === decision) - Number(stance === row.decision);
  await changeValidator(db, place, validatorId, {
    ...(from && { [from]: -BigInt(row.weight) }),
    ...(to && { [to]: BigInt(row.weight) }),
    leaning: await moveUnconfirmed(db, validatorId, sellerId, [{ stance, by: -confirmed }]),
  });
}
