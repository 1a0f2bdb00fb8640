/** Carries usage events from the outbox to the exchange, in batches, for as long as it takes. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "./log.ts";
import type { Batch, Outbox, PendingEvent } from "./outbox.ts";
import { DeliveryError, postEvents } from "./post.ts";
import type { Rejects } from "./rejects.ts";

export type Courier = {
  /** There is something to carry. Never waits. */
  wake(): void;
  /** Error of the last attempt; null when it went well. */
  trouble(): string | null;
  /** Ends at once; what was under way is sent again by the next courier. */
  stop(): Promise<void>;
};

export type CourierOptions = {
  outbox: Outbox;
  rejects: Rejects;
  /** The exchange's `POST /gateway/events`. */
  url: URL;
  log: Log;
  /** Time in ms that events gather before they are sent. */
  gatherMs?: number;
  pause?: Pause;
};

/** In ms: the pause after the first failure, and the longest; each is about twice the one before. */
export type Pause = { first: number; longest: number };

/** Time in ms until another process that holds events has ended or proved to live. */
const BUSY_PAUSE_MS = 1000;

export function createCourier({
  outbox,
  rejects,
  url,
  log,
  gatherMs = 200,
  pause = { first: 500, longest: 30_000 },
}: CourierOptions): Courier {
  const stopping = new AbortController();
  const { signal } = stopping;
  let awake = false;
  let failures = 0;
  let trouble: string | null = null;
  let work: Promise<void> = Promise.resolve();

  /** True when there is more to carry later. */
  const carryAll = async (): Promise<boolean> => {
    for (;;) {
      const batch = await outbox.next();
      if (batch === null || batch === "busy") return batch === "busy";
      await carry(batch, { url, signal, rejects });
      if (failures > 0) log("info", "events_delivered_again", { after_failures: failures });
      failures = 0;
      trouble = null;
    }
  };
  const afterFailure = (error: unknown): number => {
    failures += 1;
    trouble = error instanceof Error ? error.message : String(error);
    const retryInMs = pauseAfter(failures, error, pause);
    log("warn", "events_not_delivered", { error, failures, retry_in_ms: retryInMs, ...outbox.status() });
    return retryInMs;
  };
  const run = async () => {
    let waitMs = gatherMs;
    while (awake) {
      await sleep(waitMs, undefined, { signal, ref: false });
      // Before carrying: an event that comes meanwhile must wake it again.
      awake = false;
      waitMs = gatherMs;
      try {
        if (await carryAll()) {
          awake = true;
          waitMs = BUSY_PAUSE_MS;
        }
      } catch (error) {
        if (signal.aborted) return;
        awake = true;
        waitMs = afterFailure(error);
      }
    }
  };

  return {
    wake() {
      if (awake || signal.aborted) return;
      awake = true;
      work = work.then(run).catch((error) => {
        if (!signal.aborted) log("error", "courier_failed", { error });
      });
    },
    trouble: () => trouble,
    async stop() {
      stopping.abort();
      await work;
    },
  };
}

/** Throws {@link DeliveryError} when nothing could be settled. */
async function carry(
  batch: Batch,
  { url, signal, rejects }: { url: URL; signal: AbortSignal; rejects: Rejects },
): Promise<void> {
  const verdicts = await postEvents(batch.events, { url, signal });
  const left: PendingEvent[] = [];
  for (const event of batch.events) {
    const reason = verdicts.get(event.id);
    if (reason === undefined) left.push(event);
    else if (reason !== null) await rejects.setAside(event, reason);
  }
  await batch.settle(left);
  if (left.length === batch.events.length)
    throw new DeliveryError("The exchange settled none of the events.");
}

function pauseAfter(failures: number, error: unknown, { first, longest }: Pause): number {
  const doubled = Math.min(longest, first * 2 ** Math.min(failures - 1, 20));
  // Spread, so that the gateways of a market don't all return at the same moment.
  const spread = doubled * (0.5 + Math.random() / 2);
  return Math.round(Math.max(spread, error instanceof DeliveryError ? error.waitMs : 0));
}
