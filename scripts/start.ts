/**
 * `npm start`: brings the whole system up, plays the first sale on it, and stays until Ctrl-C.
 *
 *   npm start              … stays up
 *   npm start -- --once    … plays, stops everything, exits 0 (1 if any step failed)
 */
import { join, relative } from "node:path";
import { parseArgs } from "node:util";
import { createDemoSeller, playFirstSale, type Seller } from "./demo/first-sale.ts";
import { LOCAL_CHAIN_ID } from "./system/chain.ts";
import { cardEnvOf, type LauncherEnv, portsOf, readEnv } from "./system/env.ts";
import { explain, LaunchError, reasonOf } from "./system/launch-error.ts";
import { crashError } from "./system/process.ts";
import type { RunInfo } from "./system/run-info.ts";
import { type System, startSystem } from "./system/system.ts";

const STOP_DEADLINE_MS = 4_800;
const INTERRUPTED = 130; // what shells answer for a program that a Ctrl-C ended

const began = performance.now();
const say = (line: string) => console.log(line);

async function main(): Promise<number> {
  const { once } = readArguments();
  const env = readEnv();
  const quit = quitSignal();
  const seller = createDemoSeller();
  const crash = Promise.withResolvers<never>();
  crash.promise.catch(() => {}); // it may come while nobody waits; whoever waits later gets it all the same
  say("MOA, the experience exchange for AI agents");
  const system = await startSystem({
    ...optionsOf(env),
    sellerEoa: seller.account.address,
    log: (line) => say(`  ${line.padEnd(86)} ${since(began)}`),
    onCrash: (event) => crash.reject(crashError(event)),
    signal: quit,
  }).catch((error: unknown) => {
    if (quit.aborted) return undefined;
    throw error;
  });
  if (!system) return INTERRUPTED;
  try {
    say(`system up after ${since(began)}\n`);
    const over = Promise.race([crash.promise, until(quit)]);
    if (!(await Promise.race([play(system, seller), over]))) return INTERRUPTED;
    if (once) return 0;
    say(summary(system.run, env.MOA_DATA_DIR));
    await over;
    return 0;
  } finally {
    await stop(system);
  }
}

function readArguments(): { once: boolean } {
  try {
    return parseArgs({ options: { once: { type: "boolean", default: false } } }).values;
  } catch (cause) {
    throw new LaunchError(`${reasonOf(cause)}.`, { hint: "npm start -- --once is all there is.", cause });
  }
}

function optionsOf(env: LauncherEnv) {
  return {
    dataDir: env.MOA_DATA_DIR,
    ports: portsOf(env),
    databaseUrl: env.DATABASE_URL,
    indexerDatabaseUrl: env.INDEXER_DATABASE_URL,
    rpcUrl: env.RPC_URL,
    deployerKey: env.DEPLOYER_KEY,
    relayerKey: env.RELAYER_KEY,
    paymentToken: env.PAYMENT_TOKEN,
    cardEnv: cardEnvOf(env),
  };
}

async function play({ run }: System, seller: Seller): Promise<true> {
  if (run.chainId === LOCAL_CHAIN_ID) await playFirstSale({ run, seller, say });
  else say(`The first sale is not played on chain ${run.chainId}: its agents would have no money there.`);
  return true;
}

async function stop(system: System): Promise<void> {
  const started = performance.now();
  await system.stop();
  say(`stopped in ${since(started)}`);
}

/** Aborts on Ctrl-C, on a polite kill, and when the terminal or whoever started us has gone. Ends the process if stopping takes too long. */
function quitSignal(): AbortSignal {
  const quit = new AbortController();
  const abort = (why: string) => {
    if (quit.signal.aborted) return;
    say(`\n${why}: stopping …`);
    setTimeout(() => process.exit(1), STOP_DEADLINE_MS).unref();
    quit.abort();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, abort);
  process.once("disconnect", () => abort("the launcher has gone"));
  process.channel?.unref();
  // A terminal that was closed takes no more lines; that must not keep us from stopping.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  return quit.signal;
}

async function until(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return;
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
}

function summary(run: RunInfo, dataDir: string): string {
  const places = {
    "API (with /openapi.json)": run.apiUrl,
    "indexer (GraphQL, SQL)": run.indexerUrl,
    "seller's gateway": run.gatewayUrl,
    chain: `${run.rpcUrl} (id ${run.chainId})`,
    database: "see databaseUrl in run.json",
    "all of it, for scripts": relative(process.cwd(), join(dataDir, "run.json")),
    logs: relative(process.cwd(), run.logDir),
  };
  const lines = Object.entries(places).map(([what, where]) => `  ${what.padEnd(26)} ${where}`);
  return ["", "The system stays up. Ctrl-C stops everything.", ...lines].join("\n");
}

function since(start: number): string {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(explain(error));
  return 1;
});
process.exit(); // idle connections would keep the process for some seconds more
