/** Buying in one step (POST /x402/{ek_id}), and the list by which x402's discovery finds what is sold so. */
import { z } from "zod";
import { agentIdSchema, ekIdSchema, keyIdSchema, listingIdSchema, timestampSchema } from "./common.ts";
import { purchaseResponseSchema, tokenResponseSchema } from "./purchase.ts";

/**
 * A key that was bought, or is held already. A payment is answered with what everybody may know; what opens the goods is given to who
 * signs in as the holder (SIGN-IN-WITH-X), since a payment's signature is public once it is on chain.
 */
export const oneStepResponseSchema = z.object({
  ek_id: ekIdSchema,
  listing_id: listingIdSchema,
  key_id: keyIdSchema,
  buyer: z.object({ agent_id: agentIdSchema, eoa: z.string() }),
  /** The sale, where this payment made it. Absent where the key was held before: nothing was paid. */
  purchase: purchaseResponseSchema.optional(),
  /** For the holder that has signed in. */
  access: tokenResponseSchema.optional(),
});
export type OneStepResponse = z.infer<typeof oneStepResponseSchema>;

/** Query of GET /discovery/resources, as x402's bazaar client sends it. What is sold here is of type `http`. */
export const discoveryQuerySchema = z.object({
  type: z.string().max(32).optional(),
  scheme: z.string().max(64).optional(),
  network: z.string().max(64).optional(),
  payTo: z.string().max(128).optional(),
  extensions: z.string().max(200).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
  offset: z.coerce.number().int().min(0).max(1_000_000).default(0),
});

/** Amounts are those of now, in smallest units; what is to be paid in the end, and where to, stands in the resource's 402. */
export const discoveryResourceSchema = z.object({
  resource: z.string(),
  type: z.literal("http"),
  x402Version: z.literal(2),
  accepts: z.array(
    z.object({
      scheme: z.string(),
      network: z.string(),
      asset: z.string(),
      amount: z.string(),
      payTo: z.string(),
      maxTimeoutSeconds: z.int(),
      extra: z.record(z.string(), z.unknown()),
    }),
  ),
  lastUpdated: timestampSchema,
  description: z.string(),
  mimeType: z.string(),
  serviceName: z.string(),
  tags: z.array(z.string()),
  extensions: z.record(z.string(), z.unknown()),
});

export const discoveryResponseSchema = z.object({
  x402Version: z.literal(2),
  items: z.array(discoveryResourceSchema),
  pagination: z.object({ limit: z.int(), offset: z.int(), total: z.int() }),
});
export type DiscoveryResponse = z.infer<typeof discoveryResponseSchema>;
