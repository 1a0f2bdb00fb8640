/** Experiences on disk, as the gateway's disk store expects them. */
import { createHash } from "node:crypto";
import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { canonicalJson } from "../../../sdk/canonical.ts";
import { type ContentManifest, hashManifest, type ManifestItem } from "../../../sdk/manifest.ts";

export const sha256 = (bytes: Uint8Array | string): string =>
  createHash("sha256").update(bytes).digest("hex");

/** A manifest item for these bytes. */
export function itemOf(
  id: string,
  bytes: Uint8Array | string,
  over: Partial<ManifestItem> = {},
): ManifestItem {
  return {
    id,
    role: "primary",
    media_type: "application/octet-stream",
    size_bytes: Buffer.byteLength(bytes),
    hash: { alg: "sha256", value: sha256(bytes) },
    ref: { scheme: "es_gateway", uri: id, resolve: "gateway" },
    ...over,
  };
}

export function manifestOf(items: ManifestItem[], over: Partial<ContentManifest> = {}): ContentManifest {
  return {
    manifest_version: "1.0",
    exp_id: "exp-test",
    packaging: "bundle",
    items,
    created_at: "2026-11-01T00:00:00Z",
    ...over,
  };
}

export type Content = Record<string, Uint8Array | string>;

/** Writes a manifest and its items; returns the hash under which they are kept. */
export function publish(
  root: string,
  content: Content,
  items: ManifestItem[] = Object.entries(content).map(([id, bytes]) => itemOf(id, bytes)),
): { hash: `0x${string}`; manifest: ContentManifest; folder: string; pathOf: (id: string) => string } {
  const manifest = manifestOf(items);
  const hash = hashManifest(manifest);
  const folder = join(root, hash);
  mkdirSync(join(folder, "items"), { recursive: true });
  writeFileSync(join(folder, "manifest.json"), canonicalJson(manifest));
  for (const [id, bytes] of Object.entries(content)) writeFileSync(join(folder, "items", id), bytes);
  return { hash, manifest, folder, pathOf: (id) => join(folder, "items", id) };
}

/** Gives a file times in the past, which on its own proves nothing about its bytes. */
export function backdate(path: string): void {
  const past = new Date("2026-01-01T00:00:00Z");
  utimesSync(path, past, past);
}
