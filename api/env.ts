/** The API's environment, read once. A wrong one ends the process with one line for each bad variable. */
import { readFileSync } from "node:fs";
import { type Hex, parseEther } from "viem";
import { z } from "zod";
import { type Deployment, deploymentSchema } from "../sdk/deployment.ts";
import { addressSchema } from "../sdk/wire/common.ts";
import type { CardConfig } from "./cards/provider.ts";
import { DEFAULT_TIERS, LOCAL_TIERS, parseTiers, type Tier } from "./chain/confirmations.ts";
import { parseProxies, type TrustedProxies } from "./http/client-address.ts";
import { DEFAULT_LIMITS, type Limits, LOCAL_LIMITS, parseLimits } from "./limits/buckets.ts";
import type { TempoConfig } from "./mpp/tempo.ts";

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
  /** How deep a purchase must lie before there is a token for it, by the price in whole tokens. */
  CONFIRMATIONS: z
    .string()
    .transform((text, ctx): Tier[] => {
      const tiers = parseTiers(text);
      if (tiers) return tiers;
      ctx.addIssue({ code: "custom", message: `bounds and depths like ${DEFAULT_TIERS} or *:finalized` });
      return z.NEVER;
    })
    .optional(),
  /** The card rail: both or neither. */
  STRIPE_SECRET_KEY: z
    .string()
    .regex(/^[sr]k_/, "Stripe's secret or restricted key, sk_… or rk_…")
    .optional(),
  STRIPE_WEBHOOK_SECRET: z.string().startsWith("whsec_", "the webhook endpoint's secret, whsec_…").optional(),
  STRIPE_PUBLISHABLE_KEY: z.string().startsWith("pk_", "Stripe's publishable key, pk_…").optional(),
  /** Another place than Stripe's own. */
  STRIPE_API_BASE: z.url({ protocol: /^https?$/, error: "http:// or https://" }).optional(),
  /** Who issues keys for card charges. */
  CARD_ISSUER_KEY: z
    .custom<Hex>(
      (value) => typeof value === "string" && /^0x[0-9a-fA-F]{64}$/.test(value),
      "a private key, 0x and 64 hex digits, of the account with the role ISSUER",
    )
    .optional(),
  /** The Machine Payments Protocol: its challenges are bound by it. All copies of the API need the same. */
  MPP_SECRET: z
    .string()
    .min(32, "a secret of at least 32 characters, e.g. of `openssl rand -base64 32`")
    .optional(),
  /** Payments on Tempo, with MPP_SECRET: all of the first five or none. */
  TEMPO_RPC_URL: z.url({ protocol: /^https?$/, error: "Tempo's JSON-RPC endpoint, http(s)://" }).optional(),
  TEMPO_CHAIN_ID: z.coerce.number().int().positive().optional(),
  /** The token (TIP-20) that payments are taken in there, and the payment token of our own chain that it is worth as much as. */
  TEMPO_TOKEN: addressSchema.optional(),
  TEMPO_PAYS_FOR: addressSchema.optional(),
  /** Of the account there that takes payments and sends money back: it needs some of the token for fees. */
  TEMPO_KEY: z
    .custom<Hex>(
      (value) => typeof value === "string" && /^0x[0-9a-fA-F]{64}$/.test(value),
      "a private key, 0x and 64 hex digits, of the account that takes payments on Tempo",
    )
    .optional(),
  TEMPO_TOKEN_DECIMALS: z.coerce.number().int().min(0).max(36).default(6),
  /** Blocks that must lie on a transfer's before it counts. Tempo's blocks are final. */
  TEMPO_CONFIRMATIONS: z.coerce.number().int().min(0).max(1_000).default(0),
  /** Seconds after which the chain has a new block, whatever happens: a node whose head is older stands still. 0: it may be as old as it is. */
  HEAD_MAX_AGE: z.coerce.number().int().min(0).max(86_400).optional(),
  /** Gas that the relayer spends for one payer or agent within an hour: some hundred sales. */
  RELAY_GAS_PER_HOUR: z
    .string()
    .regex(/^[1-9][0-9]{0,17}$/, "gas for one payer or agent within an hour, a whole number")
    .default("50000000"),
  /** Gateways on this machine that may be asked for their health; for development. Any other has to be on the public internet. */
  LOCAL_GATEWAYS: z
    .string()
    .regex(
      /^[\w.-]+:\d{1,5}(,[\w.-]+:\d{1,5})*$/,
      "host:port of gateways on this machine, with commas between them",
    )
    .optional(),
  /** Requests a minute of one agent and of one address, by bucket; what is not named stays as it is. */
  RATE_LIMITS: z
    .string()
    .transform((text, ctx): Limits => {
      const limits = parseLimits(text);
      if (limits) return limits;
      ctx.addIssue({
        code: "custom",
        message: `limits a minute like ${DEFAULT_LIMITS} (of an agent / of an address)`,
      });
      return z.NEVER;
    })
    .optional(),
  /** Requests that this process works on at once; more are answered with 503. */
  MAX_UNDER_WAY: z.coerce
    .number({ error: "a number of requests, 1 to 100000" })
    .int()
    .min(1)
    .max(100_000)
    .default(512),
  /** Addresses and networks whose `X-Forwarded-For` counts. */
  TRUSTED_PROXIES: z
    .string()
    .transform((text, ctx): TrustedProxies => {
      const proxies = parseProxies(text);
      if (proxies) return proxies;
      ctx.addIssue({
        code: "custom",
        message: "addresses or networks like 10.0.0.0/8, with commas between them",
      });
      return z.NEVER;
    })
    .optional(),
  /** Below it the health is `degraded`: some hundred sales are left. */
  RELAYER_LOW_BALANCE: z
    .string()
    .regex(
      /^[0-9]{1,9}(\.[0-9]{1,18})?$/,
      "ether of the relayer's account below which to raise alarm, as 0.05",
    )
    .default("0.05"),
});

/** A chain of one's own, where nobody else makes blocks. */
const LOCAL_CHAIN_ID = 31337;
/** Elsewhere blocks come every few seconds, whatever happens. */
const HEAD_MAX_AGE = 120;

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
  confirmations: readonly Tier[];
  /** In seconds; absent where a head may have any age. */
  headMaxAge: number | undefined;
  /** Absent: no payments by card. */
  card?: CardConfig & { issuerKey: Hex };
  /** Absent: the Machine Payments Protocol is not offered. */
  mppSecret?: string;
  /** Absent: no payments on Tempo. */
  tempo?: TempoConfig & { issuerKey: Hex };
  relayGasPerHour: bigint;
  limits: { of: Limits; maxUnderWay: number; trustedProxies: TrustedProxies };
  localGateways: readonly string[] | undefined;
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
    confirmations: env.CONFIRMATIONS ?? tiersOf(env.DEPLOYMENT_FILE),
    headMaxAge: headMaxAgeOf(env),
    ...cardOf(env),
    ...mppOf(env),
    relayGasPerHour: BigInt(env.RELAY_GAS_PER_HOUR),
    limits: {
      of: env.RATE_LIMITS ?? limitsOf(env.DEPLOYMENT_FILE),
      maxUnderWay: env.MAX_UNDER_WAY,
      trustedProxies: env.TRUSTED_PROXIES ?? [],
    },
    localGateways: env.LOCAL_GATEWAYS?.split(","),
    relayerLowBalance: parseEther(env.RELAYER_LOW_BALANCE),
  });
}

/** The Machine Payments Protocol's part. Half of what Tempo needs ends the process. */
function mppOf(env: z.output<typeof schema>): Pick<Env, "mppSecret" | "tempo"> {
  const needed = {
    ...{ MPP_SECRET: env.MPP_SECRET, TEMPO_RPC_URL: env.TEMPO_RPC_URL, TEMPO_CHAIN_ID: env.TEMPO_CHAIN_ID },
    ...{ TEMPO_TOKEN: env.TEMPO_TOKEN, TEMPO_PAYS_FOR: env.TEMPO_PAYS_FOR, TEMPO_KEY: env.TEMPO_KEY },
  };
  const secret = env.MPP_SECRET === undefined ? {} : { mppSecret: env.MPP_SECRET };
  const set = Object.entries(needed).filter(([name, value]) => name !== "MPP_SECRET" && value !== undefined);
  if (set.length === 0) return secret;
  const { TEMPO_RPC_URL: rpcUrl, TEMPO_CHAIN_ID: chainId, TEMPO_TOKEN: token, ...rest } = needed;
  const { TEMPO_PAYS_FOR: paysFor, TEMPO_KEY: key, MPP_SECRET: mppSecret } = rest;
  if (!mppSecret || !rpcUrl || !chainId || !token || !paysFor || !key) {
    const missing = Object.entries(needed).filter(([, value]) => value === undefined);
    console.error(
      `${missing.map(([name]) => name).join(", ")}: missing, while ${set.map(([name]) => name).join(", ")} are set`,
    );
    process.exit(1);
  }
  const tempo = {
    ...{ rpcUrl, chainId, token, paysFor, key },
    ...{ decimals: env.TEMPO_TOKEN_DECIMALS, confirmations: env.TEMPO_CONFIRMATIONS },
    issuerKey: env.CARD_ISSUER_KEY ?? env.RELAYER_KEY,
  };
  return { mppSecret, tempo };
}

function limitsOf({ chainId }: Deployment): Limits {
  return parseLimits(chainId === LOCAL_CHAIN_ID ? LOCAL_LIMITS : DEFAULT_LIMITS) as Limits;
}

function tiersOf({ chainId }: Deployment): readonly Tier[] {
  return parseTiers(chainId === LOCAL_CHAIN_ID ? LOCAL_TIERS : DEFAULT_TIERS) ?? [];
}

/** A local chain makes a block for a transaction alone. */
function headMaxAgeOf({ HEAD_MAX_AGE: said, DEPLOYMENT_FILE }: z.output<typeof schema>): number | undefined {
  const seconds = said ?? (DEPLOYMENT_FILE.chainId === LOCAL_CHAIN_ID ? 0 : HEAD_MAX_AGE);
  return seconds === 0 ? undefined : seconds;
}

/** The card rail's part. One secret without the other ends the process: half a rail would take money and never hear of it. */
function cardOf(env: z.output<typeof schema>): Pick<Env, "card"> {
  const { STRIPE_SECRET_KEY: secretKey, STRIPE_WEBHOOK_SECRET: webhookSecret } = env;
  if (secretKey === undefined && webhookSecret === undefined) return {};
  if (secretKey === undefined || webhookSecret === undefined) {
    console.error(
      `${secretKey === undefined ? "STRIPE_SECRET_KEY" : "STRIPE_WEBHOOK_SECRET"}: missing, while the other is set`,
    );
    process.exit(1);
  }
  return {
    card: {
      ...{ secretKey, webhookSecret, issuerKey: env.CARD_ISSUER_KEY ?? env.RELAYER_KEY },
      ...{ publishableKey: env.STRIPE_PUBLISHABLE_KEY, apiBase: env.STRIPE_API_BASE },
    },
  };
}

function firstLine(error: unknown): string {
  if (error instanceof z.ZodError) return `${error.issues[0]?.path.join(".")}: ${error.issues[0]?.message}`;
  return error instanceof Error ? (error.message.split("\n")[0] ?? error.name) : String(error);
}
