/** The client's proof that it has a key of its own (DPoP, RFC 9449), sent with the request for a token. */
import { verifyDpopProof } from "../../sdk/dpop.ts";
import { CapabilityInvalidError } from "../../sdk/errors.ts";
import type { Deps } from "../deps.ts";
import { consumeProof } from "../store/dpop-proofs.ts";

/** The `DPoP` header, and the request that it came with. */
export type ProofHeader = { header: string | undefined; method: string; path: string };

/**
 * The thumbprint of the key to bind the token to; undefined for a client that sent no proof. Throws INVALID_SIGNATURE for a proof that
 * proves nothing: a client that meant to have its token bound must not get one that anybody can use.
 */
export async function boundKey(
  deps: Deps,
  { header, method, path }: ProofHeader,
): Promise<string | undefined> {
  if (header === undefined) return undefined;
  const proof = await verifyDpopProof(header, { htm: method, htu: `${deps.publicUrl}${path}` });
  if (await consumeProof(deps.sql, proof)) return proof.jkt;
  throw new CapabilityInvalidError({ reason: "the DPoP proof was used before" });
}
