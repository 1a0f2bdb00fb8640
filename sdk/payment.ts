/**
 * Paying for a quote over x402 v2, with the stock client: by our own `ek-purchase` scheme where the exchange offers it, which is cheaper and
 * needs no till, else by `exact`. What the exchange offers is checked against the quote before anything is signed, and a payment is signed
 * once: a lost answer is asked for again with the same payment.
 */

import type { PaymentRequirements } from "@x402/core/types";
import { ExactEvmScheme } from "@x402/evm/exact/client";
import { wrapFetchWithPayment, x402Client } from "@x402/fetch";
import { type Address, isAddressEqual } from "viem";
import { PURCHASE_SCHEME } from "./bound-purchase.ts";
import { ExchangeError } from "./errors.ts";
import { type Fetch, readError, readJson, type Server, unreachable } from "./http.ts";
import { isWithin, MAX_PAYMENT_SECONDS, type PurchaseBounds, PurchaseScheme } from "./purchase-scheme.ts";
import type { Signer } from "./signer.ts";
import { type Quote, quoteHash, tillAddress } from "./till.ts";
import type { QuoteResponse } from "./wire/listing.ts";
import { type PurchaseResponse, purchaseResponseSchema } from "./wire/purchase.ts";

/** A payment that was signed and whose outcome is not known: enough to ask again, and harmless to others. */
export type PendingPayment = { quote_id: string; payment_signature: string };

/** Milliseconds: together as long as a block takes on most chains, and an exchange to restart. */
const RETRY_DELAYS = [250, 500, 1_000, 2_000, 4_000, 8_000];
/** Milliseconds that one attempt may take: the exchange waits for a block. */
const PAY_TIMEOUT = 60_000;
/** Answers that leave open whether the money moved. */
const UNSETTLED = new Set([202, 408, 425, 429, 500, 502, 503, 504]);

/**
 * The quote as the contract knows it. Throws PAYMENT_FAILED unless it sells this listing to this buyer, for the price it shows, and its
 * till is the address that the contract would compute.
 */
export function checkQuote(
  response: QuoteResponse,
  expected: { chainId: number; tills: Address; ekId: bigint; buyer: Address },
): Quote {
  const quote: Quote = {
    ekId: BigInt(response.quote.ekId),
    version: response.quote.version,
    buyer: response.quote.buyer as Address,
    token: response.quote.token as Address,
    maxPrice: BigInt(response.quote.maxPrice),
    deadline: BigInt(response.quote.deadline),
    salt: response.quote.salt as Quote["salt"],
  };
  const till = tillAddress(expected, quote);
  const faults: [field: string, expected: unknown, actual: unknown][] = [
    ["listing", expected.ekId, quote.ekId],
    ["buyer", expected.buyer.toLowerCase(), quote.buyer.toLowerCase()],
    ["price", response.price.amount, String(quote.maxPrice)],
    ["token", response.price.token.toLowerCase(), quote.token.toLowerCase()],
    ["till", till.toLowerCase(), response.till.toLowerCase()],
  ];
  for (const [field, want, got] of faults) {
    if (want === got) continue;
    throw new ExchangeError(
      "PAYMENT_FAILED",
      `The quote's ${field} is ${got}, not ${want}. Nothing was signed.`,
      {
        hint: "Do not pay this quote: the exchange at this url is not the one on the chain, or it is not honest.",
        details: { quote_id: response.quote_id, field, expected: String(want), actual: String(got) },
      },
    );
  }
  return quote;
}

export type PayOptions = {
  server: Server;
  signer: Signer;
  chainId: number;
  /** Where the quote's contracts are. Without them, only `exact` is paid. */
  contracts?: { exchange: Address; tills: Address };
  quote: Quote;
  response: QuoteResponse;
  /** Milliseconds to wait before each further attempt to learn what became of the payment. */
  retryDelays?: readonly number[];
};

/** Pays a checked quote. Throws PAYMENT_FAILED, or PAYMENT_PENDING with the {@link PendingPayment} in its details. */
export async function payQuote(options: PayOptions): Promise<PurchaseResponse> {
  const { server, response, retryDelays = RETRY_DELAYS } = options;
  const client = createClient(options);
  const pay = wrapFetchWithPayment(patientFetch(server, response.quote_id, retryDelays), client);
  const answer = await pay(payUrl(server, response.quote_id), { method: "POST" }).catch((cause: unknown) => {
    if (cause instanceof ExchangeError) throw cause;
    throw new ExchangeError("PAYMENT_FAILED", `The payment was not made: ${messageOf(cause)}`, {
      hint: "Nothing was sent. The 402 must offer the quote's price to the quote's till, and the wallet must sign.",
      details: { quote_id: response.quote_id },
      cause,
    });
  });
  return readPurchase(server, answer);
}

function createClient({ signer, chainId, contracts, quote, response }: PayOptions): x402Client {
  const network = `eip155:${chainId}` as const;
  const bounds: PurchaseBounds | undefined = contracts && {
    exchange: contracts.exchange,
    token: quote.token,
    maxPrice: quote.maxPrice,
    ekId: quote.ekId,
    version: quote.version,
    recipient: quote.buyer,
    salt: quoteHash({ chainId, tills: contracts.tills }, quote),
  };
  return x402Client.fromConfig({
    schemes: [
      { network, client: new ExactEvmScheme(signer) },
      ...(bounds ? [{ network, client: new PurchaseScheme(signer, bounds) }] : []),
    ],
    spendControls: false, // they bound amount and asset; the policy bounds everything
    policies: [
      (_version, offers) =>
        offers.filter(
          (offer) =>
            isOfferFor(offer, quote, response.till) || (bounds && isPurchase(offer, signer.address, bounds)),
        ),
    ],
    paymentRequirementsSelector: (_version, offers) => bestOf(offers),
  });
}

/** The purchase scheme before the till: both end in the same key. */
function bestOf<T extends { scheme: string }>(offers: T[]): T {
  const [first] = offers;
  const best = offers.find(({ scheme }) => scheme === PURCHASE_SCHEME) ?? first;
  if (!best) throw new Error("The stock client selects from one offer at least.");
  return best;
}

/** Asks again what became of a payment, with the payment that was signed then. */
export async function resumePayment(server: Server, pending: PendingPayment): Promise<PurchaseResponse> {
  const request = new Request(payUrl(server, pending.quote_id), {
    method: "POST",
    headers: { "PAYMENT-SIGNATURE": pending.payment_signature },
  });
  return readPurchase(server, await patientFetch(server, pending.quote_id, RETRY_DELAYS)(request));
}

/** Only the quote's own purchase, with its own salt: two signatures for one quote are one payment. */
function isPurchase(offer: Offer, payer: Address, bounds: PurchaseBounds): boolean {
  return offer.scheme === PURCHASE_SCHEME && isWithin(offer as PaymentRequirements, payer, bounds);
}

type Offer = {
  scheme: string;
  asset: string;
  amount: string;
  payTo: string;
  maxTimeoutSeconds: number;
  extra?: Record<string, unknown> | undefined;
};

/** Only a plain ERC-3009 transfer of the quote's price to the quote's till is ever signed. */
function isOfferFor(offer: Offer, quote: Quote, till: string): boolean {
  return (
    offer.scheme === "exact" &&
    offer.amount === String(quote.maxPrice) &&
    isAddressEqual(offer.payTo as Address, till as Address) &&
    isAddressEqual(offer.asset as Address, quote.token) &&
    offer.maxTimeoutSeconds <= MAX_PAYMENT_SECONDS &&
    (offer.extra?.assetTransferMethod ?? "eip3009") === "eip3009"
  );
}

function payUrl(server: Server, quoteId: string): string {
  return `${server.url}/quotes/${encodeURIComponent(quoteId)}/pay`;
}

/** Sends a request with a payment until its outcome is known. A request without one is sent once. */
export function patientFetch(
  server: Server,
  quoteId: string,
  retryDelays: readonly number[] = RETRY_DELAYS,
): Fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const signature = request.headers.get("PAYMENT-SIGNATURE");
    if (signature === null) {
      return server.fetch(request, { signal: AbortSignal.timeout(PAY_TIMEOUT) }).catch((cause: unknown) => {
        throw unreachable(server, cause);
      });
    }
    let outcome = await attempt(server, request);
    for (const delay of retryDelays) {
      if (outcome instanceof Response && !UNSETTLED.has(outcome.status)) return outcome;
      await new Promise((resolve) => setTimeout(resolve, delay));
      outcome = await attempt(server, request);
    }
    if (outcome instanceof Response && !UNSETTLED.has(outcome.status)) return outcome;
    throw await pendingError(server, outcome, { quote_id: quoteId, payment_signature: signature });
  };
}

/** One attempt; the answer is whole, or it is a failure. */
async function attempt(server: Server, request: Request): Promise<Response | Error> {
  try {
    const response = await server.fetch(request, { signal: AbortSignal.timeout(PAY_TIMEOUT) });
    const body = await response.arrayBuffer();
    return new Response(body, { status: response.status, headers: response.headers });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

async function pendingError(
  server: Server,
  outcome: Response | Error,
  pending: PendingPayment,
): Promise<ExchangeError> {
  const cause = outcome instanceof Response ? await readError(server, outcome) : unreachable(server, outcome);
  return new ExchangeError(
    "PAYMENT_PENDING",
    `The payment was sent and its outcome is not known: ${cause.message}`,
    {
      hint: "Do not pay again. Call resume(error.details.pending): it asks with the same payment.",
      details: { pending },
      cause,
      ...(cause.requestId === undefined ? {} : { requestId: cause.requestId }),
    },
  );
}

async function readPurchase(server: Server, response: Response): Promise<PurchaseResponse> {
  if (!response.ok) throw await readError(server, response);
  return readJson(server, response, purchaseResponseSchema);
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
