/** Points. No event is ignored. */
import { ponder } from "ponder:registry";
import { agent, pointsEntry } from "ponder:schema";
import { idsOf, originOf } from "./event.ts";

ponder.on("PointsLedger:PointsAwarded", async ({ event, context: { db, chain } }) => {
  const { ekId, keyId, ...args } = event.args;
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
    await db.insert(pointsEntry).values({
      orderId: ids.order(keyId),
      agentId,
      chainId: chain.id,
      ekId: ids.ek(ekId),
      role,
      delta,
      balance,
      ...originOf(event),
    });
  }
});
