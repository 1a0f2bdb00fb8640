/** Anchored receipts. No event is ignored. */
import { ponder } from "ponder:registry";
import { receiptAnchor } from "ponder:schema";
import { idsOf, originOf } from "./event.ts";

ponder.on("ReceiptAnchor:ReceiptsAnchored", async ({ event, context: { db, chain } }) => {
  const { agentId, gatewayId, day, root, count, by } = event.args;
  // No row can exist: a day is anchored once.
  await db.insert(receiptAnchor).values({
    chainId: chain.id,
    agentId: idsOf(chain.id).agent(agentId),
    ...{ gatewayId, day, root, count, by },
    ...originOf(event),
  });
});
