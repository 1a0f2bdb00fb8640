/**
 * `npm run bench:audit`: what an audit costs, beside its goal of 100,000 trades in under two minutes.
 *
 *   npm run bench:audit                     … one JSON object per line; exits 1 when a goal is missed
 *   npm run bench:audit -- --trades 20000
 *   npm run bench:audit -- --rpc URL --deployment FILE   … also a real chain: what its node gives
 *
 * The trades are a made-up log ({@link ./audit/stream.ts}), in which no law is broken; a run that finds a fault fails. Making it is not
 * measured. Fetching is measured over the loopback, from a node in a process of its own that answers out of its memory.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { audit } from "../../audit/audit.ts";
import type { RawLog } from "../../audit/decode.ts";
import { createFindings, type Findings } from "../../audit/findings.ts";
import { readLogs } from "../../audit/logs.ts";
import { createNode } from "../../audit/node.ts";
import { createReplay, followed } from "../../audit/replay.ts";
import { deploymentSchema } from "../../sdk/deployment.ts";
import { limited, type Row } from "./api/row.ts";
import { constants, stream } from "./audit/stream.ts";

const GOAL_SECONDS = 120;
const GOAL_TRADES = 100_000;
const CHUNK = 20_000;

const { values } = parseArgs({
  options: {
    trades: { type: "string", default: String(GOAL_TRADES) },
    rpc: { type: "string" },
    deployment: { type: "string" },
  },
});
const trades = Number(values.trades);
if (!Number.isInteger(trades) || trades <= 0) {
  console.error(`--trades is "${values.trades}", not a number above 0.`);
  process.exit(2);
}

const limit = (GOAL_SECONDS * trades) / GOAL_TRADES;
const say = (row: Row) => {
  console.log(JSON.stringify(row));
  if (!row.ok) process.exitCode = 1;
};
const told = (name: string, value: number, unit: string): Row => ({
  ...limited(name, value, unit, value || 1),
  goal: null,
});

function mustBeClean(findings: Findings, what: string): void {
  if (findings.total > 0)
    throw new Error(`${what}: ${findings.total} faults, the first ${JSON.stringify(findings.faults[0])}`);
}

/** A busy machine makes the clock go on while nothing is done; CPU time tells what is. */
function cpuSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

/** Seconds that the replay alone takes. */
function measureReplay(): void {
  const findings = createFindings();
  const replay = createReplay(constants, findings);
  let [seconds, cpu, logs] = [0, 0, 0];
  const play = (chunk: readonly RawLog[]) => {
    const [started, used] = [performance.now(), process.cpuUsage()];
    for (const log of chunk) replay.take(log);
    seconds += (performance.now() - started) / 1000;
    cpu += cpuSince(used);
    logs += chunk.length;
  };
  let chunk: RawLog[] = [];
  for (const transaction of stream(trades)) {
    chunk.push(...transaction);
    if (chunk.length < CHUNK) continue;
    play(chunk);
    chunk = [];
  }
  play(chunk);
  replay.end();
  mustBeClean(findings, "replay");
  if (replay.books.trades.length !== trades)
    throw new Error(`${replay.books.trades.length} of ${trades} trades were replayed.`);
  say(limited(`replay of ${trades} trades`, seconds, "s", limit));
  say(limited("… its CPU time", cpu, "CPU-s", limit));
  say(told("… logs per second", logs / seconds, "1/s"));
  say(told("… largest resident set of the process", process.resourceUsage().maxRSS / 1024, "MB"));
}

/** Seconds from the first request to the last law, over the loopback. */
async function measureFetch(): Promise<void> {
  const server = spawn(
    process.execPath,
    [fileURLToPath(new URL("./audit/node.ts", import.meta.url)), String(trades)],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  try {
    const [line] = await once(createInterface({ input: server.stdout }), "line");
    const { url, head } = JSON.parse(line as string) as { url: string; head: number };
    const findings = createFindings();
    const replay = createReplay(constants, findings);
    const vaults = [constants.contracts.Exchange, constants.contracts.ValidatorBonds];
    const contracts = followed.map((name) => constants.contracts[name]);
    const source = {
      contracts,
      tokens: [constants.bondToken],
      vaults,
      from: 1n,
      to: BigInt(head),
      mode: "logs" as const,
    };
    const [started, used] = [performance.now(), process.cpuUsage()];
    for await (const logs of readLogs(createNode(url), source, findings))
      for (const log of logs) replay.take(log);
    replay.end();
    const seconds = (performance.now() - started) / 1000;
    mustBeClean(findings, "fetch and replay");
    if (replay.books.trades.length !== trades)
      throw new Error(`${replay.books.trades.length} of ${trades} trades were served.`);
    say(limited(`fetch and replay of ${trades} trades over the loopback`, seconds, "s", limit));
    say(limited("… its CPU time", cpuSince(used), "CPU-s", limit));
  } finally {
    server.kill();
  }
}

async function measureChain(rpcUrl: string, file: string): Promise<void> {
  const deployment = deploymentSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  const report = await audit({ rpcUrl, deployment, mode: "logs", sample: 0, say: () => {} });
  const events = report.counts.events ?? 0;
  say(told(`${events} events of a real chain, events per second`, events / report.seconds, "1/s"));
}

measureReplay();
await measureFetch();
if (values.rpc && values.deployment) await measureChain(values.rpc, values.deployment);
