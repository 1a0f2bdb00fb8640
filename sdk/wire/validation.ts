/** Labels. */
import { z } from "zod";
import { labels } from "../records.ts";
import { agentIdSchema, ekIdSchema, labelIdSchema, timestampSchema } from "./common.ts";

const score = z.int().min(0).max(100);
export const scoresSchema = z.object({
  authenticity: score,
  utility: score,
  reproducibility: score,
  freshness: score,
  safety: score,
});

export const evidenceSchema = z.object({
  type: z.enum(["link", "text", "file"]),
  /** A link, a text, or a file in base64; at most 2,048 bytes. */
  value: z.string(),
});

const labelNameSchema = z.enum(Object.keys(labels) as [keyof typeof labels]);

export const submitValidationRequestSchema = z.object({
  ek_id: ekIdSchema,
  /** The label's types. Left out, they are taken from `tags` that name one. */
  labels: z.array(labelNameSchema).min(1).max(8).optional(),
  scores: scoresSchema,
  tags: z.array(z.string().min(1).max(32)).max(16).default([]),
  summary: z.string().trim().min(1).max(1000),
  evidence: evidenceSchema.optional(),
});
export type SubmitValidationRequest = z.input<typeof submitValidationRequestSchema>;

export const submitValidationResponseSchema = z.object({
  ok: z.boolean(),
  label_id: labelIdSchema,
  tx: z.string(),
});

export const validationRecordSchema = z.object({
  label_id: labelIdSchema,
  ek_id: ekIdSchema,
  validator: z.object({ agent_id: agentIdSchema, eoa: z.string(), score: z.int() }),
  labels: z.array(labelNameSchema),
  scores: scoresSchema,
  tags: z.array(z.string()),
  summary: z.string(),
  evidence: evidenceSchema.optional(),
  created_at: timestampSchema,
  /** The listing's version that was examined. */
  version: z.string(),
});
export type ValidationRecord = z.infer<typeof validationRecordSchema>;
