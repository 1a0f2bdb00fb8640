/** The EIP-712 messages that agents sign, for `wallet.signTypedData`. Each contract that verifies some has a domain of its own. */
import type { Address, Hex } from "viem";

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

/** The domain of everything that `LabelRegistry` verifies. */
export function labelDomain({ chainId, labels }: { chainId: number; labels: Address }) {
  return { name: "MOA LabelRegistry", version: "1", chainId, verifyingContract: labels } as const;
}

const labelInputTypes = {
  LabelInput: [
    { name: "ekId", type: "uint256" },
    { name: "version", type: "uint32" },
    { name: "types", type: "uint8" },
    { name: "scores", type: "Scores" },
    { name: "tags", type: "string[]" },
    { name: "summary", type: "string" },
    { name: "evidenceKind", type: "uint8" },
    { name: "evidence", type: "bytes" },
    { name: "evidenceHash", type: "bytes32" },
  ],
  Scores: [
    { name: "authenticity", type: "uint8" },
    { name: "utility", type: "uint8" },
    { name: "reproducibility", type: "uint8" },
    { name: "freshness", type: "uint8" },
    { name: "safety", type: "uint8" },
  ],
} as const;

const signedInput = [
  { name: "validatorId", type: "uint256" },
  { name: "epoch", type: "uint32" },
  { name: "input", type: "LabelInput" },
  { name: "nonce", type: "uint256" },
  { name: "deadline", type: "uint256" },
] as const;

export const labelTypes = { Label: signedInput, ...labelInputTypes } as const;
export const labelRevisionTypes = { Revision: signedInput, ...labelInputTypes } as const;
export const labelWithdrawalTypes = {
  Withdrawal: [
    { name: "validatorId", type: "uint256" },
    { name: "epoch", type: "uint32" },
    { name: "ekId", type: "uint256" },
    { name: "nonce", type: "uint256" },
    { name: "deadline", type: "uint256" },
  ],
} as const;

/** `ILabelRegistry.LabelInput`. */
export type LabelInput = {
  ekId: bigint;
  version: number;
  types: number;
  scores: Record<"authenticity" | "utility" | "reproducibility" | "freshness" | "safety", number>;
  tags: readonly string[];
  summary: string;
  evidenceKind: number;
  evidence: Hex;
  evidenceHash: Hex;
};

type LabelsAt = { chainId: number; labels: Address };
/** Who signs, in which of its agent's epochs, with `LabelRegistry.nonces(validatorId)`, good until `deadline` (Unix seconds). */
type SignedByValidator = { validatorId: bigint; epoch: number; nonce: bigint; deadline: bigint };

/** Publishes a label; see `LabelRegistry.labelBySig`. */
export function labelTypedData(at: LabelsAt, message: SignedByValidator & { input: LabelInput }) {
  return { domain: labelDomain(at), types: labelTypes, primaryType: "Label", message } as const;
}

/** Replaces a label; see `LabelRegistry.reviseBySig`. */
export function labelRevisionTypedData(at: LabelsAt, message: SignedByValidator & { input: LabelInput }) {
  return { domain: labelDomain(at), types: labelRevisionTypes, primaryType: "Revision", message } as const;
}

/** Takes a label back; see `LabelRegistry.withdrawBySig`. */
export function labelWithdrawalTypedData(at: LabelsAt, message: SignedByValidator & { ekId: bigint }) {
  return {
    domain: labelDomain(at),
    types: labelWithdrawalTypes,
    primaryType: "Withdrawal",
    message,
  } as const;
}

/** Lets a TLS client certificate stand for an agent at gateways. No contract reads it: gateways hold it against the registry. */
export const gatewayIdentityTypes = {
  GatewayIdentity: [
    { name: "agent", type: "address" },
    { name: "epoch", type: "uint32" },
    { name: "certificateKey", type: "bytes32" },
    { name: "audience", type: "string" },
    { name: "scopes", type: "uint8" },
    { name: "expires", type: "uint64" },
  ],
} as const;

/** See `bindCertificate` in agent-identity.ts. `expires` is in Unix seconds. */
export function gatewayIdentityTypedData(
  { chainId, registry }: At,
  message: {
    agent: Address;
    epoch: number;
    certificateKey: Hex;
    audience: string;
    scopes: number;
    expires: bigint;
  },
) {
  return {
    domain: { name: "MOA gateway identity", version: "1", chainId, verifyingContract: registry },
    types: gatewayIdentityTypes,
    primaryType: "GatewayIdentity",
    message,
  } as const;
}
