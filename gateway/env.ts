/** What the gateway process is told by its environment. Nothing else reads it. */
import { readFileSync } from "node:fs";
import ipaddr from "ipaddr.js";
import type { Address } from "viem";
import { z } from "zod";
import { type Deployment, deploymentSchema } from "../sdk/deployment.ts";
import { addressSchema, agentIdSchema } from "../sdk/wire/common.ts";
import { asVariables, type Config, readConfig } from "./config.ts";
import { type Execution, executionSchema } from "./execution.ts";
import type { StoreSettings } from "./store-config.ts";

/** The seller: an agent id, or its EOA and where to look the agent up. */
export type SellerEnv = { agentId: string } | { eoa: Address; rpcUrl: string; deployment: Deployment };

export type Env = Readonly<{
  /** Without a trailing slash, as the exchange's tokens name it. */
  exchangeUrl: string;
  seller: SellerEnv;
  store: StoreSettings;
  stateDir: string;
  /** This gateway as buyers write it, without a trailing slash, where that was said. */
  publicUrl: string | undefined;
  port: number;
  host: string;
  outboxMaxBytes: number;
  /** Where uses are counted and receipts kept; null for a file in `stateDir`. */
  ledgerDatabaseUrl: string | null;
  /** Addresses and networks whose `X-Forwarded-For` counts. */
  trustedProxies: string[];
  /** What can be run here; null for nothing. */
  execution: Execution | null;
  /** Where TLS ends here; null for plain HTTP. */
  tls: { certFile: string; keyFile: string } | null;
  /** How agents come in by certificates; null when they don't. */
  agents: { rpcUrl: string; deployment: Deployment; confirmations: number } | null;
}>;

/** The process's own environment. */
export const environment: Record<string, string | undefined> = process.env;

/** Names every variable that is wrong. */
export class EnvError extends Error {
  override readonly name = "EnvError";
}

const url = z
  .url({ protocol: /^https?$/, error: "an http or https URL" })
  .transform((value) => value.replace(/\/+$/, ""));
const path = z.string("a folder").min(1, "a folder");

const schema = z.object({
  EXCHANGE_URL: url,
  SELLER: z.union(
    [agentIdSchema, addressSchema],
    "an agent id like agt_31337_1, or an EOA: 0x and 40 hex digits",
  ),
  RPC_URL: url.optional(),
  DEPLOYMENT_FILE: path.optional(),
  STORE_DIR: path.optional(),
  GATEWAY_PUBLIC_URL: url.optional(),
  GATEWAY_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: "a postgres:// URL" }).optional(),
  AWS_ACCESS_KEY_ID: z.string().optional(),
  AWS_SECRET_ACCESS_KEY: z.string().optional(),
  AWS_SESSION_TOKEN: z.string().optional(),
  STATE_DIR: path,
  GATEWAY_PORT: z.coerce.number("a port").int("a port").min(0, "a port").max(65_535, "a port").default(8788),
  GATEWAY_HOST: z.string().min(1, "an address to listen on").default("127.0.0.1"),
  OUTBOX_MAX_BYTES: z.coerce
    .number("a number of bytes")
    .int("a number of bytes")
    .min(65_536, "at least 65536 bytes")
    .default(64 * 1024 * 1024),
  LEDGER_DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/, error: "a Postgres, postgres://user:password@host:port/db" })
    .optional(),
  TRUSTED_PROXIES: z
    .string()
    .transform((text) => text.split(",").map((part) => part.trim()))
    .refine((all) => all.every(isNetwork), "addresses or networks like 10.0.0.0/8, with commas between them")
    .optional(),
  EXECUTION_FILE: path.optional(),
  TLS_CERT_FILE: path.optional(),
  TLS_KEY_FILE: path.optional(),
  AGENT_CERTIFICATES: z.enum(["on", "off"], "on or off").default("off"),
  AGENT_CONFIRMATIONS: z.coerce
    .number("a number of blocks")
    .int("a number of blocks")
    .min(0, "a number of blocks")
    .optional(),
});

/**
 * Throws {@link EnvError}, or ConfigError for the file that `GATEWAY_CONFIG` names; a variable counts more than the file. An empty variable
 * counts as absent.
 */
export function readEnv(raw: Record<string, string | undefined> = environment): Env {
  const config = raw.GATEWAY_CONFIG ? readConfig(raw.GATEWAY_CONFIG) : undefined;
  const said = Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== ""));
  // Without a file there is one way to say where the store is.
  const result = (config ? schema : schema.extend({ STORE_DIR: path })).safeParse({
    ...(config && asVariables(config)),
    ...said,
  });
  if (!result.success) {
    throw new EnvError(
      result.error.issues.map(({ path, message }) => `${path.join(".")}: should be ${message}`).join("\n"),
    );
  }
  const { data } = result;
  return Object.freeze({
    exchangeUrl: data.EXCHANGE_URL,
    seller: readSeller(data),
    store: readStore(data, config),
    stateDir: data.STATE_DIR,
    publicUrl: data.GATEWAY_PUBLIC_URL,
    port: data.GATEWAY_PORT,
    host: data.GATEWAY_HOST,
    outboxMaxBytes: data.OUTBOX_MAX_BYTES,
    ledgerDatabaseUrl: data.LEDGER_DATABASE_URL ?? null,
    trustedProxies: data.TRUSTED_PROXIES ?? [],
    execution: data.EXECUTION_FILE === undefined ? null : readExecution(data.EXECUTION_FILE),
    tls: readTls(data),
    agents: readAgents(data),
  });
}

function isNetwork(text: string): boolean {
  return ipaddr.isValid(text) || ipaddr.isValidCIDR(text);
}

function readExecution(file: string): Execution {
  try {
    return executionSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new EnvError(`EXECUTION_FILE: ${file} does not say what can be run: ${why}`);
  }
}

function readStore(data: z.infer<typeof schema>, config: Config | undefined): StoreSettings {
  const store =
    data.STORE_DIR === undefined ? config?.store : ({ kind: "disk", dir: data.STORE_DIR } as const);
  if (store === undefined) throw new EnvError("STORE_DIR: should be a folder");
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = data;
  const s3 =
    accessKeyId === undefined || secretAccessKey === undefined
      ? undefined
      : { accessKeyId, secretAccessKey, sessionToken: data.AWS_SESSION_TOKEN };
  const secrets = { databaseUrl: data.GATEWAY_DATABASE_URL, s3 };
  return { store, refs: config?.refs ?? {}, secrets, stateDir: data.STATE_DIR };
}

function readSeller({ SELLER, RPC_URL, DEPLOYMENT_FILE }: z.infer<typeof schema>): SellerEnv {
  if (!SELLER.startsWith("0x")) return { agentId: SELLER };
  const missing = [
    ...(RPC_URL === undefined ? ["RPC_URL: should be an http or https URL, since SELLER is an EOA"] : []),
    ...(DEPLOYMENT_FILE === undefined ? ["DEPLOYMENT_FILE: should be a file, since SELLER is an EOA"] : []),
  ];
  if (RPC_URL === undefined || DEPLOYMENT_FILE === undefined) throw new EnvError(missing.join("\n"));
  return { eoa: SELLER as Address, rpcUrl: RPC_URL, deployment: readDeployment(DEPLOYMENT_FILE) };
}

function readTls({ TLS_CERT_FILE, TLS_KEY_FILE }: z.infer<typeof schema>): Env["tls"] {
  if (TLS_CERT_FILE === undefined && TLS_KEY_FILE === undefined) return null;
  if (TLS_CERT_FILE === undefined)
    throw new EnvError("TLS_CERT_FILE: should be a PEM file, since there is a TLS_KEY_FILE");
  if (TLS_KEY_FILE === undefined)
    throw new EnvError("TLS_KEY_FILE: should be a PEM file, since there is a TLS_CERT_FILE");
  return { certFile: TLS_CERT_FILE, keyFile: TLS_KEY_FILE };
}

/** Blocks by which a purchase must be buried where nothing else was said; a local chain has no reorgs. */
const CONFIRMATIONS = 12;
const LOCAL_CHAIN_ID = 31337;

function readAgents(data: z.infer<typeof schema>): Env["agents"] {
  if (data.AGENT_CERTIFICATES === "off") return null;
  const { RPC_URL: rpcUrl, DEPLOYMENT_FILE: file, TLS_CERT_FILE: cert } = data;
  const why = "since AGENT_CERTIFICATES is on";
  const missing = [
    ...(cert === undefined ? [`TLS_CERT_FILE: should be a PEM file, ${why}: TLS has to end here`] : []),
    ...(rpcUrl === undefined ? [`RPC_URL: should be an http or https URL, ${why}`] : []),
    ...(file === undefined ? [`DEPLOYMENT_FILE: should be a file, ${why}`] : []),
  ];
  if (rpcUrl === undefined || file === undefined || missing.length > 0)
    throw new EnvError(missing.join("\n"));
  const deployment = readDeployment(file);
  const usual = deployment.chainId === LOCAL_CHAIN_ID ? 0 : CONFIRMATIONS;
  return { rpcUrl, deployment, confirmations: data.AGENT_CONFIRMATIONS ?? usual };
}

function readDeployment(file: string): Deployment {
  try {
    return deploymentSchema.parse(JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new EnvError(`DEPLOYMENT_FILE: ${file} is not a deployment: ${why}`);
  }
}
