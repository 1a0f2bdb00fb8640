/** Where the contracts of one chain are. `scripts/deploy.ts` writes it, every process reads it. */
import type { Address, Hash } from "viem";
import { z } from "zod";

const address = z.custom<Address>(
  (v) => typeof v === "string" && /^0x[0-9a-fA-F]{40}$/.test(v),
  "an address",
);
const hash = z.custom<Hash>((v) => typeof v === "string" && /^0x[0-9a-f]{64}$/.test(v), "a 32-byte hash");

export const deploymentSchema = z.object({
  chainId: z.int().positive(),
  /** Number and hash of the block that holds the first deployment transaction: with the chain id they tell this chain from any other. */
  startBlock: z.int().nonnegative(),
  startBlockHash: hash,
  contracts: z.object({
    Authority: address,
    AgentRegistry: address,
    ExperienceKey: address,
    PointsLedger: address,
    Exchange: address,
    LabelRegistry: address,
    ValidatorBonds: address,
    Consensus: address,
  }),
  /** By the name that listings use (`pricing_policy.curve_type`). */
  curves: z.object({ fixed: address, linear: address }),
  /** Payment tokens on the allowlist. `name` and `version` are those of the token's EIP-712 domain. */
  tokens: z
    .array(
      z.object({
        address,
        symbol: z.string(),
        name: z.string(),
        version: z.string(),
        decimals: z.int().min(0).max(36),
      }),
    )
    .min(1),
});

export type Deployment = z.infer<typeof deploymentSchema>;

/** The part of the start block's hash by which database schemas are named. */
export function deploymentTag(deployment: Deployment): string {
  return deployment.startBlockHash.slice(2, 10);
}
