/** The part of rows.ts that tells of judgements and of money. */
import { scoreNames } from "../sdk/records.ts";
import type { Books } from "./books.ts";
import type { Names } from "./context.ts";
import type { Table } from "./rows.ts";

const challengeStatuses = ["none", "open", "answered", "ruling", "struck", "upheld", "tied"];
const disputeStatuses = ["none", "opened", "answered", "submitted", "closed"];
const outcomes = [null, "ruled", "lapsed", "conceded", "withdrawn", "timed_out"];
const phases = ["none", "waiting", "appealable", "appealed", "final", "executed"];

export function judgementTables(books: Books, name: Names): Table[] {
  const listings = [...books.listings.values()];
  return [
    {
      ...{ name: "label", id: ["id"] },
      rows: listings.flatMap(({ ekId, labels }) =>
        [...labels].map(([validatorId, label]) => ({
          ...{ id: name.lbl(ekId, validatorId), ek_id: name.ek(ekId), validator_id: name.agt(validatorId) },
          ...{
            revision: label.revision,
            version: label.version,
            types: label.types,
            created_at: label.createdAt,
          },
          ...{
            disputed: label.disputed,
            status: label.live ? "live" : label.struck ? "struck" : "withdrawn",
          },
          ...Object.fromEntries(scoreNames.map((score) => [score, label.scores[score]])),
        })),
      ),
    },
    {
      ...{ name: "endorsement", id: ["ek_id"] },
      rows: listings
        .filter(({ endorserId }) => endorserId !== 0n)
        .map(({ ekId, endorserId }) => ({ ek_id: name.ek(ekId), validator_id: name.agt(endorserId) })),
    },
    {
      ...{ name: "seat", id: ["ek_id", "index"] },
      rows: listings.flatMap(({ ekId, seats }) =>
        seats.flatMap((seat, index) =>
          seat
            ? [{ ek_id: name.ek(ekId), index, validator_id: name.agt(seat.validatorId), since: seat.since }]
            : [],
        ),
      ),
    },
    {
      ...{ name: "validator_group", id: ["validator_id"] },
      rows: [...books.groups].map(([validatorId, groupId]) => ({
        validator_id: name.agt(validatorId),
        group_id: name.agt(groupId),
      })),
    },
    {
      ...{ name: "challenge", id: ["challenge_id"] },
      rows: [...books.challenges].map(([challengeId, c]) => ({
        ...{ challenge_id: challengeId, label_id: name.lbl(c.ekId, c.validatorId), revision: c.revision },
        ...{
          challenger_id: name.agt(c.challengerId),
          status: challengeStatuses[c.status],
          at_stake: c.atStake,
        },
        ...{ fee: c.fee, deadline: c.deadline, appeals: c.appeals, dispute_id: c.disputeId ?? null },
      })),
    },
    {
      ...{ name: "dispute", id: ["order_id"] },
      rows: [...books.disputes].map(([keyId, d]) => ({
        ...{ order_id: name.ord(keyId), buyer_id: name.agt(d.buyerId), seller_id: name.agt(d.sellerId) },
        ...{ status: disputeStatuses[d.status], outcome: outcomes[d.outcome], deadline: d.deadline },
        ...{ buyer_fee: d.buyerFee, seller_fee: d.sellerFee, spent: d.spent, appeals: d.appeals },
      })),
    },
    {
      ...{ name: "court_case", id: ["number"] },
      rows: [...books.cases].map(([number, c]) => ({
        ...{ number, arbitrable: c.arbitrable, phase: phases[c.phase], deadline: c.deadline, fee: c.fee },
        ruling: String(c.ruling),
      })),
    },
  ];
}

export function moneyTables(books: Books, name: Names): Table[] {
  return [
    {
      ...{ name: "credit", id: ["agent_id", "token"] },
      rows: [...books.credits].map(([credit, amount]) => {
        const [agentId, token] = credit.split(" ");
        return { agent_id: name.agt(BigInt(agentId as string)), token, amount };
      }),
    },
    {
      ...{ name: "bounty", id: ["ek_id", "token"] },
      rows: [...books.listings.values()].flatMap(({ ekId, bounties }) =>
        [...bounties].map(([token, amount]) => ({ ek_id: name.ek(ekId), token, amount })),
      ),
    },
    {
      ...{ name: "points_entry", id: ["order_id", "agent_id", "role"] },
      rows: books.pointsEntries.map(({ keyId, agentId, role, delta, balance, reasons }) => ({
        ...{ order_id: name.ord(keyId), agent_id: name.agt(agentId), role, delta, balance, reasons },
      })),
    },
    {
      ...{ name: "charge", id: ["charge_id"] },
      rows: [...books.charges].map(([chargeId, { keyId }]) => ({
        charge_id: chargeId,
        key_id: name.key(keyId),
      })),
    },
    {
      ...{ name: "validator_bond", id: ["validator_id"] },
      rows: [...books.bonds].map(([validatorId, bond]) => ({
        ...{ validator_id: name.agt(validatorId), bonded: bond.bonded, unbonding: bond.unbonding },
        ...{ unbonded_at: bond.unbondedAt, at_stake: bond.atStake },
      })),
    },
    {
      name: "fee_credit",
      id: ["account"],
      rows: [...books.feeCredits].map(([account, amount]) => ({ account, amount })),
    },
    {
      name: "dispute_credit",
      id: ["agent_id"],
      rows: [...books.disputeCredits].map(([agentId, amount]) => ({ agent_id: name.agt(agentId), amount })),
    },
    {
      name: "court_credit",
      id: ["agent_id"],
      rows: [...books.courtCredits].map(([agentId, amount]) => ({ agent_id: name.agt(agentId), amount })),
    },
  ];
}
