/** Disputes become rows, and tell of an order's money what the order's own row tells. */
import { expect } from "chai";
import { eq } from "drizzle-orm";
import * as tables from "../../indexer/ponder.schema.ts";
import * as ids from "../../sdk/ids.ts";
import { expectOneStory } from "../support/order-story.ts";
import { useMarket } from "../support/use-market.ts";

const chainId = 31337;
const PRICE = 250_001n;
const HALF = PRICE / 2n;
const agt = (agentId: bigint) => ids.agentId.serialize({ chainId, agentId });
const keyOf = (keyId: bigint) => ids.keyId.serialize({ chainId, ...ids.splitTokenId(keyId) });

describe("indexer: disputes", () => {
  const shared = useMarket();

  /** A sale whose money is held, its parties, and what they do about it. */
  async function sale() {
    const { market } = shared;
    const { disputes: desk, house } = market.contracts;
    const [seller, buyer] = [await market.join(), await market.join()];
    const curveParams = `0x${PRICE.toString(16).padStart(64, "0")}` as const;
    const ekId = await market.list(seller.account, { refundWindow: 3600, curveParams });
    const { keyId } = await market.buy(buyer.account, ekId);
    const cost = await market.client.readContract({ ...desk, functionName: "arbitrationCost" });
    return {
      ...{ seller, buyer, keyId, cost },
      open: () => market.send(buyer.account, desk, "open", [keyId, 1, "ipfs://why"], cost),
      answer: () => market.send(seller.account, desk, "answer", [keyId, "ipfs://answer"], cost),
      concede: () => market.send(seller.account, desk, "concede", [keyId]),
      withdraw: () => market.send(buyer.account, desk, "withdrawDispute", [keyId]),
      /** The first court rules for the seller, the buyer appeals, the second court rules so. */
      async rule(ruling: bigint) {
        const { disputeID } = await market.client.readContract({
          ...{ ...desk, functionName: "disputeOf", args: [keyId] },
        });
        await market.send(market.arbiter, house, "giveRuling", [disputeID, 2n]);
        const value = await market.client.readContract({
          ...{ ...house, functionName: "appealCost", args: [disputeID, "0x"] },
        });
        await market.send(buyer.account, desk, "appeal", [keyId], value);
        await market.send(market.appealJudge, house, "giveFinalRuling", [disputeID, ruling]);
        await market.send(buyer.account, house, "execute", [disputeID]);
      },
    };
  }

  /** Both rows of the order. */
  async function story(keyId: bigint) {
    const { index } = shared;
    await index.caughtUp();
    const id = keyOf(keyId);
    const [order] = await index.db.select().from(tables.order).where(eq(tables.order.keyId, id));
    const [dispute] = await index.db.select().from(tables.dispute).where(eq(tables.dispute.keyId, id));
    if (!order) throw new Error(`The order of key ${id} has no row.`);
    return { order, dispute };
  }

  it("from the opening to the ruling on appeal, step by step", async () => {
    const { buyer, seller, keyId, cost, open, answer, rule } = await sale();
    expect((await story(keyId)).dispute).to.equal(undefined);
    await open();
    const opened = await story(keyId);
    expect(opened.order).to.include({ status: "disputed", toBuyer: 0n, amount: PRICE });
    expect(opened.dispute).to.include({
      ...{ orderId: opened.order.id, buyerId: agt(buyer.agentId), sellerId: agt(seller.agentId) },
      ...{ category: "failed_service", status: "opened", outcome: null, ruling: null, toBuyer: null },
      ...{ buyerFee: cost, sellerFee: 0n, spent: 0n, appeals: 0, disputeNumber: null },
    });
    await answer();
    const answered = await story(keyId);
    expect(answered.order.status).to.equal("disputed");
    expect(answered.dispute).to.include({ status: "submitted", sellerFee: cost, spent: cost, ruled: false });
    await rule(0n);
    const ruled = await story(keyId);
    expect(ruled.order).to.include({ status: "released", toBuyer: HALF });
    expect(ruled.dispute).to.include({
      ...{ status: "closed", outcome: "ruled", ruling: 0, toBuyer: HALF, ruled: true },
      ...{ appeals: 1, appellantId: agt(buyer.agentId) },
    });
  });

  it("conceded, withdrawn, ruled for either side", async () => {
    type Sale = Awaited<ReturnType<typeof sale>>;
    const ends: [string, (s: Sale) => Promise<unknown>, toBuyer: bigint][] = [
      ["conceded", (s) => s.concede(), PRICE],
      ["withdrawn", (s) => s.withdraw(), 0n],
      ["ruled", (s) => s.answer().then(() => s.rule(1n)), PRICE],
      ["ruled", (s) => s.answer().then(() => s.rule(2n)), 0n],
    ];
    for (const [outcome, end, toBuyer] of ends) {
      const sold = await sale();
      await sold.open();
      await end(sold);
      const { order, dispute } = await story(sold.keyId);
      expect(dispute).to.include({ status: "closed", outcome, toBuyer });
      expect(order).to.include({ status: toBuyer === PRICE ? "refunded" : "released", toBuyer });
    }
  });

  it("orders and disputes tell the same story, of every order there is", async () => {
    expect(await expectOneStory(shared.index)).to.be.greaterThan(0);
  });
});
