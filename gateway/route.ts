/** What a request asks for, read from its raw target: before anything has resolved `..` or decoded a slash. */

export type ItemRoute = {
  kind: "item";
  ek: string;
  item: string;
  purpose: string | null;
  /** A presigned URL's proof of itself. */
  signed: string | null;
};
/** What is done with one Experience by POST. */
export type VerbRoute = { kind: "execute" | "quote" | "presign"; ek: string };
export type ReceiptRoute = { kind: "receipt" | "countersignature" | "dispute"; id: string };
export type DayRoute = { kind: "day"; day: string };
export type Route =
  | { kind: "health" | "livez" | "readyz" }
  | { kind: "metadata"; ek: string }
  | ItemRoute
  | VerbRoute
  | ReceiptRoute
  | DayRoute;

/** By which methods a route is reached. */
export function methodsOf({ kind }: Route): readonly string[] {
  return posted.has(kind) ? ["POST"] : ["GET", "HEAD"];
}

const posted: ReadonlySet<Route["kind"]> = new Set([
  "execute",
  "quote",
  "presign",
  "countersignature",
  "dispute",
] as const);

/**
 * Reads a request target (RFC 9112 section 3.2), origin-form or absolute-form; null for a path that names nothing. Never throws. An item id
 * is decoded once and is otherwise as it came, all of the path after `items/`: the caller has to check it.
 */
export function parseTarget(target: string): Route | null {
  const origin = target.replace(/^https?:\/\/[^/?]*/i, "");
  const query = origin.indexOf("?");
  const path = query === -1 ? origin : origin.slice(0, query);
  if (path === "/health" || path === "/livez" || path === "/readyz")
    return { kind: path.slice(1) as "health" | "livez" | "readyz" };
  const [, ek, verb] = /^\/exp\/([^/]+)\/(metadata|execute|quote|presign)$/.exec(path) ?? [];
  if (ek && verb) return { kind: verb as VerbRoute["kind"] | "metadata", ek: decode(ek) };
  const [, id, act = "receipt"] =
    /^\/receipts\/([0-9a-f-]{36})(?:\/(countersignature|dispute))?$/.exec(path) ?? [];
  if (id) return { kind: act as ReceiptRoute["kind"], id };
  const [, day] = /^\/receipts\/days\/(\d{4}-\d\d-\d\d)$/.exec(path) ?? [];
  if (day) return { kind: "day", day };
  const item = /^\/exp\/([^/]+)\/items\/(.+)$/s.exec(path);
  if (!item?.[1] || !item[2]) return null;
  const params = new URLSearchParams(query === -1 ? "" : origin.slice(query));
  return {
    kind: "item",
    ek: decode(item[1]),
    item: decode(item[2]),
    purpose: params.get("purpose"),
    signed: params.get("signed"),
  };
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
