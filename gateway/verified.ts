/**
 * Tokens that were found good, so that the next request with the same one costs a hash instead of a signature. What may change while a
 * token lives is looked at every time: the key that signed it, its end and, by the caller, whether it was revoked.
 */
import { createHash } from "node:crypto";
import type { JWTVerifyGetKey } from "jose";
import {
  CAPABILITY_ALG,
  CAPABILITY_MAX_TTL,
  type CapabilityClaims,
  verifyCapability,
} from "../sdk/capability.ts";
import type { Keys } from "./keys.ts";
import { createLru } from "./lru.ts";

/** Throws as {@link verifyCapability} does. Nobody may change the claims: other requests get the same. */
export type TokenVerifier = (token: string) => Promise<CapabilityClaims>;

type FoundKey = { kid: string | undefined; key: Awaited<ReturnType<JWTVerifyGetKey>> };
type Verified = FoundKey & { claims: CapabilityClaims };

/** Tokens that are remembered: one per buyer and Experience within a few minutes. */
const KEPT = 10_000;

/** The audience is left to the caller. */
export function createTokenVerifier({
  keys,
  issuer,
  now = () => Date.now(),
}: {
  keys: Pick<Keys, "find">;
  issuer: string;
  now?: () => number;
}): TokenVerifier {
  const kept = createLru<Verified>({ limit: KEPT, weigh: () => 1 });
  /** The very key: where the exchange's set was fetched anew, killed or out of reach, all is checked again. */
  const isStill = async ({ kid, key }: FoundKey): Promise<boolean> => {
    const header = { alg: CAPABILITY_ALG, ...(kid === undefined ? {} : { kid }) };
    try {
      return (await keys.find(header, { payload: "", signature: "" })) === key;
    } catch {
      return false; // why, is told when the token is checked in full
    }
  };
  return async (token) => {
    // The text itself is a credential: it is not kept.
    const name = createHash("sha256").update(token).digest("base64");
    const known = kept.get(name);
    // Without the tolerance for clocks: what is over, or nearly, is told by the one who knows how.
    if (known && now() < endOf(known.claims) && (await isStill(known))) return known.claims;
    let signer: FoundKey | undefined;
    const find: JWTVerifyGetKey = async (header, input) => {
      const key = await keys.find(header, input);
      signer = { kid: header.kid, key };
      return key;
    };
    const claims = await verifyCapability(token, {
      keys: find,
      issuer,
      audience: null,
      now: new Date(now()),
    });
    if (signer) kept.set(name, { ...signer, claims });
    return claims;
  };
}

/** In Unix ms. */
function endOf({ iat, exp }: CapabilityClaims): number {
  return Math.min(exp, iat + CAPABILITY_MAX_TTL) * 1000;
}
