/**
 * Rate limits, counted in Postgres by all processes together, without a question to it for each request: a process takes a lease of some
 * permits at a time, and remembers until when a client has none. So a client gets, within a minute, at most what its bucket holds and what
 * it refills meanwhile, and of each process at most one lease more, which that took before the minute began. While the database is
 * out of reach each process counts alone.
 */
import { errorFields, log } from "../http/log.ts";
import type { Sql } from "../store/database.ts";
import { takePermits } from "../store/rate-limits.ts";
import type { Bucket } from "./buckets.ts";
import { roomAt, take, WINDOW, waitAt } from "./gcra.ts";

/** Permits that a process takes at once. What writes costs a statement more or less does not matter to. */
const LEASE: Readonly<Record<Bucket, number>> = { reads: 32, writes: 1, "sign-in": 1, pay: 1, expensive: 4 };
/** Of a small limit a lease is at most this part. */
const LEASE_PART = 1 / 16;
/** Milliseconds that a lease is good for. */
const LEASE_TIME = 5_000;
/** Clients that a process remembers; those longest unseen are asked for again. */
const MAX_CLIENTS = 50_000;
/** Milliseconds that the database has to answer, and for which it is not asked again when it did not. */
const PATIENCE = 1_000;
const SILENCE = 5_000;

export type Permit = { bucket: Bucket; subject: string; limit: number };
export type Verdict = {
  allowed: boolean;
  /** Requests left, as far as this process knows. */
  remaining: number;
  /** Seconds until the bucket is full again; where it is not allowed, until there is one permit. */
  seconds: number;
};
export type Limiter = { take(permit: Permit): Promise<Verdict> };

type Client = {
  permits: number;
  until: number;
  /** Nothing is to be had before. */
  blockedUntil: number;
  /** By this process's clock; what it counts by alone. */
  tat: number;
  waiting: number;
  asking: Promise<void> | undefined;
};

export function createLimiter(sql: Sql, clock: () => number = Date.now): Limiter {
  const clients = new Map<string, Client>();
  let silentUntil = Number.NEGATIVE_INFINITY;

  const clientOf = (key: string): Client => {
    const known = clients.get(key);
    if (known) return known;
    for (const oldest of clients.keys()) {
      if (clients.size < MAX_CLIENTS) break;
      clients.delete(oldest);
    }
    const client = { permits: 0, until: 0, blockedUntil: 0, tat: 0, waiting: 0, asking: undefined };
    clients.set(key, client);
    return client;
  };

  /** Of this process's own count. */
  const takeAlone = (client: Client, limit: number, wanted: number) => {
    const now = clock();
    const { granted, tat } = take(client.tat, now, { limit, wanted });
    return { granted, ahead: tat - now };
  };

  /** From the database; by this process alone, where that does not answer: a limit must not be what requests wait for. */
  const lease = async (client: Client, { bucket, subject, limit }: Permit): Promise<void> => {
    const usual = Math.max(1, Math.min(LEASE[bucket], Math.floor(limit * LEASE_PART)));
    const wanted = Math.min(limit, Math.max(usual, client.waiting));
    const taken =
      clock() < silentUntil
        ? takeAlone(client, limit, wanted)
        : await within(PATIENCE, takePermits(sql, { bucket, subject, limit, wanted })).catch(
            (error: unknown) => {
              silentUntil = clock() + SILENCE;
              log("warn", "rate limits are counted by this process alone", errorFields(error));
              return takeAlone(client, limit, wanted);
            },
          );
    const now = clock();
    client.tat = now + taken.ahead;
    client.permits = taken.granted;
    client.until = now + LEASE_TIME;
    client.blockedUntil = taken.granted === 0 ? now + Math.max(1, waitAt(client.tat, now, limit)) : 0;
  };

  return {
    async take(permit) {
      const { bucket, subject, limit } = permit;
      const client = clientOf(`${bucket} ${subject}`);
      for (;;) {
        const now = clock();
        if (client.permits > 0 && client.until > now) {
          client.permits -= 1;
          const remaining = client.permits + roomAt(client.tat, now, limit);
          return { allowed: true, remaining, seconds: inSeconds(Math.max(0, client.tat - now)) };
        }
        if (client.blockedUntil > now) {
          return { allowed: false, remaining: 0, seconds: Math.max(1, inSeconds(client.blockedUntil - now)) };
        }
        client.waiting += 1;
        // One statement for all that wait: those who come while it runs wait for the next.
        client.asking ??= lease(client, permit).finally(() => {
          client.asking = undefined;
        });
        try {
          await client.asking;
        } finally {
          client.waiting -= 1;
        }
      }
    },
  };
}

function inSeconds(milliseconds: number): number {
  return Math.min(WINDOW / 1000, Math.ceil(milliseconds / 1000));
}

async function within<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`No answer within ${milliseconds} ms.`)), milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
