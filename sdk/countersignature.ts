/** A buyer's signature under a receipt, by the key that its token was bound to: no wallet is asked. */
import {
  type CompactJWSHeaderParameters,
  CompactSign,
  calculateJwkThumbprint,
  compactVerify,
  EmbeddedJWK,
} from "jose";
import type { z } from "zod";
import { DPOP_ALGS, type DpopKey } from "./dpop.ts";
import { CapabilityInvalidError } from "./errors.ts";
import { leafOf, type Receipt } from "./receipts.ts";
import { countersignedSchema } from "./wire/public.ts";

export type Countersigned = z.infer<typeof countersignedSchema>;

/** Signs a receipt: that its bytes came, and whether they were the ones that were sold. */
export function countersign(
  key: DpopKey,
  { receipt, jws, verdict }: { receipt: Receipt; jws: string; verdict: Countersigned["verdict"] },
): Promise<string> {
  const payload: Countersigned = {
    event_id: crypto.randomUUID(),
    receipt_id: receipt.event_id,
    receipt_hash: leafOf(jws) as Countersigned["receipt_hash"],
    verdict,
  };
  return new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
    .setProtectedHeader({ alg: "ES256", jwk: key.publicJwk })
    .sign(key.privateKey);
}

/** Verifies a countersignature by the key with the thumbprint `jkt`. Throws {@link CapabilityInvalidError}. */
export async function openCountersignature(jws: string, jkt: string): Promise<Countersigned> {
  try {
    const { payload, protectedHeader } = await compactVerify(jws, EmbeddedJWK, { algorithms: DPOP_ALGS });
    const { jwk } = protectedHeader as CompactJWSHeaderParameters;
    if (!jwk || (await calculateJwkThumbprint(jwk)) !== jkt) throw new Error("it is by another key");
    return countersignedSchema.parse(JSON.parse(new TextDecoder().decode(payload)));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CapabilityInvalidError({
      reason: `the countersignature does not fit: ${reason.slice(0, 200)}`,
    });
  }
}
