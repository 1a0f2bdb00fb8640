/** That the bearer of a bound token holds its key: one fresh proof for every request (RFC 9449 section 7). */
import type { CapabilityClaims } from "../sdk/capability.ts";
import { verifyDpopProof } from "../sdk/dpop.ts";
import { CapabilityInvalidError } from "../sdk/errors.ts";
import type { Credentials } from "./access.ts";
import type { Ledger } from "./ledger.ts";

export type Possession = {
  /** Throws INVALID_SIGNATURE unless the request proves it, for the first time; and for a bound token that comes as a plain bearer's. */
  prove(claims: CapabilityClaims, credentials: Credentials, request: ProvenRequest): Promise<void>;
};

export type ProvenRequest = { method: string; target: string; headers: Headers };

/**
 * `publicUrl` is the gateway's address as buyers write it, without a trailing slash. Without one, the `Host` header counts: a proof for
 * another host is no proof here either way, since the token is for one seller's gateway alone.
 */
export function createPossession({
  ledger,
  publicUrl,
}: {
  ledger: Ledger;
  publicUrl?: string | undefined;
}): Possession {
  return {
    async prove(claims, { scheme, token }, { method, target, headers }) {
      if (claims.cnf === undefined) {
        if (scheme === "bearer") return;
        throw new CapabilityInvalidError({ reason: "it is bound to no key: send it as Bearer" });
      }
      const proof = headers.get("dpop");
      if (scheme === "bearer" || proof === null) {
        throw new CapabilityInvalidError({
          reason: "it is bound to a key: send it as Authorization: DPoP, with a proof in the DPoP header",
        });
      }
      const { jkt, jti, until } = await verifyDpopProof(proof, {
        htm: method,
        htu: urlsOf(publicUrl, headers.get("host"), target),
        accessToken: token,
      });
      if (jkt !== claims.cnf.jkt)
        throw new CapabilityInvalidError({ reason: "the DPoP proof is by another key than the token's" });
      const first = await ledger.query(
        "insert into proofs (name, until) values ($1, $2) on conflict (name) do nothing returning name",
        [`${jkt} ${jti}`, until],
      );
      if (first.length === 0)
        throw new CapabilityInvalidError({ reason: "the DPoP proof was used before: sign one per request" });
    },
  };
}

function urlsOf(publicUrl: string | undefined, host: string | null, target: string): string[] {
  const path = target.replace(/^https?:\/\/[^/?]*/i, "");
  if (publicUrl !== undefined) return [`${publicUrl}${path}`];
  // TLS may end in front of us.
  return host === null ? [] : [`https://${host}${path}`, `http://${host}${path}`];
}
