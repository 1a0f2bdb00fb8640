/**
 * The gateway, as a function from a Fetch `Request` to a `Response`: it knows no framework and no kind of store. It honours capability
 * tokens of one exchange for the Experiences of one seller, and fetches nothing that a manifest or a request names.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { ExchangeError } from "../sdk/errors.ts";
import type { Agents } from "./agents.ts";
import { readBody, refuseBody } from "./body.ts";
import { type Call, conclude, type Peer } from "./call.ts";
import { createCatalog } from "./catalog.ts";
import { createDoorman } from "./doorman.ts";
import type { Executor } from "./execution.ts";
import type { Health } from "./health.ts";
import { createIntegrity } from "./integrity.ts";
import type { Keys } from "./keys.ts";
import type { Ledger } from "./ledger.ts";
import type { Log } from "./log.ts";
import { createMeter } from "./meter.ts";
import { createPossession } from "./possession.ts";
import { createPresigner } from "./presign.ts";
import type { Receipts } from "./receipts.ts";
import { asExchangeError, bytesResponse, errorResponse } from "./respond.ts";
import type { Revocations } from "./revocations.ts";
import { methodsOf, parseTarget, type Route } from "./route.ts";
import type { Seller } from "./seller.ts";
import type { SigningKey } from "./signing-key.ts";
import type { Store } from "./store.ts";
import type { Toll } from "./toll.ts";
import type { UsageRecorder } from "./usage.ts";
import { countersignReceipt, disputeReceipt, showDay, showReceipt } from "./verbs/account.ts";
import { execute } from "./verbs/execute.ts";
import { fetchItem, fetchMetadata, presign, quote } from "./verbs/use.ts";
import { createTokenVerifier } from "./verified.ts";

export type GatewayDeps = {
  /** The exchange, as its tokens name it: its URL without a trailing slash. */
  issuer: string;
  /** This gateway as buyers write it, without a trailing slash; without it the `Host` header counts. */
  publicUrl?: string;
  keys: Keys;
  revocations: Pick<Revocations, "assertLive">;
  seller: Seller;
  store: Store;
  /** Shared by all processes of this gateway. */
  ledger: Ledger;
  receipts: Receipts;
  signingKey: SigningKey;
  usage: UsageRecorder;
  health: () => Promise<Health>;
  log: Log;
  /** What can be run here; without it nothing. */
  executor?: Executor;
  /** Lets agents in by their certificates (mTLS), beside tokens; without it by tokens alone. */
  agents?: Agents;
  /** What runs cost; without it nothing. */
  toll?: Toll;
  /** Items delivered at the same time; each holds up to three pieces of a MiB while its buyer reads slowly. */
  maxDeliveries?: number;
};

export type Gateway = {
  /**
   * Answers every request, never rejects. `target` is the request target as it came, for adapters that have it: a URL has lost its dot
   * segments. If the body errs the adapter must abort the connection, if the buyer leaves it must cancel the body.
   */
  handle(request: Request, target?: string, peer?: Peer): Promise<Response>;
  /** Resolves when every request has ended and is on record. */
  idle(): Promise<void>;
};

const IDLE_POLL_MS = 10;

/** What the verbs work with. */
export type Inner = ReturnType<typeof innerOf>;

function innerOf(deps: GatewayDeps) {
  const meter = createMeter(deps.ledger);
  return {
    ...deps,
    meter,
    doorman: createDoorman(meter),
    verify: createTokenVerifier(deps),
    possession: createPossession(deps),
    presigner: createPresigner(deps.signingKey.secret),
    catalog: createCatalog(deps.store),
    integrity: createIntegrity(),
    delivering: new Set<string>(),
    /** Requests that are not concluded. */
    open: new Set<string>(),
  };
}

export function createGateway(deps: GatewayDeps): Gateway {
  const inner = innerOf(deps);
  return {
    async handle(request, target, peer = {}) {
      const call: Call = {
        id: randomUUID(),
        startedAt: performance.now(),
        method: request.method,
        target: target ?? request.url,
        peer,
      };
      inner.open.add(call.id);
      try {
        return withoutBody(request, await answer(call, request, inner));
      } catch (thrown) {
        const error = await refusalOf(thrown, call, inner);
        await conclude(call, { status: error.status, bytes: 0, error }, inner);
        return withoutBody(request, errorResponse(error, call.id));
      }
    },
    async idle() {
      while (inner.open.size > 0) await sleep(IDLE_POLL_MS);
    },
  };
}

async function refusalOf(thrown: unknown, { peer }: Call, { doorman }: Inner): Promise<ExchangeError> {
  try {
    return await doorman.refuse(asExchangeError(thrown), peer.address);
  } catch (error) {
    // The ledger can't be used.
    return asExchangeError(error);
  }
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
  const allowed = methodsOf(route);
  if (!allowed.includes(request.method)) {
    throw new ExchangeError("METHOD_NOT_ALLOWED", `${request.method} does not work here.`, {
      hint: `Use ${allowed.join(" or ")}.`,
      details: { allowed },
    });
  }
  if (request.method !== "POST") refuseBody(request.headers);
  return dispatch(call, request, route, inner);
}

async function dispatch(call: Call, request: Request, route: Route, inner: Inner): Promise<Response> {
  const body = () => readBody(request);
  switch (route.kind) {
    case "health":
      return showHealth(call, inner);
    case "metadata":
      return fetchMetadata(call, request, route.ek, inner);
    case "item":
      return fetchItem(call, request, route, inner);
    case "execute":
      return execute(call, request, route.ek, body, inner);
    case "quote":
      return quote(call, request, route.ek, body, inner);
    case "presign":
      return presign(call, request, route.ek, body, inner);
    case "receipt":
      return showReceipt(call, request, route.id, inner);
    case "countersignature":
      return countersignReceipt(call, request, route.id, body, inner);
    case "dispute":
      return disputeReceipt(call, request, route.id, body, inner);
    case "day":
      return showDay(call, route.day, inner);
  }
}

async function showHealth(call: Call, inner: Inner): Promise<Response> {
  const health = await inner.health();
  const status = health.status === "down" ? 503 : 200;
  await conclude(call, { status, bytes: 0 }, inner);
  const headers = { "cache-control": "no-store" };
  return bytesResponse(JSON.stringify(health), { status, headers, requestId: call.id });
}
