/**
 * Agents that come with a TLS client certificate instead of a token: the access list is the chain's own. Each request asks the chain, so a
 * right that ended, or an agent that was rotated, is refused from that block on; while the chain can't be asked nobody comes in this way.
 *
 * The exchange has no part in it. So two kinds of keys need its tokens: those whose money can still go back, since a first use must be on
 * chain before the first byte, and those whose copies carry a watermark, since the exchange alone gives out its handles.
 */
import { createHash, type X509Certificate } from "node:crypto";
import type { PublicClient } from "viem";
import { type AgentIdentity, readIdentity } from "../sdk/agent-identity.ts";
import type { CapabilityClaims } from "../sdk/capability.ts";
import type { Deployment } from "../sdk/deployment.ts";
import { CapabilityRevokedError, ExchangeError } from "../sdk/errors.ts";
import { agentId, ekId as ekIds, keyId as keyIds, listingId, splitTokenId } from "../sdk/ids.ts";
import { flags, fromBits, type ScopeName, scopes } from "../sdk/records.ts";
import { createTokenRights, type TokenRight, type TokenRights, tokenRightAt } from "../sdk/token-rights.ts";
import { readVersions, type VersionContent, type VersionReader } from "../sdk/versions.ts";
import { type AssertSigned, assertCertificate, createSignatureCheck } from "./agents/identity.ts";
import type { Seller } from "./seller.ts";

export type Agents = {
  /**
   * What the agent may do with the Experience, in the form that tokens have; without an `ek` only who it is. Throws INVALID_SIGNATURE (no
   * certificate, or the identity is not its), TOKEN_EXPIRED (over, or rotated away), EK_NOT_OWNED, PAYMENT_PENDING (not final yet),
   * SCOPE_DENIED (needs a token), or SERVICE_UNAVAILABLE while the chain can't be asked.
   */
  claims(text: string, certificate: X509Certificate | undefined, ek?: string): Promise<CapabilityClaims>;
};

export type AgentsOptions = {
  client: PublicClient;
  deployment: Deployment;
  seller: Seller;
  /** The exchange: it names the claims' issuer, and nothing is asked of it. */
  issuer: string;
  /** Blocks on top of a purchase before its key opens anything: a reorg can take the purchase away, but not the bytes. */
  confirmations: number;
  now?: () => number;
};

/** Seconds for which what was read from the chain may be used: a presigned URL ends with it. */
const CLAIMS_SECONDS = 60;
/** Milliseconds for which the chain counts as the right one. */
const TRUSTED_MS = 10_000;

type Inner = AgentsOptions & {
  now: () => number;
  rights: TokenRights;
  versions: VersionReader;
  assertSigned: AssertSigned;
  assertChain: () => Promise<void>;
};

export function createAgents(options: AgentsOptions): Agents {
  const { client, deployment, now = Date.now } = options;
  const { chainId, contracts, startBlock } = deployment;
  const inner: Inner = {
    ...options,
    now,
    rights: createTokenRights(client, contracts),
    versions: readVersions({ client, catalog: contracts.Catalog, startBlock }),
    assertSigned: createSignatureCheck(client, { chainId, registry: contracts.AgentRegistry }, now),
    assertChain: createChainCheck(client, deployment),
  };
  return {
    async claims(text, certificate, ek) {
      const identity = readIdentity(text);
      assertCertificate(identity, certificate, now());
      const self = await options.seller.id();
      if (identity.audience !== self) throw otherAudience(identity, self);
      try {
        return await readClaims(text, identity, ek, inner);
      } catch (cause) {
        if (cause instanceof ExchangeError) throw cause;
        throw new ExchangeError("SERVICE_UNAVAILABLE", "The chain can't be asked what the agent may do.", {
          hint: "Try again in a few seconds, or come with a token of the exchange.",
          cause,
        });
      }
    },
  };
}

async function readClaims(
  text: string,
  identity: AgentIdentity,
  ek: string | undefined,
  inner: Inner,
): Promise<CapabilityClaims> {
  await inner.assertChain();
  await inner.assertSigned(text, identity);
  const ref = ek === undefined ? undefined : ekIds.parse(ek);
  const { chainId } = inner.deployment;
  if (ref && ref.chainId !== chainId) throw notOwned(identity, String(ek), "other_chain");
  const right = await inner.rights(identity.agent, ref?.ekId ?? 0n);
  const who = identityClaims(text, identity, right, inner);
  if (ek === undefined || !ref) return who;
  const live = right.keyId !== 0n && (right.expiry === 0 || right.expiry > who.iat);
  if (!live) throw notOwned(identity, ek, right.keyId === 0n ? "no_key" : "key_expired");
  await assertFinal(identity, right, ref.ekId, inner);
  const version = await inner.versions(ref.ekId, right.version);
  if (!version) throw new Error(`The chain has no log of ${ek}, version ${right.version}.`);
  return keyClaims(who, right, version, { ...ref, ek, allowed: identity.scopes });
}

/** Who it is. Throws TOKEN_EXPIRED when the EOA is no agent's any more, or was rotated there and back. */
function identityClaims(
  text: string,
  { agent, epoch, audience, expires }: AgentIdentity,
  right: TokenRight,
  { issuer, now, deployment: { chainId } }: Inner,
): CapabilityClaims {
  // In place of a token's id: the same for all that is done by one identity.
  const jti = `agent-${createHash("sha256").update(text).digest("base64url")}`;
  if (right.retired || (right.agentId !== 0n && right.epoch !== epoch))
    throw new CapabilityRevokedError({ jti, reason: "rotation" });
  if (right.agentId === 0n)
    throw new ExchangeError("EK_NOT_OWNED", `${agent} is no agent.`, {
      hint: "Join the exchange with this EOA, and buy a key.",
      details: { agent, reason: "no_agent" },
    });
  const iat = Math.floor(now() / 1000);
  return {
    ...{ iss: issuer, sub: agentId.serialize({ chainId, agentId: right.agentId }), aud: audience, jti, iat },
    exp: Math.min(expires, iat + CLAIMS_SECONDS),
    ...{ ek_id: "", listing_id: "", manifest_hash: "", scopes: ["read"], purpose: "use" },
  };
}

/** Throws PAYMENT_PENDING while the key can still be taken back: by a refund, or by a reorg. */
async function assertFinal(
  { agent }: AgentIdentity,
  { keyId, held, block }: TokenRight,
  ekId: bigint,
  { client, deployment: { chainId, contracts }, confirmations }: Inner,
): Promise<void> {
  const pending = (reason: string, message: string, hint: string) =>
    new ExchangeError("PAYMENT_PENDING", message, {
      ...{ status: 409, hint },
      details: { reason, key_id: keyIds.serialize({ chainId, ...splitTokenId(keyId) }) },
    });
  if (held)
    throw pending(
      "held",
      "The key's money can still go back.",
      "Come with a token of the exchange (POST /me/buy/token), or accept the order first.",
    );
  if (confirmations === 0) return;
  const number = block.number - BigInt(confirmations);
  const then = number < 0n ? undefined : await tokenRightAt(client, contracts, { eoa: agent, ekId, number });
  if (then?.keyId !== keyId)
    throw pending(
      "unconfirmed",
      `The key is good once its purchase is ${confirmations} blocks deep.`,
      "Ask again in a few blocks.",
    );
}

/** What the key opens: what a token of the exchange would say, within what the identity allows. */
function keyClaims(
  who: CapabilityClaims,
  right: TokenRight,
  { sellerId, manifestHash, summary, quota }: VersionContent,
  {
    ek,
    ekId,
    chainId,
    allowed,
  }: { ek: string; ekId: bigint; chainId: number; allowed: readonly ScopeName[] },
): CapabilityClaims {
  const seller = agentId.serialize({ chainId, agentId: sellerId });
  if (seller !== who.aud)
    throw new ExchangeError("EK_NOT_OWNED", `${ek} is sold by ${seller}, this is ${who.aud}'s gateway.`, {
      hint: "Use the gateway that the listing names.",
      details: { ek_id: ek, audience: seller, seller: who.aud },
    });
  if (!summary)
    throw new ExchangeError(
      "LISTING_CONFLICT",
      `The summary of ${ek} can't be read: its policy is not known.`,
      {
        hint: "The seller wrote it in a form that is not read here. The key itself is valid on chain.",
        details: { ek_id: ek, reason: "summary_unreadable" },
      },
    );
  if (summary.access_policy.watermark === true)
    throw new ExchangeError(
      "SCOPE_DENIED",
      `Copies of ${ek} carry a watermark, which the exchange gives out.`,
      {
        hint: "Come with a token of the exchange (POST /me/buy/token).",
        details: { ek_id: ek, reason: "watermark" },
      },
    );
  const granted = (fromBits(scopes, right.scopes) as ScopeName[]).filter((scope) => allowed.includes(scope));
  const key_id = keyIds.serialize({ chainId, ...splitTokenId(right.keyId) });
  return {
    ...who,
    exp: right.expiry === 0 ? who.exp : Math.min(who.exp, right.expiry),
    ...{ ek_id: ek, listing_id: listingId.serialize({ chainId, ekId, version: right.version }), key_id },
    ...{ manifest_hash: manifestHash, scopes: granted, ...quota },
    policy: { transferable: (right.flags & (1 << flags.transferable.bit)) !== 0, watermark: false },
    rate_limit_key: key_id, // as tokens have it: both draw on one quota
  };
}

function otherAudience({ audience }: AgentIdentity, self: string): ExchangeError {
  return new ExchangeError(
    "EK_NOT_OWNED",
    `The identity is for the gateway of ${audience}, this is ${self}'s.`,
    {
      hint: "Bind the certificate for each seller.",
      details: { audience, seller: self },
    },
  );
}

function notOwned({ agent }: AgentIdentity, ek: string, reason: string): ExchangeError {
  return new ExchangeError("EK_NOT_OWNED", `${agent} holds no live key of ${ek.slice(0, 80)}.`, {
    hint: "Buy a key (POST /listings/{ek_id}/quote, then pay), or come as the agent that holds one.",
    details: { ek_id: ek.slice(0, 80), reason },
  });
}

/** Rejects unless it is the deployment's chain: another one may have other holders behind the same numbers. */
function createChainCheck(client: PublicClient, { chainId, startBlock, startBlockHash }: Deployment) {
  let trustedAt = Number.NEGATIVE_INFINITY;
  return async () => {
    if (performance.now() - trustedAt < TRUSTED_MS) return;
    const [id, { hash }] = await Promise.all([
      client.getChainId(),
      client.getBlock({ blockNumber: BigInt(startBlock) }),
    ]);
    if (id !== chainId || hash !== startBlockHash)
      throw new Error(`RPC_URL is another chain than the deployment's, ${chainId}.`);
    trustedAt = performance.now();
  };
}
