/** What a client may ask for in a minute, and how much may be under way at once. */
import { getConnInfo } from "@hono/node-server/conninfo";
import { createMiddleware } from "hono/factory";
import { ExchangeError } from "../../sdk/errors.ts";
import type { Deps } from "../deps.ts";
import { type Bucket, bucketOf } from "../limits/buckets.ts";
import type { Verdict } from "../limits/limiter.ts";
import { clientAddress, siteOf } from "./client-address.ts";
import type { AppContext, AppEnv } from "./context.ts";

/** Refuses what comes while as many requests as may be are under way: slower for all would be down for all. */
export function limitUnderWay(deps: Deps) {
  let underWay = 0;
  return createMiddleware<AppEnv>(async (c, next) => {
    if (bucketOf(c.req.method, c.req.path) === undefined) return next();
    if (underWay >= deps.limits.maxUnderWay) {
      throw new ExchangeError("SERVICE_UNAVAILABLE", "The exchange has more to do than it can.", {
        hint: "Try again after Retry-After seconds.",
        details: { check: "load", retry_after: 1 },
      });
    }
    underWay += 1;
    try {
      return await next();
    } finally {
      underWay -= 1;
    }
  });
}

/** Counts the request for the address that it comes from. */
export function limitAddress(deps: Deps) {
  return createMiddleware<AppEnv>(async (c, next) => {
    const { trustedProxies } = deps.limits;
    const address = clientAddress(peerOf(c), c.req.header("x-forwarded-for"), trustedProxies);
    c.set("address", address);
    const bucket = bucketOf(c.req.method, c.req.path);
    if (bucket) await count(c, deps, bucket, "address", siteOf(address));
    await next();
  });
}

/** Counts the request for the agent that has signed in. */
export async function limitAgent(c: AppContext, deps: Deps): Promise<void> {
  const { eoa } = c.get("session") ?? c.get("signIn");
  const bucket = bucketOf(c.req.method, c.req.path);
  if (bucket) await count(c, deps, bucket, "agent", eoa.toLowerCase());
}

async function count(
  c: AppContext,
  { limits: { of, limiter } }: Deps,
  bucket: Bucket,
  kind: "agent" | "address",
  subject: string,
): Promise<void> {
  const limit = of[bucket][kind];
  const verdict = await limiter.take({ bucket, subject: `${kind} ${subject}`, limit });
  tell(c, `${bucket}-${kind}`, limit, verdict);
  if (verdict.allowed) return;
  throw new ExchangeError(
    "RATE_LIMITED",
    `This ${kind} has asked more than ${limit} times a minute (${bucket}).`,
    {
      hint: "Try again after Retry-After seconds; the RateLimit header of each answer tells what is left.",
      details: { bucket, of: kind, limit, window_seconds: 60, retry_after: verdict.seconds },
    },
  );
}

/** draft-ietf-httpapi-ratelimit-headers-10. An agent's own count stands for its address's, where there are both. */
function tell(c: AppContext, policy: string, limit: number, { remaining, seconds }: Verdict): void {
  c.header("RateLimit-Policy", `"${policy}";q=${limit};w=60`);
  c.header("RateLimit", `"${policy}";r=${remaining};t=${seconds}`);
}

/** Undefined where there is no socket: an app that is called directly. */
function peerOf(c: AppContext): string | undefined {
  return (c.env as unknown) && "incoming" in (c.env as object) ? getConnInfo(c).remote.address : undefined;
}
