/**
 * Proof of possession (RFC 9449, DPoP): a token that is bound to a key pair is worth nothing to whoever copies it. Its bearer signs, for
 * every request, a small JWT that names the method, the URL, the time and the token.
 */
import {
  base64url,
  type CryptoKey,
  calculateJwkThumbprint,
  EmbeddedJWK,
  errors,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTPayload,
  jwtVerify,
  SignJWT,
} from "jose";
import { z } from "zod";
import { CapabilityInvalidError } from "./errors.ts";

export const DPOP_TYP = "dpop+jwt";
/** Asymmetric alone, as section 11.6 wants. */
export const DPOP_ALGS = ["ES256", "EdDSA"];
/** Seconds by which a proof's `iat` may differ from the verifier's clock. */
export const DPOP_WINDOW = 60;

/** A key pair for proofs. Its private part can't be taken out of WebCrypto. */
export type DpopKey = {
  privateKey: CryptoKey;
  publicJwk: JWK;
  /** RFC 7638 thumbprint of the public part: a bound token's `cnf.jkt`. */
  jkt: string;
};

/** What a proof is for. `htu` is an absolute URL; its query and fragment don't count. */
export type DpopUse = { htm: string; accessToken?: string; now?: Date };

/**
 * Makes a key pair (P-256).
 * @example
 * const key = await createDpopKey();
 */
export async function createDpopKey(): Promise<DpopKey> {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: false });
  const { kty, crv, x, y } = await exportJWK(publicKey);
  const publicJwk = { kty, crv, x, y } as JWK;
  return { privateKey, publicJwk, jkt: await calculateJwkThumbprint(publicJwk) };
}

/**
 * Signs a proof for one request.
 * @example
 * const proof = await signDpopProof(key, { htm: "GET", htu: "https://gateway.example/exp/ek_1_1/metadata", accessToken });
 */
export async function signDpopProof(
  { privateKey, publicJwk }: DpopKey,
  { htm, htu, accessToken, now = new Date() }: DpopUse & { htu: string },
): Promise<string> {
  return new SignJWT({
    htm,
    htu: withoutQuery(htu) ?? htu,
    jti: crypto.randomUUID(),
    iat: seconds(now),
    ...(accessToken === undefined ? {} : { ath: await hashToken(accessToken) }),
  })
    .setProtectedHeader({ alg: "ES256", typ: DPOP_TYP, jwk: publicJwk })
    .sign(privateKey);
}

const proofSchema = z.object({
  htm: z.string(),
  htu: z.string(),
  iat: z.int(),
  jti: z.string().min(1).max(128),
  ath: z.string().optional(),
});

export type DpopProof = {
  jkt: string;
  jti: string;
  iat: number;
  /** Unix seconds: until then the verifier has to remember (`jkt`, `jti`); afterwards the proof is too old anyway. */
  until: number;
};

/**
 * Checks one proof: signature by the key that it names, type, method, URL (one of `htu`), time, and the token where there is one. That it
 * is used only once is the caller's to see to: see {@link DpopProof}. Throws {@link CapabilityInvalidError}.
 */
export async function verifyDpopProof(
  proof: string,
  { htm, htu, accessToken, now = new Date() }: DpopUse & { htu: string | readonly string[] },
): Promise<DpopProof> {
  const { payload, jwk } = await open(proof);
  const claims = proofSchema.safeParse(payload).data;
  if (!claims) throw refused("it has no htm, htu, iat and jti");
  if (claims.htm !== htm) throw refused(`it is for ${claims.htm.slice(0, 20)}, not ${htm}`);
  const url = withoutQuery(claims.htu);
  if (url === undefined || ![htu].flat().some((one) => withoutQuery(one) === url)) {
    throw refused(`it is for ${claims.htu.slice(0, 200)}`);
  }
  if (Math.abs(claims.iat - seconds(now)) > DPOP_WINDOW)
    throw refused(`it was made at ${claims.iat}, now is ${seconds(now)}`);
  if (accessToken !== undefined && claims.ath !== (await hashToken(accessToken)))
    throw refused("it is for another token");
  return {
    jkt: await calculateJwkThumbprint(jwk),
    jti: claims.jti,
    iat: claims.iat,
    until: claims.iat + DPOP_WINDOW + 1,
  };
}

/** The signature. A private key in the header is a leak, and no proof (section 4.3). */
async function open(proof: string): Promise<{ payload: JWTPayload; jwk: JWK }> {
  try {
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
      algorithms: DPOP_ALGS,
      typ: DPOP_TYP,
    });
    const { jwk } = protectedHeader;
    if (!jwk || "d" in jwk) throw refused("its header has no public key alone");
    return { payload, jwk };
  } catch (error) {
    if (error instanceof errors.JOSEError || error instanceof TypeError || error instanceof DOMException)
      throw refused(error.message);
    throw error;
  }
}

function refused(why: string): CapabilityInvalidError {
  return new CapabilityInvalidError({ reason: `the DPoP proof does not fit: ${why}` });
}

/** The URL as section 4.3 compares it, normalised (RFC 3986 section 6.2); undefined for what is none. */
function withoutQuery(htu: string): string | undefined {
  if (!URL.canParse(htu)) return undefined;
  const url = new URL(htu);
  url.search = "";
  url.hash = "";
  return url.href;
}

function seconds(time: Date): number {
  return Math.floor(time.getTime() / 1000);
}

/** `ath` (section 4.2): base64url of the sha256 of the token's ASCII. */
async function hashToken(token: string): Promise<string> {
  return base64url.encode(
    new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(token))),
  );
}
