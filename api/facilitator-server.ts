/**
 * The facilitator's process: x402's facilitator interface for others' resource servers, apart from the API, so that it can be opened to
 * other people, limited and restarted by itself. It shares the API's rows and the relayer's queue through Postgres; what it leaves
 * unfinished, the API's reconciler carries on.
 */
import type { Server } from "node:http";
import { serve } from "@hono/node-server";
import { cantServe } from "../ops/cant-serve.ts";
import { createLifecycle } from "../ops/lifecycle.ts";
import { serveMetrics } from "../ops/metrics.ts";
import { deploymentTag } from "../sdk/deployment.ts";
import { createFacilitator } from "./actions/facilitator.ts";
import { createChain } from "./chain/client.ts";
import { createChainGuard } from "./chain/guard.ts";
import { createRelayer } from "./chain/relayer.ts";
import { createFacilitatorApp } from "./facilitator-app.ts";
import { readFacilitatorEnv } from "./facilitator-env.ts";
import { log, setUpLog } from "./http/log.ts";
import { observeDatabase } from "./metrics/state.ts";
import { openStore } from "./store/database.ts";
import { migrate } from "./store/migrate.ts";

const HEADERS_TIMEOUT = 10_000;
const REQUEST_TIMEOUT = 30_000;

const env = readFacilitatorEnv();
setUpLog({ level: env.process.LOG_LEVEL, secrets: env.secrets });
const lifecycle = createLifecycle();
const tag = deploymentTag(env.deployment);
const store = openStore({ databaseUrl: env.databaseUrl, tag });
await migrate(store, tag).catch((error: unknown) => {
  console.error(
    `DATABASE_URL: the database can't be used: ${error instanceof Error ? error.message : error}`,
  );
  process.exit(1);
});
const chain = createChain(env);
const { sql, lock } = store;
const guard = createChainGuard(chain, { sql });
const relayer = createRelayer({
  ...{ chain, guard, sql, lock },
  ...{ privateKey: env.relayerKey, gasPerHour: env.relayGasPerHour },
});
const facilitator = createFacilitator({ chain, relayer, sql });

observeDatabase(sql);
const metrics = await serveMetrics(env.process, log).catch(
  cantServe("METRICS_PORT", env.process.METRICS_PORT),
);

const server = serve(
  {
    fetch: createFacilitatorApp({ facilitator, guard, sql, chainId: chain.id, lifecycle }).fetch,
    hostname: env.host,
    port: env.port,
    serverOptions: { headersTimeout: HEADERS_TIMEOUT, requestTimeout: REQUEST_TIMEOUT },
  },
  ({ address, port }) => log("info", "listening", { address, port, relayer: relayer.address }),
);
server.on("error", cantServe("FACILITATOR_PORT", env.port));
lifecycle.end({
  server: server as Server,
  log,
  drainSeconds: env.process.DRAIN_SECONDS,
  graceSeconds: env.process.GRACE_SECONDS,
  close: () => Promise.all([store.close(), metrics.close()]),
});
