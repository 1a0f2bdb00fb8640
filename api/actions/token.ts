/** Capability tokens. Who may have one is asked from the chain, never from the index: an index that lags or lies gives nothing away. */
import { randomUUID } from "node:crypto";
import { signCapability } from "../../sdk/capability.ts";
import { ExchangeError } from "../../sdk/errors.ts";
import { agentId as agentIds, keyId as keyIds, listingId, splitTokenId } from "../../sdk/ids.ts";
import { flags, fromBits, type ScopeName, scopes } from "../../sdk/records.ts";
import type { TokenResponse } from "../../sdk/wire/purchase.ts";
import { ekNumber, readHead, unknownListing } from "../chain/listings.ts";
import type { Deps } from "../deps.ts";
import { markAccessGranted } from "../store/payment-moves.ts";
import { recordFirstAccess } from "./access.ts";
import type { Session } from "./session.ts";

/** Seconds that a token lives; less when the key ends before. */
const TOKEN_TTL = 300;
/** The same while the key's money can go back: gateways learn of a refund by the end of the token alone. */
const HELD_TOKEN_TTL = 60;

/** A token for the key that the session's agent holds, at the version that it bought. */
export async function issueToken(deps: Deps, session: Session, ekId: string): Promise<TokenResponse> {
  const { chain } = deps;
  await deps.guard.assertTrusted();
  const number = ekNumber(chain, ekId);
  const [tokenId, key] = await chain.keys.read.accessOf([number, session.agentId]);
  const now = Math.floor(Date.now() / 1000);
  // On a quiet chain the last block's time is old: the clock has a word, too.
  const live = tokenId !== 0n && (key.expiry === 0 || key.expiry > now);
  if (!live) {
    if (!(await readHead(chain, number))) throw unknownListing(ekId);
    throw notOwned(deps, session, ekId, tokenId === 0n ? "no_key" : "key_expired");
  }
  const keyId = keyIds.serialize({ chainId: chain.id, ...splitTokenId(tokenId) });
  const isHeld = await chain.exchange.read.isHeld([tokenId]);
  if (isHeld) await recordFirstAccess(deps, tokenId, key.version);
  const ttl = isHeld ? HELD_TOKEN_TTL : TOKEN_TTL;
  const response = await sign(deps, session, {
    ekId,
    number,
    version: key.version,
    now,
    expires: key.expiry === 0 ? now + ttl : Math.min(now + ttl, key.expiry),
    scopes: fromBits(scopes, key.scopes) as ScopeName[],
    flags: key.flags,
    purpose: "use",
    keyId,
  });
  await markAccessGranted(deps.sql, keyId, { ek_id: ekId, expires_at: response.expires_at });
  return response;
}

/** A validator's token: to read the present version, for as long as the validator may still label it. */
export async function issueValidatorToken(
  deps: Deps,
  session: Session,
  ekId: string,
): Promise<TokenResponse> {
  const { chain } = deps;
  await deps.guard.assertTrusted();
  const number = ekNumber(chain, ekId);
  const [head, allowed] = await Promise.all([
    readHead(chain, number),
    chain.labels.read.mayLabel([number, session.agentId]),
  ]);
  if (!head) throw unknownListing(ekId);
  if (!allowed) throw await notValidator(deps, session, ekId, number, head.sellerId);
  const now = Math.floor(Date.now() / 1000);
  return sign(deps, session, {
    ekId,
    number,
    version: head.version,
    now,
    expires: now + TOKEN_TTL,
    scopes: ["read"],
    flags: head.flags,
    purpose: "validate",
  });
}

type Grant = {
  ekId: string;
  number: bigint;
  version: number;
  /** Unix seconds. */
  now: number;
  expires: number;
  scopes: ScopeName[];
  flags: number;
  purpose: "use" | "validate";
  keyId?: string;
};

async function sign(deps: Deps, { agentId }: Session, grant: Grant): Promise<TokenResponse> {
  const { id: chainId } = deps.chain;
  const content = await deps.versions(grant.number, grant.version);
  if (!content) throw new Error(`The chain has no log of ${grant.ekId}, version ${grant.version}.`);
  if (!content.summary) {
    throw new ExchangeError(
      "LISTING_CONFLICT",
      `The summary of ${grant.ekId} can't be read: its gateway is not known.`,
      {
        hint: "The seller wrote it in a form that this exchange does not read. The key itself is valid on chain.",
        details: { ek_id: grant.ekId, reason: "summary_unreadable" },
      },
    );
  }
  const listing = listingId.serialize({ chainId, ekId: grant.number, version: grant.version });
  const sub = agentIds.serialize({ chainId, agentId });
  const token = await signCapability(
    {
      iss: deps.publicUrl,
      sub,
      aud: agentIds.serialize({ chainId, agentId: content.sellerId }),
      jti: randomUUID(),
      iat: grant.now,
      exp: grant.expires,
      ek_id: grant.ekId,
      listing_id: listing,
      ...(grant.keyId === undefined ? {} : { key_id: grant.keyId }),
      manifest_hash: content.manifestHash,
      scopes: grant.scopes,
      purpose: grant.purpose,
      ...(grant.purpose === "use" ? content.quota : {}),
      policy: { transferable: (grant.flags & (1 << flags.transferable.bit)) !== 0, watermark: false },
      rate_limit_key: grant.keyId ?? sub,
      ttl_hint: grant.expires - grant.now,
    },
    await deps.keys.current(),
  );
  return {
    ek_token: token,
    expires_at: new Date(grant.expires * 1000).toISOString(),
    gateway: content.summary.access_policy.gateway,
    manifest_hash: content.manifestHash,
    listing_id: listing,
  };
}

function notOwned({ chain }: Deps, { eoa, agentId }: Session, ekId: string, reason: string): ExchangeError {
  const who = agentId === 0n ? eoa : agentIds.serialize({ chainId: chain.id, agentId });
  const message =
    reason === "no_key" ? `${who} holds no live key of ${ekId}.` : `The key of ${who} for ${ekId} is over.`;
  return new ExchangeError("EK_NOT_OWNED", message, {
    hint: "Buy a key (POST /listings/{ek_id}/quote, then pay), or sign in with the EOA that holds one.",
    details: { ek_id: ekId, reason },
  });
}

/** Why the agent may not label the listing, for whom `LabelRegistry.mayLabel` only says no. */
async function notValidator(
  { chain }: Deps,
  { agentId }: Session,
  ekId: string,
  number: bigint,
  sellerId: bigint,
): Promise<ExchangeError> {
  const denied = (reason: string, message: string, hint: string) =>
    new ExchangeError("SCOPE_DENIED", message, { hint, details: { ek_id: ekId, reason } });
  if (agentId === 0n) {
    return denied(
      "not_an_agent",
      "Only agents may validate.",
      "Join first: POST /me/register or POST /me/grants.",
    );
  }
  if (agentId === sellerId) {
    return denied("own_listing", `${ekId} is your own listing.`, "Labels are others' judgements.");
  }
  const { createdAt } = await chain.labels.read.labelOf([number, agentId]);
  if (createdAt !== 0) {
    return new ExchangeError("VALIDATION_CONFLICT", `You have labelled ${ekId} already.`, {
      hint: "One live label per validator and listing. To keep using it, buy a key.",
      details: { ek_id: ekId, reason: "already_labelled" },
    });
  }
  return denied(
    "validator_not_allowed",
    `${ekId} is open to the validators on its list only.`,
    "Ask the seller to add you, or validate another listing.",
  );
}
