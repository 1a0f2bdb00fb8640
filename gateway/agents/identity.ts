/** Whether an identity is the connection's own, in time and signed: all that can be told before the chain says what its agent may do. */
import { timingSafeEqual, type X509Certificate } from "node:crypto";
import type { Hex, PublicClient } from "viem";
import {
  type AgentIdentity,
  certificateKeyOf,
  IDENTITY_MAX_TTL,
  identityTypedData,
} from "../../sdk/agent-identity.ts";
import { CapabilityExpiredError, CapabilityInvalidError } from "../../sdk/errors.ts";
import { createLru } from "../../sdk/lru.ts";

/** Smallest RSA keys of certificates, in bits. */
const RSA_BITS = 2048;
const CURVES: readonly string[] = ["prime256v1", "secp384r1", "secp521r1"];
/** Milliseconds for which a signature that was checked counts: a smart account may withdraw one. */
const SIGNED_MS = 60_000;

/** `now` is in Unix ms. Throws INVALID_SIGNATURE or TOKEN_EXPIRED. */
export function assertCertificate(
  { certificate_key, expires }: AgentIdentity,
  certificate: X509Certificate | undefined,
  now: number,
): void {
  if (certificate === undefined)
    throw new CapabilityInvalidError({
      reason:
        "the connection has no client certificate: connect by TLS, straight to the gateway, with the one that was bound",
    });
  const spki = certificate.publicKey.export({ type: "spki", format: "der" });
  if (!timingSafeEqual(bytesOf(certificateKeyOf(spki)), bytesOf(certificate_key as Hex)))
    throw new CapabilityInvalidError({ reason: "the agent's identity is of another certificate" });
  if (!isStrong(certificate))
    throw new CapabilityInvalidError({
      reason: `the certificate's key is neither Ed25519, nor of a NIST curve, nor RSA of ${RSA_BITS} bits`,
    });
  const [from, to] = [certificate.validFromDate, certificate.validToDate];
  if (from.getTime() > now)
    throw new CapabilityInvalidError({ reason: "the certificate's time has not come yet" });
  if (to.getTime() <= now) throw new CapabilityExpiredError({ expiredAt: to });
  if (expires * 1000 <= now) throw new CapabilityExpiredError({ expiredAt: new Date(expires * 1000) });
  if (expires - now / 1000 > IDENTITY_MAX_TTL)
    throw new CapabilityInvalidError({
      reason: `the agent's identity ends more than ${IDENTITY_MAX_TTL / 86_400} days from now`,
    });
}

function isStrong({
  publicKey: { asymmetricKeyType: type, asymmetricKeyDetails: details },
}: X509Certificate) {
  if (type === "rsa") return (details?.modulusLength ?? 0) >= RSA_BITS;
  return type === "ed25519" || (type === "ec" && CURVES.includes(details?.namedCurve ?? ""));
}

function bytesOf(hex: Hex): Buffer {
  return Buffer.from(hex.slice(2), "hex");
}

/** Throws INVALID_SIGNATURE unless the agent's EOA, or its smart account (EIP-1271), signed it. */
export type AssertSigned = (text: string, identity: AgentIdentity) => Promise<void>;

/** Remembers what was well signed, by its whole text. */
export function createSignatureCheck(
  client: PublicClient,
  at: { chainId: number; registry: Hex },
  now: () => number,
): AssertSigned {
  const signed = createLru<{ until: number }>({ limit: 1_000, weigh: () => 1 });
  return async (text, identity) => {
    if ((signed.get(text)?.until ?? 0) > now()) return;
    const { signature, agent } = identity;
    const good = await client.verifyTypedData({
      ...identityTypedData(at, identity),
      ...{ address: agent, signature: signature as Hex },
    });
    if (!good) throw new CapabilityInvalidError({ reason: `the identity is not signed by ${agent}` });
    signed.set(text, { until: now() + SIGNED_MS });
  };
}
