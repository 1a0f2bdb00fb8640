/** What the log says of a sale and of what follows from it. */
import type { Log } from "./check.ts";
import { type Moa, people } from "./deploy.ts";
import { BUYER, FIXED, keyOf, NO_HASH, PRICE, SELLER, Share } from "./market.ts";

/** A sale of the first listing to the buyer, split at once, unless told otherwise; as `KeySold` has it. */
export function saleOf(moa: Moa, fields: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    sellerId: SELLER,
    version: 1,
    soldAfter: 1,
    expiry: 0,
    payer: people.buyer.address,
    payerId: BUYER,
    token: moa.usdc.address,
    price: PRICE,
    releaseTime: 0,
    feeBps: 0,
    referrerId: 0n,
    paymentRef: NO_HASH,
    by: people.buyer.address,
    ...fields,
  };
}

/** An agent can withdraw more; the seller its whole price, unless told otherwise. */
export function credited(moa: Moa, keyId: bigint, fields: Record<string, unknown> = {}): Log {
  const amount = fields.amount ?? PRICE;
  const args = { agentId: SELLER, token: moa.usdc.address, keyId, share: Share.Seller, amount };
  return ["Exchange.Credited", { ...args, creditAfter: amount, ...fields }];
}

/** The full points of the seller's and the buyer's first trade. */
export function awarded(ekId = FIXED, keyId = keyOf(ekId, BUYER)): Log {
  const parties = { ekId, keyId, sellerId: SELLER, buyerId: BUYER };
  const points = { sellerDelta: 200n, buyerDelta: 100n, sellerBalance: 200n, buyerBalance: 100n, reasons: 0 };
  return ["PointsLedger.PointsAwarded", { ...parties, ...points }];
}
