/**
 * Usage events on their way to the exchange, safe on disk from the moment that {@link Outbox.append} resolves until the exchange has
 * settled them. Delivery is at least once: after a crash some are sent again, with the same id.
 *
 * The folder holds segments of one event per line. A `.open` segment is being appended to, a `.sealed` one is never again. Several
 * processes may share the folder, as they do while one replaces another.
 */
import { mkdir, readdir, readFile, unlink } from "node:fs/promises";
import { join } from "node:path";
import { ignoreMissing } from "./files.ts";
import type { Log } from "./log.ts";
import { begunAt, createSegmentWriter, isSegment, type SegmentWriter } from "./segment.ts";

export type PendingEvent = { id: string; jws: string };

export type Batch = {
  /** Oldest first; at most as many as a segment holds. */
  events: PendingEvent[];
  /** Forgets the batch except for `left`, which go to the end of the queue, so that they hold up nothing. */
  settle(left: PendingEvent[]): Promise<void>;
};

export type OutboxStatus = {
  events: number;
  bytes: number;
  /** Events lost since the start, because there was no room. */
  dropped: number;
  full: boolean;
};

export type Outbox = {
  /** True once the event would survive a power cut; false when it was dropped, because the outbox is full or the disk fails. */
  append(event: PendingEvent): Promise<boolean>;
  /** The oldest events; null when there are none, `busy` when all there are may still be under another process's hands. */
  next(): Promise<Batch | "busy" | null>;
  status(): OutboxStatus;
  /** When the oldest segment was begun, in Unix ms; null when there is none. */
  oldestAt(): Promise<number | null>;
  close(): Promise<void>;
};

/**
 * Opens the outbox in the folder `dir`. It takes at most about `maxBytes`; then it keeps what it has and drops new events, because the
 * old ones are the longest owed, and buyers are served all the same.
 */
export async function openOutbox({
  dir,
  maxBytes,
  log,
}: {
  dir: string;
  maxBytes: number;
  log: Log;
}): Promise<Outbox> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const writer = createSegmentWriter(dir);
  const status: OutboxStatus = { ...(await measure(dir)), dropped: 0, full: false };
  /** Bytes on their way to the disk: appends that wait for the same flush must see each other. */
  let coming = 0;
  return {
    async append(event) {
      const line = format(event);
      if (status.bytes + coming + line.length > maxBytes) return drop(status, log, { max_bytes: maxBytes });
      coming += line.length;
      try {
        await writer.append(line);
        count(status, [event], 1);
      } catch (error) {
        return drop(status, log, { error });
      } finally {
        coming -= line.length;
      }
      if (status.full) log("info", "outbox_has_room", { dropped: status.dropped });
      status.full = false;
      return true;
    },
    next: () => takeOldest(dir, writer, status),
    status: () => ({ ...status }),
    async oldestAt() {
      const [oldest] = await segments(dir);
      return oldest === undefined ? null : begunAt(oldest);
    },
    close: () => writer.close(),
  };
}

function drop(status: OutboxStatus, log: Log, why: Record<string, unknown>): false {
  status.dropped += 1;
  // Once, not for every event.
  if (!status.full) {
    status.full = true;
    log("error", "outbox_full", {
      ...status,
      ...why,
      hint: "New usage events are dropped until there is room. Is EXCHANGE_URL right and in reach, and the disk writable?",
    });
  }
  return false;
}

/** Other processes may have counted, or delivered, some of the same events: hence never below zero. */
function count(status: OutboxStatus, events: PendingEvent[], sign: 1 | -1): void {
  const bytes = events.reduce((sum, event) => sum + format(event).length, 0);
  status.events = Math.max(0, status.events + sign * events.length);
  status.bytes = Math.max(0, status.bytes + sign * bytes);
}

async function takeOldest(
  dir: string,
  writer: SegmentWriter,
  status: OutboxStatus,
): Promise<Batch | "busy" | null> {
  let busy = false;
  for (const name of await segments(dir)) {
    const segment = await writer.seal(name);
    if (segment === "busy") busy = true;
    if (segment === "busy" || segment === null) continue;
    const path = join(dir, segment.sealed);
    const events = parse((await readFile(path, "utf8").catch(ignoreMissing)) ?? "");
    const settle = async (left: PendingEvent[]) => {
      for (const event of left) await writer.append(format(event));
      await unlink(path).catch(ignoreMissing);
      count(status, left, 1);
      count(status, events, -1);
    };
    if (events.length > 0) return { events, settle };
    // Nothing but a torn line: its writer died before it could promise anything.
    await settle([]);
  }
  if (busy) return "busy";
  // Nothing is left, whatever other processes made of what we had counted.
  status.events = 0;
  status.bytes = 0;
  return null;
}

/** No id and no compact JWS has a space or a line feed. */
function format({ id, jws }: PendingEvent): string {
  return `${id} ${jws}\n`;
}

/** A line that a crash cut short was never promised to anybody: it is skipped. */
function parse(text: string): PendingEvent[] {
  const lines = text.matchAll(/^([\w-]{1,64}) ([\w-]+\.[\w-]+\.[\w-]+)\n/gm);
  return [...lines].map(([, id = "", jws = ""]) => ({ id, jws }));
}

/** Names of the segments, oldest first. */
async function segments(dir: string): Promise<string[]> {
  return (await readdir(dir)).filter(isSegment).sort();
}

async function measure(dir: string): Promise<{ events: number; bytes: number }> {
  let events = 0;
  let bytes = 0;
  for (const name of await segments(dir)) {
    for (const event of parse((await readFile(join(dir, name), "utf8").catch(ignoreMissing)) ?? "")) {
      events += 1;
      bytes += format(event).length;
    }
  }
  return { events, bytes };
}
