/** The seller's side of a store: putting versions in. The gateway itself never writes; the command line does. */
import type { Hash } from "viem";
import type { ManifestItem } from "../sdk/manifest.ts";

/** Bytes to put, in pieces of any size. May be called again. */
export type Bytes = () => AsyncIterable<Uint8Array>;

export type Version = {
  hash: Hash;
  /** The manifest as canonical JSON. */
  json: string;
  /** What is to be kept, which need not be every item: others may be somewhere else. `size` is that of the bytes as kept. */
  items: readonly { item: ManifestItem; size: number; bytes: Bytes }[];
};

export type Shelf = {
  /** Makes what the store needs to be one: folder, bucket, tables. Idempotent. Says in a few words what is there now. */
  prepare(): Promise<string>;
  /** Puts a version in, whole or not at all. `kept`: it was there before, and was not touched. */
  put(version: Version): Promise<"put" | "kept">;
  /** The hashes of the versions that are kept, in no order. */
  hashes(): AsyncIterable<Hash>;
};

export function isHash(value: string): value is Hash {
  return /^0x[0-9a-f]{64}$/.test(value);
}
