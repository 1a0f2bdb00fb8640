/** Looks over a whole store as a buyer would meet it: every manifest, every item, every hash. */
import { createHash } from "node:crypto";
import type { Hash } from "viem";
import { ExchangeError } from "../sdk/errors.ts";
import type { ManifestItem } from "../sdk/manifest.ts";
import { createCatalog, type Manifest } from "./catalog.ts";
import { PLAYLIST_TYPES, playlistFaults } from "./hls.ts";
import { free, type Store } from "./store.ts";

export type Inspection = { hash: Hash; expId: string | null; items: number; bytes: number; faults: string[] };

/** Reads one version to its last byte. Never throws: what is wrong is in `faults`. */
export async function inspectVersion(store: Store, hash: Hash): Promise<Inspection> {
  const found: Inspection = { hash, expId: null, items: 0, bytes: 0, faults: [] };
  let manifest: Manifest;
  try {
    manifest = await createCatalog(store).manifest(hash);
  } catch (error) {
    return { ...found, faults: [reasonOf(error)] };
  }
  found.expId = manifest.expId;
  for (const item of manifest.items.values()) {
    try {
      const bytes = await inspectItem(store, manifest, item);
      if (bytes === null) continue;
      found.items += 1;
      found.bytes += bytes;
    } catch (error) {
      found.faults.push(`${item.id}: ${reasonOf(error)}`);
    }
  }
  return found;
}

/** Bytes of the item; null when buyers are to get it from somewhere else. Throws for whatever a buyer could not be given. */
async function inspectItem(store: Store, manifest: Manifest, item: ManifestItem): Promise<number | null> {
  if (item.hash.alg !== "sha256")
    throw new Error(`is hashed with ${item.hash.alg}; the gateway serves sha256 only`);
  const stored = await store.open(manifest.hash, item.id, item);
  if (stored === null) {
    if (item.ref.resolve !== "gateway" && item.ref.scheme !== "es_gateway") return null;
    throw new Error("is not in the store");
  }
  const hash = createHash("sha256");
  const text: string[] = [];
  const isPlaylist = PLAYLIST_TYPES.includes(item.media_type) && stored.size <= 1_000_000;
  try {
    for await (const piece of stored.stream()) {
      hash.update(piece);
      if (isPlaylist) text.push(Buffer.from(piece).toString("utf8"));
      free(piece);
    }
  } finally {
    await stored.close();
  }
  const actual = hash.digest("hex");
  if (actual !== item.hash.value)
    throw new Error(`hashes to ${actual}, the manifest says ${item.hash.value}`);
  const [fault] = isPlaylist ? playlistFaults(text.join(""), new Set(manifest.items.keys())) : [];
  if (fault !== undefined) throw new Error(fault);
  return stored.size;
}

/** With the causes: the shopkeeper may know everything. */
export function reasonOf(error: unknown): string {
  const reasons: string[] = [];
  for (
    let at: unknown = error;
    at !== undefined && reasons.length < 4;
    at = at instanceof Error ? at.cause : undefined
  ) {
    const { message, code } = at as NodeJS.ErrnoException;
    reasons.push(message || code || String(at));
  }
  const hint = error instanceof ExchangeError ? error.details.faults : undefined;
  return reasons.join(" ") + (hint === undefined ? "" : ` ${JSON.stringify(hint)}`);
}
