/** Where a quote stands, as the contract itself answers, and what to tell of one that can't be paid any more. */
import { type Address, erc20Abi, type Hash, zeroAddress } from "viem";
import { authorizationNonce, PURCHASE_SCHEME, type Purchase } from "../../sdk/bound-purchase.ts";
import { ExchangeError } from "../../sdk/errors.ts";
import type { Quote } from "../../sdk/till.ts";
import type { Chain } from "../chain/client.ts";
import { refusalOf } from "../chain/refusals.ts";
import { type Call, contractCall, type Relayer } from "../chain/relayer.ts";
import type { Revert } from "../chain/revert.ts";
import { findQuoteEnd, findSale, type Sale } from "../chain/sales.ts";
import { type Authorization, authorizationsOf, type Scheme } from "../store/authorizations.ts";
import type { Sql } from "../store/database.ts";
import type { StoredQuote } from "../store/quotes.ts";
import { buyUpto, UPTO_SCHEME, uptoQuoteOf } from "./upto.ts";

export type QuoteEnd =
  /** Nothing is in the till, and the contract would sell for it. */
  | { kind: "open" }
  /** The price is in the till: `finish` makes the key. */
  | { kind: "funded"; finish: Call }
  /** The price is in the till, and its buyer is no agent and signed nothing: nobody but the buyer can make it one. */
  | { kind: "unclaimed"; funds: bigint }
  /** Used in a block that is not mined yet. */
  | { kind: "settling" }
  | { kind: "sold"; sale: Sale }
  | { kind: "refunded"; tx: Hash }
  /** Too late; `funds` lie in the till. */
  | { kind: "expired"; funds: bigint }
  /** The listing can't be sold for this quote any more, or not now. */
  | { kind: "closed"; revert: Revert; funds: bigint };

type Deps = { chain: Chain; relayer: Relayer; sql: Sql };

/** One question tells all: what would happen if the till were turned into its key now? */
export async function quoteEndOf(deps: Deps, quote: StoredQuote): Promise<QuoteEnd> {
  const { chain, relayer } = deps;
  const finish = finalizeTill(chain, quote);
  const revert = await relayer.simulate(finish);
  // Nothing lies in the till of a free key: only its buyer's word makes it one.
  const isFree = quote.maxPrice === 0n && (!revert || revert.name === "RecipientNotAgent");
  // What lies in an open quote's till buys nothing: only a payment that comes with the sale does.
  if (isFree || revert?.name === "TillUnderfunded" || revert?.name === "QuoteOpen")
    return (await soldWithoutTill(deps, quote)) ?? { kind: "open" };
  if (!revert) return { kind: "funded", finish };
  if (revert.name === "RecipientNotAgent") return newcomersEndOf(deps, quote);
  if (revert.name === "QuoteUsed") {
    const end = await findQuoteEnd(chain, quote);
    if (!end) return { kind: "settling" };
    return "sale" in end ? { kind: "sold", sale: end.sale } : { kind: "refunded", tx: end.refundTx };
  }
  // The sale itself may be what closed it: it moved the price, or was the last.
  const sold = await soldWithoutTill(deps, quote);
  if (sold) return sold;
  const funds = await fundsOf(chain, quote);
  return revert.name === "DeadlinePassed" ? { kind: "expired", funds } : { kind: "closed", revert, funds };
}

/** The sale by a payment that did not go through the quote's own till. */
async function soldWithoutTill({ chain, sql }: Deps, quote: StoredQuote): Promise<QuoteEnd | undefined> {
  const bound = await authorizationsOf(sql, quote.id, { scheme: PURCHASE_SCHEME });
  const references = [
    ...bound.map(({ from }) => boundReferenceOf(chain, quote, from)),
    // Whoever drew by the permission: it may never have come here.
    ...(quote.ceiling === undefined ? [] : [uptoQuoteOf(chain, quote).id]),
  ];
  for (const reference of new Set(references)) {
    const sale = await findSale(chain, quote, reference);
    if (sale) return { kind: "sold", sale };
  }
  return undefined;
}

/**
 * A funded till of a buyer that is no agent yet. Its signature makes it one, also where somebody else submitted the authorization, or
 * where it failed here before: what counts is that the buyer signed it for this till.
 */
async function newcomersEndOf({ chain, relayer, sql }: Deps, quote: StoredQuote): Promise<QuoteEnd> {
  for (const authorization of await authorizationsOf(sql, quote.id, {
    scheme: "exact",
    payer: quote.buyer,
  })) {
    const finish = buyViaTill(chain, quote, authorization);
    if (!(await relayer.simulate(finish))) return { kind: "funded", finish };
  }
  return { kind: "unclaimed", funds: await fundsOf(chain, quote) };
}

/** What lies in the quote's till, in smallest units. */
export function fundsOf({ client }: Chain, { till, token }: StoredQuote): Promise<bigint> {
  return client.readContract({ address: token, abi: erc20Abi, functionName: "balanceOf", args: [till] });
}

export function buyViaTill({ tills: { address, abi } }: Chain, quote: StoredQuote, a: Authorization): Call {
  const { signature, scheme: _, ...authorization } = a;
  return contractCall({
    address,
    abi,
    functionName: "buyViaTill",
    args: [structOf(quote), authorization, signature],
  });
}

function buyBound({ exchange: { address, abi } }: Chain, quote: StoredQuote, a: Authorization): Call {
  return contractCall({
    address,
    abi,
    functionName: "buyWithAuthorization",
    args: [purchaseFor(quote, a.from), a.from, quote.id, a.signature],
  });
}

type Way = {
  call(chain: Chain, quote: StoredQuote, a: Authorization): Call;
  reference(chain: Chain, quote: StoredQuote, a: Authorization): Hash;
};

/** How each scheme's payment becomes the key: one row each. */
const ways: Readonly<Record<Scheme, Way>> = {
  exact: { call: buyViaTill, reference: (_chain, { id }) => id },
  [PURCHASE_SCHEME]: {
    call: buyBound,
    reference: (chain, quote, { from }) => boundReferenceOf(chain, quote, from),
  },
  [UPTO_SCHEME]: { call: buyUpto, reference: (chain, quote) => uptoQuoteOf(chain, quote).id },
};

/** The one call that turns the payment into the quote's key. */
export function saleCall(chain: Chain, quote: StoredQuote, a: Authorization): Call {
  return ways[a.scheme].call(chain, quote, a);
}

/** By what the sale's event names the payment. */
export function paymentReferenceOf(chain: Chain, quote: StoredQuote, a: Authorization): Hash {
  return ways[a.scheme].reference(chain, quote, a);
}

/** The nonce by which `payer` can buy the quote's key without a till. Its salt is the quote: it pays for no other, and once. */
export function boundReferenceOf({ id, exchange }: Chain, quote: StoredQuote, payer: Address): Hash {
  return authorizationNonce({ chainId: id, exchange: exchange.address }, purchaseFor(quote, payer), quote.id);
}

/** The quote as a purchase of `payer`'s. */
export function purchaseFor({ ekId, version, buyer, maxPrice, deadline }: Quote, payer: Address): Purchase {
  return { ekId, version, recipient: buyerOf({ buyer }, payer), maxPrice, deadline, referrerId: 0n };
}

/** A quote that names no buyer: its key goes to whoever pays. */
export function isOpen({ buyer }: Pick<Quote, "buyer">): boolean {
  return buyer === zeroAddress;
}

/** Who gets the key. */
export function buyerOf(quote: Pick<Quote, "buyer">, payer: Address): Address {
  return isOpen(quote) ? payer : quote.buyer;
}

export function finalizeTill({ tills: { address, abi } }: Chain, quote: StoredQuote): Call {
  return contractCall({ address, abi, functionName: "finalizeTill", args: [structOf(quote)] });
}

export function refundTill({ tills: { address, abi } }: Chain, quote: StoredQuote): Call {
  return contractCall({ address, abi, functionName: "refundTill", args: [structOf(quote), quote.token] });
}

/** The quote as the contract takes it. */
export function structOf({ ekId, version, buyer, token, maxPrice, deadline, salt }: Quote): Quote {
  return { ekId, version, buyer, token, maxPrice, deadline, salt };
}

/** The reasons by which a closed quote is known on the wire. */
const reasons: Record<string, string> = {
  CostAboveMaximum: "price_moved",
  AmountExceedsPermitted: "price_moved",
  VersionMismatch: "new_version",
  SoldOut: "sold_out",
  Ended: "ended",
  NotStarted: "not_started",
  TokenMismatch: "currency_changed",
  ListingNotActive: "not_active",
  Paused: "paused",
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

/** LISTING_CONFLICT: the money is there, and nobody may make its buyer an agent unasked. */
export function unclaimedError(chain: Chain, quote: StoredQuote, funds: bigint): ExchangeError {
  return new ExchangeError(
    "LISTING_CONFLICT",
    `The quote is paid, and its buyer ${quote.buyer} is no agent yet.`,
    {
      hint:
        "Send the payment that the buyer signed, or let it join (POST /me/register) and POST here again. Do not pay again. " +
        "What is in the till after the deadline goes back to the buyer.",
      details: {
        quote_id: quote.id,
        reason: "buyer_not_agent",
        buyer: quote.buyer,
        ...refundHelp(chain, quote, funds),
      },
    },
  );
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
export function refundHelp({ tills }: Chain, quote: StoredQuote, funds: bigint): Record<string, unknown> {
  if (funds === 0n) return {};
  const { ekId, maxPrice, deadline, ...rest } = structOf(quote);
  return {
    refund: {
      amount: String(funds),
      to: quote.buyer,
      contract: tills.address,
      function: "refundTill(quote, token)",
      quote: { ...rest, ekId: String(ekId), maxPrice: String(maxPrice), deadline: String(deadline) },
      token: quote.token,
      /** By the buyer at any time; the exchange sends it itself from then on. */
      by_exchange_from: new Date((Number(deadline) + 1) * 1000).toISOString(),
    },
  };
}
