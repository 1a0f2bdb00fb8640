/** The API's process. */
import { serve } from "@hono/node-server";
import { privateKeyToAccount } from "viem/accounts";
import { deploymentTag } from "../sdk/deployment.ts";
import { createAccessRecorder } from "./actions/access.ts";
import { createFacilitator } from "./actions/facilitator.ts";
import { createForeignFacilitator } from "./actions/foreign-facilitator.ts";
import { QUOTE_TTL } from "./actions/quote.ts";
import { startSweeper } from "./actions/sweep.ts";
import { createX402 } from "./actions/x402.ts";
import { createIssuer } from "./actions/x402-extensions.ts";
import { createApp } from "./app.ts";
import { createCardProvider } from "./cards/provider.ts";
import { createChain } from "./chain/client.ts";
import { createConfirmations } from "./chain/confirmations.ts";
import { createChainGuard } from "./chain/guard.ts";
import { createVersionReader } from "./chain/listings.ts";
import { createRelayer } from "./chain/relayer.ts";
import type { Deps } from "./deps.ts";
import { type Env, readEnv } from "./env.ts";
import { createHealth } from "./health.ts";
import { errorFields, log } from "./http/log.ts";
import { createLimiter } from "./limits/limiter.ts";
import { setUpMpp } from "./mpp/setup.ts";
import { openIndex } from "./queries/index-database.ts";
import { openSearch } from "./search/search-index.ts";
import { openStore, type Store } from "./store/database.ts";
import { ensureSigningKey } from "./store/key-rotation.ts";
import { migrate } from "./store/migrate.ts";
import { createSigningKeys } from "./store/signing-keys.ts";
import { createWatermarks, ensureWatermarkSecret } from "./store/watermarks.ts";

/** Milliseconds that requests under way get to finish, and connections to be closed. */
const GRACE = 500;
const CLOSING = 300;
/** Milliseconds in which a request's headers, and all of it, must have arrived. */
const HEADERS_TIMEOUT = 10_000;
const REQUEST_TIMEOUT = 30_000;

const env = readEnv();
const tag = deploymentTag(env.deployment);
const store = openStore({ databaseUrl: env.databaseUrl, tag });
await prepare(store);
const index = openIndex({ databaseUrl: env.databaseUrl, tag });
const deps = await createDeps(env);
await deps.health.start();
const sweeper = startSweeper(deps);
deps.search.follower.start();

const server = serve(
  {
    fetch: createApp(deps).fetch,
    hostname: env.host,
    port: env.port,
    serverOptions: { headersTimeout: HEADERS_TIMEOUT, requestTimeout: REQUEST_TIMEOUT },
  },
  ({ address, port }) => log("info", "listening", { address, port, health: deps.health.state().status }),
);
server.on("error", (error) => {
  console.error(`API_PORT ${env.port}: ${error.message}`);
  process.exit(1);
});

let ending = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (ending) return;
    ending = true;
    void shutDown().then(() => process.exit(0));
  });
}

/** Brings the tables up to date, or ends the process with one line that says why not. */
async function prepare(opened: Store): Promise<void> {
  try {
    const applied = await migrate(opened, tag);
    if (applied.length > 0) log("info", "migrated", { applied });
    await ensureSigningKey(opened);
    await ensureWatermarkSecret(opened);
  } catch (error) {
    console.error(
      `DATABASE_URL: the database can't be used: ${error instanceof Error ? error.message : error}`,
    );
    process.exit(1);
  }
}

async function createDeps({ rpcUrl, deployment, publicUrl, indexerUrl, ...env }: Env): Promise<Deps> {
  const { sql } = store;
  const chain = createChain({ rpcUrl, deployment });
  const guard = createChainGuard(chain, { sql, maxAge: env.headMaxAge });
  const relayer = createRelayer({
    ...{ chain, guard, sql, lock: store.lock },
    ...{ privateKey: env.relayerKey, gasPerHour: env.relayGasPerHour },
  });
  const foreign = env.facilitatorUrl ? createForeignFacilitator(env.facilitatorUrl, chain) : undefined;
  const facilitator = createFacilitator({ chain, relayer, sql, foreign });
  const issuer =
    env.card &&
    createRelayer({
      ...{ chain, guard, sql, lock: store.lock },
      ...{ privateKey: env.card.issuerKey, gasPerHour: env.relayGasPerHour },
    });
  return {
    ...(env.card && issuer ? { cards: { provider: createCardProvider(env.card), issuer } } : {}),
    ...setUpMpp(env, { publicUrl, chain, guard, sql, lock: store.lock, gasPerHour: env.relayGasPerHour }),
    publicUrl,
    chain,
    guard,
    relayer,
    accesses: createAccessRecorder({ chain, relayer }),
    versions: createVersionReader(chain),
    sql,
    index,
    search: openSearch({ databaseUrl: env.databaseUrl, tag, deps: { chain, index } }),
    keys: createSigningKeys(store),
    watermarks: createWatermarks(store, chain.id),
    confirmations: createConfirmations(chain, env.confirmations),
    x402: await createX402(facilitator, {
      chain,
      maxSeconds: QUOTE_TTL,
      issuer: createIssuer(privateKeyToAccount(env.relayerKey), chain.id),
    }),
    foreign,
    localGateways: env.localGateways,
    limits: { ...env.limits, limiter: createLimiter(sql) },
    health: createHealth({ chain, guard, sql, relayer, lowBalance: env.relayerLowBalance, indexerUrl }),
  };
}

/** Stops accepting, lets requests finish, closes. What a payment has begun goes on from its row, in this process's successor. */
async function shutDown(): Promise<void> {
  deps.health.stop();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  try {
    await within(GRACE, [closed, sweeper.stop()]);
    await within(CLOSING, [store.close(), index.close(), deps.search.close()]);
  } catch (error) {
    log("warn", "shutting down", errorFields(error));
  }
}

async function within(milliseconds: number, work: Promise<unknown>[]): Promise<void> {
  await Promise.race([Promise.all(work), new Promise((resolve) => setTimeout(resolve, milliseconds))]);
}
