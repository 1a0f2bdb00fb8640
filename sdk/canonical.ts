/** Canonical JSON (RFC 8785) and its hash: what the chain commits to. */
import canonicalize from "canonicalize";
import { type Hex, keccak256, stringToBytes } from "viem";

/** The value as canonical JSON. Throws for what JSON can't hold (functions, bigint, NaN). */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("This value has no JSON form.");
  return text;
}

/** keccak256 of the value's canonical JSON, UTF-8. */
export function canonicalHash(value: unknown): Hex {
  return keccak256(stringToBytes(canonicalJson(value)));
}
