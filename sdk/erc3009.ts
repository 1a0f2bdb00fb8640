/** ERC-3009: transfers of a token by its owner's signature. What is signed (EIP-712), for both functions that take it. */
import type { Address, Hex } from "viem";

/** The token's EIP-712 domain, by what the token itself says. */
export type TokenDomain = { name: string; version: string; address: Address };

/** A transfer that `from` authorizes. `value` in smallest units; times are Unix seconds, both exclusive. */
export type TokenAuthorization = {
  from: Address;
  to: Address;
  value: bigint;
  validAfter: bigint;
  validBefore: bigint;
  nonce: Hex;
};

const fields = [
  { name: "from", type: "address" },
  { name: "to", type: "address" },
  { name: "value", type: "uint256" },
  { name: "validAfter", type: "uint256" },
  { name: "validBefore", type: "uint256" },
  { name: "nonce", type: "bytes32" },
] as const;

/**
 * What `transferWithAuthorization` takes: anybody may submit it.
 *
 * @example
 * await wallet.signTypedData(transferTypedData(31337, { name: "USD Coin", version: "2", address: usdc }, authorization));
 */
export function transferTypedData(chainId: number, token: TokenDomain, message: TokenAuthorization) {
  return {
    domain: domainOf(chainId, token),
    types: { TransferWithAuthorization: fields },
    primaryType: "TransferWithAuthorization",
    message: messageOf(message),
  } as const;
}

/**
 * What `receiveWithAuthorization` takes: `to` alone may submit it.
 *
 * @example
 * await wallet.signTypedData(receiveTypedData(31337, token, { ...authorization, to: exchange }));
 */
export function receiveTypedData(chainId: number, token: TokenDomain, message: TokenAuthorization) {
  return {
    domain: domainOf(chainId, token),
    types: { ReceiveWithAuthorization: fields },
    primaryType: "ReceiveWithAuthorization",
    message: messageOf(message),
  } as const;
}

function domainOf(chainId: number, { name, version, address }: TokenDomain) {
  return { name, version, chainId, verifyingContract: address } as const;
}

/** The message's own fields: what else the caller keeps with them is not signed. */
function messageOf({ from, to, value, validAfter, validBefore, nonce }: TokenAuthorization) {
  return { from, to, value, validAfter, validBefore, nonce };
}
