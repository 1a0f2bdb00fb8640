/** The gateway as a process: `node gateway/server.ts`. Settings: README.md. */
import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import express from "express";
import type { Agents } from "./agents.ts";
import { ConfigError } from "./config.ts";
import { createGateway } from "./core.ts";
import { createCourier } from "./courier.ts";
import { type Env, EnvError, readEnv } from "./env.ts";
import { createExecutor, type Execution, type Executor } from "./execution.ts";
import { expressGateway } from "./express.ts";
import { createHealth } from "./health.ts";
import { createKeys } from "./keys.ts";
import { type Ledger, type LedgerPlace, openLedger, sweepLedger } from "./ledger.ts";
import { createListener, type Tls } from "./listener.ts";
import { createLog, type Log } from "./log.ts";
import { openOutbox } from "./outbox.ts";
import { createReceipts } from "./receipts.ts";
import { openRejects } from "./rejects.ts";
import { createRevocations } from "./revocations.ts";
import { findJail } from "./sandbox/jail.ts";
import { hiddenFolders } from "./sandbox/view.ts";
import { type Seller, sellerOf } from "./seller.ts";
import { loadSigningKey } from "./signing-key.ts";
import { openStore } from "./store-config.ts";
import type { Toll } from "./toll.ts";
import { createUsageRecorder, queueReceipts } from "./usage.ts";

/** Time in ms that deliveries under way get to end when the process is told to stop. */
const GRACE_MS = 2000;
const HOUSEKEEPING_MS = 10_000;

async function start(env: Env, log: Log): Promise<() => Promise<void>> {
  await mkdir(env.stateDir, { recursive: true, mode: 0o700 });
  const signingKey = await loadSigningKey(join(env.stateDir, "gateway-key.json"));
  const outbox = await openOutbox({ dir: join(env.stateDir, "outbox"), maxBytes: env.outboxMaxBytes, log });
  const rejects = await openRejects(join(env.stateDir, "outbox"), log);
  const courier = createCourier({ outbox, rejects, url: new URL(`${env.exchangeUrl}/gateway/events`), log });
  const revocations = createRevocations({ url: new URL(`${env.exchangeUrl}/gateway/revocations`), log });
  const keys = createKeys({
    withdrawn: revocations.isWithdrawn,
    url: new URL(`${env.exchangeUrl}/.well-known/jwks.json`),
    file: join(env.stateDir, "exchange-keys.json"),
    log,
  });
  const ledger = await openLedger(ledgerPlace(env));
  const receipts = createReceipts({ ledger, key: signingKey });
  const housekeeping = setInterval(() => {
    tidy({ ledger, outbox, courier, receipts }).catch((error) =>
      log("error", "housekeeping_failed", { error }),
    );
  }, HOUSEKEEPING_MS).unref();
  const { store, close: closeStore } = await openStore(env.store);
  const seller = sellerOf(env.seller);
  const gateway = createGateway({
    issuer: env.exchangeUrl,
    keys,
    revocations,
    seller,
    store,
    ledger,
    receipts,
    signingKey,
    ...(env.publicUrl === undefined ? {} : { publicUrl: env.publicUrl }),
    ...(env.execution === null ? {} : await runnerOf(env, log)),
    ...(env.agents === null ? {} : { agents: await agentsOf(env.agents, seller, env.exchangeUrl) }),
    usage: createUsageRecorder({ key: signingKey, outbox, courier, receipts, log }),
    health: createHealth({
      store,
      keys,
      seller,
      outbox,
      courier,
      signingKey,
      storageType: env.store.store.kind,
    }),
    log,
  });
  const app = express()
    .disable("x-powered-by")
    .set("trust proxy", env.trustedProxies)
    .use(expressGateway(gateway));
  const server = createListener(app, env.tls ? await readTls(env.tls) : undefined);
  server.listen(env.port, env.host);
  await once(server, "listening");
  // What an earlier process could not deliver.
  courier.wake();
  await tidy({ ledger, outbox, courier, receipts });
  const { port } = server.address() as AddressInfo;
  log("info", "listening", { host: env.host, port, gateway_key: signingKey.x, exchange: env.exchangeUrl });
  return async () => {
    await closeServer(server);
    // What was broken off is recorded first.
    await gateway.idle();
    keys.stop();
    clearInterval(housekeeping);
    revocations.stop();
    await courier.stop();
    await outbox.close();
    await receipts.flush();
    await ledger.close();
    await closeStore();
  };
}

function ledgerPlace({ ledgerDatabaseUrl, stateDir }: Env): LedgerPlace {
  if (ledgerDatabaseUrl === null) return { file: join(stateDir, "ledger.sqlite") };
  return { databaseUrl: ledgerDatabaseUrl, schema: "moa_gateway" };
}

async function runnerOf(env: Env, log: Log): Promise<{ executor: Executor; toll?: Toll }> {
  const execution = env.execution as Execution;
  const jail = await findJail();
  const own = [env.stateDir, ...(env.store.store.kind === "disk" ? [env.store.store.dir] : [])];
  const executor = createExecutor({ execution, jail, hide: hiddenFolders(own.map((path) => resolve(path))) });
  log("info", "jail", { found: jail !== null, hides_files: jail?.hides ?? false });
  if (execution.toll === undefined) return { executor };
  // The payment library takes a second to load: only where something has a price.
  const { createToll } = await import("./toll.ts");
  return { executor, toll: await createToll(execution.toll) };
}

/** What it reads the chain with takes 40 MB: only where it is asked for. */
async function agentsOf(
  { rpcUrl, deployment, confirmations }: NonNullable<Env["agents"]>,
  seller: Seller,
  issuer: string,
): Promise<Agents> {
  const [{ createPublicClient, http }, { createAgents }] = await Promise.all([
    import("viem"),
    import("./agents.ts"),
  ]);
  const client = createPublicClient({
    transport: http(rpcUrl, { timeout: 5_000, retryCount: 1 }),
    cacheTime: 0,
  });
  return createAgents({ client, deployment, seller, issuer, confirmations });
}

async function readTls({ certFile, keyFile }: NonNullable<Env["tls"]>): Promise<Tls> {
  const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
  return { cert, key };
}

/** What is to be done now and then: old counters go, receipts that were kept from the outbox follow. */
async function tidy(parts: Parameters<typeof queueReceipts>[0] & { ledger: Ledger }): Promise<void> {
  await sweepLedger(parts.ledger, new Date());
  await queueReceipts(parts);
}

/** Lets deliveries end for a while, then breaks off the rest: their use is recorded as far as it went. */
async function closeServer(server: Server): Promise<void> {
  const closed = once(server, "close");
  server.close();
  server.closeIdleConnections();
  await Promise.race([closed, sleep(GRACE_MS, undefined, { ref: false })]);
  server.closeAllConnections();
}

/**
 * Ends when nothing is left to do, so that records under way still reach the disk; by force when that takes too long, or at a second
 * signal.
 */
function stopOnSignals(started: Promise<() => Promise<void>>, log: Log): void {
  let stopping = false;
  const onSignal = async (signal: NodeJS.Signals) => {
    if (stopping) process.exit(1);
    stopping = true;
    log("info", "stopping", { signal });
    setTimeout(() => process.exit(1), GRACE_MS + 800).unref();
    try {
      await (await started)();
    } catch (error) {
      log("error", "stop_failed", { error });
      process.exitCode = 1;
    }
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
}

function explain(error: unknown): string {
  if (error instanceof EnvError || error instanceof ConfigError)
    return `The gateway can't start:\n${error.message}`;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE") return `The gateway can't start: ${message}. Set another GATEWAY_PORT.`;
  return `The gateway can't start: ${error instanceof Error ? error.message : String(error)}`;
}

try {
  const log = createLog();
  const started = start(readEnv(), log);
  stopOnSignals(started, log);
  await started;
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(1);
}
