/**
 * `npm run bench:http`: what a request costs the API in CPU, beside a bare Hono server of the same run that answers a kilobyte of JSON; and
 * how a process with small limits takes ten times more than they allow. One JSON object per line; exits 1 when a goal is missed.
 *
 * It starts a system of its own, speaks to it over the loopback alone, and takes it down again. Linux only, as bench:api.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { freePort } from "../../test/support/free-port.ts";
import { localKey } from "../system/chain.ts";
import { inheritedEnv } from "../system/env.ts";
import type { RunInfo } from "../system/run-info.ts";
import { costPerRequest, type Subject } from "./api/cost.ts";
import type { Ask } from "./api/load.ts";
import { startPeer } from "./api/peer.ts";
import { interleave } from "./api/rounds.ts";
import { compare, limited, type Row } from "./api/row.ts";
import { openStage, type Stage } from "./api/stage.ts";
import { memory } from "./api/usage.ts";

const COUNT = 500;
const ROUNDS = 3;
/** Requests under way at once, and in all, of the overload. */
const AT_ONCE = 320;
const OVERLOAD = 6_400;
const UNDER_WAY = 32;

const say = (line: string) => console.error(line);
const quit = new AbortController();
process.once("SIGINT", () => quit.abort());
let stage: Stage | undefined;
try {
  stage = await openStage({ largeBytes: 1024, say, signal: quit.signal });
  for (const row of [...(await measureReads(stage)), ...(await measureOverload(stage.run))]) {
    console.log(JSON.stringify(row));
    if (!row.ok) process.exitCode = 1;
  }
} finally {
  await stage?.close();
}

async function measureReads({ system, run, session, small }: Stage): Promise<Row[]> {
  const jwks = (await (await fetch(`${run.apiUrl}/.well-known/jwks.json`)).json()) as object;
  const peer = await startPeer("json", { jwks });
  const api: Subject = { url: run.apiUrl, pid: system.run.pids.api as number };
  const headers = { authorization: `Bearer ${session}` };
  const asks: Record<string, Ask> = {
    "GET /public/points/policy": { path: "/public/points/policy" },
    "GET /listings/{ek_id}": { path: `/listings/${small.ekId}` },
    "GET /search": { path: "/search" },
    "GET /me/sessions": { path: "/me/sessions", headers },
    "POST /listings/{ek_id}/quote": {
      ...{ path: `/listings/${small.ekId}/quote`, method: "POST" },
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ buyer: "0x00000000000000000000000000000000000000Aa" }),
    },
  };
  try {
    const rounds = await interleave(
      {
        bare: () => costPerRequest({ url: peer.url, pid: peer.pid }, COUNT, () => ({ path: "/json" })),
        ...Object.fromEntries(
          Object.entries(asks).map(([name, ask]) => [name, () => costPerRequest(api, COUNT, () => ask)]),
        ),
      },
      ROUNDS,
    );
    const { bare, ...ours } = rounds as Record<string, number[]>;
    return Object.entries(ours).map(([name, values]) =>
      compare({
        name,
        unit: "µs CPU",
        ours: values,
        peer: bare ?? [],
        what: "bare Hono, 1 kB of JSON",
        goal: null,
      }),
    );
  } finally {
    await peer.stop();
  }
}

/** A process of its own with small limits. It must refuse what is too much, in order, and not grow. */
async function measureOverload(run: RunInfo): Promise<Row[]> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn(process.execPath, [fileURLToPath(new URL("../../api/server.ts", import.meta.url))], {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      ...inheritedEnv(),
      ...{ RPC_URL: run.rpcUrl, DATABASE_URL: run.databaseUrl, DEPLOYMENT_FILE: run.deploymentFile },
      ...{ INDEXER_URL: run.indexerUrl, RELAYER_KEY: localKey(1), API_PORT: String(port) },
      ...{ RATE_LIMITS: `reads:${OVERLOAD / 10}/${OVERLOAD / 10}`, MAX_UNDER_WAY: String(UNDER_WAY) },
    },
  });
  const ended = once(child, "exit");
  try {
    await up(url);
    await flood(url);
    const before = memory(child.pid as number).now;
    const seen = await flood(url);
    const grown = memory(child.pid as number).now - before;
    const refused = (seen.get(429) ?? 0) + (seen.get(503) ?? 0);
    const health = (await fetch(`${url}/health`)).status;
    say(`overload: ${JSON.stringify(Object.fromEntries(seen))}, health ${health}`);
    return [
      limited(
        "overload: requests answered otherwise than 200, 429 or 503",
        OVERLOAD - refused - (seen.get(200) ?? 0) + (health === 200 ? 0 : 1),
        "requests",
        1,
      ),
      limited("overload: requests served", seen.get(200) ?? 0, "requests", OVERLOAD / 5),
      limited("overload: growth of the resident set", Math.max(0, grown), "MB", 32),
    ];
  } finally {
    child.kill("SIGTERM");
    await ended;
  }
}

async function flood(url: string): Promise<Map<number, number>> {
  const seen = new Map<number, number>();
  let left = OVERLOAD;
  const ask = async () => {
    while (left-- > 0) {
      const status = await fetch(`${url}/public/points/policy`).then(
        async (response) => {
          await response.arrayBuffer();
          return response.status;
        },
        () => 0,
      );
      seen.set(status, (seen.get(status) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, ask));
  return seen;
}

async function up(url: string): Promise<void> {
  for (const deadline = Date.now() + 60_000; ; ) {
    if ((await fetch(`${url}/health`).catch(() => undefined))?.ok) return;
    if (Date.now() > deadline) throw new Error(`The process at ${url} does not come up.`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
