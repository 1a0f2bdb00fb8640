/** `ValidatorBonds`: challenges to labels, from the stake to the end. */
import type { Address } from "viem";
import type { validatorBondsAbi } from "../../sdk/abis/index.ts";
import { add, type Challenge, labelName, vaultName } from "../books.ts";
import { type At, type Context, DAY, type Handlers, least, lower, namesOf } from "../context.ts";

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
  const name = namesOf(c.constants.chainId);
  const { challengeStake, contracts } = c.constants;
  const vault = vaultName(contracts.ValidatorBonds, c.constants.bondToken);
  const subjectOf = (challengeId: bigint) => `challenge ${challengeId}`;

  /** The challenge, which must be in that state and in time. */
  function inTime(challengeId: bigint, status: number, at: At): Challenge | undefined {
    const challenge = books.challenges.get(challengeId);
    const subject = subjectOf(challengeId);
    findings.equal("CHALLENGE_MOVES", {
      subject,
      field: "status",
      expected: NAMES[status],
      said: NAMES[challenge?.status ?? 0],
      place: at.place,
    });
    if (challenge && status !== RULING)
      findings.check("CHALLENGE_MOVES", at.time <= challenge.deadline, () => ({
        subject,
        field: "time",
        expected: `${challenge.deadline} at most`,
        said: at.time,
        place: at.place,
      }));
    return challenge;
  }

  function checkDeadline(challengeId: bigint, deadline: number, from: bigint, at: At): void {
    findings.equal("CHALLENGE_MOVES", {
      subject: subjectOf(challengeId),
      field: "deadline",
      expected: at.time + from,
      said: deadline,
      place: at.place,
    });
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
    findings.equal("CHALLENGE_PAY", {
      subject: subjectOf(challengeId),
      field: "fees",
      expected,
      said,
      place: at.place,
    });
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
      const place = at.place;
      findings.equal("CHALLENGE_NUMBERS", {
        subject,
        expected: BigInt(books.challenges.size + 1),
        said: challengeId,
        place,
      });
      findings.equal("CHALLENGE_NUMBERS", {
        subject,
        field: "open challenge",
        expected: undefined,
        said: books.openChallenges.get(labelName(ekId, validatorId)),
        place,
      });
      findings.check(
        "CHALLENGE_MOVES",
        challengerId !== validatorId && books.agents.has(challengerId),
        () => ({
          subject,
          field: "challengerId",
          expected: "another agent",
          said: name.agt(challengerId),
          place,
        }),
      );
      checkDeadline(challengeId, deadline, ANSWER_TIME, at);
      const bond = books.bonds.get(validatorId);
      const free = bond ? bond.bonded + bond.unbonding - bond.atStake : 0n;
      findings.equal("CHALLENGE_PAY", {
        subject,
        field: "atStake",
        expected: least(free, challengeStake),
        said: atStake,
        place,
      });
      if (c.constants.arbitrator === contracts.HouseArbitrator)
        findings.equal("CHALLENGE_PAY", {
          subject,
          field: "fee",
          expected: books.court.arbitrationCost,
          said: fee,
          place,
        });
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
      findings.check("CHALLENGE_MOVES", challenge.appeals < MAX_APPEALS, () => ({
        subject,
        field: "appeals",
        expected: `${MAX_APPEALS} at most`,
        said: challenge.appeals + 1,
        place: at.place,
      }));
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
        findings.check("CHALLENGE_MOVES", false, () => ({
          subject,
          expected: "a challenge",
          said: "none",
          place,
        }));
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
      findings.check(
        "CHALLENGE_MOVES",
        challenge.status <= RULING && mayEnd(challenge, status, at.time),
        () => ({
          subject,
          field: "status",
          expected: `a way on from ${NAMES[challenge.status]}`,
          said: NAMES[status],
          place,
        }),
      );
      const isStruck = status === STRUCK;
      findings.equal("CHALLENGE_PAY", {
        subject,
        field: "slashed",
        expected: isStruck ? challenge.atStake : 0n,
        said: slashed,
        place,
      });
      findings.equal("CHALLENGE_PAY", {
        subject,
        field: "reward",
        expected: slashed / 2n,
        said: reward,
        place,
      });
      add(books.bondCredits, status === UPHELD ? validatorId : challengerId, challengeStake + reward);
      findings.equal("BOND_CREDIT", {
        subject,
        field: "challengerCredit",
        expected: books.bondCredits.get(challengerId) ?? 0n,
        said: challengerCredit,
        place,
      });
      findings.equal("BOND_CREDIT", {
        subject,
        field: "validatorCredit",
        expected: books.bondCredits.get(validatorId) ?? 0n,
        said: validatorCredit,
        place,
      });
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
      findings.check(
        "CHALLENGE_MOVES",
        (challenge?.status ?? 0) > RULING && challenge?.disputeId !== undefined,
        () => ({
          subject,
          expected: "a closed one that a court had",
          said: NAMES[challenge?.status ?? 0],
          place: at.place,
        }),
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
