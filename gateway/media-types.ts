/** What a file is, by its name: where a seller does not say it. */
import type { ManifestItem } from "../sdk/manifest.ts";

/** Media types by extension: IANA's, where there is one. */
const types: Record<string, string> = {
  aac: "audio/aac",
  csv: "text/csv",
  flac: "audio/flac",
  geojson: "application/geo+json",
  gif: "image/gif",
  glb: "model/gltf-binary",
  gltf: "model/gltf+json",
  gz: "application/gzip",
  html: "text/html",
  ipynb: "application/x-ipynb+json",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  js: "text/javascript",
  json: "application/json",
  jsonl: "application/x-ndjson",
  m3u8: "application/vnd.apple.mpegurl",
  m4s: "video/iso.segment",
  md: "text/markdown",
  mp3: "audio/mpeg",
  mp4: "video/mp4",
  ndjson: "application/x-ndjson",
  ogg: "audio/ogg",
  parquet: "application/vnd.apache.parquet",
  pdf: "application/pdf",
  png: "image/png",
  py: "text/x-python",
  safetensors: "application/octet-stream",
  sql: "application/sql",
  svg: "image/svg+xml",
  tar: "application/x-tar",
  ts: "video/mp2t",
  txt: "text/plain",
  wasm: "application/wasm",
  wav: "audio/wav",
  webm: "video/webm",
  webp: "image/webp",
  xml: "application/xml",
  yaml: "application/yaml",
  yml: "application/yaml",
  zip: "application/zip",
};

/** Roles by name: the first pattern that fits. */
const roles: readonly [RegExp, ManifestItem["role"]][] = [
  [/^readme\b/i, "readme"],
  [/^licen[sc]e\b/i, "license"],
  [/^preview\b/i, "preview"],
  [/^thumb(nail)?\b/i, "thumbnail"],
  [/^embeddings?\b/i, "embedding"],
  [/\.(safetensors|onnx|gguf)$/i, "model"],
  [/\.log$/i, "log"],
];

export function mediaTypeOf(name: string): string {
  return types[extensionOf(name)] ?? "application/octet-stream";
}

/** The role that a file's name suggests; undefined when it suggests none. */
export function roleOf(name: string): ManifestItem["role"] | undefined {
  return roles.find(([pattern]) => pattern.test(name))?.[1];
}

export function extensionOf(name: string): string {
  return /\.([A-Za-z0-9]{1,16})$/.exec(name)?.[1]?.toLowerCase() ?? "";
}
