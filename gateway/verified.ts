/** The gateway's check of capability tokens. One that it knows costs a hash: see sdk/node/remembered.ts. */
import { CAPABILITY_MAX_TTL, type CapabilityClaims, verifyCapability } from "../sdk/capability.ts";
import { rememberVerified } from "../sdk/node/remembered.ts";
import type { Keys } from "./keys.ts";

/** Throws as {@link verifyCapability} does. Nobody may change the claims: other requests get the same. */
export type TokenVerifier = (token: string) => Promise<CapabilityClaims>;

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
  return rememberVerified({
    keys: keys.find,
    verify: (token, find) =>
      verifyCapability(token, { keys: find, issuer, audience: null, now: new Date(now()) }),
    endOf: ({ iat, exp }) => Math.min(exp, iat + CAPABILITY_MAX_TTL) * 1000,
    now,
  });
}
