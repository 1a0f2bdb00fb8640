/**
 * Where a seller keeps its Experiences. A store only finds bytes; whether they are the right ones is checked above it, so that a new
 * store has no security of its own to get wrong beyond staying inside its own data.
 */
import type { Hash } from "viem";
import { ExchangeError } from "../sdk/errors.ts";
import type { ManifestItem } from "../sdk/manifest.ts";
import type { ByteRange } from "./range.ts";

/** Streams come in pieces of at most this many bytes: small pieces cost two thirds of the throughput. */
export const CHUNK_BYTES = 1024 * 1024;
/** The largest manifest that a store reads: 10,000 items with room for annotations. */
export const MANIFEST_MAX_BYTES = 8 * 1024 * 1024;

/** One item, held open so that size, hash check and bytes are of the same thing. {@link StoredItem.close} ends it. */
export type StoredItem = {
  /** In bytes. */
  size: number;
  /**
   * Names these bytes: whenever they may have changed it is another one (inode and times, ETag, object id). Null when the store can't
   * tell yet; then a hash check is not remembered.
   */
  version: string | null;
  /**
   * The bytes, or a part of them, read as they are pulled, in pieces of at most {@link CHUNK_BYTES}. May be called more than once. Pieces are
   * given away: whoever is done with one may {@link free} it, so nobody else may keep its memory.
   */
  stream(range?: ByteRange): ReadableStream<Uint8Array>;
  close(): Promise<void>;
};

/**
 * The one interface of all stores. A version of an Experience is named by the hash of its manifest; `hash` is always 0x and 64 lower-case
 * hex digits, `itemId` always of `itemIdSchema`. Null means that there is no such thing; a rejection that the store is not working.
 */
export type Store = {
  /** The text of the manifest kept under `hash`; at most {@link MANIFEST_MAX_BYTES}. */
  manifest(hash: Hash): Promise<string | null>;
  /** `item` is what the manifest says of it, for what needs more than the name: where it is kept, how it is encrypted. */
  open(hash: Hash, itemId: string, item?: ManifestItem): Promise<StoredItem | null>;
  /** Rejects when the store can't be read. */
  check(): Promise<void>;
};

/**
 * Gives a piece's memory back at once. Left to the garbage collector, a large item would have filled tens of megabytes before it runs, and
 * new pages cost more than the bytes that are copied into them. Only when nothing reads the piece any more, and that includes the
 * operating system: not before its write has called back.
 */
export function free(piece: Uint8Array): void {
  const { buffer } = piece;
  // A view of a part belongs to something larger, such as Node's pool of small buffers.
  if (buffer instanceof ArrayBuffer && buffer.byteLength === piece.byteLength) buffer.transfer(0);
}

/**
 * The error that a buyer gets for a failing store. The cause is for the log: it may name the seller's paths. Bytes that are known to be
 * wrong stay what they are.
 */
export function storeDown(cause: unknown): ExchangeError {
  if (cause instanceof ExchangeError && cause.code === "HASH_MISMATCH") return cause;
  return new ExchangeError("STORE_DOWN", "The seller's store can't be read at the moment.", {
    hint: "Try again later; if it lasts, report the listing.",
    cause,
  });
}
