/**
 * The generic cell rate algorithm (ATM Forum TM 4.0, "virtual scheduling"): a bucket of `limit` permits that refills evenly within a
 * minute, kept as one number, the time at which it will be full again. `api/store/rate-limits.ts` does the same in Postgres.
 */

/** Milliseconds in which an empty bucket is full again. */
export const WINDOW = 60_000;

export type Taken = {
  /** Permits given, 0 to `wanted`. */
  granted: number;
  /** When the bucket will be full again; Unix milliseconds. */
  tat: number;
};

/** Takes up to `wanted` permits at `now` (Unix milliseconds). `tat` of a bucket that nobody has used is 0. */
export function take(tat: number, now: number, { limit, wanted }: { limit: number; wanted: number }): Taken {
  const interval = WINDOW / limit;
  const start = Math.max(tat, now);
  // What rounding loses of a millisecond must not cost a permit.
  const room = Math.floor((now + WINDOW - start) / interval + 1e-6);
  const granted = Math.max(0, Math.min(wanted, room));
  return { granted, tat: start + granted * interval };
}

/** Permits left at `now`. */
export function roomAt(tat: number, now: number, limit: number): number {
  return take(tat, now, { limit, wanted: limit }).granted;
}

/** Milliseconds from `now` until there is one permit; 0 when there is one. */
export function waitAt(tat: number, now: number, limit: number): number {
  return Math.max(0, Math.max(tat, now) + WINDOW / limit - WINDOW - now);
}
