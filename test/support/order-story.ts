/** What the tables of orders and of disputes say of the same money. */
import { expect } from "chai";
import * as tables from "../../indexer/ponder.schema.ts";
import type { IndexReader } from "./index-reader.ts";

/** Asserts that both tell one story, of every order there is. Returns how many disputes have ended. */
export async function expectOneStory(index: IndexReader): Promise<number> {
  const { db, caughtUp } = index;
  await caughtUp();
  const disputes = new Map((await db.select().from(tables.dispute)).map((row) => [row.orderId, row]));
  const keys = new Map((await db.select().from(tables.key)).map((row) => [row.id, row]));
  const orders = await db.select().from(tables.order);
  const settled = orders.filter(({ id }) => disputes.get(id)?.status === "closed");
  for (const order of orders) {
    const dispute = disputes.get(order.id);
    disputes.delete(order.id);
    // A chargeback burns the keys of released orders, too.
    if (order.status === "refunded") expect(keys.get(order.keyId)?.burnt, order.id).to.equal(true);
    if (!dispute) {
      expect(order.status, order.id).not.to.equal("disputed");
      continue;
    }
    const { buyerId, sellerId, ekId, keyId } = dispute;
    expect({ buyerId, sellerId, ekId, keyId }, order.id).to.deep.equal({
      ...{ buyerId: order.payerId, sellerId: order.sellerId, ekId: order.ekId, keyId: order.keyId },
    });
    if (dispute.status !== "closed") {
      expect(order.status, order.id).to.equal("disputed");
      continue;
    }
    const due = [order.amount / 2n, order.amount, 0n][dispute.ruling as number];
    expect(dispute.toBuyer, order.id).to.equal(due);
    expect(order.toBuyer, order.id).to.equal(due);
    expect(order.status, order.id).to.equal(due === order.amount ? "refunded" : "released");
  }
  expect([...disputes.keys()], "disputes without an order").to.deep.equal([]);
  return settled.length;
}
