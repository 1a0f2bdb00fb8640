/** Fetching what was bought, from the seller's gateway, and believing none of it before its hash fits. */
import { ExchangeError, HashMismatchError } from "./errors.ts";
import { type Access, ask, type KeptReceipt, keepReceipt } from "./gateway-access.ts";
import { parseJson, unreachable } from "./http.ts";
import {
  type ContentManifest,
  hashManifest,
  type ManifestItem,
  parseManifest,
  verifyItem,
} from "./manifest.ts";
import type { HashedRequest } from "./receipts.ts";
import { takeOutWatermark, watermarkField } from "./watermark.ts";

/** An item of an Experience and its bytes, which hash to what the manifest says. */
export type FetchedItem = {
  item: ManifestItem;
  bytes: Uint8Array;
  /** The gateway's receipt, verified; absent where it gives none. */
  receipt?: KeptReceipt;
};

/** Milliseconds without a byte after which a gateway counts as unreachable. */
const SILENCE = 30_000;
/** The most bytes taken for an item whose manifest does not tell its size. */
const MAX_UNSIZED = 256 * 1024 * 1024;
/** The most bytes of a manifest: 10,000 items with room to spare. */
const MAX_MANIFEST = 32 * 1024 * 1024;

/** The manifest; throws HASH_MISMATCH unless it hashes to `expected`, MANIFEST_INVALID when it is none. */
export async function fetchManifest(access: Access, expected: string): Promise<ContentManifest> {
  const { bytes } = await download(access, "metadata", { name: "The manifest", limit: MAX_MANIFEST });
  const manifest = parseManifest(parseJson(new TextDecoder().decode(bytes)));
  const actual = hashManifest(manifest);
  if (actual !== expected) throw new HashMismatchError({ item: "the manifest", expected, actual });
  return manifest;
}

/**
 * One item's bytes; throws HASH_MISMATCH when they are not those that the manifest names. Then `details.evidence` has what a refund can be
 * asked for with: the gateway's own receipt of the bytes that came.
 */
export async function fetchItemBytes(access: Access, item: ManifestItem): Promise<FetchedItem> {
  const name = `"${item.id}"`;
  const { bytes, request, receiptId } = await download(access, `items/${encodeURIComponent(item.id)}`, {
    name,
    limit: item.size_bytes ?? MAX_UNSIZED,
  });
  const wrong = mismatchOf(item, bytes);
  const verdict = wrong === undefined ? "received" : "mismatch";
  const receipt = await keepReceipt(access, { receiptId, request, bytes, verdict });
  if (wrong) throw withEvidence(wrong, receipt);
  return { item, bytes, ...(receipt === undefined ? {} : { receipt }) };
}

/** What is wrong with the bytes. A watermark's field is compared as it was sold. */
function mismatchOf(item: ManifestItem, bytes: Uint8Array): ExchangeError | undefined {
  const field = watermarkField(item);
  const sold = field === null ? bytes : bytes.slice();
  if (field !== null) takeOutWatermark(sold, field);
  try {
    verifyItem(item, sold);
    return undefined;
  } catch (error) {
    if (error instanceof HashMismatchError) return error;
    throw error;
  }
}

function withEvidence(error: ExchangeError, receipt: KeptReceipt | undefined): ExchangeError {
  if (receipt) error.details.evidence = { receipt: receipt.jws, receipt_id: receipt.event.event_id };
  return error;
}

/** The manifest's item of that id; throws NOT_FOUND with the ids that there are. */
export function findItem(manifest: ContentManifest, itemId: string): ManifestItem {
  const item = manifest.items.find(({ id }) => id === itemId);
  if (item) return item;
  throw new ExchangeError("NOT_FOUND", `The manifest has no item "${itemId.slice(0, 128)}".`, {
    hint: "Take one of details.items.",
    details: { items: manifest.items.slice(0, 100).map(({ id }) => id) },
  });
}

/** The bytes of the gateway's answer. It may take as long as it needs, but not pause for too long. */
async function download(
  access: Access,
  path: string,
  { name, limit }: { name: string; limit: number },
): Promise<{ bytes: Uint8Array; request: HashedRequest; receiptId: string | null }> {
  const silence = new AbortController();
  const expire = () => silence.abort(new Error(`not a byte for ${SILENCE} ms`));
  let timer = setTimeout(expire, SILENCE);
  const alive = () => {
    clearTimeout(timer);
    timer = setTimeout(expire, SILENCE);
  };
  try {
    const target = `/exp/${encodeURIComponent(access.ekId)}/${path}`;
    const response = await ask(access, { method: "GET", path: target }, silence.signal);
    const bytes = await readBytes(access, response, { name, limit, alive });
    const request = { method: "GET", target, range: null, body: null };
    return { bytes, request, receiptId: response.headers.get("receipt-id") };
  } finally {
    clearTimeout(timer);
  }
}

/** All bytes of the answer; throws HASH_MISMATCH once there are more than `limit`. */
async function readBytes(
  { gateway }: Access,
  { body }: Response,
  { name, limit, alive }: { name: string; limit: number; alive: () => void },
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = body?.getReader();
  while (reader) {
    const { done, value } = await reader.read().catch((cause: unknown) => {
      throw unreachable(gateway, cause);
    });
    if (done) break;
    alive();
    length += value.length;
    if (length > limit) {
      await reader.cancel();
      throw new ExchangeError(
        "HASH_MISMATCH",
        `${name} is longer than the ${limit} bytes that it may have.`,
        {
          hint: "Do not use it. Keep the manifest as evidence and report the listing.",
          details: { item: name, limit },
        },
      );
    }
    chunks.push(value);
  }
  return concatenate(chunks, length);
}

function concatenate(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, offset);
    offset += chunk.length;
  }
  return bytes;
}
