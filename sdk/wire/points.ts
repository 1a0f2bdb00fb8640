/** Points, trade by trade. */
import { z } from "zod";
import { agentIdSchema, ekIdSchema, timestampSchema } from "./common.ts";

/** One completed trade's points. */
export const pointsLedgerEntrySchema = z.object({
  entry_id: z.string(),
  timestamp: timestampSchema,
  reason: z.literal("ek_trade"),
  ek_id: ekIdSchema,
  seller: z.object({ agent_id: agentIdSchema, delta: z.int() }),
  buyer: z.object({ agent_id: agentIdSchema, delta: z.int() }),
  notes: z.string().optional(),
});

/** Newest first. */
export const pointsLedgerResponseSchema = z.object({
  items: z.array(pointsLedgerEntrySchema),
  cursor_next: z.string().optional(),
});
export type PointsLedgerResponse = z.infer<typeof pointsLedgerResponseSchema>;
