/**
 * A validator's reputation: EV = w1·accuracy + w2·coverage − w3·penalties. All of it is on chain.
 *
 * Only labels count that were given a seat, that is by validators with a bond, and before the others had decided: who joins a verdict
 * that is there already tells nobody anything.
 */
import {
  type ConsensusPolicy,
  type ConsensusStatus,
  consensusOf,
  type stanceOf,
  type Voice,
} from "../consensus.ts";
import { BPS, component, type Reputation, saturation, share, total, UNIT } from "./score.ts";

/** What the chain says of a validator. All are 0 for one that has done nothing. */
export type ValidatorFacts = {
  /** Listings that it had a seat for. */
  seated: number;
  /** Weights of its early labels, in thousandths: one for the n-th listing of the same seller weighs `nth(n)`. */
  coverage: number;
  /** The same weights where the others have decided since: what it said, and what they decided. */
  goodGood: number;
  goodBad: number;
  badGood: number;
  badBad: number;
  /** Labels that were struck after a challenge. */
  struck: number;
  /** Early labels that said something good or bad. */
  stances: number;
  /** Of them, those that lean to one side on the same seller and that nobody confirmed: {@link leaning}, summed over sellers. */
  leaning: number;
};

export const NO_VALIDATOR_FACTS: ValidatorFacts = {
  ...{ seated: 0, coverage: 0, goodGood: 0, goodBad: 0, badGood: 0, badBad: 0 },
  ...{ struck: 0, stances: 0, leaning: 0 },
};

/** The facts of a table's row, whose weights may be bigints. */
export function toValidatorFacts(
  row: Readonly<Record<keyof ValidatorFacts, number | bigint>>,
): ValidatorFacts {
  const names = Object.keys(NO_VALIDATOR_FACTS) as (keyof ValidatorFacts)[];
  return Object.fromEntries(names.map((name) => [name, Number(row[name])])) as ValidatorFacts;
}

export const validatorWeights = {
  ...{ accuracy: 70, coverage: 30, contradiction: -60, abuse: -60, bias: -30 },
} as const;

/** Listings of so many sellers give half of the coverage. In thousandths. */
const HALF_COVERAGE = 20 * UNIT;
/** What stands in a ratio's denominator for what is not known yet. */
const UNDECIDED = 5 * UNIT;
const UNCHALLENGED = 5;
const NO_STANCE = 3;
/** A fifth of labels struck costs all that abuse can cost. */
const STRUCK_FACTOR = 5;

/**
 * A validator's score.
 * @example
 * validatorReputation({ ...NO_VALIDATOR_FACTS, seated: 20, coverage: 20_000 }).score // 15
 */
export function validatorReputation(facts: ValidatorFacts): Reputation {
  const w = validatorWeights;
  const agreement = agreementOf(facts);
  return total([
    component("accuracy", "chain", w.accuracy, Math.max(0, agreement)),
    component("coverage", "chain", w.coverage, saturation(facts.coverage, HALF_COVERAGE)),
    component("contradiction", "chain", w.contradiction, Math.max(0, -agreement)),
    component("abuse", "chain", w.abuse, share(STRUCK_FACTOR * facts.struck, facts.seated + UNCHALLENGED)),
    component("bias", "chain", w.bias, share(facts.leaning, facts.stances + NO_STANCE)),
  ]);
}

/**
 * Cohen's kappa between the validator and those who decided after it, in basis points, discounted while there are few cases and rounded
 * towards 0. It is what is left of the agreement when chance is taken out: who says the same of everything has none, who says the
 * opposite has less than none.
 */
export function agreementOf({
  goodGood,
  goodBad,
  badGood,
  badBad,
}: Pick<ValidatorFacts, "goodGood" | "goodBad" | "badGood" | "badBad">): number {
  const [a, b, c, d] = [goodGood, goodBad, badGood, badBad].map(BigInt) as [bigint, bigint, bigint, bigint];
  const beyondChance = 2n * (a * d - b * c);
  if (beyondChance === 0n) return 0;
  const chance = (a + b) * (b + d) + (a + c) * (c + d);
  const count = a + b + c + d;
  return Number((BigInt(BPS) * beyondChance * count) / (chance * (count + BigInt(UNDECIDED))));
}

// ------------------------------------------------- how facts come about

/** 1 good, -1 bad, 0 neither. */
export type Stance = ReturnType<typeof stanceOf>;

const decisions: Readonly<Record<ConsensusStatus, Stance>> = {
  ...({ verified: 1, disputed: -1, pending: 0, unverified: 0 } as const),
};

/** What a listing's seats decide when the group and every challenged label are left out. */
export function othersDecide(
  voices: readonly Voice[],
  groupId: Voice["groupId"],
  policy: ConsensusPolicy,
): Stance {
  const others = voices.filter((voice) => voice.groupId !== groupId && voice.label?.disputed !== true);
  return decisions[consensusOf(others, policy).status];
}

/** Where a stance that the others have decided on counts. */
export function cellOf(stance: Stance, decision: Stance) {
  if (stance === 0 || decision === 0) return undefined;
  const said = stance === 1 ? "good" : "bad";
  return `${said}${decision === 1 ? "Good" : "Bad"}` as const;
}

/** Labels of one validator on one seller that may lean to one side before that is held against it. */
export const ONE_SIDED = 3;

/** How many of a validator's unconfirmed labels on one seller lean to one side, beyond {@link ONE_SIDED}. */
export function leaning(good: number, bad: number): number {
  return Math.max(0, Math.abs(good - bad) - ONE_SIDED);
}
