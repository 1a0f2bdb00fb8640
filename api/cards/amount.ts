/** What a card is asked for: US cents for a price in a dollar token, at one to one. */
import { ExchangeError } from "../../sdk/errors.ts";

/** Stripe refuses less than this in US dollars. */
export const MIN_CENTS = 50;
/** And more than this (eight digits). */
const MAX_CENTS = 99_999_999;

/**
 * Cents that cover `price` (the token's smallest units). Rounds up: the exchange pays the price on chain and must not pay more than it was
 * given.
 *
 * @example
 * toCents(500_001n, 6); // 51n
 */
export function toCents(price: bigint, decimals: number): bigint {
  const unit = 10n ** BigInt(Math.abs(decimals - 2));
  return decimals >= 2 ? (price + unit - 1n) / unit : price * unit;
}

/** {@link toCents}, for a price that a card can pay. Throws LISTING_CONFLICT for what is too small or too large for one. */
export function cardAmount(ekId: string, price: bigint, decimals: number): number {
  const cents = toCents(price, decimals);
  if (cents >= MIN_CENTS && cents <= MAX_CENTS) return Number(cents);
  const isSmall = cents < MIN_CENTS;
  throw new ExchangeError(
    "LISTING_CONFLICT",
    `${ekId} costs ${cents} US cents; by card it must be ${isSmall ? `at least ${MIN_CENTS}` : `at most ${MAX_CENTS}`}.`,
    {
      hint: 'Pay by crypto: payment_method {"type": "crypto"} tells how.',
      details: {
        ...{
          ek_id: ekId,
          reason: isSmall ? "below_card_minimum" : "above_card_maximum",
          cents: Number(cents),
        },
        ...(isSmall ? { minimum_cents: MIN_CENTS } : { maximum_cents: MAX_CENTS }),
      },
    },
  );
}
