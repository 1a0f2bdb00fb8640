/** Signatures: the registry's messages, ERC-3009 authorizations, permits, and what attackers make of them. */
import { type Address, type Hex, parseSignature, serializeSignature, toHex } from "viem";
import {
  operatorGrantTypes,
  registrationTypes,
  registryDomain,
  rotationTypes,
} from "../../../sdk/typed-data.ts";
import { publicClient } from "./chain.ts";
import type { Moa, Person } from "./deploy.ts";

/** Where a signature is valid; tests of replay name another chain or another registry. */
export type Domain = { chainId: number; registry: Address };

const chainId = await publicClient.getChainId();

/** The domain of the deployed registry on this chain. */
export function domainOf(moa: Moa): Domain {
  return { chainId, registry: moa.registry.address };
}

const agentWalletSetTypes = {
  AgentWalletSet: [
    { name: "agentId", type: "uint256" },
    { name: "newWallet", type: "address" },
    { name: "owner", type: "address" },
    { name: "deadline", type: "uint256" },
  ],
} as const;

const registryTypes = {
  Registration: registrationTypes,
  OperatorGrant: operatorGrantTypes,
  Rotation: rotationTypes,
  AgentWalletSet: agentWalletSetTypes,
} as const;

export type Registration = { agent: Address; agentURI: string; nonce: bigint; deadline: bigint };
export type Rotation = { agentId: bigint; from: Address; to: Address; nonce: bigint; deadline: bigint };
export type AgentWalletSet = { agentId: bigint; newWallet: Address; owner: Address; deadline: bigint };
export type Grant = {
  agent: Address;
  operator: Address;
  actions: bigint;
  expiry: bigint;
  nonce: bigint;
  deadline: bigint;
};
type Messages = {
  Registration: Registration;
  OperatorGrant: Grant;
  Rotation: Rotation;
  AgentWalletSet: AgentWalletSet;
};

/** Signs one of the messages that `AgentRegistry` verifies. */
export function sign<T extends keyof Messages>(
  signer: Person,
  domain: Domain,
  primaryType: T,
  message: Messages[T],
): Promise<Hex> {
  return signer.wallet.signTypedData({
    account: signer.address,
    domain: registryDomain(domain),
    types: registryTypes[primaryType] as Record<string, readonly { name: string; type: string }[]>,
    primaryType: primaryType as string,
    message: message as Record<string, unknown>,
  });
}

/** An ERC-3009 transfer to `to`, as the exchange takes it. */
export type Authorization = {
  from: Address;
  value: bigint;
  validAfter: bigint;
  validBefore: bigint;
  nonce: Hex;
};

const MAX_UINT256 = 2n ** 256n - 1n;
let lastNonce = 0n;

/** An authorization of `value` by `from`, with a nonce never used before and without limits in time. */
export function authorizationOf(
  from: Address,
  value: bigint,
  fields: Partial<Authorization> = {},
): Authorization {
  lastNonce += 1n;
  const nonce = toHex(lastNonce, { size: 32 });
  return { from, value, validAfter: 0n, validBefore: MAX_UINT256, nonce, ...fields };
}

function usdcDomain(moa: Moa) {
  return {
    name: "Test USD Coin",
    version: "1",
    chainId,
    verifyingContract: moa.usdc.address,
  } as const;
}

/** Signs the authorization's transfer to `to`. `signer` is another than `from` when `from` is a smart account. */
export function signAuthorization(moa: Moa, signer: Person, to: Address, a: Authorization): Promise<Hex> {
  return signer.wallet.signTypedData({
    account: signer.address,
    domain: usdcDomain(moa),
    types: {
      TransferWithAuthorization: [
        { name: "from", type: "address" },
        { name: "to", type: "address" },
        { name: "value", type: "uint256" },
        { name: "validAfter", type: "uint256" },
        { name: "validBefore", type: "uint256" },
        { name: "nonce", type: "bytes32" },
      ],
    },
    primaryType: "TransferWithAuthorization",
    message: { ...a, to },
  });
}

/** Signs an ERC-3009 `ReceiveWithAuthorization` to the exchange, as `buyWithAuthorization` takes it. */
export function signReceive(
  moa: Moa,
  signer: Person,
  a: Authorization,
  { to = moa.exchange.address, chain = chainId }: { to?: Address; chain?: number } = {},
): Promise<Hex> {
  return signer.wallet.signTypedData({
    account: signer.address,
    domain: { ...usdcDomain(moa), chainId: chain },
    types: {
      ReceiveWithAuthorization: [
        { name: "from", type: "address" },
        { name: "to", type: "address" },
        { name: "value", type: "uint256" },
        { name: "validAfter", type: "uint256" },
        { name: "validBefore", type: "uint256" },
        { name: "nonce", type: "bytes32" },
      ],
    },
    primaryType: "ReceiveWithAuthorization",
    message: { ...a, to },
  });
}

/** Signs that the authorization with `nonce` is void. */
export function signCancel(moa: Moa, authorizer: Person, nonce: Hex): Promise<Hex> {
  return authorizer.wallet.signTypedData({
    account: authorizer.address,
    domain: usdcDomain(moa),
    types: {
      CancelAuthorization: [
        { name: "authorizer", type: "address" },
        { name: "nonce", type: "bytes32" },
      ],
    },
    primaryType: "CancelAuthorization",
    message: { authorizer: authorizer.address, nonce },
  });
}

/** Signs an ERC-2612 permit for the exchange, as `buyWithPermit` takes it. */
export async function signPermit(
  moa: Moa,
  owner: Person,
  value: bigint,
  deadline: bigint,
): Promise<{ value: bigint; deadline: bigint; v: number; r: Hex; s: Hex }> {
  const signature = await owner.wallet.signTypedData({
    account: owner.address,
    domain: usdcDomain(moa),
    types: {
      Permit: [
        { name: "owner", type: "address" },
        { name: "spender", type: "address" },
        { name: "value", type: "uint256" },
        { name: "nonce", type: "uint256" },
        { name: "deadline", type: "uint256" },
      ],
    },
    primaryType: "Permit",
    message: {
      owner: owner.address,
      spender: moa.exchange.address,
      value,
      nonce: await moa.usdc.read.nonces([owner.address]),
      deadline,
    },
  });
  return { value, deadline, ...split(signature) };
}

/** The three parts of a 65-byte signature. */
export function split(signature: Hex): { v: number; r: Hex; s: Hex } {
  const { r, s, v } = parseSignature(signature);
  return { r, s, v: Number(v) };
}

const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

/** The same signature in every form that is not the one that OpenZeppelin's ECDSA takes (T10). */
export function mutate(signature: Hex): Record<string, Hex> {
  const { r, s, yParity } = parseSignature(signature);
  const highS = toHex(CURVE_ORDER - BigInt(s), { size: 32 });
  const compactS = toHex(BigInt(s) | (BigInt(yParity) << 255n), { size: 32 });
  return {
    "high s": serializeSignature({ r, s: highS, yParity: yParity === 0 ? 1 : 0 }),
    "64 bytes (EIP-2098)": `${r}${compactS.slice(2)}`,
    "64 bytes (cut)": signature.slice(0, -2) as Hex,
    "66 bytes": `${signature}00`,
    "v of 0 or 1": `${signature.slice(0, -2)}0${yParity}` as Hex,
    "v of the other parity": serializeSignature({ r, s, yParity: yParity === 0 ? 1 : 0 }),
    "all zeros": `0x${"00".repeat(65)}`,
    empty: "0x",
  };
}
