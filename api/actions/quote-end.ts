/** Where a quote stands, as the contract itself answers, and what to tell of one that can't be paid any more. */
import { erc20Abi, type Hash } from "viem";
import { ExchangeError } from "../../sdk/errors.ts";
import type { Quote } from "../../sdk/till.ts";
import type { Chain } from "../chain/client.ts";
import { refusalOf } from "../chain/refusals.ts";
import { type Call, contractCall, type Relayer } from "../chain/relayer.ts";
import type { Revert } from "../chain/revert.ts";
import { findQuoteEnd, type Sale } from "../chain/sales.ts";
import type { StoredQuote } from "../store/quotes.ts";

export type QuoteEnd =
  /** Nothing is in the till, and the contract would sell for it. */
  | { kind: "open" }
  /** The price is in the till: {@link finalizeTill} makes the key. */
  | { kind: "funded" }
  /** Used in a block that is not mined yet. */
  | { kind: "settling" }
  | { kind: "sold"; sale: Sale }
  | { kind: "refunded"; tx: Hash }
  /** Too late; `funds` lie in the till. */
  | { kind: "expired"; funds: bigint }
  /** The listing can't be sold for this quote any more, or not now. */
  | { kind: "closed"; revert: Revert; funds: bigint };

type Deps = { chain: Chain; relayer: Relayer };

/** One question tells all: what would happen if the till were turned into its key now? */
export async function quoteEndOf({ chain, relayer }: Deps, quote: StoredQuote): Promise<QuoteEnd> {
  const revert = await relayer.simulate(finalizeTill(chain, quote));
  if (!revert) return { kind: "funded" };
  if (revert.name === "TillUnderfunded") return { kind: "open" };
  if (revert.name === "QuoteUsed") {
    const end = await findQuoteEnd(chain, quote);
    if (!end) return { kind: "settling" };
    return "sale" in end ? { kind: "sold", sale: end.sale } : { kind: "refunded", tx: end.refundTx };
  }
  const funds = await fundsOf(chain, quote);
  return revert.name === "DeadlinePassed" ? { kind: "expired", funds } : { kind: "closed", revert, funds };
}

/** What lies in the quote's till, in smallest units. */
export function fundsOf({ client }: Chain, { till, token }: StoredQuote): Promise<bigint> {
  return client.readContract({ address: token, abi: erc20Abi, functionName: "balanceOf", args: [till] });
}

export function finalizeTill({ exchange: { address, abi } }: Chain, quote: StoredQuote): Call {
  return contractCall({ address, abi, functionName: "finalizeTill", args: [structOf(quote)] });
}

export function refundTill({ exchange: { address, abi } }: Chain, quote: StoredQuote): Call {
  return contractCall({ address, abi, functionName: "refundTill", args: [structOf(quote), quote.token] });
}

/** The quote as the contract takes it. */
export function structOf({ ekId, version, buyer, token, maxPrice, deadline, salt }: Quote): Quote {
  return { ekId, version, buyer, token, maxPrice, deadline, salt };
}

/** The reasons by which a closed quote is known on the wire. */
const reasons: Record<string, string> = {
  CostAboveMaximum: "price_moved",
  VersionMismatch: "new_version",
  SoldOut: "sold_out",
  Ended: "ended",
  NotStarted: "not_started",
  TokenMismatch: "currency_changed",
  ListingNotActive: "not_active",
};

export function reasonOf({ name }: Revert): string {
  return reasons[name] ?? name;
}

/** LISTING_CONFLICT with the reason, and how to get back what lies in the till. */
export function closedError(chain: Chain, quote: StoredQuote, revert: Revert, funds: bigint): ExchangeError {
  const { code, message, hint, details } = refusalOf(revert);
  return new ExchangeError(code, message, {
    ...(hint === undefined ? {} : { hint }),
    details: { quote_id: quote.id, ...details, reason: reasonOf(revert), ...refundHelp(chain, quote, funds) },
  });
}

/** PAYMENT_FAILED 410: the quote is over. */
export function goneError(
  quote: StoredQuote,
  reason: "quote_expired" | "quote_refunded",
  details: Record<string, unknown> = {},
): ExchangeError {
  const deadline = new Date(Number(quote.deadline) * 1000).toISOString();
  const message =
    reason === "quote_expired"
      ? `The quote was good until ${deadline}.`
      : "The quote's money went back to its buyer.";
  return new ExchangeError("PAYMENT_FAILED", message, {
    status: 410,
    hint: "No money is kept. Ask for a new quote: POST /listings/{ek_id}/quote.",
    details: { reason, quote_id: quote.id, ...details },
  });
}

/** How anybody gets the till's money back to the buyer; nothing when there is none. */
export function refundHelp({ exchange }: Chain, quote: StoredQuote, funds: bigint): Record<string, unknown> {
  if (funds === 0n) return {};
  const { ekId, maxPrice, deadline, ...rest } = structOf(quote);
  return {
    refund: {
      amount: String(funds),
      to: quote.buyer,
      contract: exchange.address,
      function: "refundTill(quote, token)",
      quote: { ...rest, ekId: String(ekId), maxPrice: String(maxPrice), deadline: String(deadline) },
      token: quote.token,
      /** By the buyer at any time; the exchange sends it itself from then on. */
      by_exchange_from: new Date((Number(deadline) + 1) * 1000).toISOString(),
    },
  };
}
