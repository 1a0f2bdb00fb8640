/**
 * Whether a payment is good: what the contract answers to the sale itself, simulated. `authorizationState` is never asked (it is also
 * true after a cancellation), and a payment that somebody else submitted first is as good as any.
 */
import type { PaymentRequirements } from "@x402/core/types";
import { type Address, isAddressEqual } from "viem";
import { quoteHash, tillAddress } from "../../sdk/till.ts";
import { findSale } from "../chain/sales.ts";
import type { Authorization } from "../store/authorizations.ts";
import { type StoredQuote, saveQuote } from "../store/quotes.ts";
import { PaymentRefusal, paymentRefusalOf } from "./payment-refusal.ts";
import { assertSigned } from "./payment-signature.ts";
import { buyerOf, isOpen, paymentReferenceOf, saleCall } from "./quote-end.ts";
import { type Checked, readPayment } from "./read-payment.ts";
import type { Settling } from "./settlement.ts";
import { transfersOf } from "./stranded.ts";

/** The quote and the authorization, ready to be settled. Throws {@link PaymentRefusal}. */
export async function checkPayment(
  deps: Settling,
  payload: unknown,
  requirements: PaymentRequirements,
): Promise<Checked> {
  const checked = await claimFree(deps, await readPayment(deps, payload, requirements));
  await assertSellable(deps, checked);
  return checked;
}

/**
 * A free key costs nobody anything, so the contract gives it to the quote's buyer whoever asks. Here it is given to who signed for it
 * alone, on whichever rail: an authorization of nothing is the buyer's word. What costs something is left as it is.
 */
export async function claimFree(deps: Settling, { quote, authorization }: Checked): Promise<Checked> {
  if (quote.maxPrice > 0n) return { quote, authorization };
  const { from } = authorization;
  if (!isAddressEqual(from, buyerOf(quote, from))) {
    throw new PaymentRefusal(
      "buyer_not_payer",
      `A free key of ${quote.buyer} is claimed by ${quote.buyer} alone.`,
      { buyer: quote.buyer, payer: from },
    );
  }
  await assertSigned(deps, quote, authorization);
  return { quote: isOpen(quote) ? await nameBuyer(deps, quote, from) : quote, authorization };
}

/**
 * Nothing comes with the sale of a free key that would tell the contract whose an open quote's is. So it is claimed by a quote that names
 * the signer and follows from the open one: it gives one key however often it is asked for.
 */
async function nameBuyer({ chain, sql }: Settling, open: StoredQuote, buyer: Address): Promise<StoredQuote> {
  const { id: salt, till: _, blockNumber, ...terms } = open;
  const named = { ...terms, buyer, salt };
  const at = { chainId: chain.id, tills: chain.tills.address };
  const quote = { ...named, id: quoteHash(at, named), till: tillAddress(at, named), blockNumber };
  await saveQuote(sql, quote);
  return quote;
}

/** Asks the contract; throws {@link PaymentRefusal}. What is about the quote or the listing is told by whoever settles: see `settlement.ts`. */
export async function assertSellable(deps: Settling, checked: Checked): Promise<void> {
  const { quote, authorization } = checked;
  const revert = await deps.relayer.simulate(saleCall(deps.chain, quote, authorization));
  if (!revert) return;
  if (revert.name === "RecipientNotAgent") throw buyerNotAgent(quote, authorization);
  const refusal = paymentRefusalOf(revert);
  if (refusal && !(await isSpent(deps, checked, refusal))) throw refusal;
}

/**
 * Whether the authorization is used because somebody else has submitted it: one that needs no till has bought this very key; an open quote's
 * money lies in its till.
 */
async function isSpent(
  { chain }: Settling,
  { quote, authorization }: Checked,
  { reason }: PaymentRefusal,
): Promise<boolean> {
  if (reason !== "invalid_exact_evm_nonce_already_used" && reason !== "permit2_invalid_nonce") return false;
  if (authorization.scheme === "exact") {
    return isOpen(quote) && (await transfersOf(chain, quote, authorization.from)).length > 0;
  }
  const reference = paymentReferenceOf(chain, quote, authorization);
  return (await findSale(chain, quote, reference)) !== undefined;
}

/** A gift to somebody who is no agent: who pays can't make it one. */
function buyerNotAgent({ buyer }: StoredQuote, { from }: Authorization): PaymentRefusal {
  return new PaymentRefusal(
    "buyer_not_agent",
    `The quote's buyer ${buyer} is no agent, and ${from} can't make it one.`,
    { buyer, payer: from },
  );
}
