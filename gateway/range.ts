/** One byte range of an item: RFC 9110 section 14. */

/** First and last byte, both inclusive, as the RFC counts. */
export type ByteRange = { first: number; last: number };

/**
 * The range that a `Range` header selects from `size` bytes. `whole` means that the header is to be ignored, as the RFC wants for another
 * unit, bad syntax and for several ranges that we don't serve; `unsatisfiable` that it is well formed and selects nothing (416).
 */
export function resolveRange(header: string | null, size: number): ByteRange | "whole" | "unsatisfiable" {
  const match = /^bytes=[ \t]*([0-9]*)-([0-9]*)[ \t]*$/i.exec(header ?? "");
  if (!match) return "whole";
  const [, first = "", last = ""] = match;
  if (first === "") {
    if (last === "") return "whole";
    if (Number(last) === 0) return "unsatisfiable";
    // A suffix longer than the item is all of it; all of nothing has no range that could be named.
    return size === 0 ? "whole" : { first: Math.max(0, size - Number(last)), last: size - 1 };
  }
  // Digits past 2^53 lose their last places here, and are far past the end of any item either way.
  if (last !== "" && Number(last) < Number(first)) return "whole";
  if (Number(first) >= size) return "unsatisfiable";
  return { first: Number(first), last: last === "" ? size - 1 : Math.min(Number(last), size - 1) };
}
