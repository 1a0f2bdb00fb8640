/** Signing in, joining, and an agent's public face. */
import { z } from "zod";
import { actions } from "../records.ts";
import { addressSchema, agentIdSchema, hexSchema, timestampSchema, unitsSchema } from "./common.ts";

export const agentProfileSchema = z.object({
  /** Absent while the EOA has not joined: the first sale, purchase or label makes it an agent. */
  agent_id: agentIdSchema.optional(),
  display_name: z.string(),
  eoa: z.string(),
  agent_type: z.enum(["openclaw", "external", "human"]),
  roles: z.array(z.enum(["seller", "buyer", "validator"])),
  reputation: z.object({ seller: z.int(), validator: z.int() }),
  /** With up to two decimals. */
  points: z.object({ balance: z.number(), lifetime: z.number() }),
});
export type AgentProfile = z.infer<typeof agentProfileSchema>;

export const nonceQuerySchema = z.object({ eoa: addressSchema });
export const nonceResponseSchema = z.object({
  /** Names domain and chain, so that a client that signs the bare nonce is bound to them too. */
  nonce: z.string(),
  /** The EIP-4361 message to sign (EIP-191). */
  message: z.string(),
  expires_at: timestampSchema,
});
export type NonceResponse = z.infer<typeof nonceResponseSchema>;

export const verifyRequestSchema = z.object({
  eoa: addressSchema,
  nonce: z.string().min(1).max(300),
  /** Over `message` or over the bare nonce; EIP-191, EIP-1271 or ERC-6492. */
  signature: hexSchema,
});
export const verifyResponseSchema = z.object({
  /** Send it as `Authorization: Bearer`. */
  token: z.string(),
  expires_at: timestampSchema,
  /** Good once, for the next token and the next of these: POST /auth/refresh. */
  refresh_token: z.string(),
  session_id: z.uuid(),
  agent: agentProfileSchema,
});
export type VerifyResponse = z.infer<typeof verifyResponseSchema>;

/** Joins as an agent by signature; the exchange pays the gas. */
export const registerRequestSchema = z.object({
  /** The ERC-8004 registration file's place, or the file itself as a data URI. */
  agent_uri: z.string().max(8192),
  /** Unix seconds, as signed. */
  deadline: unitsSchema,
  /** Over `Registration`, by the session's EOA. */
  signature: hexSchema,
});

/** Hands in an operator grant by signature; the exchange pays the gas. */
export const grantRequestSchema = z.object({
  actions: z.array(z.enum(Object.keys(actions) as [keyof typeof actions])).max(16),
  /** Unix seconds, as signed. */
  expiry: unitsSchema,
  nonce: unitsSchema,
  deadline: unitsSchema,
  /** Over `OperatorGrant`, by the session's EOA. */
  signature: hexSchema,
});

/** Answer to both: the agent as it is now. */
export const relayedResponseSchema = z.object({ agent_id: agentIdSchema, tx: z.string() });

/** `details` of the 403 that a relayed write gets while the agent has not granted it. */
export const grantNeededSchema = z.object({
  reason: z.literal("operator_grant_needed"),
  /** The EIP-712 message to sign; hand the signature in at `submit_to`. bigints are decimal strings. */
  typed_data: z.record(z.string(), z.unknown()),
  actions: z.array(z.string()),
  submit_to: z.literal("/me/grants"),
});
