/** Amounts as people write them, in the smallest units of a token. */
import { parseUnits } from "viem";

/** `0.25` or `"0.25"` as an exact decimal; numbers in exponent form are written out. */
export function decimalText(amount: number | string): string {
  const text = String(amount);
  const match = /^(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (!match) return text;
  const [, whole = "", fraction = "", exponent = "0"] = match;
  const digits = whole + fraction;
  const point = whole.length + Number(exponent);
  if (point <= 0) return `0.${"0".repeat(-point)}${digits}`;
  if (point >= digits.length) return digits + "0".repeat(point - digits.length);
  return `${digits.slice(0, point)}.${digits.slice(point)}`;
}

/**
 * The amount in smallest units; undefined when it has more decimals than the token.
 *
 * @example
 * toUnits("0.25", 6); // 250000n
 * toUnits("0.0000001", 6); // undefined
 */
export function toUnits(amount: number | string, decimals: number): bigint | undefined {
  const text = decimalText(amount);
  const fraction = text.split(".")[1]?.replace(/0+$/, "") ?? "";
  return fraction.length > decimals ? undefined : parseUnits(text, decimals);
}
