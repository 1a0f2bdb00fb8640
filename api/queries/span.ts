/** From when to when is counted, by whole buckets. */
import { type BucketSize, bucketSeconds, bucketStart } from "../../sdk/buckets.ts";
import { ExchangeError } from "../../sdk/errors.ts";
import { MAX_BUCKETS, type SpanQuery } from "../../sdk/wire/analytics.ts";

/** Starts of the first and the last bucket, in Unix seconds. */
export type Span = { size: BucketSize; from: bigint; to: bigint };

/** How many buckets there are when nothing is said. */
const USUAL: Readonly<Record<BucketSize, bigint>> = { hour: 48n, day: 30n };

/** Throws INVALID_REQUEST for a span that ends before it begins, or is of more than {@link MAX_BUCKETS}. */
export function spanOf({ bucket: size, from, to }: SpanQuery, now = Date.now()): Span {
  const second = (time: string | undefined) =>
    time === undefined ? undefined : BigInt(Math.floor(Date.parse(time) / 1000));
  const end = bucketStart(size, second(to) ?? BigInt(Math.floor(now / 1000)));
  const start = bucketStart(size, second(from) ?? end - (USUAL[size] - 1n) * bucketSeconds[size]);
  const count = (end - start) / bucketSeconds[size] + 1n;
  if (start < 0n || start > end || count > BigInt(MAX_BUCKETS)) {
    throw new ExchangeError("INVALID_REQUEST", `There are no ${count} buckets of a ${size} to be had.`, {
      hint: `Ask for from ≤ to, since 1970, and for at most ${MAX_BUCKETS} buckets at once.`,
      details: { from, to, bucket: size },
    });
  }
  return { size, from: start, to: end };
}
