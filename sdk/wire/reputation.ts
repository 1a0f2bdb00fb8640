/** What an agent's reputation is, and what it is made of: docs/REPUTATION.md explains it. */
import { z } from "zod";
import { agentIdSchema } from "./common.ts";

export const reputationComponentSchema = z.object({
  name: z.string(),
  /** Whence its facts are: anybody can read the chain; receipts are signed by gateways, reviews are kept by the exchange. */
  source: z.enum(["chain", "receipts", "reviews"]),
  /** In points; negative for a penalty. */
  weight: z.int(),
  /** In basis points. */
  value_bps: z.int().min(0).max(10_000),
  /** In points, to two decimals. */
  contribution: z.number(),
});

export const roleReputationSchema = z.object({
  score: z.int().min(0).max(100),
  /** What remains of it when only the chain is believed. */
  chain_score: z.int().min(0).max(100),
  /** By `chain_score` among `of` agents of this role; rank 1 is the best, and equals share a rank. */
  rank: z.int().min(1),
  of: z.int().min(0),
  /** Per cent of them that have a lower one. */
  percentile: z.int().min(0).max(100),
  components: z.array(reputationComponentSchema),
  /** What `moa-rep-1` computes it from. Weights are in thousandths. */
  facts: z.object({
    chain: z.record(z.string(), z.int()),
    receipts: z.record(z.string(), z.int()).optional(),
  }),
  /** Of a seller: of all that it sold, the part that was refunded, disputed or charged back, 0 to 1. */
  dispute_rate: z.number().optional(),
  /** The block that changed the chain's facts last: whoever replays the chain up to it gets the same. */
  as_of_block: z.string(),
});
export type RoleReputation = z.infer<typeof roleReputationSchema>;

/** GET /agents/{agent_id}/reputation: by the roles that the agent has. */
export const agentReputationSchema = z.object({
  agent_id: agentIdSchema,
  /** Of the rules, weights and constants. */
  version: z.string(),
  seller: roleReputationSchema.optional(),
  validator: roleReputationSchema.optional(),
});
export type AgentReputation = z.infer<typeof agentReputationSchema>;
