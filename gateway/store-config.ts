/** What a seller writes about its store, and the store that it means. */
import { join, resolve } from "node:path";
import type postgres from "postgres";
import { z } from "zod";
import { withDecryption } from "./encryption.ts";
import { createKeyFile, type ItemKeys } from "./item-keys.ts";
import { type Resolvers, withReferences } from "./references.ts";
import type { Shelf } from "./shelf.ts";
import type { Store } from "./store.ts";
import { createDiskStore } from "./stores/disk.ts";
import { createDiskShelf } from "./stores/disk-shelf.ts";
import { checkRepository, createGitResolver, GIT_MAX_BYTES } from "./stores/git.ts";
import { createOriginResolver } from "./stores/origin.ts";
import { createPostgresStore, SCHEMA_NAME } from "./stores/postgres.ts";
import { createPostgresShelf } from "./stores/postgres-shelf.ts";
import { createS3Store } from "./stores/s3.ts";
import type { S3Options } from "./stores/s3-bucket.ts";
import { createS3Shelf } from "./stores/s3-shelf.ts";
import { createVectorStore } from "./stores/vector.ts";
import { createVectorShelf } from "./stores/vector-shelf.ts";

const schemaName = z.string().regex(SCHEMA_NAME, "a schema's name in small letters").default("moa_store");
const databaseUrl = z.url({ protocol: /^postgres(ql)?$/, error: "a postgres:// URL" });
const httpUrl = z.url({ protocol: /^https?$/, error: "an http or https URL" });

export const storeConfigSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("disk"), dir: z.string().min(1, "a folder") }),
  z.strictObject({ kind: z.literal("postgres"), url: databaseUrl.optional(), schema: schemaName }),
  z.strictObject({ kind: z.literal("vector"), url: databaseUrl.optional(), schema: schemaName }),
  z.strictObject({
    kind: z.literal("s3"),
    endpoint: httpUrl,
    bucket: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "a bucket's name"),
    region: z.string().min(1).default("us-east-1"),
    prefix: z
      .string()
      .regex(/^([\w.-]+\/)*$/, "empty, or ends in a slash")
      .default(""),
    addressing: z.enum(["path", "virtual"]).default("path"),
  }),
]);
export type StoreConfig = z.infer<typeof storeConfigSchema>;

export const refsConfigSchema = z.strictObject({
  git: z
    .strictObject({
      repository: z.string().min(1, "a bare repository, or a working copy"),
      max_bytes: z.int().positive().default(GIT_MAX_BYTES),
    })
    .optional(),
  https: z
    .strictObject({
      origins: z.array(httpUrl).min(1),
      ports: z.array(z.int().min(1).max(65_535)).min(1).default([443]),
      /** `host:port` on this machine, for trying things out. */
      allow_local: z.array(z.string().regex(/^[\w.[\]:-]+:\d+$/, "host:port")).default([]),
    })
    .optional(),
});
export type RefsConfig = z.infer<typeof refsConfigSchema>;

/** What is not to stand in a file that is passed around. */
export type StoreSecrets = { databaseUrl?: string | undefined; s3?: S3Options["credentials"] | undefined };

export type StoreSettings = { store: StoreConfig; refs: RefsConfig; secrets: StoreSecrets; stateDir: string };

export type OpenedStore = {
  /** What the gateway serves from: with references followed and items decrypted. */
  store: Store;
  shelf: Shelf;
  keys: ItemKeys;
  /** Ends connections. */
  close(): Promise<void>;
};

type Backend = { store: Store; shelf: Shelf; close?: () => Promise<void> };

/** Connects to nothing yet. Rejects when a secret is missing. */
export async function openStore({
  store: config,
  refs,
  secrets,
  stateDir,
}: StoreSettings): Promise<OpenedStore> {
  const keys = createKeyFile(join(stateDir, "item-keys.json"));
  const { store, shelf, close = async () => undefined } = await backendOf(config, secrets);
  const whole = withDecryption(withReferences(store, resolversOf(refs)), keys);
  const check = async () => {
    await store.check();
    if (refs.git) await checkRepository(gitdirOf(refs.git.repository));
  };
  return { store: { ...whole, check }, shelf, keys, close };
}

async function backendOf(config: StoreConfig, secrets: StoreSecrets): Promise<Backend> {
  switch (config.kind) {
    case "disk":
      return { store: createDiskStore(config.dir), shelf: createDiskShelf(config.dir) };
    case "postgres":
    case "vector": {
      const sql = await connect(config.url ?? secrets.databaseUrl);
      const close = () => sql.end({ timeout: 1 });
      return config.kind === "postgres"
        ? {
            store: createPostgresStore(sql, config.schema),
            shelf: createPostgresShelf(sql, config.schema),
            close,
          }
        : {
            store: createVectorStore(sql, config.schema),
            shelf: createVectorShelf(sql, config.schema),
            close,
          };
    }
    case "s3": {
      if (secrets.s3 === undefined)
        throw new Error("The s3 store needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment.");
      const { kind: _, ...where } = config;
      const options = { ...where, credentials: secrets.s3 };
      return { store: createS3Store(options), shelf: createS3Shelf(options) };
    }
  }
}

async function connect(url: string | undefined): Promise<postgres.Sql> {
  if (url === undefined)
    throw new Error("The store needs the database's url, in the configuration or as GATEWAY_DATABASE_URL.");
  // Without fetch_types: when the connection breaks, the driver leaves the rejection of that query of its own to nobody.
  const { default: postgres } = await import("postgres");
  return postgres(url, { max: 8, connect_timeout: 5, fetch_types: false, onnotice: () => {} });
}

function resolversOf({ git, https }: RefsConfig): Resolvers {
  return {
    ...(git && { git: createGitResolver({ gitdir: gitdirOf(git.repository), maxBytes: git.max_bytes }) }),
    ...(https && {
      https: createOriginResolver({
        origins: https.origins,
        ports: https.ports,
        allowLocal: https.allow_local,
      }),
    }),
  };
}

/** A bare repository is its own; a working copy has it inside. */
export function gitdirOf(repository: string): string {
  return repository.endsWith(".git") ? resolve(repository) : join(resolve(repository), ".git");
}
