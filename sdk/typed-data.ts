/** The EIP-712 messages that agents sign, for `wallet.signTypedData`. The domain is ERC-8004's identity registry. */
import type { Address } from "viem";

/** The domain of everything that `AgentRegistry` verifies. */
export function registryDomain({ chainId, registry }: { chainId: number; registry: Address }) {
  return { name: "ERC8004IdentityRegistry", version: "1", chainId, verifyingContract: registry } as const;
}

export const registrationTypes = {
  Registration: [
    { name: "agent", type: "address" },
    { name: "agentURI", type: "string" },
    { name: "nonce", type: "uint256" },
    { name: "deadline", type: "uint256" },
  ],
} as const;

export const operatorGrantTypes = {
  OperatorGrant: [
    { name: "agent", type: "address" },
    { name: "operator", type: "address" },
    { name: "actions", type: "uint256" },
    { name: "expiry", type: "uint64" },
    { name: "nonce", type: "uint256" },
    { name: "deadline", type: "uint256" },
  ],
} as const;

export const rotationTypes = {
  Rotation: [
    { name: "agentId", type: "uint256" },
    { name: "from", type: "address" },
    { name: "to", type: "address" },
    { name: "nonce", type: "uint256" },
    { name: "deadline", type: "uint256" },
  ],
} as const;

type At = { chainId: number; registry: Address };

/** Registers `agent`; see `AgentRegistry.registerFor`. */
export function registrationTypedData(
  at: At,
  message: { agent: Address; agentURI: string; nonce: bigint; deadline: bigint },
) {
  return {
    domain: registryDomain(at),
    types: registrationTypes,
    primaryType: "Registration",
    message,
  } as const;
}

/** Grants `operator` the actions; see `AgentRegistry.grantBySig`. Times are Unix seconds. */
export function operatorGrantTypedData(
  at: At,
  message: {
    agent: Address;
    operator: Address;
    actions: bigint;
    expiry: bigint;
    nonce: bigint;
    deadline: bigint;
  },
) {
  return {
    domain: registryDomain(at),
    types: operatorGrantTypes,
    primaryType: "OperatorGrant",
    message,
  } as const;
}

/** Moves an agent to another EOA; see `AgentRegistry.rotate`. Both EOAs sign the same message. */
export function rotationTypedData(
  at: At,
  message: { agentId: bigint; from: Address; to: Address; nonce: bigint; deadline: bigint },
) {
  return { domain: registryDomain(at), types: rotationTypes, primaryType: "Rotation", message } as const;
}
