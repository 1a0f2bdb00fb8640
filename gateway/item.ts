/** FetchExp: one item's bytes, all or a range, checked against the manifest. */
import { createHash } from "node:crypto";
import { ExchangeError } from "../sdk/errors.ts";
import { itemIdSchema, type ManifestItem } from "../sdk/manifest.ts";
import type { Outcome } from "./call.ts";
import type { Manifest } from "./catalog.ts";
import { isNotModified, rangeApplies } from "./conditions.ts";
import { type DeliveryEnd, deliver } from "./delivery.ts";
import { type Integrity, refuseUncheckable } from "./integrity.ts";
import { type ByteRange, resolveRange } from "./range.ts";
import { contentResponse, PRIVATE } from "./respond.ts";
import { CHUNK_BYTES, type Store, type StoredItem, storeDown } from "./store.ts";
import { markOf } from "./watermark.ts";

export type ItemRequest = {
  method: string;
  headers: Headers;
  requestId: string;
  manifest: Manifest;
  itemId: string;
  /** The only bytes that may be asked for; without a `Range` header they are what is given. */
  within?: ByteRange;
  /** The buyer's handle, for items that declare a place for it. */
  watermark?: string;
  /** Takes the use, just before the first byte, and gives headers for the answer; null for all of the item. Throws QUOTA_EXCEEDED. */
  admit: (part: { size: number; length: number } | null) => Promise<Record<string, string>>;
  /** Called exactly once for an answer, when it has been given, been broken off or failed; never for a rejection. */
  ended: (end: Outcome) => Promise<void>;
};

/** Answers 200, 206 or 304; rejects with EK_NOT_FOUND, MANIFEST_INVALID, HASH_MISMATCH, STORE_DOWN, 412 or 416. */
export async function serveItem(
  request: ItemRequest,
  { store, integrity }: { store: Store; integrity: Integrity },
): Promise<Response> {
  const item = findItem(request);
  refuseUncheckable(item);
  const stored = await openItem(store, request.manifest, item);
  try {
    return await answer(request, item, stored, integrity);
  } catch (error) {
    await stored.close();
    throw error;
  }
}

/** Takes over `stored` when it resolves. */
async function answer(
  { method, headers, requestId, manifest, within, watermark, admit, ended }: ItemRequest,
  item: ManifestItem,
  stored: StoredItem,
  integrity: Integrity,
): Promise<Response> {
  const etag = `"${item.hash.value}"`;
  const about = contentHeaders(item, etag);
  const finish = async (end: Outcome) => {
    await stored.close();
    await ended(end);
  };
  const key = `${manifest.hash}/${item.id}`;
  if (isNotModified(headers, etag)) {
    await finish({ status: 304, bytes: 0 });
    return contentResponse(null, { status: 304, headers: { etag, ...PRIVATE }, requestId });
  }
  // A range means something for GET alone (RFC 9110 section 14.2).
  const wanted = method === "GET" && rangeApplies(headers, etag) ? headers.get("range") : null;
  const range = resolveRange(wanted, stored.size);
  if (range === "unsatisfiable") throw unsatisfiable(wanted, stored.size);
  const part = restrict(range === "whole" ? null : range, within, stored.size);

  const mark = markOf(item, watermark, part?.first ?? 0);
  // It would not be of what is delivered.
  if (mark) delete about["repr-digest"];
  const checked = integrity.known(key, item, stored);
  const { status, length, extra } = extent(part, stored.size);
  const all = { ...about, ...extra, "content-length": String(length) };
  if (method === "HEAD") {
    await finish({ status, bytes: 0 });
    return contentResponse(null, { status, headers: all, requestId });
  }
  // A part says nothing about the whole, and a wrong whole that fits in one piece can still get a proper error.
  const first = !checked && (part !== null || stored.size <= CHUNK_BYTES);
  if (first) await integrity.check(key, item, stored);
  const admitted = await admit(part === null ? null : { size: stored.size, length });
  const judge = (sha256: string) => integrity.judge(key, item, stored, sha256);
  const body = delivery(item, {
    source: stored.stream(part ?? undefined),
    ...(mark === undefined ? {} : { mark }),
    whole: part === null,
    ...(checked || first ? {} : { judge }),
    ended: (end) => finish({ status, ...end }),
  });
  return contentResponse(body, { status, headers: { ...all, ...admitted }, requestId });
}

/** The body, with its hash at the end when all of it went out. */
function delivery(
  item: ManifestItem,
  {
    source,
    mark,
    whole,
    judge,
    ended,
  }: {
    source: ReadableStream<Uint8Array>;
    mark?: (piece: Uint8Array) => void;
    whole: boolean;
    judge?: (sha256: string) => void;
    ended: (end: Omit<Outcome, "status">) => Promise<void>;
  },
): ReadableStream<Uint8Array> {
  // What all of an item hashes to is known; of anything else it has to be found out.
  const hash = whole && !mark ? null : createHash("sha256");
  const passing = (piece: Uint8Array) => {
    mark?.(piece);
    hash?.update(piece);
  };
  return deliver(source, {
    ...(judge === undefined ? {} : { judge }),
    ...(hash && { passing }),
    ended: (end) => {
      const complete = end.error === undefined && !end.aborted;
      return ended({ ...judged(end), ...(complete ? { hash: hash?.digest("hex") ?? item.hash.value } : {}) });
    },
  });
}

/** The part that may be given: the range that was asked for, where all of it is allowed. */
function restrict(part: ByteRange | null, within: ByteRange | undefined, size: number): ByteRange | null {
  if (!within) return part;
  const allowed = { first: within.first, last: Math.min(within.last, size - 1) };
  if (allowed.first > allowed.last) throw unsatisfiable(`bytes=${within.first}-${within.last}`, size);
  if (part === null) return allowed;
  if (part.first >= allowed.first && part.last <= allowed.last) return part;
  throw new ExchangeError("SCOPE_DENIED", `This URL is for the bytes ${allowed.first} to ${allowed.last}.`, {
    hint: "Ask for no others with it.",
    details: { needed: "read", ...allowed },
  });
}

/** The bytes of a checked item, for use inside the gateway. Throws like {@link serveItem}, and PAYLOAD_TOO_LARGE past `limit` bytes. */
export async function readWhole(
  manifest: Manifest,
  item: ManifestItem,
  limit: number,
  { store, integrity }: { store: Store; integrity: Integrity },
): Promise<Uint8Array> {
  refuseUncheckable(item);
  const stored = await openItem(store, manifest, item);
  try {
    if (stored.size > limit) {
      throw new ExchangeError(
        "PAYLOAD_TOO_LARGE",
        `"${item.id}" has ${stored.size} bytes, more than ${limit}.`,
        {
          hint: "The seller has to list a smaller one.",
          details: { item: item.id, max_bytes: limit },
        },
      );
    }
    await integrity.check(`${manifest.hash}/${item.id}`, item, stored);
    const pieces: Uint8Array[] = [];
    for await (const piece of stored.stream()) pieces.push(piece);
    return Buffer.concat(pieces);
  } finally {
    await stored.close();
  }
}

/** A delivery fails by a wrong hash, which names itself, or because the store fails on the way. */
function judged({ error, ...end }: DeliveryEnd): Omit<Outcome, "status"> {
  if (error === undefined) return end;
  return { ...end, error: storeDown(error) };
}

function findItem({ itemId, manifest }: ItemRequest): ManifestItem {
  const shown = itemId.slice(0, 80);
  const id = itemIdSchema.safeParse(itemId);
  if (!id.success) {
    throw new ExchangeError("MANIFEST_INVALID", `${JSON.stringify(shown)} is not an item id.`, {
      hint: `${id.error.issues[0]?.message}. Take item ids from the manifest.`,
      details: { item: shown },
    });
  }
  const item = manifest.items.get(id.data);
  if (item) return item;
  throw new ExchangeError("EK_NOT_FOUND", `The manifest has no item "${shown}".`, {
    hint: "Take item ids from GET /exp/:ek/metadata.",
    details: { item: shown, manifest_hash: manifest.hash },
  });
}

async function openItem(store: Store, { hash }: Manifest, item: ManifestItem): Promise<StoredItem> {
  const stored = await store.open(hash, item.id, item).catch((cause) => {
    throw storeDown(cause);
  });
  if (stored !== null) return stored;
  const { scheme, uri, resolve } = item.ref;
  if (resolve === "gateway" || scheme === "es_gateway")
    throw storeDown(new Error(`${hash} has no bytes for ${item.id}.`));
  throw new ExchangeError("EK_NOT_FOUND", `"${item.id}" is not kept here, the manifest says where it is.`, {
    hint: "Fetch it from its ref, and check its hash.",
    details: { item: item.id, ref: { scheme, uri, resolve } },
  });
}

function contentHeaders(item: ManifestItem, etag: string): Record<string, string> {
  const type = item.media_type;
  return {
    // A manifest may have parameters that HTTP can't carry; the type itself is always plain.
    "content-type": /^[\t\x20-\x7e]*$/.test(type) ? type : type.replace(/;.*$/s, ""),
    "content-disposition": `attachment; filename="${item.id}"`,
    "accept-ranges": "bytes",
    etag,
    // RFC 9530: of the whole item, also when a part of it is sent.
    "repr-digest": `sha-256=:${Buffer.from(item.hash.value, "hex").toString("base64")}:`,
    ...PRIVATE,
  };
}

function extent(part: ByteRange | null, size: number) {
  if (part === null) return { status: 200, length: size, extra: {} };
  const { first, last } = part;
  return {
    status: 206,
    length: last + 1 - first,
    extra: { "content-range": `bytes ${first}-${last}/${size}` },
  };
}

function unsatisfiable(range: string | null, size: number): ExchangeError {
  return new ExchangeError("INVALID_REQUEST", `The range ${range} is not within the item's ${size} bytes.`, {
    status: 416,
    hint: "Ask for bytes that the item has.",
    details: { range, size_bytes: size },
  });
}
