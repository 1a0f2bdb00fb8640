/** `HouseArbitrator`: its cases, and what its courts earn. */
import type { houseArbitratorAbi } from "../../sdk/abis/index.ts";
import { add, type Case } from "../books.ts";
import { type At, type Context, DAY, type Handlers, lower, namesOf, told } from "../context.ts";

const RULING_TIME = 30n * DAY;
const APPEAL_WINDOW = 7n * DAY;
const [WAITING, APPEALABLE, APPEALED, FINAL, EXECUTED] = [1, 2, 3, 4, 5];
const NAMES = ["none", "waiting", "appealable", "appealed", "final", "executed"];

export function replayCourt(c: Context): Handlers<typeof houseArbitratorAbi> {
  const { books, findings, script, tx } = c;
  const { agt } = namesOf(c.constants.chainId);
  const subjectOf = (disputeId: bigint) => `case ${disputeId}`;

  /** The case, which must be in one of these phases; `when` tells whether its time must last still or be over. */
  function inPhase(
    disputeId: bigint,
    phases: readonly number[],
    at: At,
    when?: "lasting" | "over",
  ): Case | undefined {
    const found = books.cases.get(disputeId);
    const subject = subjectOf(disputeId);
    findings.check("COURT_MOVES", phases.includes(found?.phase ?? 0), () => ({
      subject,
      field: "phase",
      expected: phases.map((p) => NAMES[p]).join(" or "),
      said: NAMES[found?.phase ?? 0],
      place: at.place,
    }));
    if (found && when)
      findings.check(
        "COURT_MOVES",
        when === "lasting" ? at.time < found.deadline : at.time >= found.deadline,
        () => ({
          subject,
          field: "time",
          expected: `${when === "lasting" ? "before" : "from"} ${found.deadline}`,
          said: at.time,
          place: at.place,
        }),
      );
    return found;
  }

  function checkTurn(disputeId: bigint, field: string, said: bigint, span: bigint, at: At): void {
    findings.equal("COURT_MOVES", {
      subject: subjectOf(disputeId),
      field,
      expected: at.time + span,
      said,
      place: at.place,
    });
  }

  function checkRuling(disputeId: bigint, found: Case, ruling: bigint, at: At): void {
    findings.check("COURT_MOVES", ruling <= found.choices, () => ({
      subject: subjectOf(disputeId),
      field: "ruling",
      expected: `${found.choices} at most`,
      said: ruling,
      place: at.place,
    }));
  }

  function promiseFee(disputeID: bigint, found: Case): void {
    if (found.fee === 0n) return;
    const values = { agentId: books.court.payeeId, amount: found.fee };
    script.promise({
      law: "COURT_PAY",
      events: ["HouseArbitrator:FeeEarned"],
      subject: subjectOf(disputeID),
      match: { disputeID },
      values,
    });
  }

  return {
    AuthorityUpdated: told,
    DisputeCreation: told,
    AppealPossible: told,
    AppealDecision: told,

    CaseOpened({ disputeID, arbitrable, choices, fee, ruleBy }, at) {
      const subject = subjectOf(disputeID);
      findings.equal("COURT_NUMBERS", {
        subject,
        expected: BigInt(books.cases.size),
        said: disputeID,
        place: at.place,
      });
      checkTurn(disputeID, "ruleBy", ruleBy, RULING_TIME, at);
      findings.check("COURT_PAY", fee >= books.court.arbitrationCost, () => ({
        subject,
        field: "fee",
        expected: `${books.court.arbitrationCost} at least`,
        said: fee,
        place: at.place,
      }));
      books.cases.set(disputeID, {
        arbitrable: lower(arbitrable),
        phase: WAITING as number,
        deadline: ruleBy,
        fee,
        choices,
        ruling: 0n,
      });
      tx.opened.set(disputeID, fee);
    },

    CaseAppealed({ disputeID, fee, ruleBy }, at) {
      const found = inPhase(disputeID, [APPEALABLE], at, "lasting");
      checkTurn(disputeID, "ruleBy", ruleBy, RULING_TIME, at);
      findings.check("COURT_PAY", fee >= books.court.appealCost, () => ({
        subject: subjectOf(disputeID),
        field: "fee",
        expected: `${books.court.appealCost} at least`,
        said: fee,
        place: at.place,
      }));
      if (found) Object.assign(found, { phase: APPEALED, deadline: ruleBy, fee });
    },

    RulingGiven({ disputeID, ruling, appealBy }, at) {
      const found = inPhase(disputeID, [WAITING], at, "lasting");
      checkTurn(disputeID, "appealBy", appealBy, APPEAL_WINDOW, at);
      if (!found) return;
      checkRuling(disputeID, found, ruling, at);
      promiseFee(disputeID, found);
      Object.assign(found, { phase: APPEALABLE, deadline: appealBy, ruling });
    },

    RulingFinal({ disputeID, ruling, expired }, at) {
      const before = books.cases.get(disputeID);
      const byCourt = !expired && before?.phase === APPEALED;
      const phases = expired ? [WAITING, APPEALED] : [APPEALED, APPEALABLE];
      const found = inPhase(disputeID, phases, at, byCourt ? "lasting" : "over");
      if (!found) return;
      if (byCourt) {
        checkRuling(disputeID, found, ruling, at);
        promiseFee(disputeID, found);
      } else {
        findings.equal("COURT_MOVES", {
          subject: subjectOf(disputeID),
          field: "ruling",
          expected: found.ruling,
          said: ruling,
          place: at.place,
        });
      }
      Object.assign(found, { phase: FINAL, ruling });
    },

    RulingExecuted({ disputeID, ruling }, at) {
      const found = inPhase(disputeID, [FINAL], at);
      findings.equal("COURT_MOVES", {
        subject: subjectOf(disputeID),
        field: "ruling",
        expected: found?.ruling,
        said: ruling,
        place: at.place,
      });
      if (found) found.phase = EXECUTED;
    },

    FeeEarned({ disputeID, agentId, amount, creditAfter }, at) {
      const subject = subjectOf(disputeID);
      script.take(
        "HouseArbitrator:FeeEarned",
        { disputeID, agentId, amount },
        { place: at.place, law: "COURT_PAY", subject },
      );
      const expected = add(books.courtCredits, agentId, amount);
      findings.equal("COURT_PAY", {
        subject,
        field: "creditAfter",
        expected,
        said: creditAfter,
        place: at.place,
      });
      books.courtCredits.set(agentId, creditAfter);
      const found = books.cases.get(disputeID);
      if (found) found.fee = 0n;
    },

    FeeReturned({ disputeID, arbitrable, amount }, at) {
      const found = inPhase(disputeID, [FINAL, EXECUTED], at);
      const subject = subjectOf(disputeID);
      findings.equal("COURT_PAY", {
        subject,
        field: "amount",
        expected: found?.fee,
        said: amount,
        place: at.place,
      });
      findings.equal("COURT_PAY", {
        subject,
        field: "arbitrable",
        expected: found?.arbitrable,
        said: lower(arbitrable),
        place: at.place,
      });
      if (found) found.fee = 0n;
    },

    Withdrawn({ agentId, to, amount, by }, at) {
      const subject = agt(agentId);
      const eoa = books.agents.get(agentId)?.eoa;
      findings.equal("COURT_PAY", {
        subject,
        field: "amount",
        expected: books.courtCredits.get(agentId) ?? 0n,
        said: amount,
        place: at.place,
      });
      findings.check("COURT_PAY", eoa === lower(to) || eoa === lower(by), () => ({
        subject,
        field: "to",
        expected: eoa,
        said: to,
        place: at.place,
      }));
      books.courtCredits.set(agentId, 0n);
    },

    CostsSet({ arbitrationCost, appealCost }, at) {
      const { maxCost } = c.constants;
      findings.check("SETTING", arbitrationCost <= maxCost && appealCost <= maxCost, () => ({
        subject: "house",
        field: "costs",
        expected: `${maxCost} at most`,
        said: `${arbitrationCost}, ${appealCost}`,
        place: at.place,
      }));
      Object.assign(books.court, { arbitrationCost, appealCost });
    },

    PayeeSet({ agentId }, at) {
      findings.check("SETTING", books.agents.has(agentId), () => ({
        subject: "house",
        field: "payeeId",
        expected: "an agent",
        said: agentId,
        place: at.place,
      }));
      books.court.payeeId = agentId;
    },
  };
}
