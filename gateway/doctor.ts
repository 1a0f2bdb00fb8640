/** What could keep a gateway from selling, looked into one by one; each finding says what to do. */
import { randomUUID } from "node:crypto";
import { statfs, unlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import type { Hash } from "viem";
import { z } from "zod";
import { call, type Server } from "../sdk/http.ts";
import { type EKSummary, searchResponseSchema } from "../sdk/wire/listing.ts";
import type { Env } from "./env.ts";
import { inspectVersion, reasonOf } from "./inspect.ts";
import type { Seller } from "./seller.ts";
import { openStore } from "./store-config.ts";

export type Finding = { name: string; ok: boolean; detail: string; fix?: string };

export type Patient = { env: Env; seller: Seller; gatewayKey: string; url: string };

type Look = { name: string; fix: string; work: () => Promise<string> };

/** The exchange's and this machine's clock may differ by this many seconds; tokens live for minutes. */
const SKEW_S = 30;
/** Below this many free bytes a day's usage events may not fit. */
const FREE_BYTES = 256 * 1024 * 1024;

/** Looks at everything, in the order in which to mend it; a fault never stops the rest. */
export async function* examine(patient: Patient): AsyncGenerator<Finding> {
  for (const look of looksOf(patient)) yield await settle(look);
  yield* inspectStore(patient);
  yield* inspectListings(patient);
}

async function settle({ name, fix, work }: Look): Promise<Finding> {
  try {
    return { name, ok: true, detail: await work() };
  } catch (error) {
    return { name, ok: false, detail: reasonOf(error), fix };
  }
}

function looksOf({ env, seller, gatewayKey }: Patient): Look[] {
  return [
    {
      name: "exchange",
      fix: "Is exchange_url right, and is the exchange up? Ask its /health.",
      work: () => checkExchange(env.exchangeUrl),
    },
    {
      name: "keys",
      fix: "Without its keys no token can be verified: is exchange_url that of an exchange?",
      work: () => checkKeys(env.exchangeUrl),
    },
    {
      name: "clock",
      fix: "Set this machine's clock (NTP): tokens would look expired, or not valid yet.",
      work: () => checkClock(env.exchangeUrl),
    },
    {
      name: "seller",
      fix: "Join at the exchange first (the SDK's join), or correct `seller`, `rpc_url` and `deployment_file`.",
      work: () => seller.id(),
    },
    {
      name: "state",
      fix: "Make state_dir writable for this user, and free some space: usage events wait there.",
      work: () => checkState(env.stateDir),
    },
    {
      name: "port",
      fix: "Stop what listens there, or set another port (and public_url).",
      work: () => checkPort(env, gatewayKey),
    },
  ];
}

const get = (url: string) => fetch(url, { signal: AbortSignal.timeout(10_000) });

async function checkExchange(url: string): Promise<string> {
  const response = await get(`${url}/health`);
  const { status } = z.object({ status: z.string() }).parse(await response.json());
  if (!response.ok) throw new Error(`${url} says of itself: ${status}.`);
  return `${url} is ${status}`;
}

async function checkKeys(url: string): Promise<string> {
  const response = await get(`${url}/.well-known/jwks.json`);
  if (!response.ok) throw new Error(`${url}/.well-known/jwks.json answers ${response.status}.`);
  const { keys } = z
    .object({ keys: z.array(z.object({ kid: z.string(), crv: z.string() })) })
    .parse(await response.json());
  if (keys.length === 0) throw new Error(`${url} publishes no keys.`);
  return `${keys.length} published: ${keys.map(({ kid }) => kid.slice(0, 8)).join(", ")}`;
}

async function checkClock(url: string): Promise<string> {
  const response = await get(`${url}/.well-known/jwks.json`);
  await response.body?.cancel();
  const told = Date.parse(response.headers.get("date") ?? "");
  if (Number.isNaN(told)) throw new Error(`${url} tells no time.`);
  const skew = Math.round((Date.now() - told) / 1000);
  if (Math.abs(skew) > SKEW_S) throw new Error(`This machine's clock is ${skew} s off the exchange's.`);
  return `${skew} s off the exchange's`;
}

async function checkState(dir: string): Promise<string> {
  const probe = join(dir, `.doctor-${randomUUID()}`);
  await writeFile(probe, "", { mode: 0o600 });
  await unlink(probe);
  const { bavail, bsize } = await statfs(dir);
  if (bavail * bsize < FREE_BYTES) throw new Error(`${dir} has only ${bavail * bsize} bytes left.`);
  return `${dir} can be written`;
}

/** Free, or taken by this very gateway. */
async function checkPort({ host, port }: Env, gatewayKey: string): Promise<string> {
  const server = createServer();
  const taken = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
    server.once("error", resolve);
    server.listen(port, host, () => server.close(() => resolve(null)));
  });
  if (taken === null) return `${host}:${port} is free`;
  if (taken.code !== "EADDRINUSE") throw taken;
  const response = await get(`http://${host}:${port}/health`).catch(() => null);
  const health = z
    .object({ gateway_key: z.string(), status: z.string() })
    .safeParse(await response?.json().catch(() => null));
  if (health.success && health.data.gateway_key === gatewayKey)
    return `this gateway runs on ${host}:${port}: ${health.data.status}`;
  throw new Error(`${host}:${port} is taken by something else.`);
}

async function* inspectStore({ env }: Patient): AsyncGenerator<Finding> {
  const fix = "Put the right bytes back, or withdraw the listing: buyers of this version get an error.";
  try {
    const { store, shelf, close } = await openStore(env.store);
    try {
      await store.check();
      yield { name: "store", ok: true, detail: `${env.store.store.kind}: can be read` };
      for await (const hash of shelf.hashes()) {
        const { items, bytes, faults } = await inspectVersion(store, hash);
        const detail =
          faults.length === 0 ? `${items} items, ${bytes} bytes, each hash right` : faults.join("; ");
        yield {
          name: `version ${short(hash)}`,
          ok: faults.length === 0,
          detail,
          ...(faults.length > 0 && { fix }),
        };
      }
    } finally {
      await close();
    }
  } catch (error) {
    yield {
      name: "store",
      ok: false,
      detail: reasonOf(error),
      fix: "Correct `store` in the configuration, or run: moa-gateway prepare",
    };
  }
}

async function* inspectListings({ env, seller, gatewayKey, url }: Patient): AsyncGenerator<Finding> {
  const id = await seller.id().catch(() => null);
  if (id === null) return; // told already
  let listings: EKSummary[];
  try {
    listings = await listingsOf(env.exchangeUrl, id);
  } catch (error) {
    yield {
      name: "listings",
      ok: false,
      detail: reasonOf(error),
      fix: "Is the exchange up? Ask its /health.",
    };
    return;
  }
  yield { name: "listings", ok: true, detail: `${listings.length} active of ${id}` };
  const { store, close } = await openStore(env.store);
  try {
    for (const listing of listings) yield await settle(lookAt(listing, { gatewayKey, url, store }));
  } finally {
    await close();
  }
}

function lookAt(
  { ek_id, manifest_hash, access_policy }: EKSummary,
  {
    gatewayKey,
    url,
    store,
  }: { gatewayKey: string; url: string; store: { manifest(hash: Hash): Promise<string | null> } },
): Look {
  return {
    name: `listing ${ek_id}`,
    fix: "List a new version with this gateway's gateway_key and address (moa-gateway add prints them), or bring the old ones back.",
    async work() {
      if ((await store.manifest(manifest_hash as Hash)) === null)
        throw new Error(`Its manifest ${short(manifest_hash)} is not in the store.`);
      if (access_policy.gateway.replace(/\/+$/, "") !== url)
        throw new Error(`It sends buyers to ${access_policy.gateway}, this gateway is at ${url}.`);
      if (access_policy.gateway_key !== gatewayKey)
        throw new Error(
          `Its gateway_key is ${access_policy.gateway_key ?? "missing"}, this gateway's is ${gatewayKey}.`,
        );
      return `${short(manifest_hash)} is in the store, gateway_key is right`;
    },
  };
}

async function listingsOf(exchangeUrl: string, seller: string): Promise<EKSummary[]> {
  const server: Server = {
    url: exchangeUrl,
    fetch: (input, init) => fetch(input, init),
    unreachable: "SERVICE_UNAVAILABLE",
  };
  const all: EKSummary[] = [];
  let cursor: string | undefined;
  do {
    const page = await call(server, {
      path: "/search",
      query: { seller, cursor, limit: 200 },
      schema: searchResponseSchema,
    });
    all.push(...page.items.filter(({ seller: { agent_id } }) => agent_id === seller));
    cursor = page.cursor_next;
  } while (cursor !== undefined);
  return all;
}

function short(hash: string): string {
  return `${hash.slice(0, 10)}…`;
}
