/**
 * Idempotency-Key on writes (draft-ietf-httpapi-idempotency-key-header): the same request with the same key is done once, and answered
 * alike for a day. What failed took nothing: it may be tried again under its key. Orders and payments have their own, stricter way.
 */
import { createHash } from "node:crypto";
import type { Hash } from "viem";
import { ExchangeError } from "../../sdk/errors.ts";
import type { Operation } from "../actions/operation.ts";
import type { Deps } from "../deps.ts";
import {
  claimKey,
  type Keyed,
  keepAnswer,
  noteKeyTransaction,
  releaseKey,
  type StoredAnswer,
} from "../store/idempotent-answers.ts";
import { siteOf } from "./client-address.ts";
import type { AppContext } from "./context.ts";

const KEY = /^[\x21-\x7e]{1,255}$/;
/** Milliseconds that a request waits for another one with its key, and between two looks. */
const PATIENCE = 10_000;
const LOOK_AGAIN = 100;

/** Writes that don't come here: `claim.ts` keeps orders' keys with their payments; paying and signing in is done once by nature. */
const OTHERS = /^\/(me\/buy\/purchase$|quotes\/|x402\/|auth\/|gateway\/|webhooks\/)/;

/** Whether the request is a write that takes a key. */
export function takesKey({ req: { method, path } }: AppContext): boolean {
  return method !== "GET" && method !== "HEAD" && method !== "OPTIONS" && !OTHERS.test(path);
}

/** Does the request, unless its key says that it was done, and answers as then. */
export async function once(
  c: AppContext,
  deps: Deps,
  next: () => Promise<void>,
): Promise<Response | undefined> {
  const key = c.req.header("idempotency-key");
  if (key === undefined) {
    await next();
    return undefined;
  }
  const keyed = { subject: subjectOf(c), key: readKey(key), requestHash: await hashOf(c) };
  const runner = c.get("requestId");
  for (const end = performance.now() + PATIENCE; ; ) {
    const claim = await claimKey(deps.sql, keyed, runner);
    if ("mine" in claim) {
      await run(c, deps, keyed, claim.transactions, next);
      return undefined;
    }
    if ("answer" in claim) return again(claim.answer);
    if ("conflict" in claim) throw reused(key);
    if (performance.now() >= end) throw underWay(key);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
  }
}

async function run(
  c: AppContext,
  { sql }: Deps,
  keyed: Keyed,
  transactions: readonly Hash[],
  next: () => Promise<void>,
): Promise<void> {
  const runner = c.get("requestId");
  let steps = 0;
  const operation: Operation = {
    transactions,
    next: () => steps++,
    note: (step, hash) => noteKeyTransaction(sql, keyed, runner, { step, hash }),
  };
  const session = c.get("session");
  if (session) c.set("session", { ...session, operation });
  let kept = false;
  try {
    await next();
    const { status, headers } = c.res;
    if (status === 202 || status >= 300) return;
    const body = await c.res.clone().text();
    await keepAnswer(sql, keyed, runner, { status, contentType: headers.get("content-type") ?? "", body });
    kept = true;
  } finally {
    if (!kept) await releaseKey(sql, keyed, runner);
  }
}

function again({ status, contentType, body }: StoredAnswer): Response {
  return new Response(body, {
    status,
    headers: { "Content-Type": contentType, "Idempotency-Replayed": "true" },
  });
}

/** Keys are their agent's own; of those who have not signed in, their address's. */
function subjectOf(c: AppContext): string {
  const session = c.get("session") ?? c.get("signIn");
  return session ? session.eoa.toLowerCase() : `address ${siteOf(c.get("address"))}`;
}

async function hashOf({ req }: AppContext): Promise<string> {
  const { pathname, search } = new URL(req.url);
  const body = new Uint8Array(await req.arrayBuffer());
  return createHash("sha256").update(`${req.method} ${pathname}${search}\n`).update(body).digest("hex");
}

function readKey(key: string): string {
  if (KEY.test(key)) return key;
  throw new ExchangeError(
    "INVALID_REQUEST",
    "The Idempotency-Key is not 1 to 255 visible ASCII characters.",
    {
      hint: "Use a UUID, a new one for each write.",
    },
  );
}

function reused(key: string): ExchangeError {
  return new ExchangeError("INVALID_REQUEST", `Idempotency-Key "${key}" was used for another request.`, {
    status: 422,
    hint: "Use a new key for a new write; repeat one with exactly the same path and body.",
    details: { reason: "idempotency_key_reused", idempotency_key: key },
  });
}

function underWay(key: string): ExchangeError {
  return new ExchangeError(
    "INVALID_REQUEST",
    `The request with Idempotency-Key "${key}" is still under way.`,
    {
      status: 409,
      hint: "Send it again, unchanged, after Retry-After seconds.",
      details: { reason: "idempotency_key_in_use", idempotency_key: key, retry_after: 2 },
    },
  );
}
