/** What every request goes through before its route. */
import { randomUUID } from "node:crypto";
import { bodyLimit } from "hono/body-limit";
import { cors } from "hono/cors";
import { createMiddleware } from "hono/factory";
import { ExchangeError } from "../../sdk/errors.ts";
import type { AppContext, AppEnv } from "./context.ts";
import { log } from "./log.ts";

/** Bytes that a request's body may have. */
export const MAX_BODY = 1024 * 1024;
/** How deep a body's JSON may nest: no schema here needs more, and recursion over more is a way to crash a server. */
const MAX_DEPTH = 32;

/** Gives the request its id, says so in the answer, and writes one line when it is done. */
export const requestLog = createMiddleware<AppEnv>(async (c, next) => {
  const started = performance.now();
  const requestId = `req_${randomUUID()}`;
  c.set("requestId", requestId);
  c.header("X-Request-Id", requestId);
  await next();
  c.res.headers.set("X-Request-Id", requestId);
  log("info", "request", {
    request_id: requestId,
    method: c.req.method,
    path: c.req.path.slice(0, 200),
    status: c.res.status,
    ms: Math.round((performance.now() - started) * 10) / 10,
  });
});

/** Any site may call: who you are is in the Authorization header, never in a cookie. */
export const openToSites = cors({
  origin: "*",
  allowMethods: ["GET", "HEAD", "POST", "DELETE", "OPTIONS"],
  allowHeaders: [
    ...["Authorization", "Content-Type", "Idempotency-Key", "If-None-Match", "X-Signature", "DPoP"],
    ...["PAYMENT-SIGNATURE", "SIGN-IN-WITH-X", "Accept-Payment"],
  ],
  exposeHeaders: [
    ...[
      "X-Request-Id",
      "Retry-After",
      "ETag",
      "RateLimit",
      "RateLimit-Policy",
      "Idempotency-Replayed",
      "Allow",
    ],
    ...["PAYMENT-REQUIRED", "PAYMENT-RESPONSE", "WWW-Authenticate", "Payment-Receipt"],
  ],
  maxAge: 86_400,
});

const limitStream = bodyLimit({
  maxSize: MAX_BODY,
  onError: (c) => {
    c.header("Connection", "close"); // the rest of the body is not read
    throw new ExchangeError("PAYLOAD_TOO_LARGE", `The body is larger than ${MAX_BODY} bytes.`, {
      hint: "The exchange takes descriptions, never the content itself: keep that in your store.",
      details: { maximum_bytes: MAX_BODY },
    });
  },
});

/** Refuses what is too large. A length that was told is believed: the server reads no more than that. */
export const limitBody = createMiddleware<AppEnv>((c, next) =>
  // To look at the body would make a whole Fetch request of it, for every request.
  toldLength(c) <= MAX_BODY ? next() : limitStream(c, next),
);

/** Bytes of the body as its headers tell them; infinite where they don't. */
function toldLength({ req }: AppContext): number {
  const length = req.header("content-length");
  if (req.header("transfer-encoding") !== undefined) return Number.POSITIVE_INFINITY;
  if (length !== undefined) return /^\d+$/.test(length) ? Number(length) : Number.POSITIVE_INFINITY;
  return req.method === "GET" || req.method === "HEAD" ? 0 : Number.POSITIVE_INFINITY;
}

/** Refuses JSON that can't be read, or nests too deep. */
export const readableJson = createMiddleware<AppEnv>(async (c, next) => {
  const encoding = c.req.header("content-encoding")?.trim().toLowerCase();
  if (encoding !== undefined && encoding !== "" && encoding !== "identity" && c.req.method === "POST") {
    c.header("Accept-Encoding", "identity");
    throw new ExchangeError("INVALID_REQUEST", `Bodies are not taken in ${encoding.slice(0, 40)}.`, {
      status: 415,
      hint: "Send the body as it is, without Content-Encoding.",
      details: { accepted: ["identity"] },
    });
  }
  const isJson = c.req.header("content-type")?.toLowerCase().includes("json");
  const length = c.req.method === "POST" && isJson ? toldLength(c) : 0;
  if (length > 0 && (Number.isFinite(length) || c.req.raw.body)) {
    const body: unknown = await c.req.json().catch(() => {
      throw new ExchangeError("INVALID_REQUEST", "The body is no JSON.", {
        hint: "Send UTF-8 JSON (RFC 8259) with content-type: application/json.",
      });
    });
    checkDepth(body);
  }
  await next();
});

function checkDepth(value: unknown): void {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) {
      throw new ExchangeError("INVALID_REQUEST", `The body nests deeper than ${MAX_DEPTH} levels.`, {
        hint: "Flatten it.",
        details: { maximum_depth: MAX_DEPTH },
      });
    }
    level = level.flatMap((item) => (typeof item === "object" && item !== null ? Object.values(item) : []));
  }
}
