/** The Machine Payments Protocol's part of paying a quote: what a credential pays, and its receipt. */
import { type Challenge, Credential, Receipt } from "mppx";
import { type Address, type Hash, keccak256 } from "viem";
import { Transaction } from "viem/tempo";
import { z } from "zod";
import { ExchangeError } from "../../sdk/errors.ts";
import { addressSchema } from "../../sdk/wire/common.ts";
import type { PurchaseResponse } from "../../sdk/wire/purchase.ts";
import { assertSellable, claimFree } from "../actions/payment-checks.ts";
import { PaymentRefusal } from "../actions/payment-refusal.ts";
import { assertSigned } from "../actions/payment-signature.ts";
import { closedError, isOpen } from "../actions/quote-end.ts";
import { pendingError } from "../actions/quote-outcome.ts";
import { followPayment, settlePayment } from "../actions/settlement.ts";
import type { Deps } from "../deps.ts";
import { errorFields, log } from "../http/log.ts";
import {
  findPayment,
  getPayment,
  keepLease,
  openStates,
  type Payment,
  takeOverPayment,
} from "../store/payments.ts";
import type { StoredQuote } from "../store/quotes.ts";
import { carryOn } from "./carry-on.ts";
import { memoNonceOf } from "./memo.ts";
import { challengeOf, offerOf, refusalToIssue } from "./offer.ts";
import type { Accepted, MppOffer, TempoCredential } from "./protocol.ts";
import { receive, takeTempoPayment } from "./receive.ts";
import { confirmedAt, type Pulled, saveChallenge, tempoPaymentOf, transferOf } from "./store.ts";
import { readTransfers, type Tempo } from "./tempo.ts";
import type { TempoRail } from "./tempo-rail.ts";

/** Milliseconds between two looks at a payment that another process works on. */
const LOOK_AGAIN = 150;

/** The credential of the Payment scheme in an Authorization header. */
export function credentialIn(authorization: string | undefined): string | undefined {
  return (authorization && Credential.extractPaymentScheme(authorization)) || undefined;
}

/** Whether the credential says that it pays on Tempo. What can't be read does not. */
export function isForTempo(credential: string): boolean {
  return challengeIn(credential)?.method === "tempo";
}

/** Which quote the credential says to pay; undefined for one that can't be read, or names none. */
export function quoteIdIn(credential: string): string | undefined {
  const { externalId } = challengeIn(credential)?.request ?? {};
  return typeof externalId === "string" ? externalId : undefined;
}

/** Whom the credential says to be of, as far as that is an account of a chain's. */
export function payerInCredential(credential: string): Address | undefined {
  return payloadSchema.safeParse(read(credential)?.payload).data?.from;
}

const payloadSchema = z.object({ from: addressSchema });

function challengeIn(credential: string): Challenge.Challenge | undefined {
  return read(credential)?.challenge;
}

function read(credential: string): Credential.Credential | undefined {
  try {
    return Credential.deserialize(credential);
  } catch {
    return undefined; // `accept` says what is wrong with it
  }
}

/** Pays the quote by a credential. Throws {@link PaymentRefusal} when nothing was paid, and PAYMENT_PENDING while that is open. */
export async function payByCredential(deps: Deps, quote: StoredQuote, credential: string): Promise<Bought> {
  const { mpp, tempo } = deps;
  if (!mpp) {
    throw new PaymentRefusal("method-unsupported", "The Machine Payments Protocol is not offered here.");
  }
  const offer = offerOf(deps, quote);
  const accepted: Accepted = await mpp.accept(offer, credential);
  if (accepted.method === "evm") return payByTransfer(deps, quote, accepted);
  if (!tempo) throw new PaymentRefusal("method-unsupported", "Payments on Tempo are not offered here.");
  const purchase = await payOnTempo(deps, tempo, offer, accepted.challengeId, accepted.payment);
  return { quoteId: quote.id, purchase };
}

/** What was sold: another quote than was offered, where a free key's own buyer was named in it. */
export type Bought = { quoteId: Hash; purchase: PurchaseResponse };

/** The till again, as by x402's `exact`. */
async function payByTransfer(
  deps: Deps,
  offered: StoredQuote,
  { challengeId, authorization }: Extract<Accepted, { method: "evm" }>,
): Promise<Bought> {
  // One that comes late is not looked at by mppx.
  if (isOpen(offered)) await assertSigned(deps, offered, authorization);
  const checked = await claimFree(deps, { quote: offered, authorization });
  await assertSellable(deps, checked);
  const { quote } = checked;
  const reference = referenceFor(offered, challengeId, authorization.from);
  const purchase = await settlePayment(deps, quote, authorization, { rail: "mpp", reference });
  return { quoteId: quote.id, purchase };
}

/** A challenge of an open quote is everybody's: there the payer is part of the payment's name. */
function referenceFor(quote: StoredQuote, challengeId: string, payer: Address): string {
  return isOpen(quote) ? `${challengeId}/${payer.toLowerCase()}` : challengeId;
}

async function payOnTempo(
  deps: Deps,
  rail: TempoRail,
  offer: MppOffer,
  challengeId: string,
  paid: TempoCredential,
): Promise<PurchaseResponse> {
  const { sql } = deps;
  const { quote } = offer;
  const challenge = challengeOf(rail.tempo, offer, challengeId);
  if (paid.type === "hash") {
    await saveChallenge(sql, challenge);
    return payByHash(deps, rail, quote, challengeId, paid.hash);
  }
  const pulled = await readPulled(rail.tempo, quote, paid.raw);
  const refusal = await refusalToIssue(deps, rail, quote);
  if (refusal) throw closedError(deps.chain, quote, refusal, 0n);
  await saveChallenge(sql, challenge);
  const { payment, mine } = await takeTempoPayment(deps, rail.tempo, challenge, { pulled });
  return mine ? carryThrough(deps, rail, quote, payment) : followPayment(deps, quote, payment);
}

/** What the payer signed, as the chain will name it. It must be over soon: else nobody could ever say that it was not paid. */
async function readPulled(tempo: Tempo, quote: StoredQuote, raw: Pulled["raw"]): Promise<Pulled> {
  const transaction = Transaction.deserialize(raw as Transaction.TransactionSerializedTempo);
  if (transaction.chainId !== tempo.chainId) {
    throw new PaymentRefusal(
      "verification-failed",
      `The transaction is for chain ${transaction.chainId}, the challenge for ${tempo.chainId}.`,
    );
  }
  const { validBefore } = transaction;
  if (validBefore === undefined || BigInt(validBefore) > quote.deadline) {
    throw new PaymentRefusal(
      "verification-failed",
      `The transaction must not be valid longer than its challenge: validBefore is at most ${quote.deadline}.`,
    );
  }
  // A signature can be written in several ways: nodes know the transaction by this one.
  const canonical = (await Transaction.serialize(transaction)) as Pulled["raw"];
  return { raw: canonical, tx: keccak256(canonical), validBefore: BigInt(validBefore) };
}

/** A transaction that the payer sent. A hash proves nothing: what its log says of this challenge counts. */
async function payByHash(
  deps: Deps,
  rail: TempoRail,
  quote: StoredQuote,
  challengeId: string,
  hash: Pulled["tx"],
): Promise<PurchaseResponse> {
  const { sql } = deps;
  const transfers = await readTransfers(rail.tempo, hash);
  if (!transfers) throw pendingError(quote, hash);
  const named = transfers.filter(({ memoNonce }) => memoNonce === memoNonceOf(challengeId));
  if (named.length === 0) {
    throw new PaymentRefusal(
      "verification-failed",
      `Transaction ${hash} has no transfer of the token to ${rail.tempo.recipient} whose memo names this challenge.`,
    );
  }
  if (!(await receive(deps, rail.tempo, transfers))) throw pendingError(quote, hash);
  const payment = await findPayment(sql, "mpp", challengeId);
  const counted = payment && (await transferOf(sql, payment.id));
  if (!payment || counted?.tx.toLowerCase() !== hash.toLowerCase()) throw surplusError(quote, named);
  return carryOrFollow(deps, rail, quote, payment);
}

/** Waits for the end of a payment that is there already: one on Tempo is carried on by whoever asks for it. */
export async function followAny(deps: Deps, quote: StoredQuote, payment: Payment): Promise<PurchaseResponse> {
  const isOnTempo = payment.rail === "mpp" && (await tempoPaymentOf(deps.sql, payment.id)) !== undefined;
  return isOnTempo && deps.tempo
    ? carryOrFollow(deps, deps.tempo, quote, payment)
    : followPayment(deps, quote, payment);
}

/** Whoever gets hold of the payment carries it on; the others wait for what comes of it. */
async function carryOrFollow(
  deps: Deps,
  rail: TempoRail,
  quote: StoredQuote,
  payment: Payment,
): Promise<PurchaseResponse> {
  for (const end = performance.now() + deps.chain.patience; performance.now() < end; ) {
    const now = await getPayment(deps.sql, payment.id);
    if (now.purchase) return now.purchase;
    if (!openStates.includes(now.state)) break;
    if (await takeOverPayment(deps.sql, payment.id)) return carryThrough(deps, rail, quote, now);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
  }
  return followPayment(deps, quote, await getPayment(deps.sql, payment.id), 0);
}

/** The transfer is none that the quote waits for: another sum, or the quote is paid. */
function surplusError(quote: StoredQuote, transfers: { payer: string; amount: bigint }[]): ExchangeError {
  return new ExchangeError("PAYMENT_FAILED", "The transfer does not pay this quote, and goes back.", {
    status: 409,
    hint: "Do not send it again: the money returns to its sender on Tempo.",
    details: {
      quote_id: quote.id,
      reason: "surplus",
      refunds: transfers.map(({ payer, amount }) => ({ to: payer, amount: String(amount) })),
    },
  });
}

/** Carries a payment of ours as far as it goes now, and lets go of it. */
async function carryThrough(
  deps: Deps,
  rail: TempoRail,
  quote: StoredQuote,
  payment: Payment,
): Promise<PurchaseResponse> {
  try {
    await carryOn(deps, rail, payment);
  } catch (error) {
    // The money may have moved: the reconciler goes on.
    log("warn", "a payment on Tempo waits", { payment: payment.id, ...errorFields(error) });
  }
  const now = await getPayment(deps.sql, payment.id);
  if (now.purchase) return now.purchase;
  if (now.state === "PaymentAuthorized" || now.state === "Unknown") await keepLease(deps.sql, payment.id, 0);
  return followPayment(deps, quote, now, 0);
}

/** The headers of a paid answer: the protocol's receipt, for payments that came by it. */
export async function receiptHeaders({ sql }: Deps, payment: Payment): Promise<Record<string, string>> {
  const { purchase } = payment;
  if (payment.rail !== "mpp" || !purchase) return {};
  const transfer = await transferOf(sql, payment.id);
  const receipt = Receipt.from({
    method: transfer ? "tempo" : "evm",
    reference: transfer?.tx ?? purchase.tx,
    status: "success",
    timestamp: (await confirmedAt(sql, payment.id)).toISOString(),
    ...(payment.quoteId ? { externalId: payment.quoteId } : {}),
    challengeId: payment.reference.split("/")[0],
  });
  return { "Payment-Receipt": Receipt.serialize(receipt) };
}
