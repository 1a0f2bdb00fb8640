/** Times as the wire has them. */

/** The latest second that a JavaScript date can hold. */
const LATEST = 8_640_000_000_000n;

/** Unix seconds as RFC 3339. What lies beyond all calendars is shown as their end. */
export function isoTime(seconds: bigint): string {
  return new Date(Number(seconds > LATEST ? LATEST : seconds) * 1000).toISOString();
}
