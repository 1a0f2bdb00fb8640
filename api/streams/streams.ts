/** The exchange's streams, as the routes open them. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { ExchangeError } from "../../sdk/errors.ts";
import { stillHolds } from "../actions/session.ts";
import type { Deps } from "../deps.ts";
import { errorFields, log } from "../http/log.ts";
import { HIDDEN, logBounds, readLog } from "../store/events.ts";
import { createFeed } from "./feed.ts";
import { createFrames, HEARTBEAT } from "./frames.ts";
import { createHub, type Limits, type Listener, MAX_WAITING } from "./hub.ts";
import { remindOfKeys } from "./remind.ts";

/** Milliseconds between two heartbeats. */
const BEAT_MS = 10_000;
/** Of how many heartbeats one tells the place, so that a stream on which nothing happens for a week can still be taken up: an hour's. */
const PLACE_EVERY = 360;
/** Milliseconds between two looks for keys that end. */
const REMIND_MS = 600_000;
/** Milliseconds between two looks at whether sessions still hold: their streams end within 15 s. */
const HOLDS_MS = 5_000;
/** Sessions that are looked at at once. */
const HOLDS_AT_ONCE = 20;
/** Events that a stream catches up with at once. */
const BATCH = 200;
/** Milliseconds in which a stream that catches up must have read what waits for it. */
const DRAIN_MS = 5_000;

export type Opening = Pick<Listener, "audiences" | "wants"> & {
  hold?: Listener["hold"];
  /** What the client had last. */
  lastEventId: string | undefined;
  /** The answer's headers that the app gives to every answer. */
  headers: Record<string, string>;
};

export type Streams = {
  start(): Promise<void>;
  /** Answers with the stream and returns; it goes on until either side ends it. Throws before anything is sent. */
  open(node: { incoming: IncomingMessage; outgoing: ServerResponse }, opening: Opening): void;
  /** Lets everybody go. */
  close(): void;
  stop(): Promise<void>;
};

export function createStreams(
  base: Omit<Deps, "streams">,
  { databaseUrl, tag, limits }: { databaseUrl: string; tag: string; limits: Limits },
): Streams {
  const deps = base as Deps; // what streams need of it, they are not
  const frames = createFrames({ tag, chainId: deps.chain.id });
  const hub = createHub(frames, { limits, onBehind: (listener) => void goOn(listener) });
  const feed = createFeed(deps, { databaseUrl, tag, publish: hub.publish });
  const timers: NodeJS.Timeout[] = [];

  /** Where the client goes on, and whether it has lost something. */
  async function placeFrom(
    lastEventId: string | undefined,
    head: number,
  ): Promise<{ place: number; lost: boolean }> {
    if (lastEventId === undefined) return { place: head, lost: false };
    const place = frames.placeOf(lastEventId);
    if (place === undefined) return { place: head, lost: true };
    const bounds = await logBounds(feed.sql);
    return place < bounds.prunedTo || place > bounds.head
      ? { place: head, lost: true }
      : { place, lost: false };
  }

  /** Sends what was missed. True once the listener hears what comes, so that nothing lies between. */
  async function catchUp(listener: Listener): Promise<void> {
    const { res, audiences, wants } = listener;
    for (;;) {
      if (!(await drained(res))) return hub.dismiss(listener, "slow");
      if (res.closed || res.destroyed) return;
      const upTo = feed.place() ?? listener.place;
      if (listener.place >= upTo) break;
      const events = await readLog(feed.sql, { after: listener.place, upTo, audiences, limit: BATCH });
      for (const event of events) {
        if (event.kind !== HIDDEN && wants(event)) res.write(frames.event(event));
        listener.place = event.seq;
        if (!(await drained(res))) return hub.dismiss(listener, "slow");
      }
      if (events.length < BATCH) listener.place = upTo;
    }
    hub.add(listener); // in the same breath as the last look at the feed's place
  }

  /** Sends what the listener has not been told from its own place on, once `prepare` has found that. */
  async function goOn(listener: Listener, prepare?: () => Promise<void>): Promise<void> {
    try {
      await prepare?.();
      await catchUp(listener);
    } catch (error) {
      log("warn", "streams: catch up", errorFields(error));
      hub.dismiss(listener, "moved");
    }
  }

  let beats = 0;
  const beat = () => {
    beats++;
    // All who are in the hub have been told everything up to the feed's place.
    const place = beats % PLACE_EVERY === 0 ? feed.place() : undefined;
    hub.sendAll(place === undefined ? HEARTBEAT : frames.place(place));
  };
  const remind = () =>
    remindOfKeys(deps).catch((error: unknown) => log("info", "streams: remind of keys", errorFields(error)));

  return {
    async start() {
      await feed.start();
      void remind();
      timers.push(
        setInterval(beat, BEAT_MS).unref(),
        setInterval(() => void remind(), REMIND_MS).unref(),
        setInterval(() => void checkHolds(deps, hub.owned(), hub.dismiss), HOLDS_MS).unref(),
      );
    },
    open({ incoming, outgoing: res }, { lastEventId, headers, ...opening }) {
      const head = feed.place();
      if (head === undefined) {
        throw new ExchangeError("SERVICE_UNAVAILABLE", "The log of events can't be read now.", {
          hint: "Connect again in some seconds.",
          details: { check: "database" },
        });
      }
      const address = incoming.socket.remoteAddress ?? "unknown";
      const leave = hub.admit(address);
      const listener: Listener = { res, address, ...opening, place: head };
      res.once("close", () => {
        hub.remove(listener);
        leave();
      });
      res.on("error", () => res.destroy()); // the client has gone: "close" follows
      incoming.socket.setNoDelay(true);
      res.writeHead(200, {
        ...headers,
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store",
        "x-accel-buffering": "no",
      });
      res.write(frames.opening);
      if (lastEventId === undefined) res.write(frames.place(head));
      void goOn(listener, async () => {
        const { place, lost } = await placeFrom(lastEventId, head);
        listener.place = place;
        if (lost) res.write(frames.resync("lost", place));
      });
    },
    close: hub.close,
    async stop() {
      for (const timer of timers) clearInterval(timer);
      await feed.stop();
    },
  };
}

/** Whether what waits for the reader has gone out in time. */
async function drained(res: ServerResponse): Promise<boolean> {
  if (res.writableLength <= MAX_WAITING) return true;
  return new Promise((resolve) => {
    const late = setTimeout(() => done(false), DRAIN_MS);
    const done = (read: boolean) => {
      clearTimeout(late);
      res.off("drain", onDrain).off("close", onDrain);
      resolve(read);
    };
    const onDrain = () => done(true);
    res.once("drain", onDrain).once("close", onDrain);
  });
}

/** Ends the streams whose sessions have ended, or can't be looked at: nothing is shown on a word that may be over. */
async function checkHolds(
  deps: Deps,
  listeners: ReturnType<ReturnType<typeof createHub>["owned"]>,
  dismiss: ReturnType<typeof createHub>["dismiss"],
): Promise<void> {
  const sessions = [
    ...Map.groupBy(
      listeners,
      ({ hold: { eoa, epoch, kid, endsAt } }) => `${eoa} ${epoch} ${kid} ${endsAt.getTime()}`,
    ).values(),
  ];
  let next = 0;
  const work = async () => {
    for (let those = sessions[next++]; those; those = sessions[next++]) {
      const { hold } = those[0] as (typeof those)[0];
      const reason = await stillHolds(deps, hold).then(
        (holds) => (holds ? undefined : ("session_over" as const)),
        () => "moved" as const,
      );
      if (reason) for (const listener of those) dismiss(listener, reason);
    }
  };
  await Promise.all(Array.from({ length: HOLDS_AT_ONCE }, work));
}
