/** Who comes in: the source's verification rules, in their order, for a token in the header or a signed URL. */

import type { CapabilityClaims } from "../../sdk/capability.ts";
import { CapabilityInvalidError, ExchangeError } from "../../sdk/errors.ts";
import { type Action, authenticate, permit, readCredentials } from "../access.ts";
import type { Call } from "../call.ts";
import type { Inner } from "../core.ts";
import type { Grant } from "../presign.ts";

/** Who sent the request, and may do what with `ek`, or without one. Throws as `authenticate`, `Possession` and {@link Agents} do. */
export async function admitBearer(
  call: Call,
  request: Request,
  inner: Inner,
  ek?: string,
): Promise<CapabilityClaims> {
  const credentials = readCredentials(request.headers);
  if (credentials.scheme === "agent") {
    if (!inner.agents)
      throw new CapabilityInvalidError({ reason: "this gateway lets nobody in by a certificate" });
    const claims = await inner.agents.claims(credentials.token, call.peer.certificate, ek);
    // Who only looks at what is its own uses no Experience.
    if (ek !== undefined) call.claims = claims;
    return claims;
  }
  const claims = await authenticate(credentials, inner);
  await inner.possession.prove(claims, credentials, {
    method: request.method,
    target: call.target,
    headers: request.headers,
  });
  call.claims = claims;
  return claims;
}

/** {@link admitBearer}, for one action on one EK; then the manifest is known too. */
export async function enter(
  call: Call,
  request: Request,
  { ek, action }: { ek: string; action: Action },
  inner: Inner,
): Promise<void> {
  // Known even if the token is refused for its scope.
  call.action = action;
  const claims = await admitBearer(call, request, inner, ek);
  permit(claims, ek, action);
  call.manifest = await inner.catalog.manifest(claims.manifest_hash);
}

/** {@link enter} by a signed URL. The token that it was asked with was checked then; the URL lives no longer than that. */
export async function enterSigned(
  call: Call,
  signed: string,
  { ek, item, action }: { ek: string; item: string; action: Action },
  inner: Inner,
): Promise<Grant> {
  const grant = inner.presigner.open(signed);
  const { claims } = grant;
  inner.revocations.assertLive(claims);
  call.claims = claims;
  call.action = action;
  if (claims.aud !== (await inner.seller.id()))
    throw new CapabilityInvalidError({ reason: "the URL was signed for another seller" });
  permit(claims, ek, action);
  if (grant.item !== item || (action === "download") !== grant.download) {
    throw new ExchangeError("SCOPE_DENIED", "The URL was signed for something else.", {
      hint: "Use it unchanged.",
      details: { needed: action, item: grant.item },
    });
  }
  call.limits = [{ name: "uses", key: grant.id, quota: grant.uses, seconds: null }];
  call.manifest = await inner.catalog.manifest(claims.manifest_hash);
  return grant;
}
