/** `HouseArbitrator`: its cases, and what its courts earn. */
import type { houseArbitratorAbi } from "../../sdk/abis/index.ts";
import { add, type Case } from "../books.ts";
import { type At, asker, type Context, DAY, type Handlers, lower, namesOf, told } from "../context.ts";

const RULING_TIME = 30n * DAY;
const APPEAL_WINDOW = 7n * DAY;
const [WAITING, APPEALABLE, APPEALED, FINAL, EXECUTED] = [1, 2, 3, 4, 5];
const NAMES = ["none", "waiting", "appealable", "appealed", "final", "executed"];

export function replayCourt(c: Context): Handlers<typeof houseArbitratorAbi> {
  const { books, script, tx } = c;
  const on = (subject: string, at: At) => asker(c, subject, at);
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
    on(subject, at).holds(
      "COURT_MOVES",
      phases.includes(found?.phase ?? 0),
      "phase",
      phases.map((p) => NAMES[p]).join(" or "),
      NAMES[found?.phase ?? 0],
    );
    if (found && when)
      on(subject, at).holds(
        "COURT_MOVES",
        when === "lasting" ? at.time < found.deadline : at.time >= found.deadline,
        "time",
        `${when === "lasting" ? "before" : "from"} ${found.deadline}`,
        at.time,
      );
    return found;
  }

  function checkTurn(disputeId: bigint, field: string, said: bigint, span: bigint, at: At): void {
    on(subjectOf(disputeId), at).is("COURT_MOVES", field, at.time + span, said);
  }

  function checkRuling(disputeId: bigint, found: Case, ruling: bigint, at: At): void {
    on(subjectOf(disputeId), at).holds(
      "COURT_MOVES",
      ruling <= found.choices,
      "ruling",
      `${found.choices} at most`,
      ruling,
    );
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
      on(subject, at).is("COURT_NUMBERS", undefined, BigInt(books.cases.size), disputeID);
      checkTurn(disputeID, "ruleBy", ruleBy, RULING_TIME, at);
      on(subject, at).holds(
        "COURT_PAY",
        fee >= books.court.arbitrationCost,
        "fee",
        `${books.court.arbitrationCost} at least`,
        fee,
      );
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
      on(subjectOf(disputeID), at).holds(
        "COURT_PAY",
        fee >= books.court.appealCost,
        "fee",
        `${books.court.appealCost} at least`,
        fee,
      );
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
        on(subjectOf(disputeID), at).is("COURT_MOVES", "ruling", found.ruling, ruling);
      }
      Object.assign(found, { phase: FINAL, ruling });
    },

    RulingExecuted({ disputeID, ruling }, at) {
      const found = inPhase(disputeID, [FINAL], at);
      on(subjectOf(disputeID), at).is("COURT_MOVES", "ruling", found?.ruling, ruling);
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
      on(subject, at).is("COURT_PAY", "creditAfter", expected, creditAfter);
      books.courtCredits.set(agentId, creditAfter);
      const found = books.cases.get(disputeID);
      if (found) found.fee = 0n;
    },

    FeeReturned({ disputeID, arbitrable, amount }, at) {
      const found = inPhase(disputeID, [FINAL, EXECUTED], at);
      const subject = subjectOf(disputeID);
      on(subject, at).is("COURT_PAY", "amount", found?.fee, amount);
      on(subject, at).is("COURT_PAY", "arbitrable", found?.arbitrable, lower(arbitrable));
      if (found) found.fee = 0n;
    },

    Withdrawn({ agentId, to, amount, by }, at) {
      const subject = agt(agentId);
      const eoa = books.agents.get(agentId)?.eoa;
      on(subject, at).is("COURT_PAY", "amount", books.courtCredits.get(agentId) ?? 0n, amount);
      on(subject, at).holds("COURT_PAY", eoa === lower(to) || eoa === lower(by), "to", eoa, to);
      books.courtCredits.set(agentId, 0n);
    },

    CostsSet({ arbitrationCost, appealCost }, at) {
      const { maxCost } = c.constants;
      on("house", at).holds(
        "SETTING",
        arbitrationCost <= maxCost && appealCost <= maxCost,
        "costs",
        `${maxCost} at most`,
        `${arbitrationCost}, ${appealCost}`,
      );
      Object.assign(books.court, { arbitrationCost, appealCost });
    },

    PayeeSet({ agentId }, at) {
      on("house", at).holds("SETTING", books.agents.has(agentId), "payeeId", "an agent", agentId);
      books.court.payeeId = agentId;
    },
  };
}
