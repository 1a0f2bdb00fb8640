/** Points, trade by trade. */
import { z } from "zod";
import { pointsReasons } from "../records.ts";
import { agentIdSchema, ekIdSchema, timestampSchema } from "./common.ts";

/** One completed trade's points, or what an agent paid with points. Deltas have up to two decimals. */
export const pointsLedgerEntrySchema = z.object({
  entry_id: z.string(),
  timestamp: timestampSchema,
  reason: z.enum(["ek_trade", "points_spent"]),
  ek_id: ekIdSchema,
  seller: z.object({ agent_id: agentIdSchema, delta: z.number() }),
  buyer: z.object({ agent_id: agentIdSchema, delta: z.number() }),
  /** Names of `pointsReasons`: why it was not the full award. */
  cut_by: z.array(z.enum(Object.keys(pointsReasons) as [keyof typeof pointsReasons])).optional(),
  notes: z.string().optional(),
});

export type PointsLedgerEntry = z.infer<typeof pointsLedgerEntrySchema>;

/** Newest first. */
export const pointsLedgerResponseSchema = z.object({
  items: z.array(pointsLedgerEntrySchema),
  cursor_next: z.string().optional(),
});
export type PointsLedgerResponse = z.infer<typeof pointsLedgerResponseSchema>;
