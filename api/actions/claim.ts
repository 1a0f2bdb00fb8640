/** POST /me/buy/purchase: keys of free listings. What costs money is paid by quote. */
import type { z } from "zod";
import { ExchangeError } from "../../sdk/errors.ts";
import type { PurchaseResponse, purchaseRequestSchema } from "../../sdk/wire/purchase.ts";
import { ekNumber, readHead, unknownListing } from "../chain/listings.ts";
import { contractCall } from "../chain/relayer.ts";
import { saleIn } from "../chain/sales.ts";
import type { Deps } from "../deps.ts";
import type { Session } from "./session.ts";
import { assertGranted, relay } from "./write.ts";

type PurchaseRequest = z.output<typeof purchaseRequestSchema>;

export async function purchase(
  deps: Deps,
  session: Session,
  { ek_id, payment_method: { type } }: PurchaseRequest,
): Promise<PurchaseResponse> {
  await deps.guard.assertTrusted();
  const number = ekNumber(deps.chain, ek_id);
  const head = await readHead(deps.chain, number);
  if (!head) throw unknownListing(ek_id);
  if (type === "card" || type === "points") throw railNotOffered(ek_id, type);
  const price = await deps.chain.catalog.read.quote([number, 1n, BigInt(Math.floor(Date.now() / 1000))]);
  if (type === "crypto" || price > 0n) throw payByQuote(deps, session, ek_id, price);
  await assertGranted(deps, session, "claim");
  const { address, abi } = deps.chain.exchange;
  const receipt = await relay(
    deps,
    contractCall({ address, abi, functionName: "claim", args: [number, head.version, session.agentId] }),
  );
  const sale = await saleIn(deps.chain, receipt);
  if (!sale) throw new Error(`Transaction ${receipt.transactionHash} sold nothing.`);
  return sale.purchase;
}

function railNotOffered(ekId: string, type: "card" | "points"): ExchangeError {
  return new ExchangeError("LISTING_CONFLICT", `${ekId} can't be bought by ${type}: it is not offered.`, {
    hint: "Pay by crypto: POST /listings/{ek_id}/quote, then pay_url with an x402 client.",
    details: { ek_id: ekId, reason: "rail_not_offered", type, offered: ["free", "crypto"] },
  });
}

function payByQuote(deps: Deps, { eoa }: Session, ekId: string, price: bigint): ExchangeError {
  if (price === 0n) {
    return new ExchangeError("LISTING_CONFLICT", `${ekId} costs nothing: there is nothing to pay.`, {
      hint: 'Use payment_method {"type": "free"}.',
      details: { ek_id: ekId, reason: "free" },
    });
  }
  return new ExchangeError("PAYMENT_REQUIRED", `${ekId} costs ${price} (smallest units) now.`, {
    hint: "Ask for the quote in details, then POST to its pay_url with an x402 v2 client.",
    details: {
      ek_id: ekId,
      price: String(price),
      quote: { method: "POST", url: `${deps.publicUrl}/listings/${ekId}/quote`, body: { buyer: eoa } },
      pay: { method: "POST", url: `${deps.publicUrl}/quotes/{quote_id}/pay`, scheme: "x402 v2, exact" },
    },
  });
}
