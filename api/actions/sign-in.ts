/** Signing in with an EOA (EIP-4361), or with a smart account (EIP-1271, ERC-6492). */
import { randomBytes } from "node:crypto";
import { type Address, getAddress, type Hex, hashMessage, isAddressEqual, recoverAddress, size } from "viem";
import { createSiweMessage } from "viem/siwe";
import { ExchangeError } from "../../sdk/errors.ts";
import type { NonceResponse, VerifyResponse } from "../../sdk/wire/agent.ts";
import { bindingOf } from "../chain/agents.ts";
import type { Chain } from "../chain/client.ts";
import type { Deps } from "../deps.ts";
import { profileOf } from "../queries/profile.ts";
import { consumeNonce, findNonce, saveNonce } from "../store/nonces.ts";
import { startSession } from "./session.ts";
import { readSignature } from "./signature.ts";

/** Seconds in which a nonce must be used. */
const NONCE_TTL = 300;
/** How an ERC-6492 signature ends. */
const ERC6492_SUFFIX = "6492649264926492649264926492649264926492649264926492649264926492";

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
): Promise<VerifyResponse> {
  const signature = readSignature(hex);
  const given = await findNonce(deps.sql, nonce);
  if (!given) throw nonceExpired();
  const mine =
    isAddressEqual(given.eoa, eoa) && (await isSignedBy(deps.chain, eoa, [given.message, nonce], signature));
  if (!mine) {
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
  if (binding.retired) {
    throw new ExchangeError("SESSION_EXPIRED", `${eoa} belonged to an agent that has rotated away from it.`, {
      hint: "Sign in with the agent's present EOA.",
      details: { reason: "eoa_rotated", eoa },
    });
  }
  if (!(await consumeNonce(deps.sql, nonce))) throw nonceExpired();
  const [{ token, expiresAt }, agent] = await Promise.all([
    startSession(deps, binding),
    profileOf(deps, binding),
  ]);
  return { token, expires_at: expiresAt.toISOString(), agent };
}

function nonceExpired(): ExchangeError {
  return new ExchangeError("NONCE_EXPIRED", "This nonce is unknown, used, or older than five minutes.", {
    hint: "Ask GET /auth/nonce for another one: each works once.",
  });
}

/** Whether the account signed one of the texts. An EOA's signature is checked here; only a smart account costs a call. */
async function isSignedBy(
  { client }: Chain,
  account: Address,
  texts: string[],
  signature: Hex,
): Promise<boolean> {
  if (size(signature) === 65) {
    for (const text of texts) {
      const signer = await recoverAddress({ hash: hashMessage(text), signature }).catch(() => undefined);
      if (signer && isAddressEqual(signer, account)) return true;
    }
  }
  const wrapped = signature.toLowerCase().endsWith(ERC6492_SUFFIX);
  if (!wrapped && !(await client.getCode({ address: account }))) return false;
  for (const message of texts) {
    if (await client.verifyMessage({ address: account, message, signature })) return true;
  }
  return false;
}
