/**
 * The capability token as a PASETO v4.public: Ed25519 and nothing else to choose from. The footer names the key, and that it is a
 * capability; times are RFC 3339 texts, as PASETO wants them. There is no implicit assertion.
 */
import { base64url, type CryptoKey, type JWTVerifyGetKey } from "jose";
import { type Claims, ClaimValidationError, InspectFooter, PasetoError, PublicProtocol } from "paseto";
import {
  type PublicKey,
  PublicKeyFromCryptoKey,
  type SecretKey,
  SecretKeyFromCryptoKey,
  SignFactory,
  VerifyFactory,
} from "paseto/v4/public";
import { z } from "zod";
import { CapabilityExpiredError, CapabilityInvalidError } from "../errors.ts";
import { CAPABILITY_MAX_TTL, CAPABILITY_TOLERANCE, type CapabilityClaims } from "./claims.ts";
import { CAPABILITY_ALG, isTokenFault } from "./jwt.ts";

/** How every PASETO v4.public begins. No JWT can: its header is base64url of a JSON object, and has no dot. */
export const PASETO_PREFIX = "v4.public.";
/** The footer's `typ`: keeps any other PASETO of the exchange from being taken for a capability. */
export const CAPABILITY_FOOTER_TYP = "ek+paseto";

/** Bytes of a footer; it is read before the signature is. */
const MAX_FOOTER = 256;

const footerSchema = z.strictObject({ kid: z.string().min(1), typ: z.literal(CAPABILITY_FOOTER_TYP) });
const v4 = new PublicProtocol(SignFactory, VerifyFactory);

// Importing a key costs more than a signature: each is imported once.
const secretKeys = new WeakMap<CryptoKey, Promise<SecretKey>>();
const publicKeys = new WeakMap<CryptoKey, Promise<PublicKey>>();

export async function signPaseto(
  claims: CapabilityClaims,
  { privateKey, kid }: { privateKey: CryptoKey; kid: string },
): Promise<string> {
  const secret = await once(secretKeys, privateKey, SecretKeyFromCryptoKey);
  const footer = new TextEncoder().encode(JSON.stringify({ kid, typ: CAPABILITY_FOOTER_TYP }));
  const payload = JSON.stringify({ ...claims, iat: dateOf(claims.iat), exp: dateOf(claims.exp) });
  return v4.Sign(secret, JSON.parse(payload) as Claims, { footer });
}

/** Signature, issuer and time; the claims are unread otherwise, with times in Unix seconds. Throws like `verifyCapability`. */
export async function openPaseto(
  token: string,
  { keys, issuer, now }: { keys: JWTVerifyGetKey; issuer: string; now: Date },
): Promise<unknown> {
  const publicKey = await findKey(token, keys);
  try {
    const { claims } = await v4.Verify(publicKey, token, {
      issuer,
      now,
      clockTolerance: CAPABILITY_TOLERANCE,
      maxTokenAge: CAPABILITY_MAX_TTL,
      requiredClaims: ["sub", "aud", "jti", "iat", "exp", "ek_id"],
    });
    return { ...claims, iat: secondsOf(claims.iat), exp: secondsOf(claims.exp) };
  } catch (error) {
    if (error instanceof ClaimValidationError) refuseLate(token, now);
    if (error instanceof PasetoError) throw new CapabilityInvalidError({ reason: error.message });
    throw error;
  }
}

/** The exchange's key that the footer names. A footer that names none finds none, also where there is only one. */
async function findKey(token: string, keys: JWTVerifyGetKey): Promise<PublicKey> {
  const { kid } = readFooter(token);
  try {
    const key = await keys({ alg: CAPABILITY_ALG, kid }, { payload: "", signature: "" });
    if (!isCryptoKey(key)) throw new TypeError("PASETO keys must be found as CryptoKey.");
    return await once(publicKeys, key, PublicKeyFromCryptoKey);
  } catch (error) {
    if (isTokenFault(error)) throw new CapabilityInvalidError({ reason: error.message });
    throw error;
  }
}

function readFooter(token: string): z.infer<typeof footerSchema> {
  try {
    const bytes = InspectFooter(token);
    if (bytes.length > MAX_FOOTER) throw new SyntaxError(`${bytes.length} bytes`);
    return footerSchema.parse(JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)));
  } catch {
    // Whatever it is, it is no footer of ours: not base64url, not UTF-8, not JSON, not of this form.
    throw new CapabilityInvalidError({ reason: "the footer names no key of a capability" });
  }
}

/** Claims are looked at after the signature: so they are the exchange's. Throws {@link CapabilityExpiredError} when the time is over. */
function refuseLate(token: string, now: Date): void {
  const payload = base64url.decode(token.split(".")[2] ?? "");
  const { iat, exp } = JSON.parse(new TextDecoder().decode(payload.subarray(0, -64))) as Record<
    string,
    unknown
  >;
  const end = Math.min(secondsOf(exp), secondsOf(iat) + CAPABILITY_MAX_TTL);
  if (now.getTime() / 1000 > end + CAPABILITY_TOLERANCE) {
    throw new CapabilityExpiredError({ expiredAt: new Date(end * 1000) });
  }
}

const dateOf = (seconds: number): string => new Date(seconds * 1000).toISOString();
/** Unix seconds; NaN for what is no time, which no schema takes. */
const secondsOf = (date: unknown): number =>
  typeof date === "string" ? Date.parse(date) / 1000 : Number.NaN;

function isCryptoKey(key: unknown): key is CryptoKey {
  return typeof key === "object" && key !== null && "algorithm" in key && "usages" in key;
}

function once<K extends CryptoKey, V>(
  made: WeakMap<K, Promise<V>>,
  key: K,
  make: (key: K) => Promise<V>,
): Promise<V> {
  const known = made.get(key) ?? make(key);
  made.set(key, known);
  return known;
}
