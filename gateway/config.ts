/** The configuration file: what the environment could say too, and what would be awkward there, such as the store. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { refsConfigSchema, storeConfigSchema } from "./store-config.ts";

export const CONFIG_FILE = "moa-gateway.json";

/** Names every fault by its place in the file. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

const configSchema = z.strictObject({
  exchange_url: z.string().optional(),
  seller: z.string().optional(),
  rpc_url: z.string().optional(),
  deployment_file: z.string().optional(),
  /** Where buyers reach this gateway; the listing names it. */
  public_url: z.string().optional(),
  host: z.string().optional(),
  port: z.int().min(0).max(65_535).optional(),
  state_dir: z.string().min(1).default("./state"),
  outbox_max_bytes: z.int().optional(),
  store: storeConfigSchema.default({ kind: "disk", dir: "./store" }),
  refs: refsConfigSchema.default({}),
});
export type Config = z.infer<typeof configSchema>;

/** Reads the file. Paths in it are relative to its folder. Throws {@link ConfigError}. */
export function readConfig(file: string): Config {
  const parsed = configSchema.safeParse(parse(file));
  if (!parsed.success) {
    throw new ConfigError(parsed.error.issues.map((issue) => `${file}: ${describe(issue)}`).join("\n"));
  }
  const at = (path: string) => resolve(dirname(file), path);
  const { data } = parsed;
  const { store, refs } = data;
  return {
    ...data,
    state_dir: at(data.state_dir),
    ...(data.deployment_file === undefined ? {} : { deployment_file: at(data.deployment_file) }),
    store: store.kind === "disk" ? { ...store, dir: at(store.dir) } : store,
    refs: refs.git ? { ...refs, git: { ...refs.git, repository: at(refs.git.repository) } } : refs,
  };
}

/** The part of it that the environment can say too, by the variables' names. */
export function asVariables(config: Config): Record<string, string> {
  const {
    exchange_url,
    seller,
    rpc_url,
    deployment_file,
    public_url,
    host,
    port,
    state_dir,
    outbox_max_bytes,
  } = config;
  const named = {
    EXCHANGE_URL: exchange_url,
    SELLER: seller,
    RPC_URL: rpc_url,
    DEPLOYMENT_FILE: deployment_file,
    GATEWAY_PUBLIC_URL: public_url,
    GATEWAY_HOST: host,
    GATEWAY_PORT: port,
    STATE_DIR: state_dir,
    OUTBOX_MAX_BYTES: outbox_max_bytes,
  };
  return Object.fromEntries(
    Object.entries(named).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
}

function parse(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new ConfigError(
      `${file} can't be read: ${(cause as Error).message}. Make one with: moa-gateway init`,
      { cause },
    );
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConfigError(`${file} is no JSON: ${(cause as Error).message}`, { cause });
  }
}

function describe(issue: z.core.$ZodIssue): string {
  const place = `/${issue.path.map(String).join("/")}`;
  if (issue.code === "unrecognized_keys") return `${place}: ${issue.keys.join(", ")} is no setting`;
  return `${place}: should be ${issue.message}`;
}
