/** Times as the wire has them. */

/** The last second of the year 9999: RFC 3339 has four digits for a year. */
const LATEST = 253_402_300_799n;

/** Unix seconds as RFC 3339. What lies beyond its years is shown as their end. */
export function isoTime(seconds: bigint): string {
  return new Date(Number(seconds > LATEST ? LATEST : seconds) * 1000).toISOString();
}
