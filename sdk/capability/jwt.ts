/** The capability token as a JWT (JWS in compact form, EdDSA). */
import { type CryptoKey, errors, type JWTVerifyGetKey, jwtVerify, SignJWT } from "jose";
import { CapabilityExpiredError, CapabilityInvalidError } from "../errors.ts";
import { CAPABILITY_MAX_TTL, CAPABILITY_TOLERANCE, type CapabilityClaims } from "./claims.ts";

/** The one algorithm; anything else is refused. */
export const CAPABILITY_ALG = "EdDSA";
/** The JWS `typ`: keeps a session or any other JWT of the exchange from being taken for a capability. */
export const CAPABILITY_TYP = "ek+jwt";

export function signJwt(
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

/** Whether the error blames the token: its form, its signature, its claims or a key that does not exist. */
export function isTokenFault(error: unknown): error is Error {
  return error instanceof Error && tokenFaults.some((fault) => error instanceof fault);
}

/** A token has to name its key, also where there is only one: what is revoked by its name must not pass without. */
function named(keys: JWTVerifyGetKey): JWTVerifyGetKey {
  return (header, token) => {
    if (typeof header.kid !== "string" || header.kid === "") throw new errors.JWKSNoMatchingKey();
    return keys(header, token);
  };
}

/** Signature, issuer and time; the claims are unread otherwise. Throws like `verifyCapability`. */
export async function openJwt(
  token: string,
  { keys, issuer, now }: { keys: JWTVerifyGetKey; issuer: string; now: Date },
): Promise<unknown> {
  try {
    const { payload } = await jwtVerify(token, named(keys), {
      algorithms: [CAPABILITY_ALG],
      typ: CAPABILITY_TYP,
      issuer,
      maxTokenAge: CAPABILITY_MAX_TTL,
      clockTolerance: CAPABILITY_TOLERANCE,
      currentDate: now,
      requiredClaims: ["sub", "aud", "jti", "iat", "exp", "ek_id"],
    });
    return payload;
  } catch (error) {
    if (error instanceof errors.JWTExpired) {
      throw new CapabilityExpiredError({ expiredAt: new Date(Number(error.payload.exp) * 1000) });
    }
    if (isTokenFault(error)) throw new CapabilityInvalidError({ reason: error.message });
    throw error;
  }
}
