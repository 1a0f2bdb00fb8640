/**
 * Buying at one address (POST /x402/{ek_id}): it asks, takes and answers, without a quote before. Paid by `ek-purchase` alone, whose signature
 * names listing, buyer and price: nobody can make it good for anything else, so there is no quote to check.
 */
import { decodePaymentRequiredHeader } from "@x402/core/http";
import type { PaymentRequirements } from "@x402/core/types";
import { x402Client, x402HTTPClient } from "@x402/fetch";
import type { Address } from "viem";
import { PURCHASE_SCHEME, purchaseExtraSchema } from "./bound-purchase.ts";
import { ExchangeError } from "./errors.ts";
import { readError, readJson, type Server, unreachable } from "./http.ts";
import { patientFetch } from "./payment.ts";
import { isWithin, type PurchaseBounds, PurchaseScheme } from "./purchase-scheme.ts";
import type { Signer } from "./signer.ts";
import { type OneStepResponse, oneStepResponseSchema } from "./wire/x402.ts";

export type OneStepOptions = {
  server: Server;
  signer: Signer;
  chainId: number;
  /** The exchange's contract. */
  exchange: Address;
  ekId: { text: string; number: bigint };
  /** In the smallest units of `token`; of whatever token the listing is sold for, where none is named. */
  maxPrice: bigint;
  token?: Address | undefined;
};

/**
 * Pays once. Throws PAYMENT_REQUIRED when it costs more, or is not sold this way; PAYMENT_FAILED; or PAYMENT_PENDING with what
 * `resumePayment` takes, when the payment's outcome stays unknown.
 */
export async function payInOneStep(options: OneStepOptions): Promise<OneStepResponse> {
  const { server, signer, chainId, ekId } = options;
  const url = `${server.url}/x402/${ekId.text}?buyer=${signer.address}`;
  const asked = await server.fetch(url, { method: "POST" }).catch((cause: unknown) => {
    throw unreachable(server, cause);
  });
  if (asked.status !== 402) return readAnswer(server, asked);
  const required = decodePaymentRequiredHeader(asked.headers.get("payment-required") ?? "");
  await asked.body?.cancel();
  const { offer, bounds } = choose(required.accepts, options);
  const client = x402Client.fromConfig({
    schemes: [{ network: `eip155:${chainId}`, client: new PurchaseScheme(signer, bounds) }],
    spendControls: false, // the bounds are stricter
  });
  const payload = await client.createPaymentPayload({ ...required, accepts: [offer] });
  const headers = new x402HTTPClient(client).encodePaymentSignatureHeader(payload);
  const pay = patientFetch(server, purchaseExtraSchema.parse(offer.extra).salt);
  return readAnswer(server, await pay(url, { method: "POST", headers }));
}

/** The offer that is within what the buyer allows. */
function choose(
  offers: readonly PaymentRequirements[],
  { signer, chainId, exchange, ekId, maxPrice, token }: OneStepOptions,
): { offer: PaymentRequirements; bounds: PurchaseBounds } {
  const network = `eip155:${chainId}`;
  const offer = offers.find((one) => one.scheme === PURCHASE_SCHEME && one.network === network);
  if (!offer)
    throw new ExchangeError(
      "PAYMENT_REQUIRED",
      `${ekId.text} is not offered by ${PURCHASE_SCHEME} on ${network}.`,
      {
        hint: "Buy it with a quote: buy(ekId, { maxPrice }).",
        details: { ek_id: ekId.text, offered: offers.map(({ scheme }) => scheme) },
      },
    );
  const bounds: PurchaseBounds = {
    ...{ exchange, token: token ?? (offer.asset as Address), maxPrice },
    ...{ ekId: ekId.number, recipient: signer.address },
  };
  if (BigInt(offer.amount) > maxPrice)
    throw new ExchangeError(
      "PAYMENT_REQUIRED",
      `It costs ${offer.amount} units of ${offer.asset}, more than the maximum of ${maxPrice}. Nothing was paid.`,
      {
        hint: "Raise maxPrice, or wait for another price.",
        details: { price: offer.amount, token: offer.asset, max_price: String(maxPrice) },
      },
    );
  if (isWithin(offer, signer.address, bounds)) return { offer, bounds };
  throw new ExchangeError(
    "PAYMENT_FAILED",
    `The offer is not for ${ekId.text} and this buyer. Nothing was signed.`,
    {
      hint: "Do not pay it: the exchange at this url is not the one on the chain, or it is not honest.",
      details: { ek_id: ekId.text },
    },
  );
}

async function readAnswer(server: Server, response: Response): Promise<OneStepResponse> {
  if (!response.ok) throw await readError(server, response);
  return readJson(server, response, oneStepResponseSchema);
}
