/** Permit2, as `buyWithPermit2` meets it: a stand-in with its types and rules, at its address. */
import { artifacts } from "hardhat";
import { type Address, type Hex, maxUint256, parseAbi } from "viem";
import { networkHelpers, publicClient } from "./chain.ts";
import type { Person } from "./deploy.ts";

export const PERMIT2: Address = "0x000000000022D473030F116dDEE9F6B43aC78BA3";

export const permit2Abi = parseAbi([
  "error SignatureExpired(uint256 signatureDeadline)",
  "error InvalidAmount(uint256 maxAmount)",
  "error InvalidNonce()",
  "error InvalidSigner()",
]);
export const permit2 = { address: PERMIT2, abi: permit2Abi } as const;

const chain = { id: await publicClient.getChainId() };

/** Puts the stand-in's code at Permit2's address. */
export async function placePermit2(): Promise<void> {
  const { deployedBytecode } = await artifacts.readArtifact("TestPermit2");
  await networkHelpers.setCode(PERMIT2, deployedBytecode as Hex);
}

/** x402's proxy for `upto`, in front of Permit2. */
export const UPTO_PROXY: Address = "0x4020A4f3b7b90ccA423B9fabCc0CE57C6C240002";

/** Puts a stand-in's code at the proxy's address. */
export async function placeUptoProxy(): Promise<void> {
  const { deployedBytecode } = await artifacts.readArtifact("TestUptoProxy");
  await networkHelpers.setCode(UPTO_PROXY, deployedBytecode as Hex);
}

const PERMISSIONS = [
  { name: "token", type: "address" },
  { name: "amount", type: "uint256" },
] as const;

/** The owner's leave for `facilitator` to have up to `amount` of the token sent to `to`, once and at any time. */
export async function signUpto(
  owner: Person,
  {
    to,
    facilitator,
    token,
    amount,
    nonce,
  }: Record<"to" | "facilitator" | "token", Address> & Record<"amount" | "nonce", bigint>,
): Promise<Hex> {
  return owner.wallet.signTypedData({
    account: owner.address,
    domain: { name: "Permit2", chainId: chain.id, verifyingContract: PERMIT2 },
    types: {
      PermitWitnessTransferFrom: [
        { name: "permitted", type: "TokenPermissions" },
        { name: "spender", type: "address" },
        { name: "nonce", type: "uint256" },
        { name: "deadline", type: "uint256" },
        { name: "witness", type: "Witness" },
      ],
      TokenPermissions: PERMISSIONS,
      Witness: [
        { name: "to", type: "address" },
        { name: "facilitator", type: "address" },
        { name: "validAfter", type: "uint256" },
      ],
    },
    primaryType: "PermitWitnessTransferFrom",
    message: {
      ...{ permitted: { token, amount }, spender: UPTO_PROXY, nonce, deadline: maxUint256 },
      witness: { to, facilitator, validAfter: 0n },
    },
  });
}

/** The owner's leave for `spender` to take up to `amount` of the token once. */
export async function signPermit2(
  owner: Person,
  spender: { address: Address },
  token: { address: Address },
  amount: bigint,
  nonce: bigint,
  deadline = maxUint256,
  chainId = chain.id,
): Promise<Hex> {
  return owner.wallet.signTypedData({
    account: owner.address,
    domain: { name: "Permit2", chainId, verifyingContract: PERMIT2 },
    types: {
      PermitTransferFrom: [
        { name: "permitted", type: "TokenPermissions" },
        { name: "spender", type: "address" },
        { name: "nonce", type: "uint256" },
        { name: "deadline", type: "uint256" },
      ],
      TokenPermissions: PERMISSIONS,
    },
    primaryType: "PermitTransferFrom",
    message: { permitted: { token: token.address, amount }, spender: spender.address, nonce, deadline },
  });
}
