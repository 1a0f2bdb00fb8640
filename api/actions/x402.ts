/**
 * x402 v2, in process. The exchange is its own facilitator: settling a payment *is* the sale, one transaction that moves the money and the
 * key to its buyer. What a client signs names the quote, by the till's address or by its nonce, so nothing else in a payment has to be
 * believed.
 */
import { decodePaymentSignatureHeader } from "@x402/core/http";
import { type FacilitatorClient, x402ResourceServer } from "@x402/core/server";
import type {
  Network,
  PaymentPayload,
  PaymentRequired,
  PaymentRequirements,
  ResourceInfo,
  SettleResponse,
} from "@x402/core/types";
import { ExactEvmScheme } from "@x402/evm/exact/server";
import { createOfferReceiptExtension, type OfferReceiptIssuer } from "@x402/extensions/offer-receipt";
import type { Address } from "viem";
import { z } from "zod";
import { PURCHASE_SCHEME, type PurchaseExtra } from "../../sdk/bound-purchase.ts";
import type { Chain } from "../chain/client.ts";
import { createUptoCheck } from "../chain/upto.ts";
import type { StoredQuote } from "../store/quotes.ts";
import { PaymentRefusal } from "./payment-refusal.ts";
import { isOpen } from "./quote-end.ts";
import { uptoOffer } from "./upto.ts";
import { receiptOf } from "./x402-extensions.ts";

/** What the payment protocol needs to know of a quote, and of the resource that sells it. */
export type Offer = {
  quote: StoredQuote;
  resource: ResourceInfo;
  /** What the 402 declares beside its offers. */
  extensions: Record<string, unknown>;
  token: { name: string; version: string };
  /** Where the resource takes the Machine Payments Protocol as well: which of its methods the client would rather use. */
  mpp?: { acceptPayment: string | undefined };
  /** Two requests of a payer under one payment identifier are the same one when this is the same. */
  sameness: string;
};

export type X402 = {
  /** The 402's offers, good for as long as the quote is: `exact` first, for those who take what comes first. */
  paymentRequired(offer: Offer, seconds: number, error: string): Promise<PaymentRequired>;
  /**
   * The client's payment with the requirements that it accepted. Throws {@link PaymentRefusal} when it can't be read, or accepts
   * something else than was offered.
   */
  readPayment(offer: Offer, header: string): Promise<Paid>;
  /** Settles: see the facilitator. */
  settle(paid: Paid): Promise<SettleResponse>;
  /** The signed receipt of a sale, for the `extensions` of its settlement. */
  receipt(offer: Offer, sale: { payer: string; tx: string }): Promise<Record<string, unknown>>;
};

export type Paid = { payload: PaymentPayload; requirements: PaymentRequirements };

const payloadSchema = z.looseObject({
  x402Version: z.int(),
  accepted: z.looseObject({ maxTimeoutSeconds: z.int().positive() }),
  payload: z.record(z.string(), z.unknown()),
});

export type X402Options = {
  chain: Chain;
  /** The longest that a quote lives, in seconds. */
  maxSeconds: number;
  issuer: OfferReceiptIssuer;
};

export async function createX402(
  facilitator: FacilitatorClient,
  { chain, maxSeconds, issuer }: X402Options,
): Promise<X402> {
  const network: Network = `eip155:${chain.id}`;
  const hasUpto = createUptoCheck(chain);
  const server = new x402ResourceServer(facilitator)
    .register(network, new ExactEvmScheme())
    .registerExtension(createOfferReceiptExtension(issuer));
  await server.initialize();

  const requirementsOf = async (offer: Offer, seconds: number): Promise<PaymentRequirements[]> => {
    const { quote, token } = offer;
    const exact = await server.buildPaymentRequirements({
      scheme: "exact",
      network,
      payTo: quote.till,
      price: { asset: quote.token, amount: String(quote.maxPrice), extra: { ...token } },
      maxTimeoutSeconds: seconds,
      // Settled before anything is served: what is served is the receipt.
      extra: { paymentFlow: "upfront" },
    });
    // The exchange takes no authorization of nothing.
    if (quote.maxPrice === 0n) return exact;
    const bound = purchaseOffer({ network, exchange: chain.exchange.address, seconds }, offer);
    const moves = quote.ceiling !== undefined && (await hasUpto());
    return moves
      ? [...exact, bound, uptoOffer(chain, network, { quote, token, seconds })]
      : [...exact, bound];
  };

  return {
    async paymentRequired(offer, seconds, error) {
      const requirements = await requirementsOf(offer, seconds);
      return server.createPaymentRequiredResponse(requirements, offer.resource, error, {
        ...offer.extensions,
      });
    },
    async readPayment(offer, header) {
      const payload = parsePayment(header);
      // The seconds left were more when the client asked; what it signed is checked on chain.
      const seconds = Math.min(payload.accepted.maxTimeoutSeconds, maxSeconds);
      const requirements = server.findMatchingRequirements(await requirementsOf(offer, seconds), payload);
      if (!requirements) {
        throw new PaymentRefusal(
          "invalid_payment_requirements",
          "The payment accepts other terms than this quote offers.",
          { pay_to: offer.quote.till, amount: String(offer.quote.maxPrice), asset: offer.quote.token },
        );
      }
      return { payload, requirements };
    },
    settle: ({ payload, requirements }) => server.settlePayment(payload, requirements),
    receipt: ({ resource }, sale) => receiptOf(issuer, { url: resource.url, network, ...sale }),
  };
}

/** The offer of our own scheme: see `sdk/bound-purchase.ts`. */
function purchaseOffer(
  { network, exchange, seconds }: { network: Network; exchange: Address; seconds: number },
  { quote, token }: Offer,
): PaymentRequirements {
  const extra: PurchaseExtra = {
    ...{ name: token.name, version: token.version, salt: quote.id },
    purchase: {
      ekId: String(quote.ekId),
      version: quote.version,
      ...(isOpen(quote) ? {} : { recipient: quote.buyer }),
      maxPrice: String(quote.maxPrice),
      deadline: String(quote.deadline),
      referrerId: "0",
    },
  };
  return {
    scheme: PURCHASE_SCHEME,
    network,
    payTo: exchange,
    asset: quote.token,
    amount: String(quote.maxPrice),
    maxTimeoutSeconds: seconds,
    extra: { ...extra, paymentFlow: "upfront" },
  };
}

/** The payment in a PAYMENT-SIGNATURE header. Throws {@link PaymentRefusal}. */
export function parsePayment(header: string): PaymentPayload {
  const decoded = payloadSchema.safeParse(decodeHeader(header));
  if (!decoded.success) {
    throw new PaymentRefusal("invalid_payload", "The payment header holds no x402 v2 payment.", {
      at: decoded.error.issues[0]?.path.join("."),
    });
  }
  const { x402Version } = decoded.data;
  if (x402Version !== 2) {
    throw new PaymentRefusal(
      "invalid_x402_version",
      `The payment is of x402 v${x402Version}; v2 is taken here.`,
    );
  }
  return decoded.data as unknown as PaymentPayload;
}

function decodeHeader(header: string): unknown {
  try {
    return decodePaymentSignatureHeader(header);
  } catch {
    return undefined; // neither base64 nor JSON: the schema says so
  }
}
