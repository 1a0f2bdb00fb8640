/**
 * How sellers' gateways are, by their own `GET /health`. The URL is somebody else's: it is asked by the safe fetch (threat T45), and of the
 * answer only a few known fields are kept.
 */
import { z } from "zod";
import { ExchangeError } from "../../sdk/errors.ts";
import { agentId as agentIds } from "../../sdk/ids.ts";
import { safeFetchBytes } from "../../sdk/node/safe-fetch.ts";
import type { Gateway, StoreStatus } from "../../sdk/wire/dashboard.ts";
import type { Deps } from "../deps.ts";
import {
  countGateways,
  dropGateway,
  dueGateways,
  type Finding,
  findGateway,
  gatewaysOf,
  type StoredGateway,
  saveFinding,
} from "../store/gateways.ts";
import type { Session } from "./session.ts";

/** What looking takes. */
type Looking = Pick<Deps, "chain" | "sql" | "localGateways">;

/** Milliseconds that a gateway has for its answer, and the most bytes of it. */
const ANSWER_MS = 4_000;
const MAX_BYTES = 64 * 1024;
/** Where gateways may listen. */
const PORTS = [443, 8443];
/** Milliseconds for which a finding is not looked up again. */
const FRESH_MS = 60_000;
/** How many gateways an agent may name, and how many are looked at in a round. */
const MAX_GATEWAYS = 20;
const BATCH = 5;

const gatewayHealthSchema = z.object({
  status: z.enum(["ok", "degraded", "down"]),
  seller: z.string().max(64).nullish(),
  gateway_key: z.string().max(64).optional(),
  storage_type: z.string().max(32).optional(),
});

const statuses = { ok: "healthy", degraded: "degraded", down: "down" } as const;

/** Names a gateway, or looks at it again. Throws INVALID_REQUEST for a place that must not be called. */
export async function nameGateway(deps: Deps, session: Session, gateway: string): Promise<Gateway> {
  const { agentId } = session;
  assertAgent(session);
  const url = withoutSlash(gateway);
  const known = await findGateway(deps.sql, { agentId, url });
  if (!known && (await countGateways(deps.sql, agentId)) >= MAX_GATEWAYS) {
    throw new ExchangeError("INVALID_REQUEST", `You have named ${MAX_GATEWAYS} gateways already.`, {
      hint: "Forget one that you don't use: POST /me/sell/gateways/forget.",
      details: { maximum: MAX_GATEWAYS },
    });
  }
  return toWire(deps, await lookAt(deps, { agentId, url }));
}

export async function myGateways(deps: Deps, { agentId }: Session): Promise<{ items: Gateway[] }> {
  return { items: (await gatewaysOf(deps.sql, agentId)).map((found) => toWire(deps, found)) };
}

/** Throws NOT_FOUND for one that was not named. */
export async function forgetGateway(
  deps: Deps,
  { agentId }: Session,
  gateway: string,
): Promise<{ ok: true }> {
  if (await dropGateway(deps.sql, { agentId, url: withoutSlash(gateway) })) return { ok: true };
  throw new ExchangeError("NOT_FOUND", `You have named no gateway ${gateway.slice(0, 200)}.`, {
    hint: "GET /me/sell/gateways lists them.",
    details: { gateway: gateway.slice(0, 200) },
  });
}

/** The gateway of an own listing, looked at now unless that was done within a minute. */
export async function storeStatus(deps: Deps, { agentId }: Session, gateway: string): Promise<StoreStatus> {
  const url = withoutSlash(gateway);
  const known = await findGateway(deps.sql, { agentId, url });
  const fresh = known?.checkedAt && Date.now() - known.checkedAt.getTime() < FRESH_MS;
  if (known && fresh) return statusOf(known);
  try {
    return statusOf(await lookAt(deps, { agentId, url }));
  } catch (error) {
    if (!(error instanceof ExchangeError) || error.code !== "INVALID_REQUEST") throw error;
    return { gateway: url, status: "down", recent_errors: [error.message] }; // it stands on chain, and buyers can't reach it either
  }
}

/** One round over those that it is time for. What went wrong is a finding. */
export async function checkGateways(deps: Looking): Promise<void> {
  const due = await dueGateways(deps.sql, BATCH);
  await Promise.all(
    due.map(async (gateway) => {
      try {
        await lookAt(deps, gateway);
      } catch (error) {
        // Its name leads to a private network by now.
        if (!(error instanceof ExchangeError) || error.code !== "INVALID_REQUEST") throw error;
        await saveFinding(deps.sql, gateway, { status: "down", error: error.message });
      }
    }),
  );
}

async function lookAt(deps: Looking, gateway: { agentId: bigint; url: string }): Promise<StoredGateway> {
  return saveFinding(deps.sql, gateway, await askHealth(deps, gateway));
}

async function askHealth(
  { chain, localGateways }: Looking,
  { agentId, url }: { agentId: bigint; url: string },
): Promise<Finding> {
  try {
    const { bytes, status } = await safeFetchBytes(`${url}/health`, {
      ...{ maxBytes: MAX_BYTES, maxRedirects: 0, ports: PORTS },
      ...{ headersMs: ANSWER_MS, idleMs: ANSWER_MS, signal: AbortSignal.timeout(ANSWER_MS) },
      ...(localGateways && { allowLocal: localGateways }),
    });
    const health = gatewayHealthSchema.safeParse(parse(bytes)).data;
    if (!health) return { status: "down", error: `its /health answers ${status} and no health` };
    const mine = agentIds.serialize({ chainId: chain.id, agentId });
    const foreign = health.seller != null && health.seller !== mine;
    return {
      status: foreign ? "degraded" : statuses[health.status],
      storageType: health.storage_type,
      gatewayKey: health.gateway_key,
      error: foreign
        ? `it serves ${health.seller}, not ${mine}`
        : health.status === "ok"
          ? undefined
          : `it says that it is ${health.status}`,
    };
  } catch (error) {
    if (!(error instanceof ExchangeError)) throw error;
    if (error.code === "INVALID_REQUEST" && error.details.reason !== "there are too many redirects")
      throw error;
    return { status: "down", error: error.message };
  }
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined; // no schema takes it
  }
}

function statusOf(found: StoredGateway): StoreStatus {
  return {
    gateway: found.url,
    ...(found.storageType === undefined ? {} : { storage_type: found.storageType }),
    ...(found.status && { status: found.status }),
    ...(found.checkedAt && { last_check: found.checkedAt.toISOString() }),
    recent_errors: found.errors.map(({ at, error }) => `${at} ${error}`),
  };
}

function toWire({ chain }: Deps, found: StoredGateway): Gateway {
  return {
    ...statusOf(found),
    agent_id: agentIds.serialize({ chainId: chain.id, agentId: found.agentId }),
    ...(found.gatewayKey === undefined ? {} : { gateway_key: found.gatewayKey }),
  };
}

function assertAgent({ agentId, eoa }: Session): void {
  if (agentId !== 0n) return;
  throw new ExchangeError("SCOPE_DENIED", `${eoa} is no agent yet.`, {
    hint: "Join first: POST /me/register or POST /me/grants.",
    details: { reason: "not_an_agent", eoa },
  });
}

const withoutSlash = (url: string): string => url.replace(/\/+$/, "");
