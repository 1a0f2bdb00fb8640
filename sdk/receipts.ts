/**
 * Receipts of use: what a gateway signs for every use, so that neither side can later say something else. Uses of a key are numbered from
 * 1 without a gap, and the receipts of a gateway and a UTC day are the leaves of a Merkle tree, in order of key and number. So a use that
 * the gateway kept from the exchange, or counted twice, can be proven to anybody who has the tree's root.
 */
import { type CryptoKey, compactVerify, decodeJwt, importJWK } from "jose";
import { type Hex, hexToBigInt, keccak256, sha256, stringToBytes } from "viem";
import { canonicalJson } from "./canonical.ts";
import { CapabilityInvalidError } from "./errors.ts";
import { type UsageEvent, usageEventSchema } from "./wire/public.ts";

/** What was asked for: `target` is path and query below the gateway's own address. `body` is {@link bodyHash} of what was sent. */
export type HashedRequest = { method: string; target: string; range: string | null; body: string | null };

/** sha256 of the request's canonical JSON: the receipt's `request_hash`. */
export function hashRequest(request: HashedRequest): string {
  return `sha256:${sha256(stringToBytes(canonicalJson(request))).slice(2)}`;
}

/** sha256 of bytes, as receipts write it. */
export function bodyHash(bytes: Uint8Array): string {
  return `sha256:${sha256(bytes).slice(2)}`;
}

/** A receipt that was verified: a usage event with its number. */
export type Receipt = UsageEvent & { receipt: NonNullable<UsageEvent["receipt"]> };

/**
 * Reads a receipt (a compact JWS, EdDSA) and verifies it by the gateway's key, the `x` of its public JWK as the listing names it. Throws
 * {@link CapabilityInvalidError}.
 */
export async function verifyReceipt(jws: string, gatewayKey: string): Promise<Receipt> {
  let payload: unknown;
  try {
    const key = await importJWK({ kty: "OKP", crv: "Ed25519", x: gatewayKey }, "EdDSA");
    await compactVerify(jws, key as CryptoKey, { algorithms: ["EdDSA"] });
    payload = decodeJwt(jws);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CapabilityInvalidError({ reason: `the receipt is not signed by the gateway: ${reason}` });
  }
  const parsed = usageEventSchema.safeParse(payload);
  if (!parsed.success || parsed.data.receipt === undefined)
    throw new CapabilityInvalidError({ reason: "the gateway signed something that is no receipt" });
  return parsed.data as Receipt;
}

/** A receipt as the tree knows it: of which numbered row it is, and the keccak256 of its JWS. */
export type Leaf = { chain: Hex; number: number; receipt: Hex };

/** The leaf of a receipt: who used what stays in the receipt. */
export function leafOf({ chain, number }: { chain: string; number: number }, jws: string): Leaf {
  return { chain: keccak256(stringToBytes(chain)), number, receipt: keccak256(stringToBytes(jws)) };
}

/** Two leaves in the order of the tree: by row, then number, then hash. */
export function compareLeaves(a: Leaf, b: Leaf): number {
  return compareHex(a.chain, b.chain) || a.number - b.number || compareHex(a.receipt, b.receipt);
}

function compareHex(a: Hex, b: Hex): number {
  const [x, y] = [hexToBigInt(a), hexToBigInt(b)];
  return x < y ? -1 : x > y ? 1 : 0;
}
