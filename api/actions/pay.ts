/** POST /quotes/{id}/pay and what became of a quote. */
import { encodePaymentRequiredHeader, encodePaymentResponseHeader } from "@x402/core/http";
import type { SettleResponse } from "@x402/core/types";
import type { Hash } from "viem";
import { ExchangeError } from "../../sdk/errors.ts";
import { ekId as ekIds, listingId } from "../../sdk/ids.ts";
import type { PurchaseResponse, QuoteState } from "../../sdk/wire/purchase.ts";
import type { Deps } from "../deps.ts";
import { challengeHeaders } from "../mpp/offer.ts";
import { credentialIn, followAny, isForTempo, payByCredential, receiptHeaders } from "../mpp/pay.ts";
import { findAuthorization } from "../store/authorizations.ts";
import { dropName } from "../store/payment-ids.ts";
import { getPayment, livePaymentOf, type Payment } from "../store/payments.ts";
import { findQuote, type StoredQuote } from "../store/quotes.ts";
import { nameOf, quoteByName } from "./payment-identifier.ts";
import { PaymentRefusal } from "./payment-refusal.ts";
import { payUrlOf, tokenOf } from "./quote.ts";
import { goneError, isOpen, type QuoteEnd, quoteEndOf, reasonOf } from "./quote-end.ts";
import { failedError, finalizeQuote, pendingError } from "./quote-outcome.ts";
import type { Offer } from "./x402.ts";
import { declarePaid } from "./x402-extensions.ts";

/** The answer to a paying request: the purchase, or why not; and x402's headers in both cases. */
export type PayAnswer = { headers: Record<string, string> } & (
  | { purchase: PurchaseResponse }
  | { error: ExchangeError }
);

/** What a request to pay brings: x402's PAYMENT-SIGNATURE, or the Machine Payments Protocol's Authorization and Accept-Payment. */
export type PayHeaders = {
  signature?: string | undefined;
  authorization?: string | undefined;
  acceptPayment?: string | undefined;
};

/**
 * Pays a quote. A quote gives one key however often this is called, with or without a payment, by whichever protocol: the same answer
 * to all.
 */
export async function payQuote(deps: Deps, quoteId: string, headers: PayHeaders): Promise<PayAnswer> {
  await deps.guard.assertTrusted();
  const quote = await getQuote(deps, quoteId);
  const offer = { ...offerOf(deps, quote), mpp: { acceptPayment: headers.acceptPayment } };
  return payOffer(deps, offer, headers);
}

/** {@link payQuote} for a quote at whichever resource offers it. */
export async function payOffer(deps: Deps, offer: Offer, headers: PayHeaders): Promise<PayAnswer> {
  const { quote } = offer;
  const header = headers.signature;
  const credential = header === undefined && offer.mpp ? credentialIn(headers.authorization) : undefined;
  const payment = await livePaymentOf(deps.sql, quote.id);
  if (payment) {
    // Paid, or being paid: whatever this request brings, it must not pay a second time.
    const purchase = payment.purchase ?? (await followAny(deps, quote, payment).catch(unlessRefused));
    if (purchase) return answerOf(deps, offer, await getPayment(deps.sql, payment.id), purchase);
  }
  // Money on another chain may have moved already, however it stands with the quote here.
  if (credential && isForTempo(credential)) return settleCredential(deps, offer, credential);
  const end = await quoteEndOf(deps, quote);
  if (end.kind === "sold") return issued(deps, offer, end.sale.purchase, end.sale.payer);
  if (end.kind === "funded") {
    const sale = await finalizeQuote(deps, quote, end.finish);
    return issued(deps, offer, sale.purchase, sale.payer);
  }
  if (end.kind === "settling") throw pendingError(quote);
  // Its buyer may bring the signature with this request: a till that is paid already takes it as its word. And who paid an open quote that
  // somebody else submitted is known by the payment alone: its money goes back to it, however late it comes.
  const takesLate =
    end.kind === "unclaimed" || (end.kind === "expired" && isOpen(quote)) || isDearerOnly(quote, end);
  const isPaying = (header ?? credential) !== undefined;
  if (end.kind !== "open" && !(takesLate && isPaying)) throw await failedError(deps, quote, end, end.kind);
  if (!isPaying) return unpaid(deps, offer);
  const answer =
    credential === undefined
      ? await settle(deps, offer, header ?? "")
      : await settleCredential(deps, offer, credential);
  // What is paid already is not asked for again.
  if (end.kind !== "unclaimed" || "purchase" in answer) return answer;
  throw await failedError(deps, quote, end, end.kind);
}

/** The price has moved, and the quote has a ceiling above it: whether a payment reaches it shows at its sale. */
function isDearerOnly({ ceiling }: StoredQuote, end: QuoteEnd): boolean {
  return ceiling !== undefined && end.kind === "closed" && end.revert.name === "CostAboveMaximum";
}

/** That payment came to nothing: this request has its own turn. */
function unlessRefused(error: unknown): undefined {
  if (!(error instanceof PaymentRefusal)) throw error;
}

/** By the Machine Payments Protocol. */
async function settleCredential(deps: Deps, offer: Offer, credential: string): Promise<PayAnswer> {
  try {
    const { quoteId, purchase } = await payByCredential(deps, offer.quote, credential);
    const payment = await livePaymentOf(deps.sql, quoteId);
    if (payment) return answerOf(deps, offer, payment, payment.purchase ?? purchase);
    throw new Error(`Quote ${offer.quote.id} was settled without evidence.`);
  } catch (error) {
    if (error instanceof PaymentRefusal) return unpaid(deps, offer, { refusal: error });
    throw error;
  }
}

async function settle(deps: Deps, offer: Offer, header: string): Promise<PayAnswer> {
  try {
    const paid = await deps.x402.readPayment(offer, header);
    const name = await nameOf(deps, paid);
    const quote = name ? await quoteByName(deps, offer.quote, name, offer.sameness) : offer.quote;
    // The request was made before: what became of it then is the answer now.
    if (quote.id !== offer.quote.id) return payOffer(deps, { ...offer, quote }, {});
    const giveUp = async () => name && dropName(deps.sql, name, offer.quote.id);
    const settled = await deps.x402.settle(paid).catch(async (error: unknown) => {
      if (isEnd(error)) await giveUp();
      throw error;
    });
    if (settled.success) {
      // The facilitator's own word: what was sold may be another quote than was offered, see `nameBuyer`.
      const payment = await livePaymentOf(deps.sql, settled.extra?.quote_id as Hash);
      if (payment?.purchase) return answerOf(deps, offer, payment, payment.purchase);
      throw new Error(`Quote ${offer.quote.id} was settled without evidence.`);
    }
    await giveUp();
    return await unpaid(deps, offer, {
      refusal: new PaymentRefusal(
        settled.errorReason ?? "settlement_failed",
        settled.errorMessage ?? "The payment was not taken.",
      ),
      settled,
    });
  } catch (error) {
    if (error instanceof PaymentRefusal) return unpaid(deps, offer, { refusal: error });
    throw error;
  }
}

/** Whether the error says that the payment came to nothing: neither that it is on its way, nor that something is down. */
function isEnd(error: unknown): boolean {
  return error instanceof ExchangeError && error.status >= 400 && error.status < 500;
}

/** 402: what to pay, and where the last attempt failed. */
export async function unpaid(
  deps: Deps,
  offer: Offer,
  { refusal, settled }: { refusal?: PaymentRefusal; settled?: SettleResponse } = {},
): Promise<PayAnswer> {
  const seconds = Math.floor(Number(offer.quote.deadline) - Date.now() / 1000);
  if (seconds < 1) throw goneError(offer.quote, "quote_expired");
  const required = await deps.x402.paymentRequired(offer, seconds, refusal?.reason ?? "Payment required");
  const [accepts] = required.accepts;
  const error =
    refusal ??
    new ExchangeError("PAYMENT_REQUIRED", `This quote costs ${offer.quote.maxPrice} (smallest units).`, {
      hint: "Pay with any x402 v2 or MPP client: PAYMENT-REQUIRED and WWW-Authenticate say what, in what and to where.",
      details: { quote_id: offer.quote.id, x402: accepts },
    });
  return {
    error,
    headers: {
      "PAYMENT-REQUIRED": encodePaymentRequiredHeader(required),
      ...(offer.mpp && (await challengeHeaders(deps, offer.quote, offer.mpp.acceptPayment))),
      ...(settled ? { "PAYMENT-RESPONSE": encodePaymentResponseHeader(settled) } : {}),
      "Cache-Control": "no-store",
    },
  };
}

/** Who paid, as far as it is an account: other rails' payers are known to their providers. */
async function payerOf({ sql }: Deps, payment: Payment): Promise<string> {
  return (await findAuthorization(sql, payment.id))?.from ?? payment.buyer;
}

/** The purchase with the receipt of the protocol that it was paid by. */
async function answerOf(
  deps: Deps,
  offer: Offer,
  payment: Payment,
  purchase: PurchaseResponse,
): Promise<PayAnswer> {
  const answer = await issued(deps, offer, purchase, await payerOf(deps, payment));
  return { ...answer, headers: { ...answer.headers, ...(await receiptHeaders(deps, payment)) } };
}

async function issued(
  deps: Deps,
  offer: Offer,
  purchase: PurchaseResponse,
  payer: string,
): Promise<PayAnswer> {
  const settled: SettleResponse = {
    success: true,
    transaction: purchase.tx,
    network: `eip155:${deps.chain.id}`,
    payer,
    amount: purchase.price.amount,
    extensions: await deps.x402.receipt(offer, { payer, tx: purchase.tx }),
  };
  return {
    purchase,
    headers: {
      "PAYMENT-RESPONSE": encodePaymentResponseHeader(settled),
      "Cache-Control": "private, no-store",
    },
  };
}

async function getQuote(deps: Deps, quoteId: string): Promise<StoredQuote> {
  const quote = await findQuote(deps.sql, quoteId.toLowerCase());
  if (quote) return quote;
  throw new ExchangeError("NOT_FOUND", `There is no quote ${quoteId.slice(0, 80)}.`, {
    hint: "Ask for one: POST /listings/{ek_id}/quote.",
    details: { quote_id: quoteId.slice(0, 80) },
  });
}

/** The quote as it is offered at its own pay url. */
function offerOf(deps: Deps, quote: StoredQuote): Offer {
  return {
    quote,
    resource: {
      url: payUrlOf(deps, quote.id),
      description: `One key of listing ${quote.ekId}, version ${quote.version}`,
      mimeType: "application/json",
    },
    extensions: declarePaid(),
    token: domainOf(deps, quote),
    sameness: quote.id,
  };
}

/** The EIP-712 domain of the quote's token. */
export function domainOf(deps: Deps, quote: StoredQuote): Offer["token"] {
  const { name, version } = tokenOf(deps, quote.token);
  return { name, version };
}

/** GET /quotes/{id}: reads, and changes nothing. */
export async function quoteState(deps: Deps, quoteId: string): Promise<QuoteState> {
  await deps.guard.assertTrusted();
  const quote = await getQuote(deps, quoteId);
  const ref = { chainId: deps.chain.id, ekId: quote.ekId };
  const common = {
    quote_id: quote.id,
    ek_id: ekIds.serialize(ref),
    listing_id: listingId.serialize({ ...ref, version: quote.version }),
    expires_at: new Date(Number(quote.deadline) * 1000).toISOString(),
    till: quote.till,
    pay_url: payUrlOf(deps, quote.id),
  };
  const payment = await livePaymentOf(deps.sql, quote.id);
  if (payment?.purchase)
    return { ...common, state: "issued", tx: payment.purchase.tx, purchase: payment.purchase };
  const end = stateOf(await quoteEndOf(deps, quote));
  // A payment of ours that is on its way speaks louder than an empty till.
  return { ...common, ...(payment && end.state === "open" ? { state: "pending" as const } : end) };
}

function stateOf(end: QuoteEnd): Pick<QuoteState, "state" | "reason" | "tx" | "purchase"> {
  switch (end.kind) {
    case "sold":
      return { state: "issued", tx: end.sale.purchase.tx, purchase: end.sale.purchase };
    case "refunded":
      return { state: "refunded", tx: end.tx };
    case "expired":
      return { state: "expired", reason: "quote_expired" };
    case "closed":
      return { state: "unavailable", reason: reasonOf(end.revert) };
    case "settling":
      return { state: "pending" };
    case "unclaimed":
      return { state: "funded", reason: "buyer_not_agent" };
    default:
      return { state: end.kind };
  }
}
