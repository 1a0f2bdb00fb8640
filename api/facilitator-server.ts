/**
 * The facilitator's process: x402's facilitator interface for others' resource servers, apart from the API, so that it can be opened to
 * other people, limited and restarted by itself. It shares the API's rows and the relayer's queue through Postgres; what it leaves
 * unfinished, the API's reconciler carries on.
 */
import { serve } from "@hono/node-server";
import { deploymentTag } from "../sdk/deployment.ts";
import { createFacilitator } from "./actions/facilitator.ts";
import { createChain } from "./chain/client.ts";
import { createChainGuard } from "./chain/guard.ts";
import { createRelayer } from "./chain/relayer.ts";
import { createFacilitatorApp } from "./facilitator-app.ts";
import { readFacilitatorEnv } from "./facilitator-env.ts";
import { errorFields, log } from "./http/log.ts";
import { openStore } from "./store/database.ts";
import { migrate } from "./store/migrate.ts";

/** Milliseconds that requests under way get to finish: a settlement waits for a block. */
const GRACE = 1_500;
const HEADERS_TIMEOUT = 10_000;
const REQUEST_TIMEOUT = 30_000;

const env = readFacilitatorEnv();
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

const server = serve(
  {
    fetch: createFacilitatorApp({ facilitator, guard, sql, chainId: chain.id }).fetch,
    hostname: env.host,
    port: env.port,
    serverOptions: { headersTimeout: HEADERS_TIMEOUT, requestTimeout: REQUEST_TIMEOUT },
  },
  ({ address, port }) => log("info", "listening", { address, port, relayer: relayer.address }),
);
server.on("error", (error) => {
  console.error(`FACILITATOR_PORT ${env.port}: ${error.message}`);
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

/** Stops accepting, lets requests finish, closes. */
async function shutDown(): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  try {
    await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, GRACE))]);
    await store.close();
  } catch (error) {
    log("warn", "shutting down", errorFields(error));
  }
}
