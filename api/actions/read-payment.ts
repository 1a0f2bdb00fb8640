/** What a payment says, by its scheme: which quote it is for, and what its payer authorizes. Whether that is good is not asked here. */
import type { PaymentRequirements } from "@x402/core/types";
import { type Address, type Hex, isAddressEqual } from "viem";
import { z } from "zod";
import { PURCHASE_SCHEME, purchaseExtraSchema, purchasePayloadSchema } from "../../sdk/bound-purchase.ts";
import { addressSchema, unitsSchema } from "../../sdk/wire/common.ts";
import type { Authorization, Scheme } from "../store/authorizations.ts";
import { findQuote, findQuoteByTill, type StoredQuote } from "../store/quotes.ts";
import { PaymentRefusal } from "./payment-refusal.ts";
import { boundReferenceOf } from "./quote-end.ts";
import type { Settling } from "./settlement.ts";
import { permissionIn, UPTO_SCHEME, uptoExtraSchema, uptoPayloadSchema, uptoQuoteOf } from "./upto.ts";

/** A payment as it was read, with the quote that it is for. */
export type Checked = { quote: StoredQuote; authorization: Authorization };

type Read = (deps: Settling, payload: unknown, requirements: PaymentRequirements) => Promise<Checked>;

/** How each scheme's payload is read: one row each. */
const readers: Readonly<Record<Scheme, Read>> = {
  exact: readTransfer,
  [PURCHASE_SCHEME]: readPurchase,
  [UPTO_SCHEME]: readPermission,
};

export const schemes = Object.keys(readers) as Scheme[];

/** What the payment says. Throws {@link PaymentRefusal} for one that can't be read, or is for no quote; whether it is good is not asked. */
export async function readPayment(
  deps: Settling,
  payload: unknown,
  requirements: PaymentRequirements,
): Promise<Checked> {
  const read = readers[requirements.scheme as Scheme];
  if (!read) {
    throw new PaymentRefusal("unsupported_scheme", `The scheme ${requirements.scheme} is not taken here.`, {
      supported: schemes,
    });
  }
  return read(deps, payload, requirements);
}

/** `exact`: a transfer to the quote's till. */
async function readTransfer(
  deps: Settling,
  payload: unknown,
  { payTo, amount }: PaymentRequirements,
): Promise<Checked> {
  const quote = await findQuoteByTill(deps.sql, payTo);
  if (!quote) throw mismatch(`${payTo} is no till of this exchange.`);
  const { signature, authorization: a } = parse(
    transferSchema,
    payload,
    "an ERC-3009 authorization with its signature",
  );
  if (!isAddressEqual(a.to, quote.till)) {
    throw mismatch(`The payment is to ${a.to}, this quote's till is ${quote.till}.`, {
      expected: quote.till,
      given: a.to,
    });
  }
  if (a.value !== amount) {
    throw new PaymentRefusal(
      "invalid_exact_evm_authorization_value",
      `The payment is of ${a.value}, the quote of ${amount} (smallest units).`,
      { expected: amount, given: a.value },
    );
  }
  const authorization: Authorization = {
    scheme: "exact",
    from: a.from,
    value: BigInt(a.value),
    validAfter: BigInt(a.validAfter),
    validBefore: BigInt(a.validBefore),
    nonce: a.nonce as Hex,
    signature: signature as Hex,
  };
  return { quote, authorization };
}

/** `ek-purchase`: all but the payer and the signature follows from the quote, whose id is the salt. */
async function readPurchase(
  { chain, sql }: Settling,
  payload: unknown,
  requirements: PaymentRequirements,
): Promise<Checked> {
  const extra = purchaseExtraSchema.safeParse(requirements.extra);
  const quote = extra.success ? await findQuote(sql, extra.data.salt) : undefined;
  if (!quote) throw mismatch("The offer is no quote of this exchange.");
  if (!isAddressEqual(requirements.payTo as Address, chain.exchange.address)) {
    throw mismatch(`${requirements.payTo} is not this exchange, ${chain.exchange.address} is.`);
  }
  const { from, signature } = parse(purchasePayloadSchema, payload, "a payer with its signature");
  return {
    quote,
    authorization: {
      scheme: PURCHASE_SCHEME,
      from,
      value: quote.maxPrice,
      validAfter: 0n,
      validBefore: quote.deadline + 1n,
      nonce: boundReferenceOf(chain, quote, from),
      signature: signature as Hex,
    },
  };
}

/** `upto`: a permission for the sale to draw its price into the till of the quote with its ceiling. */
async function readPermission(
  { chain, sql }: Settling,
  payload: unknown,
  requirements: PaymentRequirements,
): Promise<Checked> {
  const extra = uptoExtraSchema.safeParse(requirements.extra);
  const quote = extra.success ? await findQuote(sql, extra.data.quote_id) : undefined;
  if (quote?.ceiling === undefined) throw mismatch("The offer is no quote of this exchange with a ceiling.");
  const { signature, permit2Authorization: p } = parse(
    uptoPayloadSchema,
    payload,
    "a Permit2 permission with its signature",
  );
  const { till } = uptoQuoteOf(chain, quote);
  const expected = { to: till, facilitator: chain.tills.address, token: quote.token, amount: quote.ceiling };
  const given = { ...p.witness, ...p.permitted };
  const wrong = (["to", "facilitator", "token"] as const).find(
    (name) => !isAddressEqual(given[name], expected[name]),
  );
  if (wrong) {
    throw new PaymentRefusal(
      refusals[wrong],
      `The permission's ${wrong} is ${given[wrong]}, not ${expected[wrong]}.`,
      {
        expected: expected[wrong],
        given: given[wrong],
      },
    );
  }
  if (BigInt(given.amount) !== quote.ceiling) {
    throw new PaymentRefusal(
      "permit2_amount_mismatch",
      `The permission is of ${given.amount}, the offer of ${quote.ceiling} (smallest units).`,
      { expected: String(quote.ceiling), given: given.amount },
    );
  }
  return { quote, authorization: permissionIn({ signature, permit2Authorization: p }) };
}

/** What is wrong with a permission, in x402's words. */
const refusals = {
  to: "invalid_permit2_recipient_mismatch",
  facilitator: "upto_facilitator_mismatch",
  token: "permit2_token_mismatch",
} as const;

const transferSchema = z.object({
  signature: z.string().regex(/^0x([0-9a-fA-F]{2}){1,4096}$/),
  authorization: z.object({
    from: addressSchema,
    to: addressSchema,
    value: unitsSchema,
    validAfter: unitsSchema,
    validBefore: unitsSchema,
    nonce: z.string().regex(/^0x[0-9a-fA-F]{64}$/),
  }),
});

function parse<T>(schema: z.ZodType<T>, payload: unknown, what: string): T {
  const parsed = schema.safeParse(payload);
  if (parsed.success) return parsed.data;
  throw new PaymentRefusal("invalid_payload", `The payment is not ${what}.`, {
    at: parsed.error.issues[0]?.path.join("."),
  });
}

function mismatch(message: string, details: Record<string, unknown> = {}): PaymentRefusal {
  return new PaymentRefusal("invalid_exact_evm_recipient_mismatch", message, details);
}
