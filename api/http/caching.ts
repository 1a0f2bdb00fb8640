/** Caching (RFC 9111), validators and negotiation (RFC 9110): what public reads and an agent's own say of themselves. */
import { createHash } from "node:crypto";
import { createMiddleware } from "hono/factory";
import { ExchangeError } from "../../sdk/errors.ts";
import type { AppContext, AppEnv } from "./context.ts";
import { errorResponse } from "./errors.ts";

/** Caches may keep a public read, and must ask each time whether it is still so: prices and keys move with the chain. */
const PUBLIC = "public, no-cache";
const PRIVATE = "private, no-store";

/** A strong ETag for each public JSON answer and 304 for who has it; `private, no-store` for everything of an agent's own. */
export const cacheHeaders = createMiddleware<AppEnv>(async (c, next) => {
  await next();
  const { path } = c.req;
  if (path === "/me" || path.startsWith("/me/") || path.startsWith("/auth/")) {
    c.header("Cache-Control", PRIVATE);
    return;
  }
  const { headers, status } = c.res;
  const isRead = c.req.method === "GET" || c.req.method === "HEAD";
  if (!isRead || status >= 400) {
    if (!headers.has("cache-control")) c.header("Cache-Control", "no-store");
    return;
  }
  if (!headers.has("cache-control")) c.header("Cache-Control", PUBLIC);
  if (
    status !== 200 ||
    headers.has("etag") ||
    !isJson(headers) ||
    c.res.headers.get("cache-control")?.includes("no-store")
  )
    return;
  const body = await c.res.text();
  const etag = `"${createHash("sha256").update(body).digest("base64url")}"`;
  const kept = { "Cache-Control": headers.get("cache-control") ?? PUBLIC, ETag: etag };
  if (fits(c.req.header("if-none-match"), etag)) {
    c.res = new Response(null, { status: 304, headers: kept });
    c.res.headers.delete("content-type");
  } else {
    c.res = new Response(body, {
      status,
      headers: { ...kept, "Content-Type": headers.get("content-type") ?? "" },
    });
  }
});

function isJson(headers: Headers): boolean {
  return /^application\/(?:[\w.+-]+\+)?json\b/.test(headers.get("content-type") ?? "");
}

/** Whether If-None-Match names the ETag (RFC 9110 section 13.1.2, by the weak comparison). */
export function fits(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false;
  if (ifNoneMatch.trim() === "*") return true;
  const tags = ifNoneMatch.match(/(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"/g) ?? [];
  return tags.some((tag) => tag.replace(/^W\//, "") === etag);
}

/** 406 for a client that takes none of what there is. Errors are JSON, whatever it takes. */
export const acceptable = createMiddleware<AppEnv>(async (c, next) => {
  const accept = c.req.header("accept");
  const isRead = c.req.method === "GET" || c.req.method === "HEAD";
  // A write must not be done whose answer nobody takes; of a read the answer itself says what it is. Payments are answered as they come.
  if (accept !== undefined && !isRead && !PAYING.test(c.req.path) && !accepts(accept, "application/json")) {
    return notAcceptable(c, accept, "application/json");
  }
  await next();
  if (accept === undefined || !isRead || c.res.status >= 300) return undefined;
  const type = c.res.headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (!type || accepts(accept, type)) return undefined;
  await c.res.body?.cancel();
  c.res = notAcceptable(c, accept, type);
  return undefined;
});

const PAYING = /^\/(quotes|x402|webhooks)\//;

function notAcceptable(c: AppContext, accept: string, type: string): Response {
  return errorResponse(
    c,
    new ExchangeError("INVALID_REQUEST", `There is no ${accept.slice(0, 100)} here.`, {
      status: 406,
      hint: `Accept ${type}, or leave the header out.`,
      details: { available: [type] },
    }),
  );
}

/** Whether an Accept header takes a media type: the most specific range that fits decides, by its weight (RFC 9110 section 12.5.1). */
export function accepts(accept: string, type: string): boolean {
  const [kind = "", sub = ""] = type.split("/");
  let best = { rank: -1, weight: 0 };
  let ranges = 0;
  for (const part of accept.split(",")) {
    const [range = "", ...parameters] = part.split(";").map((text) => text.trim().toLowerCase());
    if (range === "") continue;
    ranges += 1;
    const rank = range === "*/*" ? 0 : range === `${kind}/*` ? 1 : range === `${kind}/${sub}` ? 2 : -1;
    if (rank > best.rank) best = { rank, weight: weightOf(parameters) };
  }
  return ranges === 0 || best.weight > 0;
}

/** What can't be read counts as 1. */
function weightOf(parameters: readonly string[]): number {
  const [, weight] =
    /^q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)$/.exec(parameters.find((one) => one.startsWith("q=")) ?? "") ??
    [];
  return weight === undefined ? 1 : Number(weight);
}
