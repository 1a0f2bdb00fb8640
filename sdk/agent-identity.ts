/**
 * An agent at a gateway without a token (mTLS): it connects with a TLS client certificate of its own, and shows a text, signed by its EOA,
 * that says which certificate stands for it, where, for what and until when. Who holds a key is read from the chain.
 *
 * The text is no secret: it is worth nothing without the certificate's private key, which the TLS handshake asks for (RFC 8446 section
 * 4.4.3). No authority signs the certificate, the agent's wallet does.
 */
import { base64url } from "jose";
import type { Address, Hex } from "viem";
import { z } from "zod";
import { CapabilityInvalidError } from "./errors.ts";
import { sha256Hex } from "./hash.ts";
import { parseJson } from "./http.ts";
import { type ScopeName, scopes as scopeRecord, toBits } from "./records.ts";
import { toSigner, type Wallet } from "./signer.ts";
import { gatewayIdentityTypedData } from "./typed-data.ts";
import { addressSchema, agentIdSchema, hash32Schema, hexSchema } from "./wire/common.ts";

/** How it is sent: `Authorization: Agent <text>`. */
export const AGENT_SCHEME = "Agent";
/** Seconds that a binding may have before it: a lost certificate is nobody's for ever. */
export const IDENTITY_MAX_TTL = 90 * 86_400;
/** Characters of the text: a smart account's signature fits. */
const MAX_TEXT = 8_192;

const scopeNames = Object.keys(scopeRecord) as [ScopeName];

export const agentIdentitySchema = z.strictObject({
  agent: addressSchema,
  /** How often the agent had rotated: a rotation ends the binding. */
  epoch: z.int().nonnegative(),
  /** sha256 of the certificate's SubjectPublicKeyInfo in DER. */
  certificate_key: hash32Schema,
  /** The seller whose gateway it is for. */
  audience: agentIdSchema,
  /** What the certificate is good for at most; the key's own scopes count beside them. */
  scopes: z.array(z.enum(scopeNames)).min(1),
  /** Unix seconds. */
  expires: z.int().positive(),
  signature: hexSchema,
});
export type AgentIdentity = z.infer<typeof agentIdentitySchema>;

type At = { chainId: number; registry: Address };

/** What the agent signs. */
export function identityTypedData(at: At, identity: Omit<AgentIdentity, "signature">) {
  return gatewayIdentityTypedData(at, {
    agent: identity.agent,
    epoch: identity.epoch,
    certificateKey: identity.certificate_key as Hex,
    audience: identity.audience,
    scopes: toBits(scopeRecord, identity.scopes),
    expires: BigInt(identity.expires),
  });
}

/** By what a binding names a certificate: `spki` is its public key as DER-encoded SubjectPublicKeyInfo (RFC 5280 section 4.1). */
export function certificateKeyOf(spki: Uint8Array): Hex {
  return `0x${sha256Hex(spki)}`;
}

/**
 * Signs which certificate stands for the wallet's agent at one seller's gateway. Name as few scopes, and as short a time, as will do: 90 days
 * at most. `epoch` is `AgentRegistry.bindingOf(wallet)`'s. Revoked by rotating the agent's EOA.
 *
 * @example
 * const { certificate, privateKey, spki } = makeCertificate({ days: 30 }); // sdk/node/certificate.ts, or any other way to make one
 * const authorization = await bindCertificate(wallet, {
 *   ...{ chainId: 8453, registry, epoch: 0, spki, audience: "agt_8453_1", scopes: ["read"] },
 *   expires: new Date(Date.now() + 30 * 86_400_000),
 * });
 * request("https://gateway.example/exp/ek_8453_1/metadata", { cert: certificate, key: privateKey, headers: { authorization } });
 */
export async function bindCertificate(
  wallet: Wallet,
  {
    chainId,
    registry,
    spki,
    expires,
    ...rest
  }: At & { epoch: number; spki: Uint8Array; audience: string; scopes: ScopeName[]; expires: Date },
): Promise<string> {
  const signer = toSigner(wallet);
  const identity = {
    ...{ agent: signer.address, certificate_key: certificateKeyOf(spki) },
    ...{ ...rest, expires: Math.floor(expires.getTime() / 1000) },
  };
  const signature = await signer.signTypedData(identityTypedData({ chainId, registry }, identity));
  const text = JSON.stringify(agentIdentitySchema.parse({ ...identity, signature }));
  return `${AGENT_SCHEME} ${base64url.encode(text)}`;
}

/** The identity in the header's text, unchecked. Throws INVALID_SIGNATURE for a text that is none. */
export function readIdentity(text: string): AgentIdentity {
  const parsed = text.length > MAX_TEXT ? undefined : agentIdentitySchema.safeParse(parseJson(decode(text)));
  if (parsed?.success) return parsed.data;
  throw new CapabilityInvalidError({ reason: "the Authorization header holds no agent's identity" });
}

function decode(text: string): string {
  try {
    return new TextDecoder().decode(base64url.decode(text));
  } catch {
    return ""; // no JSON either
  }
}
