/** Canonical JSON (RFC 8785) and its hash: what the chain commits to. */
import canonicalize from "canonicalize";
import type { Hex } from "viem";
import { ExchangeError } from "./errors.ts";
import { keccak256, utf8 } from "./hash.ts";

/**
 * The value as canonical JSON. Members that JSON leaves out (undefined, functions) are left out; throws INVALID_REQUEST for what it can't
 * hold: bigint, NaN, infinities, half a surrogate pair, cycles.
 */
export function canonicalJson(value: unknown): string {
  const refuse = (reason: string, cause?: unknown): never => {
    throw new ExchangeError("INVALID_REQUEST", `The value has no canonical JSON form: ${reason}.`, { cause });
  };
  try {
    return canonicalize(value) ?? refuse(`it is ${typeof value}`);
  } catch (cause) {
    if (cause instanceof ExchangeError) throw cause;
    return refuse(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** keccak256 of the value's canonical JSON, UTF-8. */
export function canonicalHash(value: unknown): Hex {
  return keccak256(utf8(canonicalJson(value)));
}
