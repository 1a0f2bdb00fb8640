/** Signatures as clients send them. */
import { type Hex, size } from "viem";
import { ExchangeError } from "../../sdk/errors.ts";

/** Bytes that a signature may have: smart accounts' are long, and each byte costs the chain that verifies it. */
const MAX_BYTES = 4_096;

/** The signature, of whatever form. Throws INVALID_SIGNATURE for one that is longer than any. */
export function readSignature(hex: string): Hex {
  const signature = hex as Hex; // the wire's schema says so
  if (size(signature) <= MAX_BYTES) return signature;
  throw new ExchangeError(
    "INVALID_SIGNATURE",
    `The signature has ${size(signature)} bytes, ${MAX_BYTES} are allowed.`,
    {
      hint: "Send the signature alone.",
      details: { maximum_bytes: MAX_BYTES },
    },
  );
}
