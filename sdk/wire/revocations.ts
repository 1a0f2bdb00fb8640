/** GET /gateway/revocations: what gateways must not honour any more, although it is signed and in time. */
import { z } from "zod";
import { keyIdSchema, timestampSchema } from "./common.ts";

/** Tokens that one answer names at most. */
export const REVOCATIONS_PAGE = 1_000;

export const revocationQuerySchema = z.object({
  /** The `cursor` of the answer before; 0 to begin with. */
  since: z.coerce.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER).default(0),
});

export const revocationFeedSchema = z.object({
  /** Revoked after `since`, in that order. Tokens whose time is over are left out. */
  tokens: z.array(
    z.object({
      jti: z.string(),
      /** The key that it was issued for; absent on a validator's token. */
      key_id: keyIdSchema.optional(),
      reason: z.string(),
      /** When it need not be remembered any more. */
      expires_at: timestampSchema,
    }),
  ),
  /** Signing keys that were killed, all of the last week: nothing that they signed counts. */
  kids: z.array(z.string()),
  /** Where to go on. */
  cursor: z.int().nonnegative(),
  /** There is another page: ask again at once. */
  more: z.boolean(),
});
export type RevocationFeed = z.infer<typeof revocationFeedSchema>;

/** GET /me/sell/watermarks/{watermark_id}: whose copy it was. */
export const watermarkTraceSchema = z.object({
  watermark_id: z.string(),
  ek_id: z.string(),
  listing_id: z.string(),
  buyer_agent_id: z.string(),
  /** Absent where a validator's copy leaked. */
  key_id: z.string().optional(),
  purpose: z.enum(["use", "validate"]),
  first_issued_at: timestampSchema,
});
export type WatermarkTrace = z.infer<typeof watermarkTraceSchema>;
