/**
 * Tills. What becomes a key is told by the exchange. Ignored events:
 * - EIP712DomainChanged: never emitted, the domain is fixed;
 * - ReceiptUsed: the money that a receipt brought back has TillRefunded for it.
 */
import { ponder } from "ponder:registry";
import { tillRefund } from "ponder:schema";
import { idsOf, originOf } from "./event.ts";

ponder.on("Tills:TillRefunded", async ({ event, context: { db, chain } }) => {
  const { quoteHash, ekId, buyer, token, amount } = event.args;
  // Not looked up anywhere: anybody can have a made-up quote of a made-up token refunded.
  await db.insert(tillRefund).values({
    chainId: chain.id,
    quoteHash,
    ekId: idsOf(chain.id).ek(ekId),
    buyer,
    token,
    amount,
    ...originOf(event),
  });
});
