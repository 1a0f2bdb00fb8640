/**
 * Disputes over orders. Ignored: MetaEvidence and Dispute, which tell arbitrators' front ends what is known here already;
 * SubmissionFailed, after which the dispute is still answered; FeeReclaimed, whose credits have events of their own.
 */
import { ponder } from "ponder:registry";
import { dispute, disputeCredit, disputeNumber, evidence, order } from "ponder:schema";
import { disputeWeight } from "../../sdk/reputation/seller.ts";
import { type Db, existing, idsOf, momentOf, originOf, storable } from "./event.ts";
import { tell } from "./notices.ts";
import { countComplaint } from "./seller-facts.ts";

/** `IDisputes.Category`. */
const categories = [
  "unfair_fee",
  "failed_service",
  "reputation_abuse",
  "contract_violation",
  "data_integrity",
] as const;
/** `IDisputes.Outcome`, without None. */
const outcomes = ["ruled", "lapsed", "conceded", "withdrawn", "timed_out"] as const;

ponder.on("Disputes:DisputeOpened", async ({ event, context: { db, chain } }) => {
  const { keyId, buyerId, sellerId, category, fee, answerBy } = event.args;
  const ids = idsOf(chain.id);
  // No row can exist: an order is disputed once.
  await db.insert(dispute).values({
    orderId: ids.order(keyId),
    chainId: chain.id,
    ekId: ids.ek(keyId >> 96n),
    keyId: ids.key(keyId),
    buyerId: ids.agent(buyerId),
    sellerId: ids.agent(sellerId),
    category: categories[category] as (typeof categories)[number],
    status: "opened",
    deadline: answerBy,
    buyerFee: fee,
    sellerFee: 0n,
    spent: 0n,
    appeals: 0,
    ruled: false,
    openedAt: event.block.timestamp,
  });
  await tell(db, { chainId: chain.id, ...event }, [ids.agent(sellerId)], {
    ...{ kind: "dispute_opened", ekId: ids.ek(keyId >> 96n), refId: ids.order(keyId) },
    ...{ by: ids.agent(buyerId), due: answerBy },
  });
});

ponder.on("Disputes:DisputeAnswered", async ({ event, context: { db, chain } }) => {
  const { keyId, buyerFee, sellerFee, ruleBy } = event.args;
  // The row exists because only an opened dispute is answered.
  await db
    .update(dispute, { orderId: idsOf(chain.id).order(keyId) })
    .set({ status: "answered", buyerFee, sellerFee, deadline: ruleBy });
});

ponder.on("Disputes:DisputeSubmitted", async ({ event, context: { db, chain } }) => {
  const { keyId, disputeID, cost, ruleBy } = event.args;
  const orderId = idsOf(chain.id).order(keyId);
  // The row exists because only an answered dispute is submitted.
  await db
    .update(dispute, { orderId })
    .set({ status: "submitted", disputeNumber: disputeID, spent: cost, deadline: ruleBy });
  // No row can exist: the desk refuses a number while a ruling under it is waited for.
  await db.insert(disputeNumber).values({ chainId: chain.id, number: disputeID, orderId });
});

ponder.on("Disputes:DisputeAppealed", async ({ event, context: { db, chain } }) => {
  const { keyId, agentId, ruleBy } = event.args;
  const ids = idsOf(chain.id);
  // The row exists because only a submitted dispute is appealed.
  await db
    .update(dispute, { orderId: ids.order(keyId) })
    .set((row) => ({ appeals: row.appeals + 1, appellantId: ids.agent(agentId), deadline: ruleBy }));
});

/** Comes before DisputeClosed, or long after it when the dispute ended without the arbitrator. */
ponder.on("Disputes:Ruling", async ({ event, context: { db, chain } }) => {
  const key = { chainId: chain.id, number: event.args.disputeID };
  const { orderId } = await existing(db.find(disputeNumber, key), `Dispute number ${key.number}`);
  await db.delete(disputeNumber, key);
  // The row exists because its number did.
  await db.update(dispute, { orderId }).set({ ruled: true });
});

ponder.on("Disputes:DisputeClosed", async ({ event, context: { db, chain } }) => {
  const { keyId, outcome, ruling, toBuyer } = event.args;
  const orderId = idsOf(chain.id).order(keyId);
  // The row exists because only an open dispute ends.
  const ended = await db.update(dispute, { orderId }).set({
    status: "closed",
    outcome: outcomes[outcome - 1] as (typeof outcomes)[number],
    ruling: Number(ruling),
    toBuyer,
    closedAt: event.block.timestamp,
  });
  const told = { kind: "dispute_closed", ekId: ended.ekId, refId: orderId } as const;
  await tell(db, { chainId: chain.id, ...event }, [ended.sellerId, ended.buyerId], told);
  const row = await existing(db.find(order, { id: orderId }), orderId);
  const weight = disputeWeight(toBuyer, row.amount);
  await countComplaint(db, momentOf(chain.id, event), { ...row, weight });
});

ponder.on("Disputes:Evidence", async ({ event, context: { db, chain } }) => {
  const { evidenceGroupID, party, evidence: uri } = event.args;
  const orderId = idsOf(chain.id).order(evidenceGroupID);
  await db
    .insert(evidence)
    .values({ chainId: chain.id, orderId, party, uri: storable(uri), ...originOf(event) });
});

ponder.on("Disputes:Credited", async ({ event, context: { db, chain } }) => {
  await setCredit(db, chain.id, event.args.agentId, event.args.creditAfter);
});

/** All of an agent's credit is paid out at once. */
ponder.on("Disputes:Withdrawn", async ({ event, context: { db, chain } }) => {
  await setCredit(db, chain.id, event.args.agentId, 0n);
});

async function setCredit(db: Db, chainId: number, agent: bigint, amount: bigint) {
  const agentId = idsOf(chainId).agent(agent);
  // The row exists when the agent was credited before.
  await db.insert(disputeCredit).values({ agentId, chainId, amount }).onConflictDoUpdate({ amount });
}
