/** Quotes: what a key costs now, said by the chain, and the one address that pays for it. */
import { randomBytes } from "node:crypto";
import { type Address, bytesToHex, formatUnits, getAddress, isAddressEqual, zeroAddress } from "viem";
import { ExchangeError } from "../../sdk/errors.ts";
import { ekId as ekIds, listingId } from "../../sdk/ids.ts";
import type { QuoteResponse } from "../../sdk/wire/listing.ts";
import { ekNumber, type Listing, readListing, statuses, unknownListing } from "../chain/listings.ts";
import { refusalOf } from "../chain/refusals.ts";
import { ContractRefusal } from "../chain/relayer.ts";
import type { Deps } from "../deps.ts";
import { type StoredQuote, saveQuote } from "../store/quotes.ts";
import { ceilingOf } from "./upto.ts";

/** Seconds that a quote is good for. */
export const QUOTE_TTL = 60;

/** Quotes one key of the listing's present version for the buyer. */
export async function giveQuote(deps: Deps, ekId: string, buyer: Address): Promise<QuoteResponse> {
  if (buyer === zeroAddress) {
    throw new ExchangeError("INVALID_EOA", "The buyer is the zero address.", {
      hint: "Name the wallet that is to get the key.",
    });
  }
  const quote = await makeQuote(deps, ekId, buyer);
  if (quote.maxPrice === 0n) throw freeError(ekId);
  await saveQuote(deps.sql, quote);
  return toQuoteResponse(deps, quote);
}

/** What one key costs the buyer now, at an address of its own; for whoever pays where the buyer is the zero address. Not stored yet. */
export async function makeQuote(deps: Deps, ekId: string, buyer: Address): Promise<StoredQuote> {
  const { chain } = deps;
  const { number, listing, head, now, price } = await readPrice(deps, ekId);
  const terms = {
    ekId: number,
    version: listing.version,
    buyer: getAddress(buyer),
    token: listing.terms.token,
    maxPrice: price,
    deadline: now + BigInt(QUOTE_TTL),
    salt: bytesToHex(randomBytes(32)),
  };
  tokenOf(deps, listing.terms.token);
  const moves = price > 0n && !isAddressEqual(listing.terms.curve, chain.deployment.curves.fixed as Address);
  const [id, till] = await Promise.all([
    chain.tills.read.quoteHashOf([terms]),
    chain.tills.read.tillOf([terms]),
  ]);
  return { ...terms, ...(moves ? { ceiling: ceilingOf(price) } : {}), id, till, blockNumber: head.number };
}

/** {@link readPrice} of a listing that costs something. */
export async function readOffer(deps: Deps, ekId: string) {
  const offer = await readPrice(deps, ekId);
  if (offer.price === 0n) throw freeError(ekId);
  return offer;
}

/**
 * What one key of the listing's present version costs now, and the block that says so. Throws when it is not on sale, or nothing is sold
 * at all.
 */
async function readPrice(deps: Deps, ekId: string) {
  const { chain } = deps;
  await deps.guard.assertTrusted();
  const number = ekNumber(chain, ekId);
  const [listing, head, pausedUntil] = await Promise.all([
    readListing(chain, number).catch((error: unknown) => {
      throw error instanceof ContractRefusal && error.revert.name === "UnknownListing"
        ? unknownListing(ekId)
        : error;
    }),
    chain.client.getBlock({ blockTag: "latest" }),
    chain.exchange.read.pausedUntil(),
  ]);
  const clock = BigInt(Math.floor(Date.now() / 1000));
  // A quiet chain has an old head; one that was sent into the future is ahead of the clock.
  const now = head.timestamp > clock ? head.timestamp : clock;
  if (now < pausedUntil) throw refusalOf({ name: "Paused", args: { until: String(pausedUntil) } });
  assertOnSale(ekId, listing, now);
  const price = await chain.catalog.read.quote([number, 1n, now]);
  return { number, listing, head, now, price };
}

/** The payment token as the deployment knows it. Throws LISTING_CONFLICT for one that this exchange takes no payments in. */
export function tokenOf({ chain }: Deps, address: Address) {
  const token = chain.deployment.tokens.find((t) => t.address.toLowerCase() === address.toLowerCase());
  if (token) return token;
  throw new ExchangeError(
    "LISTING_CONFLICT",
    `The listing is sold for ${address}, which this exchange does not quote.`,
    {
      hint: "Buy at the contract: Exchange.buy.",
      details: { reason: "currency_not_offered", token: address },
    },
  );
}

export function payUrlOf(deps: Deps, quoteId: string): string {
  return `${deps.publicUrl}/quotes/${quoteId}/pay`;
}

function toQuoteResponse(deps: Deps, quote: StoredQuote): QuoteResponse {
  const { id, till, ekId, version, buyer, token: address, maxPrice, deadline, salt } = quote;
  const token = tokenOf(deps, address);
  const ref = { chainId: deps.chain.id, ekId };
  return {
    quote_id: id,
    ek_id: ekIds.serialize(ref),
    listing_id: listingId.serialize({ ...ref, version }),
    buyer,
    price: {
      amount: String(maxPrice),
      display: `${formatUnits(maxPrice, token.decimals)} ${token.symbol}`,
      currency: token.symbol,
      token: address,
    },
    expires_at: new Date(Number(deadline) * 1000).toISOString(),
    till,
    pay_url: payUrlOf(deps, id),
    quote: {
      ekId: String(ekId),
      version,
      buyer,
      token: address,
      maxPrice: String(maxPrice),
      deadline: String(deadline),
      salt,
    },
  };
}

function freeError(ekId: string): ExchangeError {
  return new ExchangeError("LISTING_CONFLICT", `Listing ${ekId} costs nothing: there is nothing to quote.`, {
    hint: 'Take a key with POST /me/buy/purchase and payment_method {"type": "free"}.',
    details: { ek_id: ekId, reason: "free" },
  });
}

function assertOnSale(ekId: string, { status, sold, terms }: Listing, now: bigint): void {
  const state = statuses[status] ?? "none";
  const refuse = (reason: string, message: string, details: Record<string, unknown> = {}): never => {
    throw new ExchangeError("LISTING_CONFLICT", `Listing ${ekId} ${message}.`, {
      hint: "Look for another listing, or come back later.",
      details: { ek_id: ekId, reason, ...details },
    });
  };
  if (state !== "active") refuse(state, `is ${state}`);
  if (now < terms.startTime) {
    const start = new Date(terms.startTime * 1000).toISOString();
    refuse("not_started", `is sold from ${start} on`, { start_time: start });
  }
  if (terms.endTime !== 0 && now >= terms.endTime) {
    const end = new Date(terms.endTime * 1000).toISOString();
    refuse("ended", `was sold until ${end}`, { end_time: end });
  }
  if (terms.supplyCap !== 0 && sold >= terms.supplyCap) {
    refuse("sold_out", `is sold out: all ${terms.supplyCap} keys`, { supply_cap: terms.supplyCap });
  }
}
