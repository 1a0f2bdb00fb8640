/**
 * Receipts of use: what a gateway signs for every use, so that neither side can later say something else. Uses of a key are numbered from
 * 1 without a gap, and the receipts of a gateway and a UTC day are the leaves of a Merkle tree (receipt-tree.ts). So a use that the gateway
 * kept from the exchange, or counted twice, can be proven to anybody.
 */
import { type CryptoKey, compactVerify, decodeJwt, importJWK } from "jose";
import type { Hex } from "viem";
import { canonicalJson } from "./canonical.ts";
import { CapabilityInvalidError } from "./errors.ts";
import { keccak256, sha256Hex, utf8 } from "./hash.ts";
import { type UsageEvent, usageEventSchema } from "./wire/public.ts";

/** What was asked for: `target` is path and query below the gateway's own address. `body` is {@link bodyHash} of what was sent. */
export type HashedRequest = { method: string; target: string; range: string | null; body: string | null };

/** sha256 of the request's canonical JSON: the receipt's `request_hash`. */
export function hashRequest(request: HashedRequest): string {
  return `sha256:${sha256Hex(utf8(canonicalJson(request)))}`;
}

/** sha256 of bytes, as receipts write it. */
export function bodyHash(bytes: Uint8Array): string {
  return `sha256:${sha256Hex(bytes)}`;
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

/** A receipt as the tree of its day knows it: the keccak256 of its JWS. Who used what stays in the receipt. */
export function leafOf(jws: string): Hex {
  return keccak256(utf8(jws));
}

/**
 * Whether two receipts, each verified, give one number of a key to two different uses: the gateway counted twice, or told two stories.
 * Neither needs a tree for that.
 */
export function provesReplay(first: Receipt, second: Receipt): boolean {
  return (
    first.receipt.chain === second.receipt.chain &&
    first.receipt.number === second.receipt.number &&
    first.event_id !== second.event_id
  );
}

/** Numbers that are missing between the lowest and the highest of each row. Of all receipts of some days, those that were kept back. */
export function missingNumbers(receipts: readonly Receipt[]): { chain: string; number: number }[] {
  const rows = new Map<string, Set<number>>();
  for (const { receipt } of receipts) {
    const row = rows.get(receipt.chain) ?? new Set();
    rows.set(receipt.chain, row.add(receipt.number));
  }
  return [...rows].flatMap(([chain, numbers]) => {
    const sorted = [...numbers].sort((a, b) => a - b);
    return sorted.flatMap((number, i) => {
      const next = sorted[i + 1] ?? number + 1;
      return Array.from({ length: Math.min(next - number - 1, 1000) }, (_, n) => ({
        chain,
        number: number + 1 + n,
      }));
    });
  });
}
