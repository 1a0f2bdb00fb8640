/** Spans of time by which is counted: hours and days of UTC, and weeks from Monday on. All in Unix seconds. */

export const bucketSizes = ["hour", "day"] as const;
export type BucketSize = (typeof bucketSizes)[number];

/** Seconds of a bucket. */
export const bucketSeconds: Readonly<Record<BucketSize, bigint>> = { hour: 3_600n, day: 86_400n };

const WEEK = 7n * bucketSeconds.day;
/** 1970-01-01 was a Thursday: the first Monday came four days later. */
const FIRST_MONDAY = 4n * bucketSeconds.day;

/**
 * When the bucket that `at` is in starts.
 * @example
 * bucketStart("hour", 7_201n) // 7200n
 */
export function bucketStart(size: BucketSize, at: bigint): bigint {
  return at - (at % bucketSeconds[size]);
}

/**
 * The Monday of the week that `at` is in.
 * @example
 * weekStart(345_600n) // 345600n: Monday, 1970-01-05
 */
export function weekStart(at: bigint): bigint {
  return at - ((at - FIRST_MONDAY + WEEK) % WEEK);
}
