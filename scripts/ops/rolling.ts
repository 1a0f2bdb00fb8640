/**
 * `npm run ops:rolling [-- NGINX]`: two copies of the API behind nginx, one after the other restarted, again and again, while agents read,
 * ask for quotes and buy. Prints what they saw; exits 1 when a request failed. Skips, and says so, where there is no nginx: on Debian
 * `apt-get install nginx`, or the path of the program as argument.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createApi } from "../../test/api/support/api.ts";
import { createPaying, PRICE } from "../../test/api/support/paying.ts";
import { localKey } from "../system/chain.ts";
import { inheritedEnv } from "../system/env.ts";
import { choosePorts } from "../system/ports.ts";
import { repoRoot } from "../system/repo.ts";
import type { RunInfo } from "../system/run-info.ts";
import { startSystem } from "../system/system.ts";
import { findNginx, startNginx } from "./nginx.ts";
import { createTally, type Tally } from "./tally.ts";

/** How often each copy is restarted. */
const ROUNDS = 5;
/** Seconds that a copy drains: longer than nginx keeps an idle connection to it. */
const DRAIN_SECONDS = 3;
const READERS = 8;
const QUOTERS = 3;
const BUYERS = 2;
/** Newcomers with money, who buy in turn. */
const CROWD = 40;
/** Milliseconds that a buyer waits before it buys again. */
const PAUSE = 200;

const program = findNginx(process.argv[2]);
if (program) await main(program);
else console.log("skipped: there is no nginx here. On Debian: apt-get install nginx.");

async function main(nginx: string): Promise<void> {
  const dataDir = mkdtempSync(join(tmpdir(), "moa-rolling-"));
  chmodSync(dataDir, 0o711); // Postgres is another user
  const system = await startSystem({ dataDir, only: ["indexer"], log: console.log });
  const copies: Copy[] = [];
  try {
    const { api: first, gateway: second, indexer: port } = await choosePorts({});
    const url = `http://127.0.0.1:${port}`;
    for (const at of [first, second]) copies.push(await startCopy(system.run, at, url));
    const proxy = await startNginx(nginx, { dir: join(dataDir, "nginx"), port, apis: [first, second] });
    try {
      const tally = createTally();
      const stopLoad = await load({ ...system.run, apiUrl: url }, tally);
      await sleep(3_000);
      for (let round = 0; round < ROUNDS; round++) for (const copy of copies) await copy.restart();
      await sleep(3_000);
      await stopLoad();
      report(tally, join(dataDir, "nginx"));
    } finally {
      await proxy.stop();
    }
  } finally {
    await Promise.all(copies.map((copy) => copy.stop()));
    await system.stop();
    rmSync(dataDir, { recursive: true, force: true });
  }
}

type Copy = { restart(): Promise<void>; stop(): Promise<void> };

async function startCopy(run: RunInfo, port: number, publicUrl: string): Promise<Copy> {
  let child: ChildProcess;
  const start = async () => {
    child = spawn(process.execPath, [join(repoRoot, "api/server.ts")], {
      stdio: ["ignore", "ignore", "inherit"],
      env: {
        ...inheritedEnv(),
        ...{ RPC_URL: run.rpcUrl, DATABASE_URL: run.databaseUrl, DEPLOYMENT_FILE: run.deploymentFile },
        ...{ INDEXER_URL: run.indexerUrl, RELAYER_KEY: localKey(1), PUBLIC_URL: publicUrl },
        ...{ API_PORT: String(port), DRAIN_SECONDS: String(DRAIN_SECONDS), GRACE_SECONDS: "20" },
      },
    });
    while (!(await isReady(port))) {
      if (child.exitCode !== null) throw new Error(`The copy at ${port} ended with ${child.exitCode}.`);
      await sleep(100);
    }
  };
  const stop = async () => {
    if (child.exitCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    const [code] = await ended;
    if (code !== 0) throw new Error(`The copy at ${port} ended with ${code}.`);
  };
  await start();
  return {
    stop,
    async restart() {
      await stop();
      await start();
      console.log(`restarted 127.0.0.1:${port}`);
    },
  };
}

async function isReady(port: number): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
  await response?.body?.cancel();
  return response?.status === 200;
}

/** Agents at work through the proxy. Resolves with what ends it. */
async function load(run: RunInfo, tally: Tally): Promise<() => Promise<void>> {
  const api = createApi(run);
  const paying = await createPaying(api);
  const crowd = await paying.crowd(CROWD);
  let over = false;
  const repeat = async (count: number, work: (i: number) => Promise<void>) => {
    const each = async (_: unknown, start: number) => {
      for (let i = start; !over; i += count) await work(i);
    };
    await Promise.all(Array.from({ length: count }, each));
  };
  const paths = ["/public/stats", "/search?q=rain", `/listings/${paying.ekId}`, "/.well-known/jwks.json"];
  const bought = new Map(crowd.map((account) => [account, 0]));
  const all = [
    repeat(READERS, (i) => tally.ask("read", 200, () => api.ask(paths[i % paths.length] as string))),
    repeat(QUOTERS, () =>
      tally.ask("quote", 200, () =>
        api.ask(`/listings/${paying.ekId}/quote`, { body: { buyer: paying.seller.address } }),
      ),
    ),
    repeat(BUYERS, async (i) => {
      const account = crowd[i % CROWD] as (typeof crowd)[number];
      await tally.ask("purchase", 200, async () => {
        const quote = await api.quote(paying.ekId, account.address);
        const { headers } = await paying.payerOf(account).prepare(quote.pay_url);
        for (;;) {
          const answer = await paying.post(quote.pay_url, headers);
          if (answer.status === 200) bought.set(account, (bought.get(account) ?? 0) + 1);
          if (answer.status !== 202) return answer; // sent, and not mined yet: ask again
          await sleep(PAUSE);
        }
      });
      await sleep(PAUSE);
    }),
  ];
  return async () => {
    over = true;
    await Promise.all(all);
    for (const [{ address }, keys] of bought) {
      const { keys: has, paid } = await paying.holdings(address);
      if (has !== BigInt(keys) || paid !== PRICE * has)
        tally.fail("purchase", `${address} was told of ${keys} keys, has ${has} and paid ${paid}`);
    }
  };
}

function report(tally: Tally, logs: string): void {
  const [accessLog, errorLog] = ["access.log", "error.log"].map((name) => readFileSync(join(logs, name), "utf8"));
  console.log(`\n${2 * ROUNDS} restarts under load`);
  for (const line of tally.lines()) console.log(line);
  const lines = (accessLog ?? "")
    .trim()
    .split("\n")
    .map((text) => JSON.parse(text) as { status: string; upstream: string });
  const twice = lines.filter(({ upstream }) => upstream.includes(",")).length;
  console.log(
    `nginx: ${lines.length} requests, ${twice} of them went to the other copy when the first was away`,
  );
  if (tally.failures() === 0) return;
  process.exitCode = 1;
  console.log(`nginx says:\n${errorLog?.trim().split("\n").slice(-20).join("\n")}`);
}
