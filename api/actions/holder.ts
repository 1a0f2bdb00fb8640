/** Who holds a key already, as the chain says, and how it proves that to an x402 resource (sign-in-with-x, CAIP-122). */
import { parseSIWxHeader, validateSIWxMessage, verifySIWxSignature } from "@x402/extensions/sign-in-with-x";
import { type Address, isAddress } from "viem";
import { keyId as keyIds, splitTokenId } from "../../sdk/ids.ts";
import { type Binding, bindingOf } from "../chain/agents.ts";
import type { Deps } from "../deps.ts";

/** The oldest message that is taken, in milliseconds; the stock check uses the same. */
const MAX_AGE = 300_000;

/** A live key: the listing's version that it opens, and who holds it. */
export type HeldKey = { binding: Binding; keyId: string; version: number };

/** The live key of a listing that an account's agent holds; undefined when there is none. */
export async function heldKey({ chain }: Deps, ekId: bigint, eoa: Address): Promise<HeldKey | undefined> {
  const binding = await bindingOf(chain, eoa);
  if (binding.retired || binding.agentId === 0n) return undefined;
  const [tokenId, key] = await chain.keys.read.accessOf([ekId, binding.agentId]);
  const now = Math.floor(Date.now() / 1000);
  if (tokenId === 0n || (key.expiry !== 0 && key.expiry <= now)) return undefined;
  const keyId = keyIds.serialize({ chainId: chain.id, ...splitTokenId(tokenId) });
  return { binding, keyId, version: key.version };
}

/** A proof of an address, good for one time. */
export type SignIn = { address: Address; nonce: string; expiresAt: Date };

/**
 * Who signed the SIGN-IN-WITH-X header for this very resource, or why it counts for nothing. The stock checks look at origin, age and
 * signature; chain and path are checked here.
 */
export async function readSignIn(
  { chain, publicUrl }: Deps,
  header: string,
  url: string,
): Promise<SignIn | { refusal: string }> {
  const message = parse(header);
  if (!message || !isAddress(message.address)) return { refusal: "invalid_siwx_header" };
  if (message.chainId !== `eip155:${chain.id}`) return { refusal: "invalid_siwx_chain_id" };
  if (message.uri !== url) return { refusal: "invalid_siwx_uri_mismatch" };
  const validation = await validateSIWxMessage(message, new URL(publicUrl), { maxAge: MAX_AGE });
  if (!validation.isValid) return { refusal: validation.invalidReason };
  const verification = await verifySIWxSignature(message, {
    // Smart accounts sign too: the chain is asked for those (EIP-1271, EIP-6492).
    evmVerifier: (args) => chain.client.verifyMessage(args),
  });
  if (!verification.isValid) return { refusal: verification.invalidReason };
  const { address, nonce, issuedAt } = message;
  return { address, nonce, expiresAt: new Date(Date.parse(issuedAt) + MAX_AGE) };
}

function parse(header: string) {
  try {
    return parseSIWxHeader(header);
  } catch {
    return undefined; // whatever it is, it is no sign-in
  }
}
