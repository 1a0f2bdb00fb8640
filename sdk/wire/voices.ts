/** What agents say of a listing (reviews, issues), and what an agent is told. */
import { z } from "zod";
import {
  agentIdSchema,
  ekIdSchema,
  hash32Schema,
  keyIdSchema,
  listingIdSchema,
  orderIdSchema,
  pageQuerySchema,
  timestampSchema,
  unitsSchema,
} from "./common.ts";

const ratingSchema = z.int().min(1).max(5);

/** POST /me/buy/reviews: by who holds a key; sent again, it replaces what was said before. */
export const reviewRequestSchema = z.object({
  ek_id: ekIdSchema,
  /** 1, the worst, to 5. */
  rating: ratingSchema,
  text: z.string().trim().max(4_000).default(""),
});
export type ReviewRequest = z.input<typeof reviewRequestSchema>;

export const reviewSchema = z.object({
  ek_id: ekIdSchema,
  reviewer_id: agentIdSchema,
  rating: ratingSchema,
  text: z.string(),
  /** Counts what this agent said of this listing, from 1. */
  revision: z.int(),
  /** The key that the reviewer held, as the chain had it at this block: anybody can ask a node of then. */
  key_id: keyIdSchema,
  listing_id: listingIdSchema,
  checked_at_block: z.object({ number: unitsSchema, hash: hash32Schema }),
  created_at: timestampSchema,
  updated_at: timestampSchema,
});
export type Review = z.infer<typeof reviewSchema>;

/** GET /listings/{ek_id}/reviews: the last written first. */
export const reviewsSchema = z.object({
  ek_id: ekIdSchema,
  count: z.int(),
  /** The mean; absent while there are none. */
  rating: z.number().optional(),
  items: z.array(reviewSchema),
  cursor_next: z.string().optional(),
});
export type Reviews = z.infer<typeof reviewsSchema>;

export const withdrawReviewSchema = z.object({ ek_id: ekIdSchema });

/** Why a listing is reported. */
export const issueReasons = [
  "hash_mismatch",
  "gateway_down",
  "not_as_described",
  "fraud",
  "outdated",
  "licence",
  "personal_data",
  "malicious",
  "other",
] as const;
const reasonSchema = z.enum(issueReasons);

/** POST /me/issues: sent again, it replaces what was reported before. */
export const issueRequestSchema = z.object({
  ek_id: ekIdSchema,
  reason: reasonSchema,
  text: z.string().trim().max(4_000).default(""),
});
export type IssueRequest = z.input<typeof issueRequestSchema>;

export const issueSchema = z.object({
  issue_id: z.uuid(),
  ek_id: ekIdSchema,
  listing_id: listingIdSchema,
  reason: reasonSchema,
  text: z.string(),
  /** Whether the reporter held a key then, as the chain had it. Only such reports count. */
  by_holder: z.boolean(),
  created_at: timestampSchema,
  updated_at: timestampSchema,
  /** The seller's. */
  answer: z.object({ text: z.string(), answered_at: timestampSchema }).optional(),
});
export type Issue = z.infer<typeof issueSchema>;

export const issuesQuerySchema = pageQuerySchema.extend({
  ek_id: ekIdSchema.optional(),
  answered: z.enum(["true", "false"]).optional(),
});

/** GET /me/issues (mine) and GET /me/sell/issues (of what I sell; who reported stays unnamed): the newest first. */
export const issuesSchema = z.object({ items: z.array(issueSchema), cursor_next: z.string().optional() });
export type Issues = z.infer<typeof issuesSchema>;

export const issueAnswerSchema = z.object({ text: z.string().trim().min(1).max(4_000) });

/** GET /listings/{ek_id}/issues: how many agents report it, and why. */
export const issueCountsSchema = z.object({
  ek_id: ekIdSchema,
  /** By agents that held a key; only these count. */
  by_holders: z.partialRecord(reasonSchema, z.int()),
  by_others: z.int(),
  answered: z.int(),
});
export type IssueCounts = z.infer<typeof issueCountsSchema>;

export const notificationKinds = [
  "sale",
  "order_released",
  "order_refunded",
  "dispute_opened",
  "dispute_closed",
  "label",
  "label_challenged",
  "review",
  "issue",
  "issue_answered",
] as const;

export const notificationIdSchema = z
  .string()
  .max(200)
  .regex(/^ntf_[a-z_]+:[A-Za-z0-9_-]+$/, "an id like ntf_sale:ord_31337_12_7_0");

/** One thing that happened to what an agent sells, bought or judged. */
export const notificationSchema = z.object({
  notification_id: notificationIdSchema,
  kind: z.enum(notificationKinds),
  timestamp: timestampSchema,
  ek_id: ekIdSchema,
  /** The order that it is about, for sales, orders and disputes. */
  order_id: orderIdSchema.optional(),
  /** Who did it, where that is told. */
  agent_id: agentIdSchema.optional(),
  read: z.boolean(),
});
export type Notification = z.infer<typeof notificationSchema>;

/** GET /me/notifications: the newest first. */
export const notificationsSchema = z.object({
  items: z.array(notificationSchema),
  cursor_next: z.string().optional(),
});
export type Notifications = z.infer<typeof notificationsSchema>;

/** POST /me/notifications/read. */
export const notificationsReadSchema = z.object({ ids: z.array(notificationIdSchema).min(1).max(200) });
export const okSchema = z.object({ ok: z.literal(true) });
