/**
 * A signed request, in place of a session: the agent's EOA signs method, URL, body, time and a nonce (EIP-712), and sends that along:
 *
 *   X-Signature: v1;eoa=0x…;at=1790000000;nonce=0x…;sig=0x…
 *
 * The URL is absolute, under the exchange's own public address, as a WHATWG URL writes it: so the signature is good at one exchange alone.
 * `bodyHash` is the keccak256 of the body's bytes, of none where there is no body. `at` is in Unix seconds, the nonce 16 random bytes.
 */
import { type Address, bytesToHex, type Hex, isAddress, keccak256 } from "viem";
import type { Signer } from "./signer.ts";

/** Seconds that a signature is good for, from `at` on. */
export const REQUEST_SECONDS = 300;
/** Seconds by which the signer's clock may be ahead. */
export const REQUEST_SKEW = 30;

export const signedRequestTypes = {
  Request: [
    { name: "agent", type: "address" },
    { name: "method", type: "string" },
    { name: "url", type: "string" },
    { name: "bodyHash", type: "bytes32" },
    { name: "at", type: "uint64" },
    { name: "nonce", type: "bytes16" },
  ],
} as const;

export type SignedRequest = {
  agent: Address;
  /** In upper case. */
  method: string;
  url: string;
  bodyHash: Hex;
  /** Unix seconds. */
  at: bigint;
  nonce: Hex;
};

/** What is signed. `chainId`: the exchange's chain. */
export function signedRequestTypedData({ chainId }: { chainId: number }, message: SignedRequest) {
  return {
    domain: { name: "EK Exchange request", version: "1", chainId },
    types: signedRequestTypes,
    primaryType: "Request",
    message,
  } as const;
}

export function hashBody(body: string | Uint8Array): Hex {
  return keccak256(typeof body === "string" ? new TextEncoder().encode(body) : body);
}

/** What the header says; the rest of the message is the request itself. */
export type SignatureHeader = { eoa: Address; at: number; nonce: Hex; signature: Hex };

export function serializeSignature({ eoa, at, nonce, signature }: SignatureHeader): string {
  return `v1;eoa=${eoa};at=${at};nonce=${nonce};sig=${signature}`;
}

const FORM =
  /^v1;eoa=(0x[0-9a-fA-F]{40});at=([1-9][0-9]{0,11});nonce=(0x[0-9a-fA-F]{32});sig=(0x(?:[0-9a-fA-F]{2})+)$/;

/** Undefined for anything that {@link serializeSignature} would not write. */
export function parseSignature(header: string): SignatureHeader | undefined {
  const [, eoa, at, nonce, signature] = FORM.exec(header) ?? [];
  if (!eoa || !isAddress(eoa) || !at || !nonce || !signature) return undefined;
  return { eoa, at: Number(at), nonce: nonce as Hex, signature: signature as Hex };
}

/**
 * Signs one request; the answer is the value of its `X-Signature` header.
 * @example
 * const header = await signRequest(account, { chainId: 31337, method: "GET", url: "https://exchange.example/me" });
 */
export async function signRequest(
  signer: Signer,
  {
    chainId,
    method,
    url,
    body = "",
    now = new Date(),
  }: { chainId: number; method: string; url: string; body?: string | Uint8Array; now?: Date },
): Promise<string> {
  const at = Math.floor(now.getTime() / 1000);
  const nonce = bytesToHex(crypto.getRandomValues(new Uint8Array(16)));
  const signature = await signer.signTypedData(
    signedRequestTypedData(
      { chainId },
      {
        agent: signer.address,
        method: method.toUpperCase(),
        url: new URL(url).href,
        bodyHash: hashBody(body),
        at: BigInt(at),
        nonce,
      },
    ),
  );
  return serializeSignature({ eoa: signer.address, at, nonce, signature });
}
