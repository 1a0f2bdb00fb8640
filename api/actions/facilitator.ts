/**
 * The facilitator of x402's `exact` scheme for tills. It believes nobody: whether a payment is good is what the contract answers to
 * the sale itself, simulated and then sent. `authorizationState` is never asked (it is also true after a cancellation), and a payment
 * that somebody else submitted first is as good as any, since the money is in the till.
 */
import type { FacilitatorClient } from "@x402/core/server";
import type { Network, PaymentPayload, PaymentRequirements } from "@x402/core/types";
import { type Address, type Hex, isAddressEqual } from "viem";
import { z } from "zod";
import { addressSchema, unitsSchema } from "../../sdk/wire/common.ts";
import type { Authorization } from "../store/authorizations.ts";
import { findQuoteByTill, type StoredQuote } from "../store/quotes.ts";
import { PaymentRefusal, paymentRefusalOf } from "./payment-refusal.ts";
import { buyViaTill } from "./quote-end.ts";
import { type Settling, settlePayment } from "./settlement.ts";

const authorizationSchema = z.object({
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

export function createFacilitator(deps: Settling): FacilitatorClient {
  const network: Network = `eip155:${deps.chain.id}`;
  return {
    async verify(payload, requirements) {
      try {
        const { authorization } = await checkPayment(deps, payload, requirements);
        return { isValid: true, payer: authorization.from };
      } catch (error) {
        if (!(error instanceof PaymentRefusal)) throw error;
        return { isValid: false, invalidReason: error.reason, invalidMessage: error.message };
      }
    },
    async settle(payload, requirements) {
      try {
        const { quote, authorization } = await checkPayment(deps, payload, requirements);
        const { tx, price } = await settlePayment(deps, quote, authorization);
        return { success: true, transaction: tx, network, payer: authorization.from, amount: price.amount };
      } catch (error) {
        if (!(error instanceof PaymentRefusal)) throw error;
        return {
          success: false,
          errorReason: error.reason,
          errorMessage: error.message,
          transaction: "",
          network,
        };
      }
    },
    getSupported: async () => ({
      kinds: [{ x402Version: 2, scheme: "exact", network }],
      extensions: [],
      signers: { [network]: [deps.relayer.address] },
    }),
  };
}

/** The quote and the authorization, when the contract would turn them into a key now. Throws {@link PaymentRefusal}. */
async function checkPayment(
  deps: Settling,
  { payload }: PaymentPayload,
  { payTo, amount }: PaymentRequirements,
): Promise<{ quote: StoredQuote; authorization: Authorization }> {
  const quote = await findQuoteByTill(deps.sql, payTo);
  if (!quote)
    throw new PaymentRefusal("invalid_exact_evm_recipient_mismatch", `${payTo} is no till of this exchange.`);
  const parsed = authorizationSchema.safeParse(payload);
  if (!parsed.success) {
    throw new PaymentRefusal(
      "invalid_payload",
      "The payment is no ERC-3009 authorization with its signature.",
      {
        at: parsed.error.issues[0]?.path.join("."),
      },
    );
  }
  const { signature, authorization: a } = parsed.data;
  if (!isAddressEqual(a.to, quote.till)) {
    throw new PaymentRefusal(
      "invalid_exact_evm_recipient_mismatch",
      `The payment is to ${a.to}, this quote's till is ${quote.till}.`,
      { expected: quote.till, given: a.to },
    );
  }
  if (a.value !== amount) {
    throw new PaymentRefusal(
      "invalid_exact_evm_authorization_value",
      `The payment is of ${a.value}, the quote of ${amount} (smallest units).`,
      { expected: amount, given: a.value },
    );
  }
  const authorization: Authorization = {
    from: a.from as Address,
    value: BigInt(a.value),
    validAfter: BigInt(a.validAfter),
    validBefore: BigInt(a.validBefore),
    nonce: a.nonce as Hex,
    signature: signature as Hex,
  };
  const revert = await deps.relayer.simulate(buyViaTill(deps.chain, quote, authorization));
  if (revert?.name === "RecipientNotAgent") throw buyerNotAgent(quote, authorization);
  const refusal = revert && paymentRefusalOf(revert);
  if (refusal) throw refusal;
  return { quote, authorization };
}

/** A gift to somebody who is no agent: who pays can't make it one. */
function buyerNotAgent({ buyer }: StoredQuote, { from }: Authorization): PaymentRefusal {
  return new PaymentRefusal(
    "buyer_not_agent",
    `The quote's buyer ${buyer} is no agent, and ${from} can't make it one.`,
    { buyer, payer: from },
  );
}
