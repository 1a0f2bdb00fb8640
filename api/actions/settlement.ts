/**
 * From a payment to a key. The row comes first, then one transaction, then the evidence. Whatever happens in between (a crash, a lost
 * answer, somebody else's transaction), the chain tells what became of the quote, and nothing is ever charged twice.
 */
import type { ExchangeError } from "../../sdk/errors.ts";
import type { PurchaseResponse } from "../../sdk/wire/purchase.ts";
import type { Chain } from "../chain/client.ts";
import { TransactionNotSent } from "../chain/relay-errors.ts";
import { type Call, ContractRefusal, type Relayer } from "../chain/relayer.ts";
import { type Sale, saleIn } from "../chain/sales.ts";
import {
  type Authorization,
  authorizationOf,
  findAuthorization,
  referenceOf,
  saveAuthorization,
} from "../store/authorizations.ts";
import type { Sql } from "../store/database.ts";
import { markFailed, markIssued, markNotSent, markUnknown, move } from "../store/payment-moves.ts";
import {
  getPayment,
  keepLease,
  noteTransaction,
  type Payment,
  PaymentLost,
  takeOverPayment,
  takePayment,
} from "../store/payments.ts";
import { findQuote, type StoredQuote } from "../store/quotes.ts";
import { askToSubmit, type ForeignFacilitator, type Said, transfersInto } from "./foreign-facilitator.ts";
import { PaymentRefusal, paymentRefusalOf } from "./payment-refusal.ts";
import {
  buyerOf,
  goneError,
  isOpen,
  paymentReferenceOf,
  type QuoteEnd,
  quoteEndOf,
  saleCall,
} from "./quote-end.ts";
import { failedError, pendingError } from "./quote-outcome.ts";
import { strandedError, waitingError } from "./stranded.ts";

export type Settling = {
  chain: Chain;
  relayer: Relayer;
  sql: Sql;
  /** Who submits `exact` payments, where it is not the exchange itself. */
  foreign?: ForeignFacilitator | undefined;
};

/** Milliseconds between two looks at a payment that another process works on. */
const LOOK_AGAIN = 150;
/** Milliseconds in which whoever holds a payment is most often done with it. */
const HOLDER_TIME = 1_000;

/** Seconds after which a facilitator is asked again that left a payment open. */
const ASK_AGAIN = 2;

/**
 * Settles a checked authorization, or follows the one who does. Throws PAYMENT_PENDING when the outcome stays open. `name`: what the
 * payment is called on another rail than x402.
 */
export async function settlePayment(
  deps: Settling,
  quote: StoredQuote,
  authorization: Authorization,
  name?: Pick<Payment, "rail" | "reference">,
): Promise<PurchaseResponse> {
  const where = { chainId: deps.chain.id, token: quote.token };
  const facilitator = facilitatorFor(deps, quote, authorization);
  const { payment, mine } = await takePayment(
    deps.sql,
    {
      ...(name ?? { rail: "x402", reference: referenceOf(where, authorization) }),
      quoteId: quote.id,
      ...{ buyer: buyerOf(quote, authorization.from), ekId: quote.ekId, version: quote.version },
      ...{ amount: authorization.value, currency: quote.token.toLowerCase() },
      evidence: { payer: authorization.from, nonce: authorization.nonce, signature: authorization.signature },
    },
    (tx, id) => saveAuthorization(tx, id, where, { ...authorization, ...facilitator }),
  );
  if (payment.quoteId !== quote.id) {
    throw new PaymentRefusal(
      "invalid_exact_evm_nonce_already_used",
      "This authorization was sent for another quote.",
    );
  }
  return mine
    ? sendPayment(deps, quote, payment, { ...authorization, ...facilitator })
    : followPayment(deps, quote, payment);
}

/**
 * Where the payment is submitted. Nothing moves for a free key, nobody but the exchange can submit what is bound to it, and an open quote's
 * payment must come with the sale itself.
 */
function facilitatorFor(
  { foreign }: Settling,
  quote: StoredQuote,
  { scheme }: Authorization,
): { facilitator?: string } {
  return foreign && scheme === "exact" && quote.maxPrice > 0n && !isOpen(quote)
    ? { facilitator: foreign.url }
    : {};
}

/** Waits for the end of a payment that is on its way; takes it over from a process that gave it up. */
export async function followPayment(
  deps: Settling,
  quote: StoredQuote,
  payment: Payment,
  patience = deps.chain.patience,
): Promise<PurchaseResponse> {
  const start = performance.now();
  const end = start + patience;
  for (let now = payment; ; now = await getPayment(deps.sql, payment.id)) {
    const purchase = await lookAt(deps, quote, now, performance.now() - start > HOLDER_TIME);
    if (purchase) return purchase;
    if (performance.now() >= end) throw pendingError(quote, now.tx);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
  }
}

async function lookAt(
  deps: Settling,
  quote: StoredQuote,
  payment: Payment,
  isLate: boolean,
): Promise<PurchaseResponse | undefined> {
  if (payment.purchase) return payment.purchase;
  // Paid back where it was paid: not on this chain.
  if (payment.state === "Refunded" && payment.rail !== "x402") throw goneError(quote, "quote_refunded");
  if (payment.state === "Failed" || payment.state === "Refunded") {
    const end = await quoteEndOf(deps, quote);
    if (end.kind === "sold") return end.sale.purchase;
    throw await failedError(deps, quote, end, payment.reason ?? "unknown");
  }
  const authorization = await findAuthorization(deps.sql, payment.id);
  if (!authorization) return undefined; // its own rail and the reconciler carry it on
  if (payment.state === "PaymentConfirmed" && payment.leased && isOpen(quote)) {
    throw await waitingError(deps, quote, authorization.from);
  }
  // Who holds it writes down how it ends; one that has died does not, and what a block has is so whoever holds it.
  const isHeld = payment.leased && payment.state !== "Unknown";
  if (isHeld) return isLate ? (await sentBefore(deps, quote, payment, authorization))?.purchase : undefined;
  const sent = await sentBefore(deps, quote, payment, authorization);
  if (sent) return sent.purchase;
  if (!(await takeOverPayment(deps.sql, payment.id))) return undefined;
  return sendPayment(deps, quote, payment, authorization);
}

/** What became of the transaction that was signed for the payment; undefined when there is none that may still come. */
async function sentBefore(
  deps: Settling,
  quote: StoredQuote,
  payment: Payment,
  authorization: Authorization,
): Promise<{ purchase?: PurchaseResponse } | undefined> {
  if (!payment.tx) return undefined;
  const fate = await deps.relayer.fateOf(payment.tx);
  if (typeof fate === "string") return fate === "waiting" ? {} : undefined;
  const paymentRef = paymentReferenceOf(deps.chain, quote, authorization);
  const sale = await saleIn(deps.chain, fate.receipt, { paymentRef });
  return sale && { purchase: await issue(deps, payment, sale) };
}

/** The x402 rail's way to go on: see `Rail.resume`. */
export async function resumePayment(deps: Settling, payment: Payment): Promise<void> {
  const quote = payment.quoteId && (await findQuote(deps.sql, payment.quoteId));
  if (!quote) throw new Error(`Payment ${payment.id} has no quote.`); // stored before it
  const authorization = await authorizationOf(deps.sql, payment.id);
  if (await sentBefore(deps, quote, payment, authorization)) return;
  await sendPayment(deps, quote, payment, authorization);
}

/** Sends a payment that is ours alone, or has it submitted by the facilitator that it was given to. */
async function sendPayment(
  deps: Settling,
  quote: StoredQuote,
  payment: Payment,
  authorization: Authorization,
): Promise<PurchaseResponse> {
  const { foreign } = deps;
  if (!foreign || foreign.url !== authorization.facilitator) {
    return transact(deps, quote, payment, authorization, saleCall(deps.chain, quote, authorization));
  }
  const said = await askToSubmit(foreign, deps.chain, quote, authorization);
  const end = await quoteEndOf(deps, quote);
  if (end.kind === "open") throw await notPaid(deps, quote, payment, said);
  if (end.kind !== "funded") return conclude(deps, quote, payment, end, end.kind);
  const [transfer] = await transfersInto(deps.chain, quote);
  await move(deps.sql, payment.id, "PaymentConfirmed", {
    evidence: { transfer, facilitator: foreign.url, said },
  });
  return transact(deps, quote, payment, authorization, end.finish);
}

/** The till is empty. Only a refusal is an end; who claims to have paid, or says nothing, may still submit the payment. */
async function notPaid(
  deps: Settling,
  quote: StoredQuote,
  payment: Payment,
  said: Said,
): Promise<ExchangeError> {
  if (said.answer === "refused") {
    await markFailed(deps.sql, payment.id, said.reason);
    return new PaymentRefusal(said.reason, `The facilitator did not submit the payment: ${said.reason}.`);
  }
  await move(deps.sql, payment.id, "Unknown", { evidence: { said } });
  await keepLease(deps.sql, payment.id, ASK_AGAIN); // the money may come at any moment
  return pendingError(quote);
}

/** Sends the call that makes the key. */
async function transact(
  deps: Settling,
  quote: StoredQuote,
  payment: Payment,
  authorization: Authorization,
  call: Call,
): Promise<PurchaseResponse> {
  let { tx } = payment;
  try {
    const receipt = await deps.relayer.send(call, {
      asker: authorization.from,
      async signed(hash) {
        await noteTransaction(deps.sql, payment, hash);
        tx = hash;
      },
    });
    const paymentRef = paymentReferenceOf(deps.chain, quote, authorization);
    const sale = receipt && (await saleIn(deps.chain, receipt, { paymentRef }));
    if (sale) return await issue(deps, payment, sale);
  } catch (error) {
    if (error instanceof ContractRefusal) return refused(deps, quote, payment, authorization, error);
    if (error instanceof PaymentLost) throw pendingError(quote);
    // Only what certainly was never sent may be forgotten.
    if (!authorization.facilitator && !payment.tx && (!tx || error instanceof TransactionNotSent)) {
      await markNotSent(deps.sql, { id: payment.id, ...(tx ? { tx } : {}) });
      throw error;
    }
  }
  await markUnknown(deps.sql, payment.id, tx);
  throw pendingError(quote, tx);
}

/** The contract said no: because the quote has come to an end, or because the payment or the listing is not good any more. */
async function refused(
  deps: Settling,
  quote: StoredQuote,
  payment: Payment,
  { from }: Authorization,
  { revert }: ContractRefusal,
): Promise<PurchaseResponse> {
  const refusal = paymentRefusalOf(revert);
  let end = await quoteEndOf(deps, quote);
  if (isOpen(quote) && (end.kind === "open" || end.kind === "expired")) {
    const stranded = await strandedError(deps, quote, payment, from);
    if (stranded) throw stranded;
    // Only the sale itself tells of an open quote why there is none.
    if (end.kind === "open" && !refusal) end = { kind: "closed", revert, funds: 0n };
  }
  return conclude(deps, quote, payment, end, revert.name, refusal);
}

/** Writes down how the payment ended by how its quote did. `reason` and `refusal` are for one that came to nothing. */
async function conclude(
  deps: Settling,
  quote: StoredQuote,
  payment: Payment,
  end: QuoteEnd,
  reason: string,
  refusal?: PaymentRefusal,
): Promise<PurchaseResponse> {
  if (end.kind === "sold") return issue(deps, payment, end.sale);
  if (end.kind === "settling") {
    await markUnknown(deps.sql, payment.id, payment.tx);
    throw pendingError(quote, payment.tx);
  }
  await markFailed(deps.sql, payment.id, reason);
  throw refusal ?? (await failedError(deps, quote, end, reason));
}

async function issue({ sql }: Settling, payment: Payment, sale: Sale): Promise<PurchaseResponse> {
  await markIssued(sql, payment.id, sale);
  return sale.purchase;
}
