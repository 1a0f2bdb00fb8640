/**
 * The gateway, as a function from a Fetch `Request` to a `Response`: it knows no framework and no kind of store. It honours capability
 * tokens of one exchange for the Experiences of one seller, and fetches nothing that a manifest or a request names.
 */
import { randomUUID } from "node:crypto";
import type { CapabilityClaims } from "../sdk/capability.ts";
import { ExchangeError, errorCodes } from "../sdk/errors.ts";
import { type Action, actionOf, authenticate, permit, refusePurpose } from "./access.ts";
import { type Catalog, createCatalog, type Manifest } from "./catalog.ts";
import { isNotModified } from "./conditions.ts";
import type { Health } from "./health.ts";
import { createIntegrity, type Integrity } from "./integrity.ts";
import { type Outcome, serveItem } from "./item.ts";
import type { Keys } from "./keys.ts";
import type { Log } from "./log.ts";
import { asExchangeError, bytesResponse, contentResponse, errorResponse, PRIVATE } from "./respond.ts";
import type { Revocations } from "./revocations.ts";
import { parseTarget, type Route } from "./route.ts";
import type { Seller } from "./seller.ts";
import type { Store } from "./store.ts";
import type { UsageRecorder } from "./usage.ts";

export type GatewayDeps = {
  /** The exchange, as its tokens name it: its URL without a trailing slash. */
  issuer: string;
  keys: Keys;
  revocations: Pick<Revocations, "assertLive">;
  seller: Seller;
  store: Store;
  usage: UsageRecorder;
  health: () => Promise<Health>;
  log: Log;
  /** Items delivered at the same time; each holds up to three pieces of a MiB while its buyer reads slowly. */
  maxDeliveries?: number;
};

export type Gateway = {
  /**
   * Answers every request, never rejects. `target` is the request target as it came, for adapters that have it: a URL has lost its dot
   * segments. If the body errs the adapter must abort the connection, if the buyer leaves it must cancel the body.
   */
  handle(request: Request, target?: string): Promise<Response>;
};

/** One request and what is known of it so far. */
type Call = {
  id: string;
  startedAt: number;
  method: string;
  target: string;
  /** Set once the token is good: from then on there is a buyer to account for. */
  claims?: CapabilityClaims;
  action?: Action;
  manifest?: Manifest;
  itemId?: string;
};

type Inner = GatewayDeps & { catalog: Catalog; integrity: Integrity; delivering: Set<string> };

export function createGateway(deps: GatewayDeps): Gateway {
  const inner: Inner = {
    ...deps,
    catalog: createCatalog(deps.store),
    integrity: createIntegrity(),
    delivering: new Set(),
  };
  return {
    async handle(request, target) {
      const call: Call = {
        id: randomUUID(),
        startedAt: performance.now(),
        method: request.method,
        target: target ?? request.url,
      };
      try {
        return withoutBody(request, await answer(call, request, inner));
      } catch (thrown) {
        const error = asExchangeError(thrown);
        await conclude(call, { status: error.status, bytes: 0, error }, inner);
        return withoutBody(request, errorResponse(error, call.id));
      }
    },
  };
}

/** HEAD has the headers of GET alone (RFC 9110 section 9.3.2). */
function withoutBody({ method }: Request, response: Response): Response {
  return method === "HEAD" ? new Response(null, response) : response;
}

async function answer(call: Call, request: Request, inner: Inner): Promise<Response> {
  const route = parseTarget(call.target);
  if (route === null) {
    throw new ExchangeError("NOT_FOUND", `There is nothing at ${call.target.split("?")[0]?.slice(0, 200)}.`, {
      hint: "A gateway has GET /exp/:ek/metadata, GET /exp/:ek/items/:item and GET /health.",
    });
  }
  if (request.method !== "GET" && request.method !== "HEAD") {
    throw new ExchangeError("METHOD_NOT_ALLOWED", `${request.method} does not work here.`, {
      hint: "A gateway only reads: use GET or HEAD.",
    });
  }
  refuseBody(request.headers);
  if (route.kind === "health") {
    const health = await inner.health();
    const status = health.status === "down" ? 503 : 200;
    await conclude(call, { status, bytes: 0 }, inner);
    const headers = { "cache-control": "no-store" };
    return bytesResponse(JSON.stringify(health), { status, headers, requestId: call.id });
  }
  return serve(call, request, route, inner);
}

/** What comes after the token, in the source's order: ek, scope, manifest, and then what was asked for. */
async function serve(
  call: Call,
  request: Request,
  route: Exclude<Route, { kind: "health" }>,
  inner: Inner,
): Promise<Response> {
  const claims = await authenticate(request.headers, inner);
  call.claims = claims;
  call.action = actionOf(route);
  permit(claims, route.ek, call.action);
  call.manifest = await inner.catalog.manifest(claims.manifest_hash);
  if (route.kind === "metadata") return serveManifest(call, request, call.manifest, inner);
  refusePurpose(route);
  call.itemId = route.item;
  const { manifest } = call;
  return withDelivery(call, inner, (over) =>
    serveItem(
      {
        method: request.method,
        headers: request.headers,
        requestId: call.id,
        manifest,
        itemId: route.item,
        ended: async (end) => {
          over();
          await conclude(call, end, inner);
        },
      },
      inner,
    ),
  );
}

/** FetchMetadata: the manifest as canonical JSON, so that keccak256 of the body is the hash on chain. */
async function serveManifest(
  call: Call,
  request: Request,
  manifest: Manifest,
  inner: Inner,
): Promise<Response> {
  const headers = { etag: `"${manifest.hash}"`, ...PRIVATE };
  const fresh = isNotModified(request.headers, headers.etag);
  const response = fresh
    ? contentResponse(null, { status: 304, headers, requestId: call.id })
    : bytesResponse(manifest.json, { status: 200, headers, requestId: call.id });
  const bytes = fresh || request.method === "HEAD" ? 0 : Number(response.headers.get("content-length"));
  await conclude(call, { status: response.status, bytes }, inner);
  return response;
}

/** Counts the deliveries under way, so that slow readers can't fill the memory. */
async function withDelivery(
  call: Call,
  { delivering, maxDeliveries = 256 }: Inner,
  work: (over: () => void) => Promise<Response>,
): Promise<Response> {
  if (delivering.size >= maxDeliveries) {
    throw new ExchangeError(
      "SERVICE_UNAVAILABLE",
      `${delivering.size} deliveries are under way, no more fit.`,
      {
        hint: "Try again in a few seconds.",
      },
    );
  }
  delivering.add(call.id);
  const over = () => delivering.delete(call.id);
  try {
    return await work(over);
  } catch (error) {
    over();
    throw error;
  }
}

/** A request body could only be there to cost memory or time. */
function refuseBody(headers: Headers): void {
  if (headers.get("transfer-encoding") === null && Number(headers.get("content-length") ?? 0) === 0) return;
  throw new ExchangeError("PAYLOAD_TOO_LARGE", "A gateway takes no request body.", {
    hint: "Send GET without a body.",
    details: { max_bytes: 0 },
  });
}

/** Logs the request and, when its buyer is known, records the use. Called once per request. */
async function conclude(call: Call, outcome: Outcome, { usage, log }: Inner): Promise<void> {
  const { claims, action = "fetch", manifest, itemId } = call;
  const { status, bytes, error, aborted } = outcome;
  const ms = Math.round(performance.now() - call.startedAt);
  if (claims) {
    const reason = error?.code ?? (aborted ? "BUYER_LEFT" : undefined);
    await usage.record({
      event_type: error ? "ErrorEvent" : "UsageEvent",
      ek_id: claims.ek_id,
      exp_id: manifest?.expId ?? "",
      seller_id: claims.aud,
      buyer_agent_id: claims.sub,
      action,
      // What was asked for need not be an id, or of a length that an event can hold.
      ...(itemId !== undefined && manifest?.items.has(itemId) ? { item_id: itemId } : {}),
      bytes,
      latency_ms: ms,
      result: resultOf(error),
      ...(reason === undefined ? {} : { reason }),
    });
  }
  log(error && error.status >= errorCodes.INTERNAL_ERROR ? "error" : "info", "request", {
    request_id: call.id,
    method: call.method,
    // The query is not ours to keep: somebody may have put a token there.
    path: call.target.split("?")[0]?.slice(0, 200),
    status,
    bytes,
    ms,
    ...(claims && { ek_id: claims.ek_id, buyer: claims.sub, jti: claims.jti }),
    ...(aborted && { aborted }),
    ...(error && { code: error.code, message: error.message, cause: error.cause }),
  });
}

/** Denied is what the buyer could have known or done otherwise; an error is the seller's side. */
function resultOf(error: ExchangeError | undefined): "ok" | "denied" | "error" {
  if (!error) return "ok";
  return error.status < errorCodes.INTERNAL_ERROR ? "denied" : "error";
}
