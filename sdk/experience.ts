/** Fetching what was bought, from the seller's gateway, and believing none of it before its hash fits. */
import { download } from "./download.ts";
import { ExchangeError, HashMismatchError } from "./errors.ts";
import { type Access, type KeptReceipt, keepReceipt } from "./gateway-access.ts";
import { parseJson } from "./http.ts";
import {
  type ContentManifest,
  hashManifest,
  type ManifestItem,
  parseManifest,
  verifyItem,
} from "./manifest.ts";
import { fetchParts, type Part, parsePartIndex, partIndexItem, verifyPart } from "./parts.ts";
import { takeOutWatermark, watermarkField } from "./watermark.ts";

/** An item of an Experience and its bytes, which hash to what the manifest says. */
export type FetchedItem = {
  item: ManifestItem;
  bytes: Uint8Array;
  /** The gateway's receipt, verified; absent where it gives none. Of a transfer that broke it is the last request's. */
  receipt?: KeptReceipt;
  /** The receipts of the parts, where it came in parts. */
  receipts?: KeptReceipt[];
};

/** The most bytes taken for an item whose manifest does not tell its size. */
const MAX_UNSIZED = 256 * 1024 * 1024;
/** The most bytes of a manifest: 10,000 items with room to spare. */
const MAX_MANIFEST = 32 * 1024 * 1024;

/** The manifest; throws HASH_MISMATCH unless it hashes to `expected`, MANIFEST_INVALID when it is none. */
export async function fetchManifest(access: Access, expected: string): Promise<ContentManifest> {
  const { bytes } = await download(access, { path: "metadata", name: "The manifest", limit: MAX_MANIFEST });
  const manifest = parseManifest(parseJson(new TextDecoder().decode(bytes)));
  const actual = hashManifest(manifest);
  if (actual !== expected) throw new HashMismatchError({ item: "the manifest", expected, actual });
  return manifest;
}

/**
 * One item's bytes; throws HASH_MISMATCH when they are not those that the manifest names. Then `details.evidence` has what a refund can be
 * asked for with: the gateway's own receipt of the bytes that came. A transfer that breaks goes on where it was. An item in parts, by the
 * `manifest`, is fetched in parts: each is checked as it comes, and has a receipt of its own.
 */
export async function fetchItemBytes(
  access: Access,
  item: ManifestItem,
  manifest?: ContentManifest,
): Promise<FetchedItem> {
  const indexItem = manifest && partIndexItem(manifest, item);
  // A buyer's own copy is checked as it was sold, which only the whole can be.
  if (indexItem && watermarkField(item) === null) return fetchInParts(access, item, indexItem);
  const { bytes, last } = await download(access, {
    ...{ path: pathOf(item), name: `"${item.id}"` },
    limit: item.size_bytes ?? MAX_UNSIZED,
  });
  const wrong = mismatchOf(item, bytes);
  const receipt = await keepReceipt(access, {
    ...last,
    verdict: wrong === undefined ? "received" : "mismatch",
  });
  if (wrong) throw withEvidence(wrong, receipt);
  return { item, bytes, ...(receipt === undefined ? {} : { receipt }) };
}

async function fetchInParts(
  access: Access,
  item: ManifestItem,
  indexItem: ManifestItem,
): Promise<FetchedItem> {
  const { bytes: text } = await fetchItemBytes(access, indexItem);
  const index = parsePartIndex(item, parseJson(new TextDecoder().decode(text)));
  const receipts: KeptReceipt[] = [];
  const bytes = await fetchParts(item, index, async (span) => {
    const part = index.parts.find(({ offset }) => offset === span.first);
    if (!part) throw new Error(`No part of ${item.id} begins at ${span.first}.`);
    const name = `"${item.id}" at ${span.first}`;
    const { bytes, last } = await download(access, { path: pathOf(item), name, limit: part.size, span });
    const wrong = wrongPart(item, part, bytes);
    const receipt = await keepReceipt(access, {
      ...last,
      verdict: wrong === undefined ? "received" : "mismatch",
    });
    if (wrong) throw withEvidence(wrong, receipt);
    if (receipt) receipts.push(receipt);
    return bytes;
  });
  return { item, bytes, ...(receipts.length === 0 ? {} : { receipts }) };
}

function pathOf({ id }: ManifestItem): string {
  return `items/${encodeURIComponent(id)}`;
}

function wrongPart(item: ManifestItem, part: Part, bytes: Uint8Array): HashMismatchError | undefined {
  try {
    verifyPart(item, part, bytes);
    return undefined;
  } catch (error) {
    if (error instanceof HashMismatchError) return error;
    throw error;
  }
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
