/** POST /x402/{ek_id}: a resource of which any x402 or MPP client gets a key by paying, without having asked for a quote before. */

import { type Address, isAddressEqual, zeroAddress } from "viem";
import { z } from "zod";
import { purchaseExtraSchema } from "../../sdk/bound-purchase.ts";
import { ExchangeError } from "../../sdk/errors.ts";
import { agentId as agentIds, ekId as ekIds, listingId } from "../../sdk/ids.ts";
import { addressSchema } from "../../sdk/wire/common.ts";
import type { OneStepResponse } from "../../sdk/wire/x402.ts";
import { ekNumber } from "../chain/listings.ts";
import type { Deps } from "../deps.ts";
import { credentialIn, payerInCredential, quoteIdIn } from "../mpp/pay.ts";
import { livePaymentOf } from "../store/payments.ts";
import { findQuote, findQuoteByTill, type StoredQuote, saveQuote } from "../store/quotes.ts";
import { consumeSiwxNonce } from "../store/siwx-nonces.ts";
import { type HeldKey, heldKey, readSignIn } from "./holder.ts";
import { domainOf, type PayAnswer, type PayHeaders, payOffer, unpaid } from "./pay.ts";
import { payerIn } from "./payment-identifier.ts";
import { PaymentRefusal } from "./payment-refusal.ts";
import type { ProofHeader } from "./proof.ts";
import { makeQuote } from "./quote.ts";
import { buyerOf, isOpen } from "./quote-end.ts";
import { issueToken } from "./token.ts";
import { uptoExtraSchema } from "./upto.ts";
import { type Offer, parsePayment } from "./x402.ts";
import { declareOneStep, SERVICE_NAME, TAGS } from "./x402-extensions.ts";

export type OneStepRequest = {
  ekId: string;
  /** Who gets the key, as the request names it: not checked yet. Undefined for whoever pays. */
  buyer: unknown;
  /** What pays, and by which protocol. */
  headers: PayHeaders;
  /** SIGN-IN-WITH-X. */
  signIn: string | undefined;
  /** DPoP, for who wants its token bound to a key. */
  proof: ProofHeader;
};

export type OneStepAnswer = { headers: Record<string, string> } & (
  | { body: OneStepResponse }
  | { error: ExchangeError }
);

/** Sells, or lets a holder in. Whatever comes without a payment and without a holder's sign-in gets its 402. */
export async function buyInOneStep(deps: Deps, request: OneStepRequest): Promise<OneStepAnswer> {
  await deps.guard.assertTrusted();
  const at: At = { ...request, number: ekNumber(deps.chain, request.ekId), url: urlOf(deps, request) };
  const { signature, authorization } = request.headers;
  const payment = signature === undefined ? credentialIn(authorization) : signature;
  if (payment !== undefined) return pay(deps, at, payment);
  const signedIn = request.signIn === undefined ? undefined : await letIn(deps, at, request.signIn);
  if (signedIn && "body" in signedIn) return signedIn;
  return ask(deps, at, signedIn && new PaymentRefusal(signedIn.refusal, "The sign-in does not count here."));
}

type At = OneStepRequest & { number: bigint; url: string };

/** Where the resource is, for this buyer. */
function urlOf({ publicUrl }: Deps, { ekId, buyer }: OneStepRequest): string {
  const url = new URL(`${publicUrl}/x402/${ekId}`);
  const named = addressSchema.safeParse(buyer);
  if (named.success) url.searchParams.set("buyer", named.data);
  return url.toString();
}

/** 402 with a quote of its own. */
async function ask(deps: Deps, at: At, refusal?: PaymentRefusal): Promise<OneStepAnswer> {
  const named = addressSchema.safeParse(at.buyer);
  const quote = await makeQuote(deps, at.ekId, named.success ? named.data : zeroAddress);
  await saveQuote(deps.sql, quote);
  return wrap(await unpaid(deps, offerOf(deps, at, quote), refusal ? { refusal } : {}));
}

/** By an x402 payment, or by a credential of the Machine Payments Protocol. */
async function pay(deps: Deps, at: At, payment: string): Promise<OneStepAnswer> {
  assertBuyer(at);
  let word: Word;
  try {
    word =
      at.headers.signature === undefined
        ? await byCredential(deps, at, payment)
        : await byPayment(deps, at, payment);
  } catch (error) {
    if (error instanceof PaymentRefusal) return ask(deps, at, error);
    throw error;
  }
  const { quote, payer } = word;
  const held = payer && (await heldBefore(deps, at, quote, payer));
  return held ? heldAnswer(deps, at, held) : wrap(await payOffer(deps, offerOf(deps, at, quote), at.headers));
}

/** The quote that is paid, and by whom: undefined where that can't be read, or where the money has moved already. */
type Word = { quote: StoredQuote; payer: Address | undefined };

/** An unreadable name gets its 402 like everything else, but no money: it would go to a key for somebody else. */
function assertBuyer({ buyer }: At): void {
  if (buyer === undefined || addressSchema.safeParse(buyer).success) return;
  throw new ExchangeError("INVALID_EOA", `The buyer ${JSON.stringify(buyer)?.slice(0, 80)} is no address.`, {
    hint: "Name an EVM address, or nobody: then whoever pays gets the key. Nothing was paid.",
  });
}

/** The quote that the payment accepts. Throws {@link PaymentRefusal} for one that is not of this listing and buyer. */
async function byPayment(deps: Deps, at: At, header: string): Promise<Word> {
  const payload = parsePayment(header);
  const { payTo, extra } = payload.accepted;
  const id = quoteNamedSchema.safeParse(extra).data;
  const quote = id ? await findQuote(deps.sql, id) : await findQuoteByTill(deps.sql, String(payTo));
  return { quote: fitting(at, quote, "invalid_payment_requirements"), payer: payerIn(payload) };
}

/** The offers that name their quote: what is paid by the others, its till does. */
const quoteNamedSchema = z.union([
  purchaseExtraSchema.transform(({ salt }) => salt),
  uptoExtraSchema.transform(({ quote_id }) => quote_id),
]);

/** The same of a credential: its challenge names its quote. */
async function byCredential(deps: Deps, at: At, credential: string): Promise<Word> {
  const id = quoteIdIn(credential);
  const quote = id === undefined ? undefined : await findQuote(deps.sql, id);
  return { quote: fitting(at, quote, "invalid-challenge"), payer: payerInCredential(credential) };
}

function fitting(at: At, quote: StoredQuote | undefined, reason: string): StoredQuote {
  const named = addressSchema.safeParse(at.buyer);
  const fits =
    quote &&
    quote.ekId === at.number &&
    (named.success ? isAddressEqual(quote.buyer, named.data) : isOpen(quote));
  if (fits) return quote;
  throw new PaymentRefusal(
    reason,
    `The payment is for no quote of ${at.ekId}${named.success ? ` and ${named.data}` : ""}.`,
  );
}

/** A holder does not pay twice: what it holds is the answer, unless this quote is what it got the key by. */
async function heldBefore(
  deps: Deps,
  { number }: At,
  quote: StoredQuote,
  payer: Address,
): Promise<HeldKey | undefined> {
  if (await livePaymentOf(deps.sql, quote.id)) return undefined;
  return heldKey(deps, number, buyerOf(quote, payer));
}

/** A holder by its sign-in; why not, otherwise. Only what is answered with something uses the message up. */
async function letIn(
  deps: Deps,
  at: At,
  header: string,
): Promise<{ body: OneStepResponse; headers: Record<string, string> } | { refusal: string }> {
  const signIn = await readSignIn(deps, header, at.url);
  if ("refusal" in signIn) return signIn;
  const held = await heldKey(deps, at.number, signIn.address);
  if (!held) return { refusal: "siwx_holds_no_key" };
  if (!(await consumeSiwxNonce(deps.sql, signIn))) return { refusal: "invalid_siwx_nonce" };
  const access = await issueToken(deps, held.binding, at.ekId, at.proof);
  const { body, headers } = heldAnswer(deps, at, held);
  return { body: { ...body, access }, headers };
}

function heldAnswer(
  { chain }: Deps,
  { ekId, number }: At,
  { binding, keyId, version }: HeldKey,
): { body: OneStepResponse; headers: Record<string, string> } {
  return {
    body: {
      ek_id: ekId,
      listing_id: listingId.serialize({ chainId: chain.id, ekId: number, version }),
      key_id: keyId,
      buyer: {
        agent_id: agentIds.serialize({ chainId: chain.id, agentId: binding.agentId }),
        eoa: binding.eoa,
      },
    },
    headers: { "Cache-Control": "private, no-store" },
  };
}

function wrap(answer: PayAnswer): OneStepAnswer {
  if ("error" in answer) return answer;
  const { purchase, headers } = answer;
  const { ek_id, listing_id, key_id, buyer } = purchase;
  return { headers, body: { ek_id, listing_id, key_id, buyer, purchase } };
}

function offerOf(deps: Deps, { ekId, url, buyer, headers }: At, quote: StoredQuote): Offer {
  return {
    quote,
    resource: {
      url,
      description: `A key of ${ekId}: what was bought with it is fetched from its seller's gateway`,
      mimeType: "application/json",
      serviceName: SERVICE_NAME,
      tags: TAGS,
    },
    extensions: declareOneStep(url, deps.chain.id),
    token: domainOf(deps, quote),
    mpp: { acceptPayment: headers.acceptPayment },
    sameness: JSON.stringify([
      "one-step",
      ekIds.serialize({ chainId: deps.chain.id, ekId: quote.ekId }),
      buyer ?? null,
    ]),
  };
}
