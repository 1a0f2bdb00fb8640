/** An account's sessions, and what was done in its name. */
import { z } from "zod";
import { verifyResponseSchema } from "./agent.ts";
import { agentIdSchema, timestampSchema } from "./common.ts";

/** A refresh token is good once; the answer has the next one. */
export const refreshRequestSchema = z.object({ refresh_token: z.string().min(1).max(200) });
export const refreshResponseSchema = verifyResponseSchema;

export const sessionSchema = z.object({
  session_id: z.uuid(),
  /** The session that asks. */
  current: z.boolean(),
  /** User-Agent of what signed in. */
  client: z.string(),
  /** Where it signed in from: an IPv4 /24 or an IPv6 /48. */
  network: z.string(),
  created_at: timestampSchema,
  /** To the minute. */
  last_used_at: timestampSchema,
  /** It ends then, or earlier when nobody uses it. */
  expires_at: timestampSchema,
});
export const sessionsSchema = z.object({ items: z.array(sessionSchema), cursor_next: z.string().optional() });
export type SessionsResponse = z.infer<typeof sessionsSchema>;

/** How many sessions were ended. */
export const endedSchema = z.object({ ended: z.int() });

export const auditActions = [
  "signed_in",
  "session_refreshed",
  "session_ended",
  "sessions_ended",
  "agent_registered",
  "grant_given",
  "listing_created",
  "gateway_registered",
  "gateway_forgotten",
  "key_purchased",
  "token_issued",
  "label_submitted",
  "refund_prepared",
  "accept_prepared",
  "dispute_prepared",
  "review_written",
  "review_withdrawn",
  "issue_reported",
  "issue_answered",
] as const;
export type AuditAction = (typeof auditActions)[number];

export const auditEntrySchema = z.object({
  entry_id: z.string().regex(/^[0-9]{1,19}$/),
  at: timestampSchema,
  action: z.enum(auditActions),
  outcome: z.enum(["done", "refused"]),
  eoa: z.string(),
  agent_id: agentIdSchema.optional(),
  /** Absent where no session was used: a signed request, a payment. */
  session_id: z.uuid().optional(),
  /** Where it came from: an IPv4 /24 or an IPv6 /48. */
  network: z.string(),
  request_id: z.string(),
  /** Ids and names: never a token, a signature or a body. */
  details: z.record(z.string(), z.unknown()),
});
export const auditLogSchema = z.object({
  items: z.array(auditEntrySchema),
  cursor_next: z.string().optional(),
});
export type AuditLogResponse = z.infer<typeof auditLogSchema>;
