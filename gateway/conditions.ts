/** Conditional requests (RFC 9110 section 13) for what has a strong entity tag and no date. */
import { ExchangeError } from "../sdk/errors.ts";

/**
 * Whether to answer 304: the caller has this already. Throws 412 when it insists on something else. Dates are ignored: nothing here has a
 * Last-Modified.
 */
export function isNotModified(headers: Headers, etag: string): boolean {
  const match = headers.get("if-match");
  if (match === null) {
    const noneMatch = headers.get("if-none-match");
    return noneMatch !== null && listed(noneMatch, etag, "weak");
  }
  if (listed(match, etag, "strong")) return false;
  throw new ExchangeError("INVALID_REQUEST", `It is ${etag} now, not what If-Match names.`, {
    status: 412,
    hint: "This version of the Experience has other bytes. Start anew without If-Match.",
    details: { etag },
  });
}

/** Whether the `Range` header counts: there is no `If-Range`, or it is exactly this tag. A date or a weak tag never is. */
export function rangeApplies(headers: Headers, etag: string): boolean {
  const ifRange = headers.get("if-range");
  return ifRange === null || ifRange.trim() === etag;
}

function listed(header: string, etag: string, comparison: "strong" | "weak"): boolean {
  if (header.trim() === "*") return true;
  for (const [, weak, tag] of header.matchAll(/(W\/)?("[^"]*")/g)) {
    if (tag === etag && (comparison === "weak" || weak === undefined)) return true;
  }
  return false;
}
