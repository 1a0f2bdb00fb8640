/** The open streams of this process: who hears what, how many there may be, and who is let go for reading too slowly. */
import type { ServerResponse } from "node:http";
import { ExchangeError } from "../../sdk/errors.ts";
import type { Resync } from "../../sdk/wire/streams.ts";
import { type Audience, HIDDEN, type LoggedEvent } from "../store/events.ts";
import type { Hold } from "../store/stream-tickets.ts";
import type { Frames } from "./frames.ts";

/** Bytes that may wait for one reader, beside what the kernel holds. */
export const MAX_WAITING = 64 * 1024;
/** Milliseconds in which what still waits for one that is let go must be read. */
const LAST_WORDS_MS = 5_000;

export type Listener = {
  readonly res: ServerResponse;
  readonly address: string;
  readonly audiences: readonly Audience[];
  readonly wants: (event: LoggedEvent) => boolean;
  /** Whose own stream it is; absent on the public one. */
  readonly hold?: Hold | undefined;
  /** The place up to which it has been told everything. */
  place: number;
};

export type Limits = { connections: number; perAddress: number };

/** `onBehind`: a listener has more waiting than it may. It hears nothing until it is added again. */
export function createHub(
  frames: Frames,
  { limits, onBehind }: { limits: Limits; onBehind: (listener: Listener) => void },
) {
  const listeners = new Set<Listener>();
  const byAudience = new Map<Audience, Set<Listener>>();
  const addresses = new Map<string, number>();
  let admitted = 0;

  /** Ends a stream with a reason; what waits before it is still sent, if it is read soon. */
  function dismiss(listener: Listener, reason: Resync["reason"]): void {
    remove(listener);
    const { res } = listener;
    res.end(frames.resync(reason));
    setTimeout(() => res.destroy(), LAST_WORDS_MS).unref();
  }

  function remove(listener: Listener): void {
    listeners.delete(listener);
    for (const audience of listener.audiences) {
      const those = byAudience.get(audience);
      those?.delete(listener);
      if (those?.size === 0) byAudience.delete(audience);
    }
  }

  /** False when the listener has too much waiting to be sent more. */
  function send(listener: Listener, bytes: Buffer): boolean {
    if (listener.res.writableLength > MAX_WAITING) {
      remove(listener);
      onBehind(listener);
      return false;
    }
    listener.res.write(bytes);
    return true;
  }

  return {
    /** Takes a place among the streams, and returns what gives it back. Throws when there is none. */
    admit(address: string): () => void {
      const here = addresses.get(address) ?? 0;
      if (admitted >= limits.connections) {
        throw new ExchangeError(
          "SERVICE_UNAVAILABLE",
          `All ${limits.connections} streams of this process are taken.`,
          {
            hint: "Connect again in a few seconds, or poll the lists.",
            details: { maximum: limits.connections },
          },
        );
      }
      if (here >= limits.perAddress) {
        throw new ExchangeError("RATE_LIMITED", `${address} has ${here} streams open.`, {
          hint: "Close some, or read them all through one.",
          details: { maximum: limits.perAddress, retry_after: 10 },
        });
      }
      admitted++;
      addresses.set(address, here + 1);
      let given = false;
      return () => {
        if (given) return;
        given = true;
        admitted--;
        const left = (addresses.get(address) ?? 1) - 1;
        if (left === 0) addresses.delete(address);
        else addresses.set(address, left);
      };
    },
    /** From now on it hears what comes after its place. */
    add(listener: Listener): void {
      listeners.add(listener);
      for (const audience of listener.audiences) {
        const those = byAudience.get(audience) ?? new Set();
        byAudience.set(audience, those.add(listener));
      }
    },
    remove,
    dismiss,
    publish(event: LoggedEvent): void {
      const those = byAudience.get(event.audience);
      if (!those || event.kind === HIDDEN) return;
      let bytes: Buffer | undefined;
      for (const listener of those) {
        if (event.seq <= listener.place) continue; // told when it caught up
        if (listener.wants(event)) {
          bytes ??= frames.event(event);
          if (!send(listener, bytes)) continue;
        }
        listener.place = event.seq;
      }
    },
    /** Sends the same to all. */
    sendAll(bytes: Buffer): void {
      for (const listener of listeners) send(listener, bytes);
    },
    /** Those with an owner. */
    owned: () =>
      [...listeners].filter((listener): listener is Listener & { hold: Hold } => listener.hold !== undefined),
    size: () => listeners.size,
    close(): void {
      for (const listener of [...listeners]) dismiss(listener, "moved");
    },
  };
}

export type Hub = ReturnType<typeof createHub>;
