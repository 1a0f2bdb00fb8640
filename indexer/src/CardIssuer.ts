/**
 * Keys for card payments. Ignored events:
 * - AuthorityUpdated: who administers is read from the `Authority` contract.
 * - DailyCapSet, HoldSet, FloatWithdrawn: the float's own affairs, which its keepers read from the contract.
 */
import { ponder } from "ponder:registry";
import { charge, dispute, order } from "ponder:schema";
import { complaints } from "../../sdk/reputation/seller.ts";
import { idsOf, momentOf, originOf } from "./event.ts";
import { countComplaint, countTrouble } from "./seller-facts.ts";

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
  const { chargeId, keyId, recovered } = event.args;
  // The row exists because only a charge that bought a key is taken back.
  await db.update(charge, { chainId: chain.id, chargeId }).set({ recovered });
  const id = idsOf(chain.id).order(keyId);
  const row = await db.find(order, { id });
  // A key that was free has no order. Money that was still in escrow has been counted as refunded.
  if (row?.status !== "released") return;
  const moment = momentOf(chain.id, event);
  if ((await db.find(dispute, { orderId: id })) === null) await countTrouble(db, moment, row);
  await countComplaint(db, moment, { ...row, weight: complaints.chargeback });
});
