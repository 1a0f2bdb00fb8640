/**
 * `npm run bench:sse`: what it costs to tell one event to all who listen, beside a bare Node server that writes one buffer to each, in the
 * same run.
 *
 *   npm run bench:sse                         … 10,000 streams of one process; one JSON object per line; exits 1 when a goal is missed
 *   npm run bench:sse -- --connections 2000
 *
 * The exchange's way is the whole one: a row in Postgres, its notification, its place, one read, and the fan-out. Linux only: CPU time
 * and memory are read from /proc. Each stream needs a file descriptor on both sides.
 */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import postgres from "postgres";
import { deploymentTag } from "../../sdk/deployment.ts";
import { type System, startSystem } from "../system/system.ts";
import { drive } from "./api/load.ts";
import { type Peer, startPeer } from "./api/peer.ts";
import { interleave } from "./api/rounds.ts";
import { compare, limited, type Row } from "./api/row.ts";
import { cpuMicroseconds, memory } from "./api/usage.ts";

/** Messages to each stream in one round, and bytes of one, about those of a trade. */
const TIMES = 5;
const BYTES = 1_000;
/** Descriptors that a process needs beside its streams'. */
const SPARE = 500;

const { values } = parseArgs({ options: { connections: { type: "string", default: "10000" } } });
const wanted = Number(values.connections);
if (!Number.isInteger(wanted) || wanted < 1) {
  console.error("--connections: a whole number of streams");
  process.exit(2);
}
const say = (line: string) => console.error(line);
const [soft, hard] = openFiles();
if (soft < wanted + SPARE && soft < hard) rerun(hard);
const connections = Math.min(wanted, soft - SPARE);
if (connections < wanted)
  say(`Of ${wanted} streams only ${connections}: there are ${hard} file descriptors (ulimit -Hn).`);

const dataDir = mkdtempSync(join(tmpdir(), "moa-sse-"));
chmodSync(dataDir, 0o711); // Postgres does not run as root, and has to pass through
const peers: Peer[] = [];
let system: System | undefined;
try {
  const limit = String(connections + SPARE);
  system = await startSystem({
    ...{ dataDir, log: say, only: ["indexer", "api"] },
    apiEnv: { STREAM_CONNECTIONS: limit, STREAM_CONNECTIONS_PER_ADDRESS: limit },
  });
  for (const row of await measure(system)) {
    console.log(JSON.stringify(row));
    if (!row.ok) process.exitCode = 1;
  }
} finally {
  await Promise.all(peers.map((peer) => peer.stop()));
  await system?.stop();
  rmSync(dataDir, { recursive: true, force: true });
}

async function start(name: string): Promise<Peer> {
  const peer = await startPeer(name, {});
  peers.push(peer);
  return peer;
}

type Side = { pid: number; ears: Peer; perConnection: number; tell: () => Promise<unknown> };

async function measure({ run }: System): Promise<Row[]> {
  const sql = postgres(run.databaseUrl, {
    connection: { search_path: `exchange_${deploymentTag(run.deployment)}` },
    max: 1,
  });
  const raw = await start("sse");
  const apiPid = run.pids.api;
  if (apiPid === undefined) throw new Error("The API does not run.");
  const ours = await side(apiPid, `${run.apiUrl}/stream/public/activity`, () => insert(sql));
  const message = `id: 1\nevent: validation\ndata: ~${"x".repeat(BYTES)}\n\n`;
  const plain = await side(raw.pid, `${raw.url}/`, () =>
    drive(raw.url, 1, () => ({ path: `/tell?times=${TIMES}&message=${encodeURIComponent(message)}` })),
  );
  say(`${connections} streams of each are open; rounds of ${TIMES} messages to all …`);
  const rounds = await interleave({ ours: () => round(ours), plain: () => round(plain) });
  await sql.end({ timeout: 1 });
  const what = "res.write of one buffer to each answer";
  const row = (name: string, unit: string, of: (figures: Figures) => number) =>
    compare({
      name,
      unit,
      ours: rounds.ours.map(of),
      peer: rounds.plain.map(of),
      what,
      goal: { least: 0.7 },
    });
  const held = compare({
    ...{
      name: "sse: memory of a stream",
      unit: "kB",
      ours: [ours.perConnection],
      peer: [plain.perConnection],
    },
    ...{ what: "of a bare open answer", goal: { most: 2 } },
  });
  return [
    row("sse: fan-out, by CPU", "deliveries/CPU-s", ({ perCpu }) => perCpu),
    row("sse: fan-out, by the clock", "deliveries/s", ({ perSecond }) => perSecond),
    held,
    {
      ...limited("sse: streams of one process", connections, "streams", wanted),
      goal: { least: 1 },
      ok: connections >= wanted,
    },
  ];
}

async function side(pid: number, url: string, tell: Side["tell"]): Promise<Side> {
  const ears = await start("ears");
  const before = memory(pid).now;
  await drive(ears.url, 1, () => ({ path: `/open?count=${connections}&url=${encodeURIComponent(url)}` }));
  return { pid, ears, tell, perConnection: ((memory(pid).now - before) * 1000) / connections };
}

type Figures = { perCpu: number; perSecond: number };

async function round({ pid, ears, tell }: Side): Promise<Figures> {
  const started = { cpu: cpuMicroseconds(pid), at: performance.now() };
  await tell();
  const [answer = "{}"] = await drive(ears.url, 1, () => ({ path: `/hear?times=${TIMES}` }));
  const seconds = (performance.now() - started.at) / 1000;
  const cpuSeconds = (cpuMicroseconds(pid) - started.cpu) / 1e6;
  const { open } = JSON.parse(answer) as { open: number };
  if (open < connections) throw new Error(`${connections - open} streams have been closed.`);
  const deliveries = TIMES * connections;
  return { perCpu: deliveries / cpuSeconds, perSecond: deliveries / seconds };
}

/** Rows as the exchange's own statements add them. */
async function insert(sql: postgres.Sql): Promise<void> {
  await sql`
    insert into events (audience, kind, origin, payload)
    select 'public', 'validation', 'bench:' || gen_random_uuid(), jsonb_build_object('text', '~' || repeat('x', ${BYTES}::int))
    from generate_series(1, ${TIMES}::int)`;
}

/** How many files this process, and those that it starts, may have open now, and at most. */
function openFiles(): [soft: number, hard: number] {
  const line = /^Max open files\s+(\d+|unlimited)\s+(\d+|unlimited)/m.exec(
    readFileSync("/proc/self/limits", "utf8"),
  );
  const read = (text: string | undefined) => (text === "unlimited" ? Number.POSITIVE_INFINITY : Number(text));
  return [read(line?.[1]), read(line?.[2])];
}

/** Starts this script again with as many files as the system allows. */
function rerun(files: number): never {
  const script = fileURLToPath(import.meta.url);
  const { status } = spawnSync(
    "/bin/sh",
    ["-c", `ulimit -n ${files} && exec "$@"`, "sh", process.execPath, script, ...process.argv.slice(2)],
    { stdio: "inherit" },
  );
  process.exit(status ?? 1);
}
