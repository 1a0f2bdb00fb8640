/** Who may have what: the source's verification rules for gateways, in their order. */
import type { CapabilityClaims } from "../sdk/capability.ts";
import { CapabilityInvalidError, ExchangeError } from "../sdk/errors.ts";
import type { ScopeName } from "../sdk/records.ts";
import type { Revocations } from "./revocations.ts";
import type { ItemRoute } from "./route.ts";
import type { Seller } from "./seller.ts";
import type { TokenVerifier } from "./verified.ts";

/** What a buyer does with an Experience: `download` is to keep a copy, and has a scope of its own. */
export type Action = "fetch" | "download" | "execute" | "quote";

const scopeOf: Record<Action, ScopeName> = {
  fetch: "read",
  download: "download",
  execute: "execute",
  quote: "quote",
};

/** The `Authorization` header: a token, and how it is held; or, with `agent`, who the connection's certificate stands for. */
export type Credentials = { scheme: "bearer" | "dpop" | "agent"; token: string };

/**
 * The token of the `Authorization` header, and only of that: what stands in a URL ends up in logs. Throws INVALID_SIGNATURE when there is
 * none.
 */
export function readCredentials(headers: Pick<Headers, "get">): Credentials {
  const authorization = headers.get("authorization");
  if (authorization === null)
    throw new CapabilityInvalidError({ reason: "there is no Authorization: Bearer header" });
  const [, scheme, token] = /^(Bearer|DPoP|Agent) +([\w.~+/=-]+) *$/i.exec(authorization) ?? [];
  if (!scheme || !token)
    throw new CapabilityInvalidError({ reason: "the Authorization header holds no bearer token" });
  return { scheme: scheme.toLowerCase() as Credentials["scheme"], token };
}

/**
 * Whose token it is. Signature, issuer and time first, then the audience: whoever passes is a buyer of this seller. That the bearer holds
 * the key that the token may be bound to is still to be proven: see possession.ts.
 *
 * Throws INVALID_SIGNATURE, TOKEN_EXPIRED, EK_NOT_OWNED (another seller's token), or SERVICE_UNAVAILABLE when it can't be told.
 */
export async function authenticate(
  { token }: Credentials,
  {
    verify,
    seller,
    revocations,
  }: { verify: TokenVerifier; seller: Seller; revocations: Pick<Revocations, "assertLive"> },
): Promise<CapabilityClaims> {
  // The source wants the audience compared after the time, and told apart from a forgery.
  const claims = await verify(token);
  revocations.assertLive(claims);
  const self = await seller.id();
  if (claims.aud === self) return claims;
  throw new ExchangeError(
    "EK_NOT_OWNED",
    `The token is for the gateway of ${claims.aud}, this is ${self}'s.`,
    {
      hint: "Use the gateway that the exchange named with the token.",
      details: { audience: claims.aud, seller: self },
    },
  );
}

/** Throws EK_NOT_OWNED or SCOPE_DENIED unless the token is for this EK and this action. */
export function permit(claims: CapabilityClaims, ek: string, action: Action): void {
  if (claims.ek_id !== ek) {
    throw new ExchangeError(
      "EK_NOT_OWNED",
      `The token is for ${claims.ek_id}, not for "${ek.slice(0, 80)}".`,
      {
        hint: "Ask the exchange for a token of the EK that you want to use.",
        details: { token_ek_id: claims.ek_id, ek_id: ek.slice(0, 80) },
      },
    );
  }
  const scope = scopeOf[action];
  if (!claims.scopes.includes(scope)) {
    throw new ExchangeError("SCOPE_DENIED", `The token has no "${scope}" scope.`, {
      hint: `Its scopes are ${claims.scopes.join(", ")}: the key was sold with these.`,
      details: { needed: scope, scopes: claims.scopes },
    });
  }
}

/** The action that an item's route asks for. */
export function actionOf({ purpose }: ItemRoute): Action {
  return purpose === "download" ? "download" : "fetch";
}

/** Throws INVALID_REQUEST for a purpose other than `download`. */
export function refusePurpose({ purpose }: ItemRoute): void {
  if (purpose === null || purpose === "download") return;
  throw new ExchangeError("INVALID_REQUEST", `"${purpose.slice(0, 80)}" is no purpose.`, {
    hint: "Leave it out to read, or say purpose=download to keep a copy.",
    details: { purpose: purpose.slice(0, 80) },
  });
}
