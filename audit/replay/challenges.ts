/** `ValidatorBonds`: challenges to labels, from the stake to the end. */
import type { Address } from "viem";
import type { validatorBondsAbi } from "../../sdk/abis/index.ts";
import { add, type Challenge, labelName, vaultName } from "../books.ts";
import { type At, asker, type Context, DAY, type Handlers, least, lower, namesOf } from "../context.ts";

const ANSWER_TIME = 3n * DAY;
const RULING_TIME = 60n * DAY;
const MAX_APPEALS = 5;
const [OPEN, ANSWERED, RULING, STRUCK, UPHELD, TIED] = [1, 2, 3, 4, 5, 6];
const NAMES = ["none", "open", "answered", "ruling", "struck", "upheld", "tied"];
/** The outcome of each ruling. */
const OUTCOMES = [TIED, STRUCK, UPHELD];
const BONDS = "ValidatorBonds";

type Own =
  | "Challenged"
  | "Answered"
  | "Referred"
  | "Appealed"
  | "ChallengeClosed"
  | "FeeReclaimed"
  | "Ruling";

export function replayChallenges(c: Context): Pick<Handlers<typeof validatorBondsAbi>, Own> {
  const { books, findings, script, tx } = c;
  const on = (subject: string, at: At) => asker(c, subject, at);
  const name = namesOf(c.constants.chainId);
  const { challengeStake, contracts } = c.constants;
  const vault = vaultName(contracts.ValidatorBonds, c.constants.bondToken);
  const subjectOf = (challengeId: bigint) => `challenge ${challengeId}`;

  /** The challenge, which must be in that state and in time. */
  function inTime(challengeId: bigint, status: number, at: At): Challenge | undefined {
    const challenge = books.challenges.get(challengeId);
    const subject = subjectOf(challengeId);
    on(subject, at).is("CHALLENGE_MOVES", "status", NAMES[status], NAMES[challenge?.status ?? 0]);
    if (challenge && status !== RULING)
      on(subject, at).holds(
        "CHALLENGE_MOVES",
        at.time <= challenge.deadline,
        "time",
        `${challenge.deadline} at most`,
        at.time,
      );
    return challenge;
  }

  function checkDeadline(challengeId: bigint, deadline: number, from: bigint, at: At): void {
    on(subjectOf(challengeId), at).is("CHALLENGE_MOVES", "deadline", at.time + from, deadline);
  }

  /** Who gets what of the fees that are left, in the order in which it is booked. */
  function feesOf(
    challenge: Challenge,
    pot: bigint,
    status: number,
  ): { account: Address | undefined; amount: bigint }[] {
    const best = least(pot, challenge.fee);
    const toValidator = status === STRUCK ? pot - best : status === UPHELD ? best : pot / 2n;
    return [
      { account: challenge.validatorPayer, amount: toValidator },
      { account: challenge.challengerPayer, amount: pot - toValidator },
    ].filter(({ amount }) => amount !== 0n);
  }

  function checkFees(challengeId: bigint, challenge: Challenge, status: number, at: At): void {
    if (challenge.pot === undefined) {
      findings.note(
        "challenges that an outside arbitrator was paid for: what is left of their fees can't be checked",
      );
      return;
    }
    const expected = feesOf(challenge, challenge.pot, status);
    const said = expected.length === 0 ? [] : tx.looseFees.splice(-expected.length);
    on(subjectOf(challengeId), at).is("CHALLENGE_PAY", "fees", expected, said);
    challenge.pot = 0n;
  }

  /** Whether a challenge may end so now. */
  function mayEnd(challenge: Challenge, status: number, time: bigint): boolean {
    const ruling = tx.rulings.get(BONDS);
    if (ruling && challenge.status === RULING && ruling.disputeId === challenge.disputeId) {
      tx.rulings.delete(BONDS);
      return OUTCOMES[Number(ruling.ruling)] === status;
    }
    if (time <= challenge.deadline) return false;
    return status === (challenge.status === OPEN ? STRUCK : TIED);
  }

  return {
    Challenged({ challengeId, ekId, validatorId, challengerId, revision, atStake, fee, deadline }, at) {
      const subject = subjectOf(challengeId);
      on(subject, at).is("CHALLENGE_NUMBERS", undefined, BigInt(books.challenges.size + 1), challengeId);
      on(subject, at).is(
        "CHALLENGE_NUMBERS",
        "open challenge",
        undefined,
        books.openChallenges.get(labelName(ekId, validatorId)),
      );
      on(subject, at).holds(
        "CHALLENGE_MOVES",
        challengerId !== validatorId && books.agents.has(challengerId),
        "challengerId",
        "another agent",
        name.agt(challengerId),
      );
      checkDeadline(challengeId, deadline, ANSWER_TIME, at);
      const bond = books.bonds.get(validatorId);
      const free = bond ? bond.bonded + bond.unbonding - bond.atStake : 0n;
      on(subject, at).is("CHALLENGE_PAY", "atStake", least(free, challengeStake), atStake);
      if (c.constants.arbitrator === contracts.HouseArbitrator)
        on(subject, at).is("CHALLENGE_PAY", "fee", books.court.arbitrationCost, fee);
      if (bond) bond.atStake += atStake;
      books.openChallenges.set(labelName(ekId, validatorId), challengeId);
      books.challenges.set(challengeId, {
        ...{
          challengerId,
          validatorId,
          ekId,
          revision,
          status: OPEN as number,
          appeals: 0,
          deadline: BigInt(deadline),
          atStake,
          fee,
        },
        ...{
          pot: fee,
          surcharge: 0n,
          validatorPayer: undefined,
          extraPayer: undefined,
          disputeId: undefined,
        },
        challengerPayer: books.agents.get(challengerId)?.eoa as Address,
      });
      add(tx.booked, vault, challengeStake);
      script.promise({
        law: "LABEL_CHALLENGED",
        events: ["LabelRegistry:LabelDisputed"],
        subject,
        match: { ekId, validatorId, revision },
      });
    },

    Answered({ challengeId, deadline, by }, at) {
      const challenge = inTime(challengeId, OPEN, at);
      checkDeadline(challengeId, deadline, RULING_TIME, at);
      if (!challenge) return;
      const pot = challenge.pot === undefined ? undefined : challenge.pot + challenge.fee;
      Object.assign(challenge, {
        status: ANSWERED,
        deadline: BigInt(deadline),
        validatorPayer: lower(by),
        pot,
      });
    },

    Referred({ challengeId, disputeID, deadline }, at) {
      const challenge = inTime(challengeId, ANSWERED, at);
      checkDeadline(challengeId, deadline, RULING_TIME, at);
      if (!challenge) return;
      const cost = tx.opened.get(disputeID);
      const pot = challenge.pot;
      const isKnown = cost !== undefined && pot !== undefined;
      const surcharge = isKnown && cost > pot ? cost - pot : 0n;
      const left = isKnown ? pot - (cost - surcharge) : undefined;
      Object.assign(challenge, {
        status: RULING,
        deadline: BigInt(deadline),
        disputeId: disputeID,
        surcharge,
        pot: left,
      });
    },

    Appealed({ challengeId, deadline, by }, at) {
      const challenge = inTime(challengeId, RULING, at);
      const subject = subjectOf(challengeId);
      checkDeadline(challengeId, deadline, RULING_TIME, at);
      if (!challenge) return;
      on(subject, at).holds(
        "CHALLENGE_MOVES",
        challenge.appeals < MAX_APPEALS,
        "appeals",
        `${MAX_APPEALS} at most`,
        challenge.appeals + 1,
      );
      Object.assign(challenge, {
        appeals: challenge.appeals + 1,
        deadline: BigInt(deadline),
        extraPayer: lower(by),
      });
    },

    Ruling({ disputeID, ruling }) {
      tx.rulings.set(BONDS, { disputeId: disputeID, ruling });
    },

    ChallengeClosed({ challengeId, status, slashed, reward, challengerCredit, validatorCredit }, at) {
      const challenge = books.challenges.get(challengeId);
      const subject = subjectOf(challengeId);
      const place = at.place;
      if (!challenge) {
        on(subject, at).holds("CHALLENGE_MOVES", false, undefined, "a challenge", "none");
        return;
      }
      const { validatorId, challengerId, ekId, revision } = challenge;
      const args = { validatorId, slashed };
      script.take("ValidatorBonds:ChallengeClosed", args, {
        place,
        law: "BOND_MOVES",
        subject,
        needed: status === STRUCK,
      });
      on(subject, at).holds(
        "CHALLENGE_MOVES",
        challenge.status <= RULING && mayEnd(challenge, status, at.time),
        "status",
        `a way on from ${NAMES[challenge.status]}`,
        NAMES[status],
      );
      const isStruck = status === STRUCK;
      on(subject, at).is("CHALLENGE_PAY", "slashed", isStruck ? challenge.atStake : 0n, slashed);
      on(subject, at).is("CHALLENGE_PAY", "reward", slashed / 2n, reward);
      add(books.bondCredits, status === UPHELD ? validatorId : challengerId, challengeStake + reward);
      on(subject, at).is(
        "BOND_CREDIT",
        "challengerCredit",
        books.bondCredits.get(challengerId) ?? 0n,
        challengerCredit,
      );
      on(subject, at).is(
        "BOND_CREDIT",
        "validatorCredit",
        books.bondCredits.get(validatorId) ?? 0n,
        validatorCredit,
      );
      books.bondCredits.set(challengerId, challengerCredit);
      books.bondCredits.set(validatorId, validatorCredit);
      checkFees(challengeId, challenge, status, at);
      books.burnt += slashed - reward;
      const bond = books.bonds.get(validatorId);
      if (bond) bond.atStake -= challenge.atStake;
      challenge.status = status;
      books.openChallenges.delete(labelName(ekId, validatorId));
      const event = isStruck ? "LabelRegistry:LabelStruck" : "LabelRegistry:LabelUpheld";
      script.promise({
        law: "LABEL_CHALLENGED",
        events: [event],
        subject,
        match: { ekId, validatorId, revision },
      });
    },

    FeeReclaimed({ challengeId, amount }, at) {
      const challenge = books.challenges.get(challengeId);
      const subject = subjectOf(challengeId);
      on(subject, at).holds(
        "CHALLENGE_MOVES",
        (challenge?.status ?? 0) > RULING && challenge?.disputeId !== undefined,
        undefined,
        "a closed one that a court had",
        NAMES[challenge?.status ?? 0],
      );
      if (!challenge) return;
      const surcharge = least(amount, challenge.surcharge);
      const rest = amount - surcharge;
      const toValidator = challenge.status === STRUCK ? rest : challenge.status === UPHELD ? 0n : rest / 2n;
      // Who paid a surcharge is told by no event but an appeal's.
      const payments: { account: Address | undefined; amount: bigint }[] =
        challenge.appeals !== 0
          ? [{ account: challenge.extraPayer, amount }]
          : [
              { account: undefined, amount: surcharge },
              { account: challenge.validatorPayer, amount: toValidator },
              { account: challenge.challengerPayer, amount: rest - toValidator },
            ];
      script.promise(
        ...payments
          .filter((payment) => payment.amount !== 0n)
          .map((payment) => ({
            ...{ law: "CHALLENGE_PAY" as const, events: ["ValidatorBonds:FeesCredited"], subject },
            match: { amount: payment.amount, ...(payment.account && { account: payment.account }) },
          })),
      );
    },
  };
}
