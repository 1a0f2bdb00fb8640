/** What a sale, an order's end and a bounty add to the roll-ups and to the facts of their seller. */
import { listingFacts, type order } from "ponder:schema";
import type { Hex } from "viem";
import { type Db, existing } from "./event.ts";
import { countDay, countMarket, countMoney, countPurchase, countVolume, type Moment } from "./rollups.ts";
import { changeSeller } from "./seller-facts.ts";
import { addToTotals } from "./totals.ts";

/** Counts a sale, whatever its price. */
export async function countDealing(
  db: Db,
  moment: Moment & { blockNumber: bigint },
  { ekId, sellerId, buyerId }: { ekId: string; sellerId: string; buyerId: string },
) {
  // The row exists because only a listing can be sold.
  const { sales } = await db.update(listingFacts, { ekId }).set((row) => ({ sales: row.sales + 1 }));
  const repeats = (await countPurchase(db, moment, buyerId)) ? 1 : 0;
  await addToTotals(db, moment.chainId, { soldListings: sales === 1 ? 1 : 0, repeatSales: repeats });
  await countMarket(db, moment, { trades: 1, repeats });
  await countDay(db, moment, sellerId, "sold");
  await countDay(db, moment, buyerId, "bought");
  await changeSeller(db, moment, sellerId, { sales: 1 });
}

/** Counts what was paid for a key. */
export async function countPrice(
  db: Db,
  moment: Moment,
  {
    sellerId,
    payerId,
    token,
    price,
    releaseTime,
  }: { sellerId: string; payerId: string; token: Hex; price: bigint; releaseTime: bigint },
) {
  await countVolume(db, moment, token, { paid: price });
  await countMoney(
    db,
    moment,
    { agentId: sellerId, token },
    { sold: price, [releaseTime === 0n ? "soldAtOnce" : "held"]: price },
  );
  await countMoney(db, moment, { agentId: payerId, token }, { spent: price });
}

/** An order's money waits in another way now, or waits no more. */
export async function moveEscrow(
  db: Db,
  moment: Moment,
  { sellerId, payerId, token, amount, status: from }: typeof order.$inferSelect,
  { status, toBuyer }: { status: "disputed" | "released" | "refunded"; toBuyer: bigint },
) {
  const left = from === "disputed" ? "disputed" : "held";
  const kept = status === "refunded" ? {} : { [status]: amount - toBuyer };
  await countMoney(db, moment, { agentId: sellerId, token }, { [left]: -amount, ...kept, refunded: toBuyer });
  await countMoney(db, moment, { agentId: payerId, token }, { returned: toBuyer });
  await countVolume(db, moment, token, { refunded: toBuyer });
  if (status === "released") return;
  await countMarket(db, moment, status === "refunded" ? { refunds: 1 } : { disputes: 1 });
}

/** Counts what the listing's validators have to share more, or less, to its seller's money. */
export async function countBounty(
  db: Db,
  moment: Moment,
  { ekId, token, amount }: { ekId: string; token: Hex; amount: bigint },
) {
  const { sellerId } = await existing(db.find(listingFacts, { ekId }), ekId);
  await countMoney(db, moment, { agentId: sellerId, token }, { bounties: amount });
}
