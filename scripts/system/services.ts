/** The processes that are ours: how each is started, asked and ended. */
import { createHmac } from "node:crypto";
import { join } from "node:path";
import { inheritedEnv } from "./env.ts";
import type { Ports } from "./ports.ts";
import type { ProcessSpec } from "./process.ts";
import { repoRoot } from "./repo.ts";

export const serviceNames = ["indexer", "api", "gateway"] as const;
export type ServiceName = (typeof serviceNames)[number];

export type ServiceSettings = {
  ports: Ports;
  rpcUrl: string;
  databaseUrl: string;
  /** By which the indexer connects: its own role, where there is one. */
  indexerDatabaseUrl: string;
  /** Where processes may leave files of their own. */
  dataDir: string;
  deploymentFile: string;
  /** First 8 hex digits of the deployment's start block hash. */
  tag: string;
  relayerKey: string;
  /** The card rail's part of the API's environment; empty where cards are not taken. */
  cardEnv: Record<string, string>;
  /** The demo seller's EOA; the gateway looks up its agent id on the chain when it first needs it. */
  sellerEoa: string;
  storeDir: string;
  stateDir: string;
};

const DEADLINE_MS = 90_000; // the indexer catches up with a long chain before it is ready

export function serviceSpec(name: ServiceName, settings: ServiceSettings): ProcessSpec {
  return specs[name](settings);
}

const specs: Record<ServiceName, (settings: ServiceSettings) => ProcessSpec> = {
  indexer: ({ ports, rpcUrl, indexerDatabaseUrl, deploymentFile, tag, dataDir }) => ({
    ...common,
    cwd: dataDir, // it writes the GraphQL schema into its folder
    name: "indexer",
    args: [
      join(repoRoot, "node_modules/ponder/dist/esm/bin/ponder.js"),
      ...[
        "start",
        "--root",
        join(repoRoot, "indexer"),
        "--schema",
        `index_${tag}`,
        "--views-schema",
        `live_${tag}`,
      ],
      ...["-H", "127.0.0.1", "-p", String(ports.indexer)],
    ],
    env: {
      ...inheritedEnv(),
      RPC_URL: rpcUrl,
      DATABASE_URL: indexerDatabaseUrl,
      DEPLOYMENT_FILE: deploymentFile,
      PONDER_TELEMETRY_DISABLED: "1",
    },
    probe: httpProbe(`http://127.0.0.1:${ports.indexer}/ready`),
    stopSignal: "SIGINT", // on SIGTERM it leaves its schema locked
    grace: 1_500,
  }),

  api: ({ ports, rpcUrl, databaseUrl, deploymentFile, relayerKey, cardEnv }) => ({
    ...common,
    name: "api",
    args: [join(repoRoot, "api/server.ts")],
    env: {
      ...inheritedEnv(),
      RPC_URL: rpcUrl,
      DATABASE_URL: databaseUrl,
      DEPLOYMENT_FILE: deploymentFile,
      INDEXER_URL: `http://127.0.0.1:${ports.indexer}`,
      RELAYER_KEY: relayerKey,
      MPP_SECRET: mppSecretOf(relayerKey),
      ...cardEnv,
      API_PORT: String(ports.api),
      API_HOST: "127.0.0.1",
      LOCAL_GATEWAYS: `127.0.0.1:${ports.gateway}`,
      PUBLIC_URL: `http://127.0.0.1:${ports.api}`,
    },
    probe: httpProbe(`http://127.0.0.1:${ports.api}/health`),
  }),

  gateway: ({ ports, rpcUrl, deploymentFile, sellerEoa, storeDir, stateDir, dataDir }) => ({
    ...common,
    name: "gateway",
    args: [join(repoRoot, "gateway/server.ts")],
    env: {
      ...inheritedEnv(),
      // From the second start on Node finds the types stripped, and does not load what strips them: 20 MB.
      NODE_COMPILE_CACHE: join(dataDir, "compile-cache"),
      RPC_URL: rpcUrl,
      DEPLOYMENT_FILE: deploymentFile,
      EXCHANGE_URL: `http://127.0.0.1:${ports.api}`,
      SELLER: sellerEoa,
      STORE_DIR: storeDir,
      STATE_DIR: stateDir,
      GATEWAY_PORT: String(ports.gateway),
      GATEWAY_HOST: "127.0.0.1",
    },
    probe: httpProbe(`http://127.0.0.1:${ports.gateway}/health`),
  }),
};

/** On one machine nobody has to think of a secret: it is made of the one that there is, so that it survives restarts. */
export function mppSecretOf(relayerKey: string): string {
  return createHmac("sha256", relayerKey).update("Machine Payments Protocol").digest("base64");
}

const common = {
  command: process.execPath,
  cwd: repoRoot,
  deadline: DEADLINE_MS,
  stopSignal: "SIGTERM",
  grace: 1_700,
  lastSignal: "SIGKILL",
} as const;

function httpProbe(url: string) {
  return async (signal: AbortSignal): Promise<void> => {
    const response = await fetch(url, { signal });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  };
}
