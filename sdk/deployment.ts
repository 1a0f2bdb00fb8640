/** Where the contracts of one chain are. `scripts/deploy.ts` writes it, every process reads it. */
import type { Address, Hash } from "viem";
import { z } from "zod";
import { curveTypes } from "./curves/names.ts";

const address = z.custom<Address>(
  (v) => typeof v === "string" && /^0x[0-9a-fA-F]{40}$/.test(v),
  "an address",
);
const hash = z.custom<Hash>((v) => typeof v === "string" && /^0x[0-9a-f]{64}$/.test(v), "a 32-byte hash");

/** The contracts of the exchange. How each is made is in `scripts/deploy/plan.ts`. */
export const contractNames = [
  "Authority",
  "AgentRegistry",
  "ExperienceKey",
  "PointsLedger",
  "Catalog",
  "Exchange",
  "ReceiptProofs",
  "Tills",
  "LabelRegistry",
  "CardIssuer",
  "HouseArbitrator",
  "Disputes",
  "ValidatorBonds",
  "Consensus",
  "ReceiptAnchor",
] as const;
export type ContractName = (typeof contractNames)[number];

export const deploymentSchema = z.object({
  chainId: z.int().positive(),
  /** Number and hash of the block that holds the first deployment transaction: with the chain id they tell this chain from any other. */
  startBlock: z.int().nonnegative(),
  startBlockHash: hash,
  contracts: z.record(z.enum(contractNames), address),
  curves: z.record(z.enum(curveTypes), address),
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
  /** Who made it and by which factory: with these, addresses can be computed again. */
  deployer: address.optional(),
  factory: address.optional(),
  /** Who was to hold which role; the names are those of `scripts/deploy/roles.ts`. */
  holders: z.record(z.string(), address).optional(),
});

export type Deployment = z.infer<typeof deploymentSchema>;

/** The part of the start block's hash by which database schemas are named. */
export function deploymentTag(deployment: Deployment): string {
  return deployment.startBlockHash.slice(2, 10);
}
