/** Challenges to labels, step by step. */
import { type Hex, keccak256, toHex } from "viem";
import { by, FEE, type Moa, type Person, people } from "./deploy.ts";
import { deployValidators, fundBond, INPUT, type Validator } from "./label.ts";
import { BUYER, FIXED } from "./market.ts";

export const Status = { None: 0, Open: 1, Answered: 2, Ruling: 3, Struck: 4, Upheld: 5, Tied: 6 } as const;
export const Ruling = { Refused: 0n, Strike: 1n, Uphold: 2n } as const;
export const EVIDENCE = "ipfs://evidence";
export const EVIDENCE_HASH = keccak256(toHex("evidence"));
export const DAY = 86_400n;
export const ANSWER_TIME = 3n * DAY;
export const RULING_TIME = 60n * DAY;
export const WINDOW = 14n * DAY;
export const UNBONDING_DELAY = 21n * DAY;

/** Three bonded validators, the first of which labelled the first listing; the buyer has what a challenge takes. */
export async function deployLabelled() {
  const { moa, validators } = await deployValidators(3);
  const [validator] = validators as [Validator];
  await moa.labels.write.label([validator.agentId, INPUT], by(validator));
  await fundBond(moa, people.buyer);
  return { moa, validators, validator };
}

/** The buyer challenges the label of `validatorId`. */
export async function challenge(
  moa: Moa,
  validatorId: bigint,
  fields: {
    revision?: number;
    by?: Person;
    challengerId?: bigint;
    ekId?: bigint;
    value?: bigint;
    evidence?: string;
    evidenceHash?: Hex;
  } = {},
): Promise<Hex> {
  const { revision = 1, challengerId = BUYER, ekId = FIXED, value = FEE } = fields;
  const { evidence = EVIDENCE, evidenceHash = EVIDENCE_HASH } = fields;
  return moa.bonds.write.challenge([challengerId, ekId, validatorId, revision, evidence, evidenceHash], {
    ...by(fields.by ?? people.buyer),
    value,
  });
}

/** Somebody pays for the validator's side. */
export const answer = (moa: Moa, id = 1n, payer: { address: `0x${string}` } = people.sponsor, value = FEE) =>
  moa.bonds.write.answer([id], { ...by(payer), value });

export const refer = (moa: Moa, id = 1n, value = 0n) =>
  moa.bonds.write.refer([id], { ...by(people.stranger), value });

/** From a challenge to the arbitrator's ruling. */
export async function dispute(moa: Moa, validatorId: bigint, ruling: bigint): Promise<Hex> {
  await challenge(moa, validatorId);
  const id = await moa.bonds.read.challengeCount();
  await answer(moa, id);
  await refer(moa, id);
  const { disputeID } = await moa.bonds.read.challengeOf([id]);
  return moa.arbitrator.write.giveRuling([disputeID, ruling], by(people.stranger));
}
