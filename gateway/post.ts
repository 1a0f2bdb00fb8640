/** POST /gateway/events: hands usage events to the exchange, and reads what became of each. */
import { apiErrorSchema } from "../sdk/wire/common.ts";
import { usageBatchResponseSchema } from "../sdk/wire/public.ts";
import type { PendingEvent } from "./outbox.ts";

/** By event id: null when it was accepted, now or before, else the reason of its refusal for good. What is missing is to be sent again. */
export type Verdicts = Map<string, string | null>;

/** The attempt failed in a way that says nothing about the events: they are to be sent again. */
export class DeliveryError extends Error {
  override readonly name = "DeliveryError";
  /** Time in ms that the exchange asked to wait. */
  readonly waitMs: number;
  constructor(message: string, { waitMs = 0, cause }: { waitMs?: number; cause?: unknown } = {}) {
    super(message, cause === undefined ? {} : { cause });
    this.waitMs = waitMs;
  }
}

const TIMEOUT_MS = 10_000;
/** The longest time in ms that the exchange can make us wait. */
const LONGEST_WAIT_MS = 300_000;
/** Statuses that blame what was sent: together it is too much or partly wrong, one by one it shows which. */
const BLAMING = [400, 413, 422];

/** Sends events, in halves when the exchange doesn't take them together. Throws {@link DeliveryError}. */
export async function postEvents(
  events: PendingEvent[],
  target: { url: URL; signal: AbortSignal },
): Promise<Verdicts> {
  const response = await post(events, target);
  const body: unknown = await response.json().catch(() => null); // judged by its form below
  if (response.ok) return read(body, events);
  const { code = "", message = "" } = apiErrorSchema.safeParse(body).data ?? {};
  const reason = `HTTP ${response.status} ${code} ${message}`.trim();
  if (!BLAMING.includes(response.status)) {
    throw new DeliveryError(`The exchange answered ${reason}.`, { waitMs: retryAfterMs(response) });
  }
  const [only] = events;
  if (events.length === 1 && only) return new Map([[only.id, reason]]);
  const half = Math.ceil(events.length / 2);
  const first = await postEvents(events.slice(0, half), target);
  const second = await postEvents(events.slice(half), target);
  return new Map([...first, ...second]);
}

async function post(
  events: PendingEvent[],
  { url, signal }: { url: URL; signal: AbortSignal },
): Promise<Response> {
  try {
    return await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ events: events.map(({ jws }) => jws) }),
      redirect: "error",
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
  } catch (cause) {
    throw new DeliveryError("The exchange can't be reached.", { cause });
  }
}

function read(body: unknown, events: PendingEvent[]): Verdicts {
  const answer = usageBatchResponseSchema.safeParse(body);
  if (!answer.success) throw new DeliveryError("The exchange's answer is not that of POST /gateway/events.");
  const sent = new Set(events.map(({ id }) => id));
  const verdicts: Verdicts = new Map();
  for (const id of answer.data.accepted) if (sent.has(id)) verdicts.set(id, null);
  for (const { event_id, reason } of answer.data.rejected)
    if (sent.has(event_id)) verdicts.set(event_id, reason);
  return verdicts;
}

/** 0 when the exchange named no number of seconds. */
function retryAfterMs(response: Response): number {
  const seconds = Number(response.headers.get("retry-after"));
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0) * 1000, LONGEST_WAIT_MS) : 0;
}
