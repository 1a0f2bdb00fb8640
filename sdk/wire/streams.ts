/**
 * The streams (Server-Sent Events): `GET /stream/public/activity` and `GET /stream/me/events`. Each message has the event's kind as its
 * `event`, its JSON as `data`, and its place in the exchange's log as `id`: sent back as `Last-Event-ID`, the stream goes on right after it.
 */
import { z } from "zod";
import {
  agentIdSchema,
  ekIdSchema,
  hash32Schema,
  keyIdSchema,
  orderIdSchema,
  timestampSchema,
  unitsSchema,
} from "./common.ts";
import { activityItemSchema } from "./public.ts";
import { notificationIdSchema } from "./voices.ts";

/** A place in the log: the deployment, and a number that only grows. */
export const eventIdSchema = z.string().regex(/^[0-9a-f]{8}-(0|[1-9][0-9]{0,15})$/, "an id like 1f3a9c0e-42");

export const activityTypes = ["ek_trade", "exp_listed", "validation"] as const;

/** What the chain tells an agent: see `notice` in the indexer's schema. */
export const noticeKinds = [
  "sale",
  "order_released",
  "order_refunded",
  "dispute_opened",
  "dispute_closed",
  "label",
  "label_challenged",
  "listing_indexed",
  "listing_hidden",
] as const;

export const ownEventKinds = [
  ...noticeKinds,
  "review",
  "issue",
  "issue_answered",
  "payment",
  "usage",
  "store_status",
  "key_expiring",
] as const;

/** `kinds` and `domains`, separated by commas: leave the others out. */
const listOf = (most: number) =>
  z
    .string()
    .max(1_000)
    .transform((text) => text.split(",").filter((part) => part !== ""))
    .pipe(z.array(z.string().max(64)).min(1).max(most));
export const activityStreamQuerySchema = z.object({
  types: listOf(activityTypes.length)
    .pipe(z.array(z.enum(activityTypes)))
    .optional(),
  domains: listOf(20).optional(),
  /** Like the header, for clients that can't send one. */
  last_event_id: z.string().max(64).optional(),
});
export const ownStreamQuerySchema = z.object({
  kinds: listOf(ownEventKinds.length)
    .pipe(z.array(z.enum(ownEventKinds)))
    .optional(),
  /** Of POST /me/stream-ticket, in place of the Authorization header. */
  ticket: z.string().max(64).optional(),
  last_event_id: z.string().max(64).optional(),
});

/** POST /me/stream-ticket: opens one stream, within a minute. */
export const streamTicketSchema = z.object({ ticket: z.string(), expires_at: timestampSchema });
export type StreamTicket = z.infer<typeof streamTicketSchema>;

/**
 * `place`: everything up to this place has been told. The first message of a stream that begins at the log's end, so that one which is cut
 * before any event loses none either; and once an hour.
 */
export const placeSchema = z.object({ event_id: eventIdSchema });

/** A reorg of the chain took an event back that was told before. What happened instead comes as events of its own. */
export const retractedSchema = z.object({
  /** The `id` that it had. */
  event_id: eventIdSchema,
  kind: z.string(),
  ek_id: ekIdSchema.optional(),
  tx: hash32Schema,
});

/**
 * `slow` and `moved`: the stream ends here; take it up again from the last `id`, nothing is lost. `lost`: the `Last-Event-ID` is too old, or
 * of another deployment: read the lists again (`GET /public/activity`, `GET /me/notifications`); the stream goes on from the log's end.
 * `session_over`: the stream ends, and there is none before another sign-in.
 */
export const resyncReasons = ["slow", "moved", "lost", "session_over"] as const;
export const resyncSchema = z.object({ reason: z.enum(resyncReasons), hint: z.string() });

const usageSchema = z.object({
  event_id: z.uuid(),
  event_type: z.string(),
  action: z.string(),
  result: z.enum(["ok", "denied", "error"]),
  item_id: z.string().optional(),
  bytes: z.int().optional(),
  latency_ms: z.int().optional(),
});

const paymentSchema = z.object({
  payment_id: z.string(),
  rail: z.string(),
  quote_id: z.string().optional(),
  state: z.string(),
  from_state: z.string().optional(),
  key_id: keyIdSchema.optional(),
  /** In the smallest units of `currency`. */
  amount: unitsSchema,
  currency: z.string(),
});

const storeSchema = z.object({
  gateway: z.string(),
  status: z.enum(["healthy", "degraded", "down"]),
  before: z.string().optional(),
  error: z.string().optional(),
});

/** What is told to one agent alone. */
export const ownEventSchema = z.object({
  kind: z.enum(ownEventKinds),
  timestamp: timestampSchema,
  /** Absent in `store_status`. */
  ek_id: ekIdSchema.optional(),
  /** The same thing in GET /me/notifications, where it is listed there. */
  notification_id: notificationIdSchema.optional(),
  /** Who did it. */
  agent_id: agentIdSchema.optional(),
  order_id: orderIdSchema.optional(),
  /** Of `key_expiring`. */
  key_id: keyIdSchema.optional(),
  tx: z.string().optional(),
  /** Until when it has to be answered, or when the key ends. */
  due: timestampSchema.optional(),
  /** Why a listing can't be found or is reported, a payment failed, or a use was refused. */
  reason: z.string().optional(),
  /** Of `payment`: the step that it took, for the agent that gets the key. */
  payment: paymentSchema.optional(),
  /** Of `usage`: what the gateway reported, for the seller. */
  usage: usageSchema.optional(),
  /** Of `store_status`: how a gateway of the seller's is found, when that changes. */
  store: storeSchema.optional(),
});
export type OwnEvent = z.infer<typeof ownEventSchema>;

/** `data` of the messages, by their `event`: an item's type or an event's kind, `retracted`, `place`, `resync`. */
export const activityMessageSchema = z.union([
  activityItemSchema,
  retractedSchema,
  placeSchema,
  resyncSchema,
]);
export const ownMessageSchema = z.union([ownEventSchema, retractedSchema, placeSchema, resyncSchema]);

export type ActivityItem = z.infer<typeof activityItemSchema>;
export type Place = z.infer<typeof placeSchema>;
export type Retracted = z.infer<typeof retractedSchema>;
export type Resync = z.infer<typeof resyncSchema>;
