/** From files to a manifest: each measured and hashed, in one reading, whatever its size. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename } from "node:path";
import { type ContentManifest, type ManifestItem, parseManifest } from "../sdk/manifest.ts";
import { PART_INDEX_TYPE, type PartIndex } from "../sdk/parts.ts";
import { PLAYLIST_TYPES, playlistFaults } from "./hls.ts";
import { extensionOf, mediaTypeOf, roleOf } from "./media-types.ts";
import type { Bytes } from "./shelf.ts";
import { CHUNK_BYTES } from "./store.ts";

export type Described = {
  manifest: ContentManifest;
  bytes: ReadonlyMap<string, { size: number; bytes: Bytes }>;
};

export type DescribeOptions = {
  expId: string;
  packaging?: ContentManifest["packaging"] | undefined;
  entrypoint?: string | undefined;
  /** By file name, over what the name suggests. */
  roles?: Readonly<Record<string, string>>;
  types?: Readonly<Record<string, string>>;
  /** Encrypts every item in the store. */
  encryption?: { method: "aes-256-gcm" | "kms-envelope"; keyRef: string } | undefined;
  /** Gives larger items an index of parts of this many bytes. */
  partBytes?: number | undefined;
};

type Measured = { item: ManifestItem; parts: PartIndex["parts"]; path: string };

/** Throws for a file that can't be read, ManifestInvalidError for a name that is no item id, and for a playlist that leads elsewhere. */
export async function describeFiles(paths: readonly string[], options: DescribeOptions): Promise<Described> {
  const measured: Measured[] = [];
  for (const [i, path] of paths.entries()) measured.push(await measure(path, i === 0, options));
  await checkPlaylists(measured);
  const bytes = new Map(
    measured.map(({ item, path }) => [
      item.id,
      {
        size: item.size_bytes ?? 0,
        bytes: (): AsyncIterable<Uint8Array> => createReadStream(path, { highWaterMark: CHUNK_BYTES }),
      },
    ]),
  );
  const items = measured.map(({ item }) => item);
  for (const { item, parts } of measured.filter(({ parts }) => parts.length > 1)) {
    const text = Buffer.from(
      JSON.stringify({ index_version: "1.0", size_bytes: item.size_bytes ?? 0, parts } satisfies PartIndex),
    );
    const index = indexOf(item, text, options);
    item.chunks = {
      enabled: true,
      strategy: "multipart",
      chunk_size_bytes: parts[0]?.size ?? 1,
      manifest_ref: index.ref,
    };
    items.push(index);
    bytes.set(index.id, { size: text.length, bytes: () => once(text) });
  }
  const manifest = parseManifest({
    manifest_version: "1.0",
    exp_id: options.expId,
    packaging: options.packaging ?? (measured.length === 1 ? "single" : "bundle"),
    items,
    ...(options.entrypoint === undefined ? {} : { default_entrypoint: options.entrypoint }),
    created_at: new Date().toISOString(),
  });
  return { manifest, bytes };
}

function indexOf({ id }: ManifestItem, text: Uint8Array, options: DescribeOptions): ManifestItem {
  const about = {
    role: "metadata",
    media_type: PART_INDEX_TYPE,
    size: text.length,
    hash: sha256(text),
  } as const;
  return itemOf(`${id}.parts.json`, about, options);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function measure(path: string, isFirst: boolean, options: DescribeOptions): Promise<Measured> {
  if (!(await stat(path)).isFile()) throw new Error(`${path} is no file.`);
  const id = basename(path);
  const whole = createHash("sha256");
  const parts: PartIndex["parts"] = [];
  let size = 0;
  let part = { hash: createHash("sha256"), offset: 0, size: 0 };
  const endPart = () => {
    if (part.size > 0) parts.push({ offset: part.offset, size: part.size, sha256: part.hash.digest("hex") });
    part = { hash: createHash("sha256"), offset: size, size: 0 };
  };
  for await (const piece of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
    whole.update(piece);
    for (let at = 0; at < piece.length; ) {
      const taken = piece.subarray(at, at + (options.partBytes ?? Number.MAX_SAFE_INTEGER) - part.size);
      part.hash.update(taken);
      part.size += taken.length;
      size += taken.length;
      at += taken.length;
      if (part.size === options.partBytes) endPart();
    }
  }
  endPart();
  const role =
    (options.roles?.[id] as ManifestItem["role"] | undefined) ??
    roleOf(id) ??
    (isFirst ? "primary" : "asset");
  const media_type = options.types?.[id] ?? mediaTypeOf(id);
  return { path, parts, item: itemOf(id, { role, media_type, size, hash: whole.digest("hex") }, options) };
}

function itemOf(
  id: string,
  about: { role: ManifestItem["role"]; media_type: string; size: number; hash: string },
  { encryption }: DescribeOptions,
): ManifestItem {
  const format = extensionOf(id);
  return {
    id,
    role: about.role,
    media_type: about.media_type,
    ...(format === "" ? {} : { format }),
    size_bytes: about.size,
    hash: { alg: "sha256", value: about.hash },
    ref: { scheme: "es_gateway", uri: id, resolve: "gateway" },
    ...(encryption && {
      encryption: { enabled: true, method: encryption.method, key_ref: encryption.keyRef },
    }),
  };
}

async function checkPlaylists(measured: readonly Measured[]): Promise<void> {
  const ids = new Set(measured.map(({ item }) => item.id));
  for (const { item, path } of measured) {
    if (!PLAYLIST_TYPES.includes(item.media_type)) continue;
    const [fault] = playlistFaults(await readFile(path, "utf8"), ids);
    if (fault !== undefined) throw new Error(`${path}: ${fault}.`);
    item.chunks = { enabled: true, strategy: "hls" };
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
