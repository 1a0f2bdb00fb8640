/**
 * x402 v2, in process. The exchange is its own facilitator: settling a payment *is* the sale, one transaction that moves the money into the
 * quote's till and the key to its buyer. What a client pays to names the quote, so nothing else in a payment has to be believed.
 */
import { decodePaymentSignatureHeader } from "@x402/core/http";
import { type FacilitatorClient, x402ResourceServer } from "@x402/core/server";
import type { Network, PaymentPayload, PaymentRequired, PaymentRequirements } from "@x402/core/types";
import { ExactEvmScheme } from "@x402/evm/exact/server";
import { z } from "zod";
import type { StoredQuote } from "../store/quotes.ts";
import { PaymentRefusal } from "./payment-refusal.ts";

/** What the payment protocol needs to know of a quote. */
export type Offer = {
  quote: StoredQuote;
  payUrl: string;
  token: { name: string; version: string };
  /** Which payment methods the client would rather use, of those that the other protocol offers. */
  acceptPayment?: string | undefined;
};

export type X402 = {
  /** The 402's offer, good for as long as the quote is. */
  paymentRequired(offer: Offer, seconds: number, error: string): Promise<PaymentRequired>;
  /**
   * The client's payment with the requirements that it accepted. Throws {@link PaymentRefusal} when it can't be read, or accepts
   * something else than was offered.
   */
  readPayment(offer: Offer, header: string): Promise<Paid>;
  /** Settles: see the facilitator. */
  settle(paid: Paid): ReturnType<x402ResourceServer["settlePayment"]>;
};

export type Paid = { payload: PaymentPayload; requirements: PaymentRequirements };

const payloadSchema = z.looseObject({
  x402Version: z.int(),
  accepted: z.looseObject({ maxTimeoutSeconds: z.int().positive() }),
  payload: z.record(z.string(), z.unknown()),
});

/** `maxSeconds`: the longest that a quote lives. */
export async function createX402(
  facilitator: FacilitatorClient,
  { chainId, maxSeconds }: { chainId: number; maxSeconds: number },
): Promise<X402> {
  const network: Network = `eip155:${chainId}`;
  const server = new x402ResourceServer(facilitator).register(network, new ExactEvmScheme());
  await server.initialize();

  const requirementsOf = ({ quote, token }: Offer, seconds: number): Promise<PaymentRequirements[]> =>
    server.buildPaymentRequirements({
      scheme: "exact",
      network,
      payTo: quote.till,
      price: { asset: quote.token, amount: String(quote.maxPrice), extra: { ...token } },
      maxTimeoutSeconds: seconds,
      // Settled before anything is served: what is served is the receipt.
      extra: { paymentFlow: "upfront" },
    });

  return {
    async paymentRequired(offer, seconds, error) {
      const resource = {
        url: offer.payUrl,
        description: `One key of listing ${offer.quote.ekId}, version ${offer.quote.version}`,
        mimeType: "application/json",
      };
      return server.createPaymentRequiredResponse(await requirementsOf(offer, seconds), resource, error);
    },
    async readPayment(offer, header) {
      const payload = parseHeader(header);
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
  };
}

function parseHeader(header: string): PaymentPayload {
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
