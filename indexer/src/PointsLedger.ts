/**
 * Points, in hundredths. Ignored events:
 * - AuthorityUpdated: who administers is read from the `Authority` contract.
 */
import { type Event, ponder } from "ponder:registry";
import { agent, pointsEntry, pointsPolicy } from "ponder:schema";
import { type Db, existing, idsOf, momentOf, originOf } from "./event.ts";
import { countTrade } from "./seller-facts.ts";

/** What every row of one event says. */
function commonOf(
  chainId: number,
  event: Event<"PointsLedger:PointsAwarded" | "PointsLedger:PointsWithheld" | "PointsLedger:PointsSpent">,
) {
  const ids = idsOf(chainId);
  const { ekId, keyId } = event.args;
  return { orderId: ids.order(keyId), chainId, ekId: ids.ek(ekId), ...originOf(event) };
}

ponder.on("PointsLedger:PointsAwarded", async ({ event, context: { db, chain } }) => {
  const { reasons, ...args } = event.args;
  const ids = idsOf(chain.id);
  const awards = [
    { role: "seller", id: args.sellerId, delta: args.sellerDelta, balance: args.sellerBalance },
    { role: "buyer", id: args.buyerId, delta: args.buyerDelta, balance: args.buyerBalance },
  ] as const;
  for (const { role, id, delta, balance } of awards) {
    const agentId = ids.agent(id);
    // The row exists because both parties of a sale are agents. The lifetime sum is not in the event.
    await db.update(agent, { id: agentId }).set((row) => ({
      pointsBalance: balance,
      pointsLifetime: row.pointsLifetime + delta,
    }));
    await db
      .insert(pointsEntry)
      .values({ ...commonOf(chain.id, event), agentId, role, delta, balance, reasons });
  }
  await complete(db, chain.id, event);
});

/** An order has one of the two events when it is completed, and none otherwise. */
async function complete(
  db: Db,
  chainId: number,
  event: Event<"PointsLedger:PointsAwarded" | "PointsLedger:PointsWithheld">,
) {
  const { ekId, sellerId, buyerId, reasons } = event.args;
  const ids = idsOf(chainId);
  await countTrade(db, momentOf(chainId, event), {
    ...{ ekId: ids.ek(ekId), sellerId: ids.agent(sellerId), buyerId: ids.agent(buyerId), reasons },
  });
}

ponder.on("PointsLedger:PointsWithheld", async ({ event, context: { db, chain } }) => {
  const { sellerId, buyerId, reasons } = event.args;
  const ids = idsOf(chain.id);
  for (const [role, id] of [
    ["seller", ids.agent(sellerId)],
    ["buyer", ids.agent(buyerId)],
  ] as const) {
    const balance = await balanceOf(db, id);
    const entry = { agentId: id, role, delta: 0n, balance, reasons };
    await db.insert(pointsEntry).values({ ...commonOf(chain.id, event), ...entry });
  }
  await complete(db, chain.id, event);
});

/** What the agent has: an award of nothing does not say. The row exists because both parties of a sale are agents. */
async function balanceOf(db: Db, id: string): Promise<bigint> {
  return (await existing(db.find(agent, { id }), id)).pointsBalance;
}

ponder.on("PointsLedger:PointsSpent", async ({ event, context: { db, chain } }) => {
  const { amount, balance } = event.args;
  const agentId = idsOf(chain.id).agent(event.args.agentId);
  // The row exists because only agents have points.
  await db.update(agent, { id: agentId }).set({ pointsBalance: balance });
  const entry = { agentId, role: "spender", delta: -amount, balance, reasons: 0 } as const;
  await db.insert(pointsEntry).values({ ...commonOf(chain.id, event), ...entry });
});

ponder.on("PointsLedger:PolicySet", async ({ event, context: { db, chain } }) => {
  const state = { ...event.args.policy, updatedAt: event.block.timestamp };
  // The row exists when the policy was set before: the ledger sets its first one when it is made.
  await db
    .insert(pointsPolicy)
    .values({ chainId: chain.id, ...state })
    .onConflictDoUpdate(state);
});
