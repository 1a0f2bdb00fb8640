/** What a request asks for, read from its raw target: before anything has resolved `..` or decoded a slash. */

export type ItemRoute = { kind: "item"; ek: string; item: string; purpose: string | null };
export type Route = { kind: "health" } | { kind: "metadata"; ek: string } | ItemRoute;

/**
 * Reads a request target (RFC 9112 section 3.2), origin-form or absolute-form; null for a path that names nothing. Never throws. An item id
 * is decoded once and is otherwise as it came, all of the path after `items/`: the caller has to check it.
 */
export function parseTarget(target: string): Route | null {
  const origin = target.replace(/^https?:\/\/[^/?]*/i, "");
  const query = origin.indexOf("?");
  const path = query === -1 ? origin : origin.slice(0, query);
  if (path === "/health") return { kind: "health" };
  const metadata = /^\/exp\/([^/]+)\/metadata$/.exec(path);
  if (metadata?.[1]) return { kind: "metadata", ek: decode(metadata[1]) };
  const item = /^\/exp\/([^/]+)\/items\/(.+)$/s.exec(path);
  if (!item?.[1] || !item[2]) return null;
  const purpose = query === -1 ? null : new URLSearchParams(origin.slice(query)).get("purpose");
  return { kind: "item", ek: decode(item[1]), item: decode(item[2]), purpose };
}

/** A malformed escape stays as it is: no id has a percent sign, so it is refused later, where the error can name it. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch (error) {
    if (error instanceof URIError) return segment;
    throw error;
  }
}
