/** `Disputes`: over orders whose money is held. */
import type { Address } from "viem";
import type { disputesAbi } from "../../sdk/abis/index.ts";
import { add, type Dispute } from "../books.ts";
import {
  type At,
  asker,
  type Context,
  checkOwner,
  DAY,
  type Handlers,
  least,
  lower,
  namesOf,
  told,
} from "../context.ts";
import type { Due } from "../script.ts";

const ANSWER_TIME = 7n * DAY;
const RULING_TIMEOUT = 180n * DAY;
const MAX_APPEALS = 8;
const [OPENED, ANSWERED, SUBMITTED, CLOSED] = [1, 2, 3, 4];
const NAMES = ["none", "opened", "answered", "submitted", "closed"];
const [RULED, LAPSED, CONCEDED, WITHDRAWN, TIMED_OUT] = [1, 2, 3, 4, 5];
const [TIE, BUYER, SELLER] = [0n, 1n, 2n];
const HELD = 1;
const DISPUTED = 2;
const DESK = "Disputes";

/** What of the fees goes back to the buyer; the rest of `pot` is the seller's. */
function feesToBuyer({ buyerFee, sellerFee, spent }: Dispute, ruling: bigint): bigint {
  const pot = buyerFee + sellerFee - spent;
  if (ruling === BUYER) return least(buyerFee, pot);
  if (ruling === SELLER) return pot - least(sellerFee, pot);
  const half = (spent + 1n) / 2n;
  return buyerFee > half ? buyerFee - half : 0n;
}

export function replayDisputes(c: Context): Handlers<typeof disputesAbi> {
  const { books, script, tx } = c;
  const on = (subject: string, at: At) => asker(c, subject, at);
  const name = namesOf(c.constants.chainId);
  const isHouse = c.constants.arbitrator === c.constants.contracts.HouseArbitrator;

  /** The dispute, which must be in one of these states; `until` tells whether its turn must still last. */
  function inStatus(keyId: bigint, statuses: readonly number[], at: At, until?: "turn"): Dispute | undefined {
    const dispute = books.disputes.get(keyId);
    const subject = name.ord(keyId);
    on(subject, at).holds(
      "DISPUTE_MOVES",
      statuses.includes(dispute?.status ?? 0),
      "status",
      statuses.map((s) => NAMES[s]).join(" or "),
      NAMES[dispute?.status ?? 0],
    );
    if (until && dispute)
      on(subject, at).holds(
        "DISPUTE_MOVES",
        at.time < dispute.deadline,
        "time",
        `before ${dispute.deadline}`,
        at.time,
      );
    return dispute;
  }

  function checkTurn(keyId: bigint, field: string, said: bigint, span: bigint, at: At): void {
    on(name.ord(keyId), at).is("DISPUTE_MOVES", field, at.time + span, said);
  }

  function creditDues(keyId: bigint, dispute: Dispute, toBuyer: bigint, toSeller: bigint): Due[] {
    const subject = name.ord(keyId);
    return [
      { agentId: dispute.buyerId, amount: toBuyer },
      { agentId: dispute.sellerId, amount: toSeller },
    ]
      .filter(({ amount }) => amount !== 0n)
      .map((match) => ({
        law: "DISPUTE_PAY",
        events: ["Disputes:Credited"],
        subject,
        match: { keyId, ...match },
      }));
  }

  /** Whether a dispute may end so now. */
  function mayEnd(
    dispute: Dispute,
    { outcome, ruling, by }: { outcome: number; ruling: bigint; by: Address },
    time: bigint,
  ): boolean {
    const eoaOf = (agentId: bigint) => books.agents.get(agentId)?.eoa;
    const isLate = time >= dispute.deadline;
    if (outcome === LAPSED) return ruling === BUYER && dispute.status === OPENED && isLate;
    if (outcome === CONCEDED) return ruling === BUYER && lower(by) === eoaOf(dispute.sellerId);
    if (outcome === WITHDRAWN) return ruling === SELLER && lower(by) === eoaOf(dispute.buyerId);
    if (outcome === TIMED_OUT) return ruling === TIE && dispute.status !== OPENED && isLate;
    const given = tx.rulings.get(DESK);
    return (
      outcome === RULED &&
      dispute.status === SUBMITTED &&
      given?.disputeId === dispute.disputeId &&
      given?.ruling === ruling
    );
  }

  return {
    Dispute: told,
    Evidence: told,
    MetaEvidence: told,
    SubmissionFailed: told,

    DisputeOpened({ keyId, buyerId, sellerId, category, fee, answerBy, by }, at) {
      const subject = name.ord(keyId);
      const order = books.orders.get(keyId);
      on(subject, at).holds(
        "DISPUTE_MOVES",
        order?.status === HELD && at.time < order.releaseTime && !books.disputes.has(keyId),
        undefined,
        "a held order within its window",
        order,
      );
      on(subject, at).is("DISPUTE_MOVES", "buyerId", order?.payerId, buyerId);
      on(subject, at).is("DISPUTE_MOVES", "sellerId", books.listings.get(keyId >> 96n)?.sellerId, sellerId);
      checkOwner(c, { agentId: buyerId, by, code: "DISPUTE_MOVES", subject, at });
      checkTurn(keyId, "answerBy", answerBy, ANSWER_TIME, at);
      if (isHouse) on(subject, at).is("DISPUTE_PAY", "fee", books.court.arbitrationCost, fee);
      books.disputes.set(keyId, {
        ...{
          buyerId,
          sellerId,
          category,
          status: OPENED as number,
          outcome: 0,
          ruling: 0,
          deadline: answerBy,
          buyerFee: fee,
        },
        ...{ sellerFee: 0n, spent: 0n, appeals: 0, appellantId: 0n, disputeId: undefined },
      });
      const values = { status: DISPUTED, toBuyer: 0n };
      script.promiseLast({
        law: "DISPUTE_MOVES",
        events: ["Exchange:OrderStatusChanged"],
        subject,
        match: { keyId },
        values,
      });
    },

    DisputeAnswered({ keyId, buyerFee, sellerFee, ruleBy, by }, at) {
      const subject = name.ord(keyId);
      const dispute = inStatus(keyId, [OPENED], at, "turn");
      checkTurn(keyId, "ruleBy", ruleBy, RULING_TIMEOUT, at);
      if (!dispute) return;
      checkOwner(c, { agentId: dispute.sellerId, by, code: "DISPUTE_MOVES", subject, at });
      on(subject, at).is("DISPUTE_PAY", "buyerFee", least(dispute.buyerFee, sellerFee), buyerFee);
      script.promise(...creditDues(keyId, dispute, dispute.buyerFee - buyerFee, 0n));
      Object.assign(dispute, { status: ANSWERED, buyerFee, sellerFee, deadline: ruleBy });
    },

    DisputeSubmitted({ keyId, disputeID, cost, ruleBy }, at) {
      const dispute = inStatus(keyId, [ANSWERED], at, "turn");
      const subject = name.ord(keyId);
      checkTurn(keyId, "ruleBy", ruleBy, RULING_TIMEOUT, at);
      if (!dispute) return;
      on(subject, at).holds(
        "DISPUTE_PAY",
        cost <= dispute.buyerFee + dispute.sellerFee,
        "cost",
        `${dispute.buyerFee + dispute.sellerFee} at most`,
        cost,
      );
      if (isHouse) on(subject, at).is("DISPUTE_PAY", "cost", tx.opened.get(disputeID), cost);
      Object.assign(dispute, { status: SUBMITTED, spent: cost, deadline: ruleBy, disputeId: disputeID });
    },

    DisputeAppealed({ keyId, agentId, ruleBy, by }, at) {
      const dispute = inStatus(keyId, [SUBMITTED], at);
      const subject = name.ord(keyId);
      checkTurn(keyId, "ruleBy", ruleBy, RULING_TIMEOUT, at);
      if (!dispute) return;
      checkOwner(c, { agentId, by, code: "DISPUTE_MOVES", subject, at });
      on(subject, at).holds(
        "DISPUTE_MOVES",
        [dispute.buyerId, dispute.sellerId].includes(agentId) && dispute.appeals < MAX_APPEALS,
        "agentId",
        "a party, eight times at most",
        name.agt(agentId),
      );
      Object.assign(dispute, { appeals: dispute.appeals + 1, appellantId: agentId, deadline: ruleBy });
    },

    Ruling({ disputeID, ruling }) {
      tx.rulings.set(DESK, { disputeId: disputeID, ruling });
    },

    DisputeClosed({ keyId, outcome, ruling, toBuyer, by }, at) {
      const subject = name.ord(keyId);
      const dispute = inStatus(keyId, [OPENED, ANSWERED, SUBMITTED], at);
      const order = books.orders.get(keyId);
      if (!dispute) return;
      on(subject, at).holds(
        "DISPUTE_MOVES",
        mayEnd(dispute, { outcome, ruling, by }, at.time),
        "outcome",
        `a way on from ${NAMES[dispute.status]}`,
        `${outcome}, ruling ${ruling}, by ${by}`,
      );
      const isOpen = order?.status === DISPUTED;
      const amount = isOpen ? order.amount : 0n;
      const expected = ruling === BUYER ? amount : ruling === SELLER ? 0n : amount / 2n;
      on(subject, at).is("DISPUTE_PAY", "toBuyer", expected, toBuyer);
      const back = feesToBuyer(dispute, ruling);
      const pot = dispute.buyerFee + dispute.sellerFee - dispute.spent;
      const match = { keyId };
      const values = { toBuyer };
      const end: Due = {
        law: "DISPUTE_PAY",
        events: ["Exchange:OrderStatusChanged"],
        subject,
        match,
        values,
      };
      script.promise(...creditDues(keyId, dispute, back, pot - back), ...(isOpen ? [end] : []));
      Object.assign(dispute, { status: CLOSED, outcome, ruling: Number(ruling) });
    },

    FeeReclaimed({ keyId, amount }, at) {
      const dispute = inStatus(keyId, [CLOSED], at);
      if (!dispute) return;
      const { appeals, appellantId, ruling } = dispute;
      if (appeals !== 0) {
        const match = { keyId, agentId: appellantId, amount };
        script.promise({
          law: "DISPUTE_PAY",
          events: ["Disputes:Credited"],
          subject: name.ord(keyId),
          match,
        });
        return;
      }
      const toBuyer = BigInt(ruling) === TIE ? amount / 2n : BigInt(ruling) === SELLER ? amount : 0n;
      script.promise(...creditDues(keyId, dispute, toBuyer, amount - toBuyer));
    },

    Credited({ agentId, keyId, amount, creditAfter }, at) {
      const subject = name.agt(agentId);
      const args = { agentId, keyId, amount };
      // What a party paid above a fee is credited too, and told by nothing else.
      script.take("Disputes:Credited", args, { place: at.place, law: "DISPUTE_PAY", subject, needed: false });
      const expected = add(books.disputeCredits, agentId, amount);
      on(subject, at).is("DISPUTE_PAY", "creditAfter", expected, creditAfter);
      books.disputeCredits.set(agentId, creditAfter);
    },

    Withdrawn({ agentId, to, amount, by }, at) {
      const subject = name.agt(agentId);
      const eoa = books.agents.get(agentId)?.eoa;
      on(subject, at).is("DISPUTE_PAY", "amount", books.disputeCredits.get(agentId) ?? 0n, amount);
      on(subject, at).holds("DISPUTE_PAY", eoa === lower(to) || eoa === lower(by), "to", eoa, to);
      books.disputeCredits.set(agentId, 0n);
    },
  };
}
