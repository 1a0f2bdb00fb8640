/**
 * Sales, orders and money. Ignored events:
 * - AuthorityUpdated: who administers is read from the `Authority` contract.
 */
import { ponder } from "ponder:registry";
import {
  activity,
  agent,
  bounty,
  credit,
  feeSetting,
  key,
  listing,
  order,
  pause,
  renewal,
  sale,
  withdrawal,
} from "ponder:schema";
import type { Hex } from "viem";
import { complaints } from "../../sdk/reputation/seller.ts";
import { countBounty, countDealing, countPrice, moveEscrow } from "./dealings.ts";
import { type Db, existing, idsOf, momentOf, originOf } from "./event.ts";
import { countMoney, countSale, countVolume } from "./rollups.ts";
import { countComplaint, countTrouble } from "./seller-facts.ts";
import { addToTotals, countDeed } from "./totals.ts";

/** `IOrders.OrderStatus`, as far as it is told: an order begins as held. */
const orderStatuses = { 2: "disputed", 3: "released", 4: "refunded" } as const;

/** `IExchange.Share` of the validators, and what goes back to a payer. */
const BOUNTY = 4;
const REFUND = 5;

ponder.on("Exchange:KeySold", async ({ event, context: { db, chain } }) => {
  const { ekId, keyId, sale: sold } = event.args;
  const chainId = chain.id;
  const ids = idsOf(chainId);
  const at = event.block.timestamp;
  const parts = { chainId, ekId: ids.ek(ekId), version: sold.version };
  const [sellerId, buyerId, payerId] = [sold.sellerId, event.args.buyerId, sold.payerId].map(ids.agent) as [
    string,
    string,
    string,
  ];
  const money = { sellerId, buyerId, payerId, token: sold.token, releaseTime: BigInt(sold.releaseTime) };
  // The row exists because only a listing can be sold; its scopes and flags are still those of the version sold.
  const about = await db
    .update(listing, { id: parts.ekId })
    .set({ sold: sold.soldAfter, changedIn: event.block.number });
  const { scopes, flags } = about;
  await db.insert(key).values({
    id: ids.key(keyId),
    ...parts,
    holderId: buyerId,
    startedAt: at,
    expiry: BigInt(sold.expiry),
    scopes,
    flags,
    burnt: false,
  });
  const totals = await addToTotals(db, chainId, { sales: 1 });
  await db.insert(sale).values({
    id: ids.order(keyId),
    ...parts,
    number: totals.sales,
    keyId: ids.key(keyId),
    ...money,
    payer: sold.payer,
    price: sold.price,
    feeBps: sold.feeBps,
    referrerId: sold.referrerId === 0n ? null : ids.agent(sold.referrerId),
    paymentRef: sold.paymentRef,
    by: sold.by,
    ...originOf(event),
  });
  if (sold.releaseTime !== 0) {
    await db.insert(order).values({
      id: ids.order(keyId),
      ...parts,
      keyId: ids.key(keyId),
      ...money,
      amount: sold.price,
      status: "held",
      accessed: false,
      toBuyer: 0n,
      updatedAt: at,
    });
  }
  // The row exists because sellers are agents.
  await db.update(agent, { id: sellerId }).set((row) => ({ sold: row.sold + 1 }));
  await countDeed(db, { chainId, agentId: buyerId, deed: "bought" });
  await db.insert(activity).values({
    chainId,
    type: "ek_trade",
    ekId: parts.ekId,
    agentId: buyerId,
    refId: ids.order(keyId),
    ...originOf(event),
  });
  const moment = momentOf(chainId, event);
  await countSale(db, moment, { ...about, ekId: parts.ekId, token: sold.token, price: sold.price });
  await countDealing(db, moment, { ekId: parts.ekId, sellerId, buyerId });
  await countPrice(db, moment, { ...money, price: sold.price });
});

ponder.on("Exchange:KeyRenewed", async ({ event, context: { db, chain } }) => {
  const { keyId, payerId, expiry, token, price, feeBps } = event.args;
  const ids = idsOf(chain.id);
  // The row exists because only a key that was sold can be renewed.
  await db.update(key, { id: ids.key(keyId) }).set({ expiry: BigInt(expiry) });
  await db.insert(renewal).values({
    chainId: chain.id,
    keyId: ids.key(keyId),
    payerId: ids.agent(payerId),
    expiry: BigInt(expiry),
    token,
    price,
    feeBps,
    ...originOf(event),
  });
  const moment = momentOf(chain.id, event);
  await countVolume(db, moment, token, { paid: price });
  await countMoney(db, moment, { agentId: ids.agent(payerId), token }, { spent: price });
});

ponder.on("Exchange:OrderStatusChanged", async ({ event, context: { db, chain } }) => {
  const { keyId, toBuyer } = event.args;
  const status = orderStatuses[event.args.status as keyof typeof orderStatuses];
  const id = idsOf(chain.id).order(keyId);
  // The row exists because only a sale with a release time leaves an order.
  const before = await existing(db.find(order, { id }), id);
  const { ekId } = await db.update(order, { id }).set({ status, toBuyer, updatedAt: event.block.timestamp });
  // A refunded key is for sale again.
  if (status === "refunded") {
    const changedIn = event.block.number;
    await db.update(listing, { id: ekId }).set((row) => ({ sold: row.sold - 1, changedIn }));
  }
  const moment = momentOf(chain.id, event);
  await moveEscrow(db, moment, before, { status, toBuyer });
  // What a dispute gives back weighs when the dispute is closed.
  if (status === "released" || before.status === "disputed") return;
  await countTrouble(db, moment, before);
  if (status === "refunded") await countComplaint(db, moment, { ...before, weight: complaints.refund });
});

ponder.on("Exchange:OrderAccessed", async ({ event, context: { db, chain } }) => {
  // The row exists because the exchange passes over keys without an order.
  await db
    .update(order, { id: idsOf(chain.id).order(event.args.keyId) })
    .set({ accessed: true, updatedAt: event.block.timestamp });
});

ponder.on("Exchange:Credited", async ({ event, context: { db, chain } }) => {
  const { token, keyId, share, amount, creditAfter } = event.args;
  const ids = idsOf(chain.id);
  const agentId = ids.agent(event.args.agentId);
  await setCredit(db, { chainId: chain.id, agentId, token, amount: creditAfter });
  const moment = momentOf(chain.id, event);
  if (share !== REFUND) await countMoney(db, moment, { agentId, token }, { earned: amount });
  if (share !== BOUNTY) return;
  // The row exists because a bounty was funded before it is paid. Such a credit names the listing, by a key that there is not.
  const ekId = ids.ek(keyId >> 96n);
  await db.update(bounty, { ekId, token }).set((row) => ({ amount: row.amount - amount }));
  await countBounty(db, moment, { ekId, token, amount: -amount });
});

ponder.on("Exchange:BountyFunded", async ({ event, context: { db, chain } }) => {
  const { token, amount, bountyAfter } = event.args;
  const row = { ekId: idsOf(chain.id).ek(event.args.ekId), token, chainId: chain.id, amount: bountyAfter };
  // The row exists when the listing had a bounty in this token before.
  await db.insert(bounty).values(row).onConflictDoUpdate({ amount: bountyAfter });
  await countBounty(db, momentOf(chain.id, event), { ekId: row.ekId, token, amount });
});

ponder.on("Exchange:Withdrawn", async ({ event, context: { db, chain } }) => {
  const { token, to, amount, creditAfter, by } = event.args;
  const agentId = idsOf(chain.id).agent(event.args.agentId);
  await setCredit(db, { chainId: chain.id, agentId, token, amount: creditAfter });
  await db
    .insert(withdrawal)
    .values({ chainId: chain.id, agentId, token, to, amount, by, ...originOf(event) });
  await countMoney(db, momentOf(chain.id, event), { agentId, token }, { withdrawn: amount });
});

/** `amount` is the credit after the event. */
async function setCredit(
  db: Db,
  { chainId, agentId, token, amount }: { chainId: number; agentId: string; token: Hex; amount: bigint },
) {
  // The row exists when the agent earned this token before.
  await db.insert(credit).values({ agentId, token, chainId, amount }).onConflictDoUpdate({ amount });
}

ponder.on("Exchange:FeeSet", async ({ event, context: { db, chain } }) => {
  const state = {
    feeBps: event.args.feeBps,
    feeAgentId: idsOf(chain.id).agent(event.args.feeAgentId),
    updatedAt: event.block.timestamp,
  };
  // The row exists when the fee was set before.
  await db
    .insert(feeSetting)
    .values({ chainId: chain.id, ...state })
    .onConflictDoUpdate(state);
});

ponder.on("Exchange:PausedUntil", async ({ event, context: { db, chain } }) => {
  const { until, by } = event.args;
  const state = { until, by, updatedAt: event.block.timestamp };
  // The row exists when there was a pause before.
  await db
    .insert(pause)
    .values({ chainId: chain.id, ...state })
    .onConflictDoUpdate(state);
});
