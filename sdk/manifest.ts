/**
 * ContentManifest v1: what an Experience is made of, item by item, each with the hash of its bytes.
 * The exchange never holds the bytes; the manifest's hash is on chain.
 */
import { z } from "zod";
import { canonicalHash, canonicalJson } from "./canonical.ts";
import { ExchangeError, HashMismatchError, ManifestInvalidError } from "./errors.ts";
import { sha256Hex } from "./hash.ts";

/** Item ids are file-like names without a path: they travel in URLs. */
export const itemIdSchema = z
  .string()
  .min(1)
  .max(128)
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
    "an item id has letters, digits, dot, dash, underscore, and starts with a letter or digit",
  )
  .refine((id) => !id.includes(".."), "an item id has no '..'");

const hashSchema = z
  .strictObject({ alg: z.enum(["sha256", "blake3", "sha1"]), value: z.string() })
  .superRefine(({ alg, value }, ctx) => {
    const length = alg === "sha1" ? 40 : 64;
    if (!new RegExp(`^[0-9a-f]{${length}}$`).test(value)) {
      ctx.addIssue({ code: "custom", path: ["value"], message: `${alg} is ${length} lower-case hex digits` });
    }
  });

const referenceSchema = z.strictObject({
  scheme: z.enum(["https", "gcs", "s3", "ipfs", "arweave", "git", "artifact", "inline", "es_gateway"]),
  uri: z.string().max(4096),
  resolve: z.enum(["direct", "presigned", "tokenized", "gateway"]),
  ttl_seconds: z.int().positive().optional(),
  headers: z.record(z.string(), z.string()).optional(),
});

const encryptionSchema = z.strictObject({
  enabled: z.boolean(),
  method: z.enum(["none", "aes-256-gcm", "kms-envelope"]),
  key_ref: z.string().optional(),
});

const chunkingSchema = z.strictObject({
  enabled: z.boolean(),
  strategy: z.enum(["range", "multipart", "hls", "dash", "car"]),
  chunk_size_bytes: z.int().positive().optional(),
  manifest_ref: referenceSchema.optional(),
});

export const manifestItemSchema = z.strictObject({
  id: itemIdSchema,
  role: z.enum([
    "primary",
    "asset",
    "thumbnail",
    "preview",
    "metadata",
    "model",
    "embedding",
    "log",
    "eval",
    "license",
    "readme",
  ]),
  media_type: z.string().regex(/^[A-Za-z]+\/[A-Za-z0-9.+-]+(;.*)?$/, "an IANA media type such as text/csv"),
  format: z.string().max(64).optional(),
  size_bytes: z.int().nonnegative().optional(),
  hash: hashSchema,
  ref: referenceSchema,
  encryption: encryptionSchema.optional(),
  chunks: chunkingSchema.optional(),
  annotations: z.record(z.string(), z.unknown()).optional(),
});

/** Members beyond these are refused: left out silently, they would be missing from the manifest's hash. */
export const contentManifestSchema = z
  .strictObject({
    manifest_version: z.literal("1.0"),
    exp_id: z.string().min(1).max(128),
    packaging: z.enum(["single", "multipart", "bundle", "dataset", "workflow"]),
    items: z.array(manifestItemSchema).min(1).max(10_000),
    default_entrypoint: itemIdSchema.optional(),
    created_at: z.iso.datetime({ offset: true }),
  })
  .superRefine((manifest, ctx) => {
    const seen = new Set<string>();
    manifest.items.forEach((item, i) => {
      if (seen.has(item.id)) {
        ctx.addIssue({ code: "custom", path: ["items", i, "id"], message: `"${item.id}" is used twice` });
      }
      seen.add(item.id);
    });
    if (manifest.default_entrypoint !== undefined && !seen.has(manifest.default_entrypoint)) {
      ctx.addIssue({ code: "custom", path: ["default_entrypoint"], message: "names no item" });
    }
    try {
      canonicalJson(manifest);
    } catch (error) {
      if (!(error instanceof ExchangeError)) throw error;
      ctx.addIssue({ code: "custom", message: error.message });
    }
  });

export type ContentManifest = z.infer<typeof contentManifestSchema>;
export type ManifestItem = z.infer<typeof manifestItemSchema>;

/** Reads a manifest; throws {@link ManifestInvalidError} with a JSON pointer (RFC 6901) to each fault. */
export function parseManifest(value: unknown): ContentManifest {
  const result = contentManifestSchema.safeParse(value);
  if (result.success) return result.data;
  throw new ManifestInvalidError({
    faults: result.error.issues.flatMap((issue) => {
      if (issue.code !== "unrecognized_keys")
        return { pointer: pointerTo(issue.path), message: issue.message };
      return issue.keys.map((key) => ({
        pointer: pointerTo([...issue.path, key]),
        message: "is no member of a ContentManifest v1",
      }));
    }),
  });
}

function pointerTo(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** keccak256 of the manifest's canonical JSON: the `manifestHash` on chain. */
export function hashManifest(manifest: ContentManifest): `0x${string}` {
  return canonicalHash(manifest);
}

/** Throws {@link HashMismatchError} unless `bytes` are the item's. Only sha256 can be checked so far. */
export function verifyItem(item: ManifestItem, bytes: Uint8Array): void {
  if (item.hash.alg !== "sha256") {
    throw new ManifestInvalidError({
      faults: [
        { pointer: "/hash/alg", message: `${item.hash.alg} can't be checked by this client, only sha256` },
      ],
    });
  }
  const actual = sha256Hex(bytes);
  if (actual !== item.hash.value) {
    throw new HashMismatchError({ item: item.id, expected: item.hash.value, actual });
  }
}
