/** The environment of the launcher. `process.env` is read here and nowhere else. */
import { join, resolve } from "node:path";
import type { Address, Hex } from "viem";
import { z } from "zod";
import { LaunchError } from "./launch-error.ts";
import { portNames, portUses } from "./ports.ts";
import { repoRoot } from "./repo.ts";

const port = z.coerce.number().int().min(1).max(65_535);
const privateKey = z.custom<Hex>(
  (value) => /^0x[0-9a-fA-F]{64}$/.test(String(value)),
  "must be 0x and 64 hex digits",
);
const address = z.custom<Address>(
  (value) => /^0x[0-9a-fA-F]{40}$/.test(String(value)),
  "must be an address 0x…",
);

const schema = z.object({
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/, error: "must be a URL postgres://…" }).optional(),
  INDEXER_DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/, error: "must be a URL postgres://…" })
    .optional(),
  RPC_URL: z.url({ protocol: /^https?$/, error: "must be a URL http(s)://…" }).optional(),
  DEPLOYER_KEY: privateKey.optional(),
  RELAYER_KEY: privateKey.optional(),
  PAYMENT_TOKEN: address.optional(),
  // The card rail: all of it is handed to the API, which checks it.
  STRIPE_SECRET_KEY: z.string().optional(),
  STRIPE_WEBHOOK_SECRET: z.string().optional(),
  STRIPE_PUBLISHABLE_KEY: z.string().optional(),
  STRIPE_API_BASE: z.string().optional(),
  CARD_ISSUER_KEY: privateKey.optional(),
  MOA_DATA_DIR: z
    .string()
    .default(join(repoRoot, ".data"))
    .transform((dir) => resolve(dir)),
  CHAIN_PORT: port.default(portUses.chain.standard),
  POSTGRES_PORT: port.default(portUses.postgres.standard),
  API_PORT: port.default(portUses.api.standard),
  INDEXER_PORT: port.default(portUses.indexer.standard),
  GATEWAY_PORT: port.default(portUses.gateway.standard),
});

export type LauncherEnv = z.infer<typeof schema>;

/** Reads and checks the launcher's variables; an empty one counts as absent. Throws a {@link LaunchError} naming every bad one. */
export function readEnv(raw: NodeJS.ProcessEnv = process.env): LauncherEnv {
  const set = Object.fromEntries(Object.entries(raw).filter(([, value]) => value !== ""));
  const result = schema.safeParse(set);
  if (result.success) return Object.freeze(result.data);
  // The values stay out of it: some of them are keys.
  const faults = result.error.issues.map(({ path, message }) => `${path.join(".")} (${message})`);
  throw new LaunchError(`Wrong environment: ${faults.join(", ")}.`, {
    hint: "Mend or unset these variables.",
  });
}

/** What a child takes over from our environment. Everything else it is told, so that no stray variable changes what is started. */
const inherited = [
  ...["HOME", "LANG", "PATH", "TMPDIR", "USER"],
  ...["CONFIRMATIONS", "HEAD_MAX_AGE"], // the API's own: how deep a purchase must lie in a chain elsewhere, and how old its head may be
  // A chain elsewhere may only be reached through these.
  ...["HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "NODE_EXTRA_CA_CERTS", "NODE_USE_ENV_PROXY"],
];

export function inheritedEnv(): Record<string, string> {
  const all = Object.entries(process.env);
  return Object.fromEntries(
    all.filter((entry): entry is [string, string] => inherited.includes(entry[0]) && entry[1] !== undefined),
  );
}

/** The ports of the environment, by process. */
export function portsOf(env: LauncherEnv) {
  return Object.fromEntries(portNames.map((name) => [name, env[portUses[name].env]])) as Record<
    (typeof portNames)[number],
    number
  >;
}

/** What the environment says of the card rail, for the API. */
export function cardEnvOf(env: LauncherEnv): Record<string, string> {
  const {
    STRIPE_SECRET_KEY,
    STRIPE_WEBHOOK_SECRET,
    STRIPE_PUBLISHABLE_KEY,
    STRIPE_API_BASE,
    CARD_ISSUER_KEY,
  } = env;
  const all = {
    ...{ STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET, STRIPE_PUBLISHABLE_KEY, STRIPE_API_BASE, CARD_ISSUER_KEY },
  };
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
