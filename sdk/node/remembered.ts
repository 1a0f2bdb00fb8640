/**
 * Signed tokens that were found good, so that the next request with the same one costs a hash instead of a signature. What may change while
 * a token lives is looked at every time: the key that signed it, its end and, by the caller, whether it was revoked.
 */
import { hash } from "node:crypto";
import type { JWTVerifyGetKey } from "jose";
import { createLru } from "../lru.ts";

/** Tokens that are remembered: one per caller and thing within minutes, or within the hour of a session. */
const KEPT = 10_000;
/** The one algorithm of the exchange's tokens. */
const ALG = "EdDSA";

type FoundKey = { kid: string | undefined; key: Awaited<ReturnType<JWTVerifyGetKey>> };

/**
 * `verify` in full, or from memory. It is handed `keys` as it was given, and has to ask it for the key; throws whatever `verify` throws.
 * `endOf` is in Unix ms, without a tolerance for clocks: what is over, or nearly, is told by `verify`. Nobody may change the claims: others
 * get the same.
 */
export function rememberVerified<Claims>({
  keys,
  verify,
  endOf,
  now = Date.now,
}: {
  keys: JWTVerifyGetKey;
  verify: (token: string, keys: JWTVerifyGetKey) => Promise<Claims>;
  endOf: (claims: Claims) => number;
  now?: () => number;
}): (token: string) => Promise<Claims> {
  const kept = createLru<FoundKey & { claims: Claims }>({ limit: KEPT, weigh: () => 1 });
  /** The very key: where the exchange's set was fetched anew, killed or out of reach, all is checked again. */
  const isStill = async ({ kid, key }: FoundKey): Promise<boolean> => {
    const header = { alg: ALG, ...(kid === undefined ? {} : { kid }) };
    try {
      return (await keys(header, { payload: "", signature: "" })) === key;
    } catch {
      return false; // why, is told when the token is checked in full
    }
  };
  return async (token) => {
    // The text itself is a credential: it is not kept.
    const name = hash("sha256", token, "base64");
    const known = kept.get(name);
    if (known && now() < endOf(known.claims) && (await isStill(known))) return known.claims;
    let signer: FoundKey | undefined;
    const claims = await verify(token, async (header, input) => {
      const key = await keys(header, input);
      signer = { kid: header.kid, key };
      return key;
    });
    if (signer) kept.set(name, { ...signer, claims });
    return claims;
  };
}
