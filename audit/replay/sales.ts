/** `Exchange`: sales and renewals, each held against the version's terms, the curve, and the moment. */
import type { Address, Hash } from "viem";
import { add, type Listing, type Terms, vaultName } from "../books.ts";
import {
  type Asker,
  type At,
  agentOf,
  asker,
  CLAIMS,
  type Context,
  checkRight,
  namesOf,
  SPENDS_POINTS,
} from "../context.ts";
import type { Due } from "../script.ts";
import { enterKey, isHeld } from "./keys.ts";
import { awardDue, pointsDue, spendDue } from "./points.ts";
import { splitDues } from "./split.ts";

const ACTIVE = 1;
const ZERO = `0x${"00".repeat(32)}`;

/** `IExchange.Sale`. */
type Sale = {
  sellerId: bigint;
  version: number;
  soldAfter: number;
  expiry: number;
  payer: Address;
  payerId: bigint;
  token: Address;
  price: bigint;
  releaseTime: number;
  feeBps: number;
  referrerId: bigint;
  paymentRef: Hash;
  by: Address;
};
type Sold = { ekId: bigint; buyerId: bigint; keyId: bigint; sale: Sale };
type Renewed = {
  keyId: bigint;
  payerId: bigint;
  expiry: number;
  token: Address;
  price: bigint;
  feeBps: number;
};
/** What a key is sold by: a curve or points. Where both would be free, only the next event tells. */
type Rail = "curve" | "points" | "either";

/** Whether a key of that version is for sale at that moment. */
function checkOpen(
  { books }: Context,
  ask: Asker,
  listing: Listing | undefined,
  version: number,
  at: At,
): void {
  const terms = listing?.versions[version - 1]?.terms;
  const isInTime =
    terms && at.time >= BigInt(terms.startTime) && (terms.endTime === 0 || at.time < BigInt(terms.endTime));
  ask.is("OPEN_FOR_SALE", "status", ACTIVE, listing?.status);
  ask.is("OPEN_FOR_SALE", "version", listing?.versions.length, version);
  ask.holds("OPEN_FOR_SALE", isInTime === true, "time", `${terms?.startTime} to ${terms?.endTime}`, at.time);
  ask.holds("NOT_PAUSED", at.time >= books.pause.until, "time", `after ${books.pause.until}`, at.time);
}

function checkParties({ books }: Context, ask: Asker, { sale, buyerId }: Sold): void {
  const { payer, payerId, referrerId } = sale;
  ask.holds("PARTIES", books.agents.has(buyerId), "buyerId", "an agent", buyerId);
  ask.holds("PARTIES", books.agents.has(payerId), "payerId", "an agent", payerId);
  ask.holds(
    "PARTIES",
    referrerId === 0n || books.agents.has(referrerId),
    "referrerId",
    "an agent",
    referrerId,
  );
  // Through a till the quote's buyer is refunded, whoever paid; else whoever paid.
  const isRefunded = agentOf(books, payer) === payerId || payerId === buyerId;
  ask.holds("PARTIES", isRefunded, "payerId", `the agent of ${payer}, or the buyer`, payerId);
}

const isByCard = ({ constants }: Context, sale: Sale) => sale.by === constants.contracts.CardIssuer;

function checkTerms(c: Context, ask: Asker, { sale }: Sold, listing: Listing | undefined, at: At): void {
  const { books } = c;
  const terms = listing?.versions[sale.version - 1]?.terms;
  const hold =
    sale.price === 0n ? 0 : Math.max(terms?.refundWindow ?? 0, isByCard(c, sale) ? books.cards.hold : 0);
  ask.is("SALE_TERMS", "sellerId", listing?.sellerId, sale.sellerId);
  ask.is("SALE_TERMS", "token", terms?.token, sale.token);
  ask.is("SALE_TERMS", "feeBps", books.fee.bps, sale.feeBps);
  ask.is("SALE_TERMS", "expiry", terms?.keyTtl ? at.time + BigInt(terms.keyTtl) : 0n, sale.expiry);
  ask.is("SALE_TERMS", "releaseTime", hold === 0 ? 0n : at.time + BigInt(hold), sale.releaseTime);
  ask.is("SOLD_COUNT", "soldAfter", (listing?.sold ?? 0) + 1, sale.soldAfter);
  const fits = !terms?.supplyCap || sale.soldAfter <= terms.supplyCap;
  ask.holds("SOLD_COUNT", fits, "soldAfter", `${terms?.supplyCap} at most`, sale.soldAfter);
}

/** A key is for points where the price is 0 though the curve asks for more. */
function checkPrice(ask: Asker, { sale }: Sold, listing: Listing | undefined, time: bigint): Rail {
  const version = listing?.versions[sale.version - 1];
  const asked = version?.price?.(sale.soldAfter - 1, time);
  const mayBePoints = sale.price === 0n && (version?.terms.pointsPrice ?? 0) !== 0;
  const isPoints = mayBePoints && asked !== undefined && asked !== 0n;
  if (asked !== undefined && !isPoints) ask.is("PRICE_IS_CURVE", "price", asked, sale.price);
  return isPoints ? "points" : mayBePoints ? "either" : "curve";
}

function checkPayment({ books }: Context, ask: Asker, { paymentRef, payer }: Sale): void {
  if (paymentRef === ZERO) return;
  const payment = `${paymentRef} ${payer}`;
  ask.holds(
    "PAYMENT_ONCE",
    !books.paymentRefs.has(payment),
    "paymentRef",
    "one key",
    `another key for ${paymentRef}`,
  );
  books.paymentRefs.add(payment);
}

/** What must follow: the split and the points of what is over at once, and a card's own event. */
function duesOf(
  c: Context,
  sold: Sold,
  { rail, terms, at }: { rail: Rail; terms: Terms | undefined; at: At },
): Due[] {
  const { ekId, keyId, buyerId, sale } = sold;
  const subject = namesOf(c.constants.chainId).ord(keyId);
  const { sellerId, payer, price, feeBps, referrerId } = sale;
  const card: Due = {
    ...{ law: "CARD_ONCE", events: ["CardIssuer:ChargeIssued"], subject, match: { keyId } },
    values: { token: sale.token, price },
  };
  const byCard = isByCard(c, sale) ? [card] : [];
  if (sale.releaseTime !== 0) return byCard;
  const award = awardDue(c, { ekId, keyId, sellerId, buyerId, payer, sales: sale.soldAfter }, at);
  const spend = spendDue(c, { agentId: buyerId, ekId, keyId, price: BigInt(terms?.pointsPrice ?? 0) });
  const points = {
    curve: () => award,
    points: () => pointsDue(spend, () => checkOperator(c, sold, SPENDS_POINTS, at)),
    either: () => pointsDue({ either: [award, spend] }),
  }[rail]();
  const split =
    price === 0n ? [] : splitDues(c, { keyId, sellerId, terms, amount: price, feeBps, referrerId });
  return [...split, points, ...byCard];
}

/** Who acted for the payer, where it did not act itself, might do that. */
function checkOperator(c: Context, { keyId, sale }: Sold, action: bigint, at: At): void {
  if (agentOf(c.books, sale.by) === sale.payerId || isByCard(c, sale)) return;
  const subject = namesOf(c.constants.chainId).ord(keyId);
  checkRight(c, { agentId: sale.payerId, by: sale.by, action, subject, at });
}

export function replaySale(c: Context, sold: Sold, at: At): void {
  const { books, script } = c;
  const { ekId, buyerId, keyId, sale } = sold;
  const subject = namesOf(c.constants.chainId).ord(keyId);
  const ask = asker(c, subject, at);
  const listing = books.listings.get(ekId);
  const terms = listing?.versions[sale.version - 1]?.terms;
  script.take("Exchange:KeySold", { keyId }, { place: at.place, law: "KEY_FOR_SALE", subject });
  ask.is("KEY_ID", "ekId", keyId >> 96n, ekId);
  ask.is("KEY_ID", "buyerId", (keyId >> 32n) & 0xffff_ffff_ffff_ffffn, buyerId);
  checkOpen(c, ask, listing, sale.version, at);
  checkParties(c, ask, sold);
  checkTerms(c, ask, sold, listing, at);
  checkPayment(c, ask, sale);
  const rail = checkPrice(ask, sold, listing, at.time);
  if (sale.price === 0n && rail === "curve" && sale.paymentRef === ZERO) checkOperator(c, sold, CLAIMS, at);
  if (listing) listing.sold = sale.soldAfter;
  enterKey(c, { keyId, version: sale.version, expiry: BigInt(sale.expiry) }, at);
  enterSale(c, sold, at);
  script.promise(...duesOf(c, sold, { rail, terms, at }));
}

function enterSale({ books, tx, constants }: Context, { ekId, buyerId, keyId, sale }: Sold, at: At): void {
  const { price, payerId, referrerId, feeBps } = sale;
  const releaseTime = BigInt(sale.releaseTime);
  const { soldAfter: _, expiry: __, ...said } = sale;
  const number = books.trades.length + 1;
  books.trades.push({ ...said, number, keyId, ekId, buyerId, releaseTime, time: at.time, place: at.place });
  books.deeds.push({ kind: "ek_trade", ekId, agentId: buyerId, keyId, time: at.time, place: at.place });
  add(tx.booked, vaultName(constants.contracts.Exchange, sale.token), price);
  if (releaseTime === 0n) return;
  const fresh = { status: 1, accessed: false, toBuyer: 0n };
  books.orders.set(keyId, { amount: price, releaseTime, payerId, referrerId, feeBps, ...fresh });
}

export function replayRenewal(
  c: Context,
  { keyId, payerId, expiry, token, price, feeBps }: Renewed,
  at: At,
): void {
  const { books, script, tx } = c;
  const subject = namesOf(c.constants.chainId).key(keyId);
  const ask = asker(c, subject, at);
  script.take("Exchange:KeyRenewed", { keyId, expiry }, { place: at.place, law: "RENEWAL", subject });
  const key = books.keys.get(keyId);
  const listing = books.listings.get(keyId >> 96n);
  const version = listing?.versions[(key?.version ?? 0) - 1];
  const terms = version?.terms;
  checkOpen(c, ask, listing, key?.version ?? 0, at);
  const from = key && key.expiry > at.time ? key.expiry : at.time;
  ask.is("RENEWAL", "expiry", from + BigInt(terms?.keyTtl ?? 0), expiry);
  const isRenewable = key !== undefined && !key.burnt && key.expiry !== 0n && !isHeld(c, keyId);
  ask.holds("RENEWAL", isRenewable, "key", "one with an end and no open order", key?.expiry);
  const asked = version?.price?.(listing?.sold ?? 0, at.time);
  if (asked !== undefined) ask.is("PRICE_IS_CURVE", "price", asked, price);
  ask.is("SALE_TERMS", "token", terms?.token, token);
  ask.is("SALE_TERMS", "feeBps", books.fee.bps, feeBps);
  ask.holds("PARTIES", books.agents.has(payerId), "payerId", "an agent", payerId);
  if (key) key.expiry = BigInt(expiry);
  add(tx.booked, vaultName(c.constants.contracts.Exchange, token), price);
  const sellerId = listing?.sellerId ?? 0n;
  if (price !== 0n)
    script.promise(...splitDues(c, { keyId, sellerId, terms, amount: price, feeBps, referrerId: 0n }));
}
