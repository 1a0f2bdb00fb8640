/** Why a payment was not taken, in x402's words. */
import { ExchangeError } from "../../sdk/errors.ts";
import type { Revert } from "../chain/revert.ts";

/** Nothing was paid, and a better payment for the same quote can be. */
export class PaymentRefusal extends ExchangeError {
  override readonly name = "PaymentRefusal";
  readonly reason: string;
  constructor(reason: string, message: string, details: Record<string, unknown> = {}) {
    super("PAYMENT_FAILED", message, {
      hint: "Nothing was paid. Sign a payment for exactly what PAYMENT-REQUIRED offers, and send it again.",
      details: { reason, ...details },
    });
    this.reason = reason;
  }
}

/** What tokens say of a bad authorization, and Permit2 and x402's proxy of a bad permission. */
const tokenErrors: Record<string, string> = {
  ERC3009InvalidSignature: "invalid_exact_evm_signature",
  ERC3009InvalidAuthorizationTime: "invalid_exact_evm_payload_authorization_valid_before",
  ERC3009UsedAuthorization: "invalid_exact_evm_nonce_already_used",
  ERC20InsufficientBalance: "invalid_exact_evm_insufficient_balance",
  ERC20InsufficientAllowance: "permit2_allowance_required",
  SignatureExpired: "permit2_deadline_expired",
  InvalidSigner: "invalid_permit2_signature",
  InvalidNonce: "permit2_invalid_nonce",
  InvalidAmount: "permit2_invalid_amount",
  PaymentTooEarly: "permit2_payment_too_early",
};

/** The same in the words that USDC has used since its first version. */
const tokenReasons: [pattern: RegExp, reason: string][] = [
  [/invalid signature/i, "invalid_exact_evm_signature"],
  [/expired|not yet valid/i, "invalid_exact_evm_payload_authorization_valid_before"],
  [/used or canceled/i, "invalid_exact_evm_nonce_already_used"],
  [/exceeds balance/i, "invalid_exact_evm_insufficient_balance"],
  // Permit2's own word for whatever the token says: nearly always that it has no allowance.
  [/transfer_from_failed|exceeds allowance/i, "permit2_allowance_required"],
];

/** The refusal, where it is the payer's to mend; undefined when it is about the quote or the listing. */
export function paymentRefusalOf({ name, args }: Revert): PaymentRefusal | undefined {
  const reason =
    name === "Error"
      ? (tokenReasons.find(([pattern]) => pattern.test(args.reason ?? ""))?.[1] ??
        "invalid_exact_evm_transaction_simulation_failed")
      : tokenErrors[name];
  if (!reason) return undefined;
  return new PaymentRefusal(reason, `The payment is refused on chain: ${name}.`, {
    error: name,
    ...args,
  });
}
