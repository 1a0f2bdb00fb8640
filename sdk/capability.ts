/**
 * The capability token (EK token) v1: a short-lived JWT (JWS, EdDSA) by which a gateway lets its bearer use one Experience.
 * The exchange signs it, any gateway verifies it offline with the exchange's published keys (RFC 7517).
 */
import { type CryptoKey, errors, type JWTVerifyGetKey, jwtVerify, SignJWT } from "jose";
import { z } from "zod";
import { CapabilityExpiredError, CapabilityInvalidError } from "./errors.ts";
import { scopes as scopeRecord } from "./records.ts";

/** The one algorithm; anything else is refused. */
export const CAPABILITY_ALG = "EdDSA";
/** The JWS `typ`: keeps a session or any other JWT of the exchange from being taken for a capability. */
export const CAPABILITY_TYP = "ek+jwt";
/** No token lives longer, in seconds. */
export const CAPABILITY_MAX_TTL = 600;

const scopeSchema = z.enum(Object.keys(scopeRecord) as [keyof typeof scopeRecord]);

export const capabilityClaimsSchema = z.object({
  /** The exchange. */
  iss: z.string(),
  /** Who may use it: an agent id. */
  sub: z.string(),
  /** The seller's agent id: gateways serve their seller's tokens only. */
  aud: z.string(),
  jti: z.string(),
  iat: z.int(),
  exp: z.int(),
  ek_id: z.string(),
  /** The version that was bought. */
  listing_id: z.string(),
  /** The key by which access was granted; absent on a validator's token. */
  key_id: z.string().optional(),
  /** keccak256 of that version's ContentManifest: which bytes the gateway must serve. */
  manifest_hash: z.string(),
  scopes: z.array(scopeSchema).min(1),
  purpose: z.enum(["use", "validate"]),
  quota: z.object({ rpm: z.int().optional(), daily_quota: z.int().optional() }).optional(),
  policy: z.object({ transferable: z.boolean(), watermark: z.boolean() }).optional(),
  watermark_id: z.string().optional(),
  rate_limit_key: z.string().optional(),
  ttl_hint: z.int().optional(),
  /** Whom the token is bound to (RFC 9449): the thumbprint of the key by which its bearer signs every request. */
  cnf: z.object({ jkt: z.string() }).optional(),
});

export type CapabilityClaims = z.infer<typeof capabilityClaimsSchema>;

/** Signs the claims with the exchange's key `kid`. */
export function signCapability(
  claims: CapabilityClaims,
  { privateKey, kid }: { privateKey: CryptoKey; kid: string },
): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: CAPABILITY_ALG, kid, typ: CAPABILITY_TYP })
    .sign(privateKey);
}

/** What can be wrong with a token itself. Anything else that jose throws is about fetching the keys. */
const tokenFaults = [
  errors.JWTInvalid,
  errors.JWTClaimValidationFailed,
  errors.JWSInvalid,
  errors.JWSSignatureVerificationFailed,
  errors.JOSEAlgNotAllowed,
  errors.JOSENotSupported,
  errors.JWKSNoMatchingKey,
  errors.JWKSMultipleMatchingKeys,
];

/**
 * Verifies signature, issuer, audience and time, and returns the claims. `keys` is `createRemoteJWKSet(url)` or `createLocalJWKSet(jwks)`
 * of jose: keys named in the token itself (`jwk`, `jku`) are never used.
 *
 * Throws {@link CapabilityExpiredError} or {@link CapabilityInvalidError}; whatever `keys` throws when it can't get the keys is thrown on,
 * since that is not the token's fault.
 */
export async function verifyCapability(
  token: string,
  { keys, issuer, audience }: { keys: JWTVerifyGetKey; issuer: string; audience: string },
): Promise<CapabilityClaims> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: [CAPABILITY_ALG],
      typ: CAPABILITY_TYP,
      issuer,
      audience,
      maxTokenAge: CAPABILITY_MAX_TTL,
      clockTolerance: 5,
      requiredClaims: ["sub", "jti", "iat", "exp", "ek_id"],
    });
    return capabilityClaimsSchema.parse(payload);
  } catch (error) {
    if (error instanceof errors.JWTExpired) {
      throw new CapabilityExpiredError({ expiredAt: new Date(Number(error.payload.exp) * 1000) });
    }
    if (error instanceof z.ZodError) throw new CapabilityInvalidError({ reason: "claims are missing" });
    if (error instanceof Error && tokenFaults.some((fault) => error instanceof fault)) {
      throw new CapabilityInvalidError({ reason: error.message });
    }
    throw error;
  }
}
