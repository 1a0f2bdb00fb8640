/** Signing in with an EOA (EIP-4361), or with a smart account (EIP-1271, ERC-6492). */
import { randomBytes } from "node:crypto";
import { type Address, getAddress, hashMessage, isAddressEqual } from "viem";
import { createSiweMessage } from "viem/siwe";
import { ExchangeError } from "../../sdk/errors.ts";
import type { NonceResponse, VerifyResponse } from "../../sdk/wire/agent.ts";
import { bindingOf } from "../chain/agents.ts";
import { isSignedBy } from "../chain/signatures.ts";
import type { Deps } from "../deps.ts";
import { consumeNonce, findNonce, saveNonce } from "../store/nonces.ts";
import { noteAudit, type Origin } from "./audit.ts";
import { startSession } from "./session.ts";
import { eoaRotated } from "./session-errors.ts";
import { readSignature } from "./signature.ts";

/** Seconds in which a nonce must be used. */
const NONCE_TTL = 300;

/** A nonce for the EOA, and the message that signs it in here and nowhere else. */
export async function giveNonce(deps: Deps, address: Address): Promise<NonceResponse> {
  const { host } = new URL(deps.publicUrl);
  const eoa = getAddress(address);
  const random = randomBytes(16).toString("hex");
  const issuedAt = new Date();
  const expiresAt = new Date(issuedAt.getTime() + NONCE_TTL * 1000);
  const message = createSiweMessage({
    domain: host,
    address: eoa,
    statement: "Sign in to the exchange. This costs nothing and moves nothing.",
    uri: deps.publicUrl,
    version: "1",
    chainId: deps.chain.id,
    nonce: random,
    issuedAt,
    expirationTime: expiresAt,
  });
  // A client that signs the nonce alone is bound to this domain and chain, too.
  const nonce = `${host} sign-in eip155:${deps.chain.id} ${random}`;
  await saveNonce(deps.sql, { nonce, eoa, message, expiresAt });
  return { nonce, message, expires_at: expiresAt.toISOString() };
}

/** Turns a signed nonce into a session. The nonce is used up by a valid signature only, and by one caller only. */
export async function verifySignIn(
  deps: Deps,
  { eoa, nonce, signature: hex }: { eoa: Address; nonce: string; signature: string },
  origin: Origin,
): Promise<VerifyResponse> {
  const signature = readSignature(hex);
  const given = await findNonce(deps.sql, nonce);
  if (!given) throw nonceExpired();
  const mine =
    isAddressEqual(given.eoa, eoa) &&
    (await isSignedBy(deps.chain, eoa, [given.message, nonce].map(hashed), signature));
  if (!mine) {
    // By the account that the nonce was made for: what anybody says of another one is not its log's business.
    const binding = await bindingOf(deps.chain, getAddress(given.eoa));
    await noteAudit(deps, { action: "signed_in", outcome: "refused", ...binding, origin });
    throw new ExchangeError(
      "INVALID_SIGNATURE",
      `The signature is not one of ${eoa} over this nonce's message.`,
      {
        hint: "Sign `message` of GET /auth/nonce unchanged (EIP-191), with the EOA that asked for it, on this chain and domain.",
        details: { eoa },
      },
    );
  }
  const binding = await bindingOf(deps.chain, getAddress(eoa));
  if (binding.retired) throw eoaRotated(binding.eoa);
  if (!(await consumeNonce(deps.sql, nonce))) throw nonceExpired();
  return startSession(deps, binding, origin);
}

const hashed = (text: string) => hashMessage(text);

function nonceExpired(): ExchangeError {
  return new ExchangeError("NONCE_EXPIRED", "This nonce is unknown, used, or older than five minutes.", {
    hint: "Ask GET /auth/nonce for another one: each works once.",
  });
}
