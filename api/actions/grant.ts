/** What a token says, signed. Not handed out before it is stored. */
import { randomUUID } from "node:crypto";
import type { Hash } from "viem";
import { signCapability, type TokenScheme } from "../../sdk/capability.ts";
import { ExchangeError } from "../../sdk/errors.ts";
import { agentId as agentIds, listingId } from "../../sdk/ids.ts";
import { flags, type ScopeName } from "../../sdk/records.ts";
import type { VersionContent } from "../../sdk/versions.ts";
import type { ListingSummary } from "../../sdk/wire/listing.ts";
import type { TokenResponse } from "../../sdk/wire/purchase.ts";
import type { Deps } from "../deps.ts";
import type { IssuedToken } from "../store/tokens.ts";
import type { Session } from "./session.ts";

export type Grant = {
  ekId: string;
  number: bigint;
  version: number;
  /** Unix seconds. */
  now: number;
  expires: number;
  scopes: ScopeName[];
  flags: number;
  purpose: "use" | "validate";
  key?: { id: string; number: bigint };
  /** Thumbprint of the client's own key, where it proved to have one. */
  jkt: string | undefined;
  /** The head from which the right was read. */
  block: { number: bigint; hash: Hash };
};

/** Signs the token, by the scheme that the version's gateway wants. Throws LISTING_CONFLICT when its summary can't be read. */
export async function signGrant(
  deps: Deps,
  session: Session,
  grant: Grant,
): Promise<{ issued: IssuedToken; response: TokenResponse }> {
  const content = await readContent(deps, grant);
  const { number, version, key, jkt, expires, now } = grant;
  const whose = {
    ekId: number,
    version,
    agentId: session.agentId,
    ...(key === undefined ? {} : { keyNumber: key.number }),
  };
  const watermarkId = await deps.watermarks.handleFor(whose);
  const signer = await deps.keys.current();
  const jti = randomUUID();
  const gatewayKey = content.summary.access_policy.gateway_key;
  const claims = claimsOf(deps, session, grant, { content, watermarkId, jti });
  return {
    issued: {
      ...whose,
      jti,
      eoa: session.eoa,
      epoch: session.epoch,
      purpose: grant.purpose,
      kid: signer.kid,
      ...(jkt === undefined ? {} : { jkt }),
      watermarkId,
      issuedAt: now,
      expiresAt: expires,
      block: { number: grant.block.number, hash: grant.block.hash },
    },
    response: {
      ek_token: await signCapability(claims, signer, schemeOf(content.summary)),
      token_type: jkt === undefined ? "Bearer" : "DPoP",
      expires_at: new Date(expires * 1000).toISOString(),
      gateway: content.summary.access_policy.gateway,
      manifest_hash: content.manifestHash,
      listing_id: claims.listing_id,
      ...(gatewayKey === undefined ? {} : { gateway_key: gatewayKey }),
    },
  };
}

type Content = VersionContent & { summary: ListingSummary };

async function readContent({ versions }: Deps, { ekId, number, version }: Grant): Promise<Content> {
  const content = await versions(number, version);
  if (!content) throw new Error(`The chain has no log of ${ekId}, version ${version}.`);
  const { summary } = content;
  if (summary) return { ...content, summary };
  throw new ExchangeError(
    "LISTING_CONFLICT",
    `The summary of ${ekId} can't be read: its gateway is not known.`,
    {
      hint: "The seller wrote it in a form that this exchange does not read. The key itself is valid on chain.",
      details: { ek_id: ekId, reason: "summary_unreadable" },
    },
  );
}

/** Anything else than a scheme of ours stands for the usual one: every gateway reads it. */
function schemeOf({ access_policy }: ListingSummary): TokenScheme {
  return access_policy.token_scheme === "paseto" ? "paseto" : "jwt";
}

function claimsOf(
  { chain: { id: chainId }, publicUrl }: Deps,
  { agentId }: Session,
  grant: Grant,
  { content, watermarkId, jti }: { content: Content; watermarkId: string; jti: string },
) {
  const sub = agentIds.serialize({ chainId, agentId });
  return {
    iss: publicUrl,
    sub,
    aud: agentIds.serialize({ chainId, agentId: content.sellerId }),
    jti,
    iat: grant.now,
    exp: grant.expires,
    ek_id: grant.ekId,
    listing_id: listingId.serialize({ chainId, ekId: grant.number, version: grant.version }),
    ...(grant.key === undefined ? {} : { key_id: grant.key.id }),
    manifest_hash: content.manifestHash,
    scopes: grant.scopes,
    purpose: grant.purpose,
    ...(grant.purpose === "use" ? content.quota : {}),
    policy: {
      transferable: (grant.flags & (1 << flags.transferable.bit)) !== 0,
      watermark: content.summary.access_policy.watermark ?? false,
    },
    watermark_id: watermarkId,
    rate_limit_key: grant.key?.id ?? sub,
    ttl_hint: grant.expires - grant.now,
    ...(grant.jkt === undefined ? {} : { cnf: { jkt: grant.jkt } }),
  };
}
