/** The bounds that price curves share, and how they refuse what is outside of them: `CurveParams.sol`. */
import { ExchangeError } from "../errors.ts";

/** The most that one key may cost, in the token's smallest units. */
export const MAX_AMOUNT = 2n ** 96n - 1n;
/** The most keys that a listing sells. */
export const MAX_KEYS = 2n ** 32n - 1n;
/** The last Unix time. */
export const MAX_TIME = 2n ** 40n - 1n;
/** The most keys priced at once. */
export const MAX_COUNT = 256n;

export function checkAtMost(name: string, value: bigint, maximum: bigint): void {
  if (value <= maximum) return;
  throw new ExchangeError("LISTING_INVALID", `${name} is ${value}; it must be at most ${maximum}.`, {
    details: { error: "CurveParamTooLarge", name, value: String(value), maximum: String(maximum) },
  });
}

export function checkAtLeast(name: string, value: bigint, minimum: bigint): void {
  if (value >= minimum) return;
  throw new ExchangeError("LISTING_INVALID", `${name} is ${value}; it must be at least ${minimum}.`, {
    details: { error: "CurveParamTooSmall", name, value: String(value), minimum: String(minimum) },
  });
}

/** Lengths in bytes. */
export function checkLength(length: number, expected: number): void {
  if (length === expected) return;
  throw new ExchangeError(
    "LISTING_INVALID",
    `The curve's parameters have ${length} bytes; they must have ${expected}.`,
    { details: { error: "CurveParamsLength", length: String(length), expected: String(expected) } },
  );
}

export function checkCount(count: bigint): void {
  if (count >= 0n && count <= MAX_COUNT) return;
  throw new ExchangeError(
    "INVALID_REQUEST",
    `${count} keys can't be priced at once; at most ${MAX_COUNT} can.`,
    {
      hint: "Ask for the rest from there on: the price of a key depends on how many were sold before it.",
      details: { error: "CurveCountTooLarge", count: String(count), maximum: String(MAX_COUNT) },
    },
  );
}
