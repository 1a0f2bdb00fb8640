/** How an order's money goes: back to whoever paid, or on to the seller's side. */
import type { Address } from "viem";
import type { Listing, Order, Terms } from "../books.ts";
import { type At, type Context, namesOf } from "../context.ts";
import type { Due } from "../script.ts";
import { awardDue } from "./points.ts";
import { creditDue, share, splitDues } from "./split.ts";

const [HELD, DISPUTED, RELEASED, REFUNDED] = [1, 2, 3, 4];
const [UNTIL_ACCESS, FULL] = [1, 2];

type Change = { keyId: bigint; status: number; toBuyer: bigint; by: Address };
type Sold = {
  order: Order;
  terms: Terms | undefined;
  sellerEoa: Address | undefined;
  payerEoa: Address | undefined;
};

/** Why an order may not change so; undefined when it may. */
function refusal(
  c: Context,
  { order, terms, sellerEoa, payerEoa }: Sold,
  change: Change,
  time: bigint,
): string | undefined {
  const { status, toBuyer, by } = change;
  const { contracts } = c.constants;
  if (order.status !== HELD && order.status !== DISPUTED) return "it is over";
  if (status === DISPUTED) {
    if (order.status !== HELD || by !== contracts.Disputes)
      return "only the disputes' contract freezes a held order";
    return time < order.releaseTime ? undefined : "the window is over";
  }
  if (toBuyer > order.amount) return `it has ${order.amount}`;
  if (status !== (toBuyer === order.amount ? REFUNDED : RELEASED))
    return `${toBuyer} of ${order.amount} went back`;
  if (by === contracts.CardIssuer && status === REFUNDED) return undefined;
  if (order.status === DISPUTED) return by === contracts.Disputes ? undefined : "it is disputed";
  if (status === REFUNDED) {
    if (by === sellerEoa) return undefined;
    const open = terms?.refundTerms === FULL || (terms?.refundTerms === UNTIL_ACCESS && !order.accessed);
    return open && time < order.releaseTime && by === payerEoa
      ? undefined
      : "its terms let nobody but the seller give it back now";
  }
  if (toBuyer !== 0n) return "only a dispute divides it";
  return time >= order.releaseTime || by === payerEoa
    ? undefined
    : `nobody but its payer lets it go before ${order.releaseTime}`;
}

/** Checks the change of an order, and promises what follows from it. */
export function promiseEnd(c: Context, change: Change, at: At): void {
  const { books, findings, script } = c;
  const { keyId, status, toBuyer, by } = change;
  const place = at.place;
  const name = namesOf(c.constants.chainId);
  const subject = name.ord(keyId);
  const order = books.orders.get(keyId);
  const listing = books.listings.get(keyId >> 96n);
  if (by === c.constants.contracts.Disputes)
    script.take(
      "Exchange:OrderStatusChanged",
      { keyId, status, toBuyer },
      { place, law: "ORDER_MOVES", subject },
    );
  if (!order || !listing) {
    findings.check("ORDER_MOVES", false, () => ({ subject, expected: "an order", said: "none", place }));
    return;
  }
  const terms = listing.versions[(books.keys.get(keyId)?.version ?? 0) - 1]?.terms;
  const payerEoa = books.agents.get(order.payerId)?.eoa;
  const sellerEoa = books.agents.get(listing.sellerId)?.eoa;
  const reason = refusal(c, { order, terms, sellerEoa, payerEoa }, change, at.time);
  findings.check("ORDER_MOVES", reason === undefined, () => ({
    subject,
    field: "status",
    expected: reason,
    said: change,
    place,
  }));
  Object.assign(order, { status, toBuyer });
  if (status !== DISPUTED) script.promise(...endDues(c, { change, order, listing, terms, payerEoa }, at));
}

function endDues(
  c: Context,
  {
    change,
    order,
    listing,
    terms,
    payerEoa,
  }: {
    change: Change;
    order: Order;
    listing: Listing;
    terms: Terms | undefined;
    payerEoa: Address | undefined;
  },
  at: At,
): Due[] {
  const { keyId, status, toBuyer, by } = change;
  const subject = namesOf(c.constants.chainId).ord(keyId);
  const dues: Due[] = [];
  if (toBuyer !== 0n)
    dues.push(
      creditDue(c, {
        share: share.refund,
        agentId: order.payerId,
        amount: toBuyer,
        keyId,
        token: terms?.token,
      }),
    );
  if (status === REFUNDED) {
    listing.sold--;
    dues.push({ law: "KEY_END", events: ["ExperienceKey:burn"], subject, match: { keyId } });
    if (by === c.constants.contracts.CardIssuer)
      dues.push({
        law: "CARD_ONCE",
        events: ["CardIssuer:ChargeReversed"],
        subject,
        match: { keyId },
        values: { recovered: order.amount },
      });
    return dues;
  }
  const { feeBps, referrerId } = order;
  dues.push(
    ...splitDues(c, {
      keyId,
      sellerId: listing.sellerId,
      terms,
      amount: order.amount - toBuyer,
      feeBps,
      referrerId,
    }),
  );
  if (toBuyer === 0n) {
    const buyerId = (keyId >> 32n) & 0xffff_ffff_ffff_ffffn;
    const sale = {
      ekId: listing.ekId,
      keyId,
      sellerId: listing.sellerId,
      buyerId,
      payer: payerEoa as Address,
      sales: listing.sold,
    };
    dues.push(awardDue(c, sale, at));
  }
  return dues;
}
