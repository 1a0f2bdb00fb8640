/** What becomes of a quote beside its payments: a till that was funded by hand, money that goes back, and what is said of both. */
import { ExchangeError } from "../../sdk/errors.ts";
import { GasCapReached, TransactionNotSent } from "../chain/relay-errors.ts";
import { type Call, ContractRefusal } from "../chain/relayer.ts";
import { type Sale, saleIn } from "../chain/sales.ts";
import { leaseQuote, markRefundDue, type StoredQuote } from "../store/quotes.ts";
import { PaymentRefusal } from "./payment-refusal.ts";
import {
  closedError,
  goneError,
  isOpen,
  type QuoteEnd,
  quoteEndOf,
  refundHelp,
  refundTill,
  unclaimedError,
} from "./quote-end.ts";
import type { Settling } from "./settlement.ts";

/** Milliseconds between two looks at a till that another process turns into its key. */
const LOOK_AGAIN = 150;

/** Turns a till that was funded by somebody else's hand into its key, by the call that {@link quoteEndOf} found good. */
export async function finalizeQuote(deps: Settling, quote: StoredQuote, finish: Call): Promise<Sale> {
  if (await leaseQuote(deps.sql, quote.id)) {
    try {
      const receipt = await deps.relayer.send(finish, { asker: quote.buyer });
      const sale = receipt && (await saleIn(deps.chain, receipt, { paymentRef: quote.id }));
      if (sale) return sale;
    } catch (error) {
      if (!(error instanceof ContractRefusal)) throw error;
    }
  }
  const end = performance.now() + deps.chain.patience;
  do {
    const state = await quoteEndOf(deps, quote);
    if (state.kind === "sold") return state.sale;
    if (state.kind !== "funded" && state.kind !== "settling")
      throw await failedError(deps, quote, state, state.kind);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
  } while (performance.now() < end);
  throw pendingError(quote);
}

/** Why the quote gives no key, by how it stands now. Money that can go back by itself is sent back. */
export async function failedError(
  deps: Settling,
  quote: StoredQuote,
  end: QuoteEnd,
  reason: string,
): Promise<ExchangeError> {
  switch (end.kind) {
    case "expired":
      // What is in an open quote's till is whoever's who sent it: see `stranded.ts`.
      return goneError(
        quote,
        "quote_expired",
        isOpen(quote) ? {} : await returnFunds(deps, quote, end.funds),
      );
    case "refunded":
      return goneError(quote, "quote_refunded", { tx: end.tx });
    case "unclaimed":
      await markRefundDue(deps.sql, quote.id, true);
      return unclaimedError(deps.chain, quote, end.funds);
    case "closed":
      if (end.funds > 0n) await markRefundDue(deps.sql, quote.id, true);
      return closedError(deps.chain, quote, end.revert, end.funds);
    default:
      return new PaymentRefusal(reason, `The payment was not taken: ${reason}.`);
  }
}

/** Sends the till's money back to its buyer. The answer says by which transaction, or how to do it. */
export async function returnFunds(
  deps: Settling,
  quote: StoredQuote,
  funds: bigint,
): Promise<Record<string, unknown>> {
  if (funds === 0n) return {};
  const help = refundHelp(deps.chain, quote, funds);
  await markRefundDue(deps.sql, quote.id, true);
  if (!(await leaseQuote(deps.sql, quote.id))) return help;
  try {
    const receipt = await deps.relayer.send(refundTill(deps.chain, quote), {
      // Anybody can put a mere nothing into a till in somebody's name: it must not use up what that one may ask for.
      asker: `refund:${quote.buyer}`,
    });
    if (!receipt) return help;
    await markRefundDue(deps.sql, quote.id, false);
    return { refund: { amount: String(funds), to: quote.buyer, tx: receipt.transactionHash } };
  } catch (error) {
    const later = [ContractRefusal, TransactionNotSent, GasCapReached].some((kind) => error instanceof kind);
    if (later) return help; // the row keeps it due
    throw error;
  }
}

/** PAYMENT_PENDING: the money may have moved. Asking again with the same quote tells; paying again never helps. */
export function pendingError(quote: StoredQuote, tx?: string): ExchangeError {
  return new ExchangeError("PAYMENT_PENDING", "The payment is on its way and its outcome is not known yet.", {
    hint: "Do not pay again. POST the same request to the same pay_url until it answers otherwise.",
    details: { quote_id: quote.id, ...(tx === undefined ? {} : { tx }) },
  });
}
