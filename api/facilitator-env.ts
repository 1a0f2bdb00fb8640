/** The facilitator's environment, read once. A wrong one ends the process with one line for each bad variable. */
import type { Hex } from "viem";
import { z } from "zod";
import { type ProcessEnv, processVariables } from "../ops/env.ts";
import type { Deployment } from "../sdk/deployment.ts";
import { schema as api, secretsOf } from "./env.ts";

export const schema = api
  .pick({
    RPC_URL: true,
    DATABASE_URL: true,
    DEPLOYMENT_FILE: true,
    RELAYER_KEY: true,
    RELAY_GAS_PER_HOUR: true,
  })
  .extend({
    FACILITATOR_PORT: z.coerce.number({ error: "a free TCP port, 1 to 65535" }).int().min(1).max(65_535),
    FACILITATOR_HOST: z.string().min(1).default("127.0.0.1"),
    ...processVariables,
  });

export type FacilitatorEnv = Readonly<{
  rpcUrl: string;
  databaseUrl: string;
  deployment: Deployment;
  relayerKey: Hex;
  relayGasPerHour: bigint;
  port: number;
  host: string;
  process: ProcessEnv;
  /** What must never be written to the log. */
  secrets: readonly string[];
}>;

export function readFacilitatorEnv(): FacilitatorEnv {
  const result = schema.safeParse(process.env);
  if (!result.success) {
    for (const { path, message } of result.error.issues) console.error(`${path.join(".")}: ${message}`);
    process.exit(1);
  }
  const env = result.data;
  return Object.freeze({
    rpcUrl: env.RPC_URL,
    databaseUrl: env.DATABASE_URL,
    deployment: env.DEPLOYMENT_FILE,
    relayerKey: env.RELAYER_KEY,
    relayGasPerHour: BigInt(env.RELAY_GAS_PER_HOUR),
    port: env.FACILITATOR_PORT,
    host: env.FACILITATOR_HOST,
    process: env,
    secrets: secretsOf(env),
  });
}
