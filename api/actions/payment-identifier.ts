/**
 * x402's payment identifiers: a payer that repeats a request under the same name gets the same answer and pays once, also where it has
 * signed another payment meanwhile.
 */
import type { PaymentPayload } from "@x402/core/types";
import { extractAndValidatePaymentIdentifier } from "@x402/extensions/payment-identifier";
import type { Address } from "viem";
import { z } from "zod";
import { ExchangeError } from "../../sdk/errors.ts";
import { addressSchema } from "../../sdk/wire/common.ts";
import { nameRequest, type PaymentId, renameRequest } from "../store/payment-ids.ts";
import { livePaymentOf } from "../store/payments.ts";
import { findQuote, type StoredQuote } from "../store/quotes.ts";
import { assertSigned } from "./payment-signature.ts";
import { quoteEndOf } from "./quote-end.ts";
import { pendingError } from "./quote-outcome.ts";
import { readPayment } from "./read-payment.ts";
import type { Settling } from "./settlement.ts";
import type { Paid } from "./x402.ts";

const payerSchema = z.union([
  z
    .object({ authorization: z.object({ from: addressSchema }) })
    .transform(({ authorization }) => authorization.from),
  z.object({ from: addressSchema }).transform(({ from }) => from),
  z
    .object({ permit2Authorization: z.object({ from: addressSchema }) })
    .transform(({ permit2Authorization }) => permit2Authorization.from),
]);

/** Who a payment says to be of; undefined for one that can't be read, which is refused later. */
export function payerIn({ payload }: Pick<PaymentPayload, "payload">): Address | undefined {
  return payerSchema.safeParse(payload).data;
}

/**
 * The payment's name, where it has one. It is its payer's own, so it counts only by the payer's signature: else whoever knew it ahead
 * could take it from the payer. Throws INVALID_REQUEST for one that is none, {@link PaymentRefusal} where somebody else has signed.
 */
export async function nameOf(
  deps: Settling,
  { payload, requirements }: Paid,
): Promise<PaymentId | undefined> {
  const { id, validation } = extractAndValidatePaymentIdentifier(payload);
  if (!validation.valid) throw invalidName(validation.errors ?? []);
  if (!id) return undefined;
  const { quote, authorization } = await readPayment(deps, payload.payload, requirements);
  await assertSigned(deps, quote, authorization);
  return { payer: authorization.from, id };
}

/** Milliseconds between two looks at a request of the same name. */
const LOOK_AGAIN = 150;

/**
 * The quote that answers the request: its own, or that of an earlier request by the same name. `sameness` says what makes two requests
 * the same one. Throws LISTING_CONFLICT when the name was used for another, PAYMENT_PENDING while an earlier one is on its way.
 */
export async function quoteByName(
  deps: Settling,
  quote: StoredQuote,
  name: PaymentId,
  sameness: string,
): Promise<StoredQuote> {
  const request = { ...name, fingerprint: sameness, quoteId: quote.id };
  const end = performance.now() + deps.chain.patience;
  for (;;) {
    const named = await nameRequest(deps.sql, request);
    if (named && named.fingerprint !== sameness) throw nameTaken(name);
    if (named?.quoteId === quote.id) return quote;
    const earlier = named && (await findQuote(deps.sql, named.quoteId));
    if (earlier && (await gives(deps, earlier))) return earlier;
    if (earlier && named.leased && performance.now() >= end) throw pendingError(earlier);
    if (earlier && !named.leased) await renameRequest(deps.sql, name, { from: earlier.id, to: quote.id });
    else await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
  }
}

/** Whether the quote has an answer that paying again would double: a key, money, or a payment that is on its way. */
async function gives(deps: Settling, quote: StoredQuote): Promise<boolean> {
  if (await livePaymentOf(deps.sql, quote.id)) return true;
  const { kind } = await quoteEndOf(deps, quote);
  return kind === "sold" || kind === "funded" || kind === "settling" || kind === "unclaimed";
}

function nameTaken({ id }: PaymentId): ExchangeError {
  return new ExchangeError("LISTING_CONFLICT", `The payment identifier ${id} was used for another request.`, {
    hint: "Nothing was paid. Use a new identifier for each request, and the same one only to repeat it.",
    details: { reason: "payment_identifier_used", payment_identifier: id },
  });
}

function invalidName(errors: readonly string[]): ExchangeError {
  return new ExchangeError("INVALID_REQUEST", `The payment identifier is none: ${errors.join(", ")}.`, {
    hint: "16 to 128 letters, digits, hyphens and underscores. Nothing was paid.",
    details: { reason: "invalid_payment_identifier" },
  });
}
