/**
 * The capability token (EK token) v1: a short-lived signed text by which a gateway lets its bearer use one Experience. The exchange signs
 * it, any gateway verifies it offline with the exchange's published keys (RFC 7517). It is a JWT, or a PASETO v4.public where the listing
 * asks for that; both are Ed25519 signatures of the same keys, over bytes that can't be taken for each other's.
 */
import type { CryptoKey, JWTVerifyGetKey } from "jose";
import { type CapabilityClaims, capabilityClaimsSchema, type TokenScheme } from "./capability/claims.ts";
import { openJwt, signJwt } from "./capability/jwt.ts";
import { openPaseto, PASETO_PREFIX, signPaseto } from "./capability/paseto.ts";
import { CapabilityInvalidError } from "./errors.ts";

export {
  CAPABILITY_MAX_TTL,
  type CapabilityClaims,
  capabilityClaimsSchema,
  type TokenScheme,
  tokenSchemes,
} from "./capability/claims.ts";
export { CAPABILITY_ALG, CAPABILITY_TYP } from "./capability/jwt.ts";
export { CAPABILITY_FOOTER_TYP, PASETO_PREFIX } from "./capability/paseto.ts";

const signers = { jwt: signJwt, paseto: signPaseto } as const satisfies Record<TokenScheme, unknown>;

/** Signs the claims with the exchange's Ed25519 key `kid`. */
export function signCapability(
  claims: CapabilityClaims,
  key: { privateKey: CryptoKey; kid: string },
  scheme: TokenScheme = "jwt",
): Promise<string> {
  return signers[scheme](claims, key);
}

export type VerifyOptions = {
  /**
   * `createRemoteJWKSet(url)` or `createLocalJWKSet(jwks)` of jose, with the exchange's published keys. Keys named in the token itself
   * (`jwk`, `jku`, `x5u`) are never used.
   */
  keys: JWTVerifyGetKey;
  /** The exchange's URL without a trailing slash. */
  issuer: string;
  /** The seller's agent id. Null: the caller compares `aud` itself, and answers for it. */
  audience: string | null;
  /** The time to verify at; the present one when left out. */
  now?: Date;
};

/**
 * Verifies a token of either format in the source's order: signature and issuer, time, audience; and returns the claims, with times in
 * Unix seconds. The beginning of the token alone decides how it is read, and each reader knows one algorithm: no header can choose another.
 *
 * A token with `cnf` is good for nothing without its bearer's DPoP proof: see `verifyDpopProof`. Revocations are not seen from here.
 *
 * Throws {@link CapabilityExpiredError} or {@link CapabilityInvalidError}; whatever `keys` throws when it can't get the keys is thrown on,
 * since that is not the token's fault.
 *
 * @example
 * import { createLocalJWKSet, exportJWK, generateKeyPair } from "jose";
 *
 * const { publicKey, privateKey } = await generateKeyPair("EdDSA");
 * const kid = "2026-11";
 * // A gateway takes them from the exchange: createRemoteJWKSet(new URL("https://exchange.example/.well-known/jwks.json")).
 * const keys = createLocalJWKSet({ keys: [{ ...(await exportJWK(publicKey)), kid, alg: "EdDSA", use: "sig" }] });
 *
 * const iat = Math.floor(Date.now() / 1000);
 * const claims = {
 *   iss: "https://exchange.example", sub: "agt_8453_2", aud: "agt_8453_1", jti: crypto.randomUUID(), iat, exp: iat + 300,
 *   ek_id: "ek_8453_1", listing_id: "lst_8453_1_v1", key_id: "key_8453_1_2_0", manifest_hash: `0x${"00".repeat(32)}`,
 *   scopes: ["read" as const], purpose: "use" as const,
 * };
 * const token = await signCapability(claims, { privateKey, kid }, "paseto");
 *
 * const { scopes } = await verifyCapability(token, { keys, issuer: "https://exchange.example", audience: "agt_8453_1" });
 * console.log(scopes); // ["read"]
 */
export async function verifyCapability(
  token: string,
  { keys, issuer, audience, now = new Date() }: VerifyOptions,
): Promise<CapabilityClaims> {
  const open = token.startsWith(PASETO_PREFIX) ? openPaseto : openJwt;
  const result = capabilityClaimsSchema.safeParse(await open(token, { keys, issuer, now }));
  if (!result.success) throw new CapabilityInvalidError({ reason: "claims are missing" });
  if (audience !== null && result.data.aud !== audience) {
    throw new CapabilityInvalidError({ reason: "it is for another gateway" });
  }
  return result.data;
}
