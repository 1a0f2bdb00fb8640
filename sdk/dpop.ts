/**
 * DPoP proofs (RFC 9449): a JWT that the client signs for one request with a key of its own. A token that names the key (`cnf.jkt`) is of
 * no use to who has not got it.
 */
import {
  base64url,
  type CryptoKey,
  calculateJwkThumbprint,
  EmbeddedJWK,
  errors,
  exportJWK,
  type JWK,
  jwtVerify,
  SignJWT,
} from "jose";
import { z } from "zod";
import { DpopInvalidError } from "./errors.ts";

/** The algorithms that a proof may be signed by: all asymmetric. */
export const DPOP_ALGS = ["ES256", "EdDSA", "Ed25519"];
/** The JWS `typ` of a proof (RFC 9449 section 4.2). */
export const DPOP_TYP = "dpop+jwt";
/** Seconds that a proof's `iat` may be away from the verifier's time, either way. */
export const DPOP_WINDOW = 60;

/** Characters of a proof: more would only cost time. */
const MAX_PROOF = 4096;

const claimsSchema = z.object({
  jti: z.string().min(8).max(128),
  htm: z.string(),
  htu: z.string(),
  iat: z.int(),
  ath: z.string().optional(),
  nonce: z.string().optional(),
});

export type DpopRequest = {
  method: string;
  /** As the client wrote it; query and fragment don't count. */
  url: string;
  /** The access token that the request carries: then the proof has to name it by `ath`. */
  accessToken?: string;
  /** A nonce that the verifier gave out: then the proof has to carry it. */
  nonce?: string;
};

/** What a good proof tells. `jti` counts once for `jkt`, until `expiresAt`: the verifier has to remember it. */
export type DpopProof = {
  /** RFC 7638 thumbprint (SHA-256) of the client's key. */
  jkt: string;
  jti: string;
  /** Unix seconds. */
  expiresAt: number;
};

/** A client's key pair; the public one can be exported. */
export type DpopKey = { privateKey: CryptoKey; publicKey: CryptoKey };

/**
 * Signs a proof for one request.
 *
 * @example
 * import { generateKeyPair } from "jose";
 *
 * const key = await generateKeyPair("ES256");
 * const request = { method: "GET", url: "https://gateway.example/exp/ek_8453_1/metadata", accessToken: "v4.public.…" };
 * const proof = await signDpopProof(key, request); // for the header `DPoP`
 * console.log((await verifyDpopProof(proof, request)).jkt.length); // 43
 */
export async function signDpopProof(key: DpopKey, request: DpopRequest, now = new Date()): Promise<string> {
  const { kty, crv, x, y } = await exportJWK(key.publicKey);
  const jwk = { kty, crv, x, ...(y === undefined ? {} : { y }) } as JWK;
  const { accessToken, nonce } = request;
  return new SignJWT({
    jti: crypto.randomUUID(),
    htm: request.method,
    htu: targetOf(request.url),
    ...(accessToken === undefined ? {} : { ath: await hashOf(accessToken) }),
    ...(nonce === undefined ? {} : { nonce }),
  })
    .setProtectedHeader({ alg: kty === "EC" ? "ES256" : "EdDSA", typ: DPOP_TYP, jwk })
    .setIssuedAt(Math.floor(now.getTime() / 1000))
    .sign(key.privateKey);
}

/**
 * Verifies a proof for one request by the checks of RFC 9449 section 4.3, all but the last: that `jti` was not seen before is the
 * caller's to find out, since that takes a memory. Throws {@link DpopInvalidError}.
 */
export async function verifyDpopProof(
  proof: string,
  request: DpopRequest,
  now = new Date(),
): Promise<DpopProof> {
  if (proof.length > MAX_PROOF)
    throw new DpopInvalidError({ reason: `it is longer than ${MAX_PROOF} characters` });
  const { jwk, payload } = await open(proof, now);
  const result = claimsSchema.safeParse(payload);
  if (!result.success)
    throw new DpopInvalidError({ reason: `its claim ${result.error.issues[0]?.path.join(".")} is missing` });
  const { jti, htm, htu, iat, ath, nonce } = result.data;
  if (Math.abs(now.getTime() / 1000 - iat) > DPOP_WINDOW) {
    throw new DpopInvalidError({ reason: `it was made at ${iat}, more than ${DPOP_WINDOW} s from now` });
  }
  if (htm !== request.method) throw new DpopInvalidError({ reason: `it is for ${htm.slice(0, 16)}` });
  if (targetOf(htu) !== targetOf(request.url)) {
    throw new DpopInvalidError({
      reason: `it is for ${htu.slice(0, 200)}, this is ${targetOf(request.url)}`,
    });
  }
  if (request.accessToken !== undefined && ath !== (await hashOf(request.accessToken))) {
    throw new DpopInvalidError({ reason: "it does not name the token that came with it" });
  }
  if (request.nonce !== undefined && nonce !== request.nonce) {
    throw new DpopInvalidError({ reason: "it does not carry the nonce that was given out" });
  }
  return { jkt: await calculateJwkThumbprint(jwk, "sha256"), jti, expiresAt: iat + DPOP_WINDOW };
}

/** The proof's claims, signed by the public key in its own header. */
async function open(proof: string, now: Date): Promise<{ jwk: JWK; payload: unknown }> {
  try {
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
      algorithms: DPOP_ALGS,
      typ: DPOP_TYP,
      currentDate: now,
      clockTolerance: DPOP_WINDOW,
    });
    const { jwk } = protectedHeader;
    if (!jwk || "d" in jwk) throw new DpopInvalidError({ reason: "its header holds a private key" });
    return { jwk, payload };
  } catch (error) {
    // EmbeddedJWK imports what the sender wrote: WebCrypto's complaints about it are about the proof, too.
    const blamed = [errors.JOSEError, DOMException, TypeError].some((fault) => error instanceof fault);
    if (blamed) throw new DpopInvalidError({ reason: (error as Error).message });
    throw error;
  }
}

/** Scheme, host and path (RFC 9449 section 4.3, 9), normalised; any other text as it is. */
function targetOf(url: string): string {
  const parsed = URL.parse(url);
  return parsed ? `${parsed.origin}${parsed.pathname}` : url;
}

async function hashOf(token: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token));
  return base64url.encode(new Uint8Array(digest));
}
