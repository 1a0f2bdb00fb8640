/** The sellers' half of a replay. */
import { entry, type Handlers, listingOf, type ReplayState, sellerOf } from "./replay-state.ts";
import { complaints, complaintWeight, disputeWeight, RELATED, tradeWeight } from "./seller.ts";

type Order = { sellerId: bigint; buyerId: bigint; amount: bigint; status: number };
type Pair = { trades: number; complaints: number };

/** `IOrders.OrderStatus`. */
const HELD = 1;
const RELEASED = 3;
const REFUNDED = 4;

export function tradeHandlers(state: ReplayState): Handlers {
  const orders = new Map<bigint, Order>();
  const pairs = new Map<string, Pair>();
  const pair = (sellerId: bigint, buyerId: bigint) =>
    entry(pairs, `${sellerId} ${buyerId}`, () => ({ trades: 0, complaints: 0 }));
  const orderOf = (keyId: bigint): Order => {
    const order = orders.get(keyId);
    if (!order) throw new RangeError(`The order of key ${keyId} is in no event before.`);
    return order;
  };

  function completeTrade(ekId: bigint, sellerId: bigint, buyerId: bigint, reasons: number) {
    if ((reasons & RELATED) !== 0) return;
    const own = pair(sellerId, buyerId);
    const listing = listingOf(state, ekId);
    own.trades++;
    listing.trades++;
    const facts = sellerOf(state, sellerId);
    facts.tradeWeight += tradeWeight({
      ...{ reasons, listingTrades: listing.trades, vouched: listing.vouched },
      pairTrades: own.trades + pair(buyerId, sellerId).trades,
    });
    if (own.trades === 1) facts.buyers++;
    if (own.trades === 2) facts.returning++;
  }

  function complain({ sellerId, buyerId }: Order, weight: number) {
    if (weight === 0 || sellerId === buyerId) return;
    const own = pair(sellerId, buyerId);
    own.complaints++;
    sellerOf(state, sellerId).complaintWeight += complaintWeight(weight, own.complaints);
  }

  return {
    KeySold({ buyerId, keyId, sale }) {
      if (sale.releaseTime === 0) return;
      orders.set(keyId, { sellerId: sale.sellerId, buyerId, amount: sale.price, status: HELD });
    },
    PointsAwarded: (a) => completeTrade(a.ekId, a.sellerId, a.buyerId, a.reasons),
    PointsWithheld: (a) => completeTrade(a.ekId, a.sellerId, a.buyerId, a.reasons),
    OrderStatusChanged({ keyId, status }) {
      const order = orderOf(keyId);
      if (status === REFUNDED && order.status === HELD) complain(order, complaints.refund);
      order.status = status;
    },
    DisputeClosed({ keyId, toBuyer }) {
      const order = orderOf(keyId);
      complain(order, disputeWeight(toBuyer, order.amount));
    },
    ChargeReversed({ keyId }) {
      const order = orders.get(keyId);
      if (order?.status === RELEASED) complain(order, complaints.chargeback);
    },
  };
}
