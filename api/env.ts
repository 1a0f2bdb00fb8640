/** The API's environment, read once. A wrong one ends the process with one line for each bad variable. */
import { readFileSync } from "node:fs";
import { type Hex, parseEther } from "viem";
import { z } from "zod";
import { type Deployment, deploymentSchema } from "../sdk/deployment.ts";

const deploymentFile = z
  .string({ error: "the path of the JSON that scripts/deploy.ts wrote" })
  .min(1)
  .transform((file, ctx): Deployment => {
    try {
      return deploymentSchema.parse(JSON.parse(readFileSync(file, "utf8")));
    } catch (error) {
      ctx.addIssue({ code: "custom", message: `${file} is no deployment file: ${firstLine(error)}` });
      return z.NEVER;
    }
  });

export const schema = z.object({
  RPC_URL: z.url({ protocol: /^https?$/, error: "the chain's JSON-RPC endpoint, http:// or https://" }),
  DATABASE_URL: z.url({
    protocol: /^postgres(ql)?$/,
    error: "a Postgres, postgres://user:password@host:port/db",
  }),
  DEPLOYMENT_FILE: deploymentFile,
  API_PORT: z.coerce.number({ error: "a free TCP port, 1 to 65535" }).int().min(1).max(65_535),
  API_HOST: z.string().min(1).default("127.0.0.1"),
  /** How the world reaches this API. It is the tokens' issuer and the sign-in's domain: changing it ends all of them. */
  PUBLIC_URL: z.url({ protocol: /^https?$/, error: "this API's address as its clients write it" }).optional(),
  INDEXER_URL: z.url({ protocol: /^https?$/, error: "the indexer's address, for its health" }),
  RELAYER_KEY: z.custom<Hex>(
    (value) => typeof value === "string" && /^0x[0-9a-fA-F]{64}$/.test(value),
    "a private key, 0x and 64 hex digits, of an account that pays for gas",
  ),
  /** Another's x402 facilitator, which submits stock clients' payments in our place. What it says is checked on chain. */
  FACILITATOR_URL: z.url({ protocol: /^https?$/, error: "an x402 facilitator's address" }).optional(),
  /** Gas that the relayer spends for one payer or agent within an hour: some hundred sales. */
  RELAY_GAS_PER_HOUR: z
    .string()
    .regex(/^[1-9][0-9]{0,17}$/, "gas for one payer or agent within an hour, a whole number")
    .default("50000000"),
  /** Below it the health is `degraded`: some hundred sales are left. */
  RELAYER_LOW_BALANCE: z
    .string()
    .regex(
      /^[0-9]{1,9}(\.[0-9]{1,18})?$/,
      "ether of the relayer's account below which to raise alarm, as 0.05",
    )
    .default("0.05"),
});

export type Env = Readonly<{
  rpcUrl: string;
  databaseUrl: string;
  deployment: Deployment;
  port: number;
  host: string;
  /** Without a trailing slash. */
  publicUrl: string;
  indexerUrl: string;
  relayerKey: Hex;
  facilitatorUrl: string | undefined;
  relayGasPerHour: bigint;
  /** In wei. */
  relayerLowBalance: bigint;
}>;

export function readEnv(): Env {
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
    port: env.API_PORT,
    host: env.API_HOST,
    publicUrl: (env.PUBLIC_URL ?? `http://127.0.0.1:${env.API_PORT}`).replace(/\/+$/, ""),
    indexerUrl: env.INDEXER_URL.replace(/\/+$/, ""),
    relayerKey: env.RELAYER_KEY,
    facilitatorUrl: env.FACILITATOR_URL?.replace(/\/+$/, ""),
    relayGasPerHour: BigInt(env.RELAY_GAS_PER_HOUR),
    relayerLowBalance: parseEther(env.RELAYER_LOW_BALANCE),
  });
}

function firstLine(error: unknown): string {
  if (error instanceof z.ZodError) return `${error.issues[0]?.path.join(".")}: ${error.issues[0]?.message}`;
  return error instanceof Error ? (error.message.split("\n")[0] ?? error.name) : String(error);
}
