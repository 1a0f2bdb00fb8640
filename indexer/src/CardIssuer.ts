/**
 * Keys for card payments. Ignored events:
 * - AuthorityUpdated: who administers is read from the `Authority` contract.
 * - DailyCapSet, HoldSet, FloatWithdrawn: the float's own affairs, which its keepers read from the contract.
 */
import { ponder } from "ponder:registry";
import { charge } from "ponder:schema";
import { idsOf, originOf } from "./event.ts";

ponder.on("CardIssuer:ChargeIssued", async ({ event, context: { db, chain } }) => {
  const { chargeId, keyId, token, price, by } = event.args;
  await db.insert(charge).values({
    chainId: chain.id,
    chargeId,
    keyId: idsOf(chain.id).key(keyId),
    token,
    price,
    by,
    recovered: null,
    ...originOf(event),
  });
});

ponder.on("CardIssuer:ChargeReversed", async ({ event, context: { db, chain } }) => {
  const { chargeId, recovered } = event.args;
  // The row exists because only a charge that bought a key is taken back.
  await db.update(charge, { chainId: chain.id, chargeId }).set({ recovered });
});
