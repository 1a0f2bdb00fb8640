/**
 * The facilitator of the exchange's own payments: x402's `exact` to a till, and `ek-purchase`. It believes nobody: whether a payment is good
 * is what the contract answers to the sale itself, simulated and then sent.
 */
import type { FacilitatorClient } from "@x402/core/server";
import type { Network } from "@x402/core/types";
import type { Scheme } from "../store/authorizations.ts";
import { checkPayment } from "./payment-checks.ts";
import { PaymentRefusal } from "./payment-refusal.ts";
import { schemes } from "./read-payment.ts";
import { type Settling, settlePayment } from "./settlement.ts";
import { UPTO_SCHEME } from "./upto.ts";

export function createFacilitator(deps: Settling): FacilitatorClient {
  const network: Network = `eip155:${deps.chain.id}`;
  return {
    async verify({ payload }, requirements) {
      try {
        const { authorization } = await checkPayment(deps, payload, requirements);
        return { isValid: true, payer: authorization.from };
      } catch (error) {
        if (!(error instanceof PaymentRefusal)) throw error;
        return { isValid: false, invalidReason: error.reason, invalidMessage: error.message };
      }
    },
    async settle({ payload }, requirements) {
      try {
        const { quote, authorization } = await checkPayment(deps, payload, requirements);
        const { tx, price } = await settlePayment(deps, quote, authorization);
        const { from: payer } = authorization;
        return {
          ...{ success: true, transaction: tx, network, payer, amount: price.amount },
          extra: { quote_id: quote.id },
        };
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
      kinds: schemes.map((scheme) => ({ x402Version: 2, scheme, network, ...extraOf(deps, scheme) })),
      extensions: [],
      signers: { [network]: [deps.relayer.address] },
    }),
  };
}

/** Whom a permission has to name: nobody else could draw by it. */
function extraOf({ chain }: Settling, scheme: Scheme): { extra?: Record<string, unknown> } {
  return scheme === UPTO_SCHEME ? { extra: { facilitatorAddress: chain.tills.address } } : {};
}
