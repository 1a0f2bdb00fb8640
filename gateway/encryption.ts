/**
 * Items that the store holds encrypted, so that who runs the store can't read what is sold. The gateway decrypts on the way; hash and size
 * in the manifest are those of the plain bytes, so for a buyer nothing is different.
 *
 * | method | as kept |
 * |---|---|
 * | `aes-256-gcm` | the bytes sealed (sealed.ts) with the key that `key_ref` names |
 * | `kms-envelope` | length of the wrapped data key (4 bytes, big endian), the wrapped data key, the bytes sealed with the data key |
 */
import { randomBytes } from "node:crypto";
import { ExchangeError } from "../sdk/errors.ts";
import type { ManifestItem } from "../sdk/manifest.ts";
import type { ItemKeys } from "./item-keys.ts";
import { inPieces } from "./pieces.ts";
import type { ByteRange } from "./range.ts";
import {
  ForgedError,
  HEADER_BYTES,
  openedSize,
  openSegment,
  readHeader,
  seal,
  sealedSize,
  segmentAt,
  segmentOf,
} from "./sealed.ts";
import type { Bytes } from "./shelf.ts";
import type { Store, StoredItem } from "./store.ts";

/** The longest wrapped data key: those of the known services have a few hundred bytes. */
const WRAPPED_MAX_BYTES = 8192;

/** Decrypts what the manifest says is encrypted, whichever store it comes from. */
export function withDecryption(store: Store, keys: ItemKeys): Store {
  return {
    ...store,
    async open(hash, itemId, item) {
      const stored = await store.open(hash, itemId, item);
      if (stored === null || item === undefined || !isEncrypted(item)) return stored;
      try {
        return await decrypt(item, stored, keys);
      } catch (error) {
        await stored.close();
        throw error;
      }
    },
  };
}

export function isEncrypted({ encryption }: ManifestItem): boolean {
  return encryption?.enabled === true && encryption.method !== "none";
}

/** The bytes to keep for an item, given its plain ones. */
export async function encrypt(
  item: ManifestItem,
  plain: { size: number; bytes: Bytes },
  keys: ItemKeys,
): Promise<{ size: number; bytes: Bytes }> {
  const { method, keyRef } = encryptionOf(item);
  const dataKey = method === "kms-envelope" ? randomBytes(32) : await keys.key(keyRef);
  const front = method === "kms-envelope" ? envelope(await keys.wrap(keyRef, dataKey)) : Buffer.alloc(0);
  const sealing = { key: dataKey, associated: item.id };
  return {
    size: front.length + sealedSize(plain.size),
    async *bytes() {
      if (front.length > 0) yield front;
      yield* seal(plain.bytes(), plain.size, sealing);
    },
  };
}

function encryptionOf({ id, encryption }: ManifestItem) {
  if (encryption?.key_ref === undefined || encryption.method === "none")
    throw new Error(`"${id}" is encrypted, and its manifest names no key_ref.`);
  return { method: encryption.method, keyRef: encryption.key_ref };
}

function envelope(wrapped: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(wrapped.length);
  return Buffer.concat([length, wrapped]);
}

async function decrypt(item: ManifestItem, stored: StoredItem, keys: ItemKeys): Promise<StoredItem> {
  const { method, keyRef } = encryptionOf(item);
  const { key, offset } =
    method === "kms-envelope"
      ? await readEnvelope(item, keyRef, stored, keys)
      : { key: await keys.key(keyRef), offset: 0 };
  const size = asForged(item, () => openedSize(stored.size - offset));
  const header = await readExactly(stored, { first: offset, last: offset + HEADER_BYTES - 1 });
  const fileKey = asForged(item, () => readHeader(header, { key, associated: item.id }));
  async function* opened({ first, last }: ByteRange): AsyncGenerator<Uint8Array> {
    for (let i = segmentAt(first); i <= segmentAt(Math.max(0, last)); i++) {
      const place = segmentOf(i, size);
      const from = offset + place.sealedStart;
      const sealed = await readExactly(stored, { first: from, last: from + place.sealedLength - 1 });
      const plain = asForged(item, () => openSegment(sealed, i, place.last, fileKey));
      yield plain.subarray(Math.max(0, first - place.start), Math.max(0, last + 1 - place.start));
      if (place.last) return;
    }
  }
  // A wrong key or a forged beginning is told before the first byte, and that nothing is in it has to be authentic too.
  for await (const _ of opened({ first: 0, last: Math.min(0, size - 1) }));
  return {
    size,
    version: stored.version,
    stream(range) {
      const part = range ?? { first: 0, last: size - 1 };
      return inPieces(part.last + 1 - part.first, async () => opened(part));
    },
    close: () => stored.close(),
  };
}

async function readEnvelope(item: ManifestItem, keyRef: string, stored: StoredItem, keys: ItemKeys) {
  const length = stored.size < 4 ? 0 : (await readExactly(stored, { first: 0, last: 3 })).readUInt32BE();
  if (length === 0 || length > WRAPPED_MAX_BYTES || stored.size < 4 + length)
    throw forged(item, new ForgedError("It has no wrapped data key."));
  const wrapped = await readExactly(stored, { first: 4, last: 3 + length });
  const key = await keys.unwrap(keyRef, wrapped).catch((cause: unknown) => {
    throw forged(item, cause);
  });
  return { key, offset: 4 + length };
}

async function readExactly(stored: StoredItem, range: ByteRange): Promise<Buffer> {
  const length = range.last + 1 - range.first;
  if (length <= 0 || range.last >= stored.size)
    throw new Error(`There are no bytes ${range.first}-${range.last}.`);
  const pieces: Uint8Array[] = [];
  for await (const piece of stored.stream(range)) pieces.push(piece);
  return Buffer.concat(pieces);
}

function asForged<T>(item: ManifestItem, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw error instanceof ForgedError ? forged(item, error) : error;
  }
}

/** For the buyer it is what any other wrong bytes are. */
function forged({ id }: ManifestItem, cause: unknown): ExchangeError {
  return new ExchangeError("HASH_MISMATCH", `"${id}" is not what was encrypted for this item.`, {
    hint: "Report the listing: its content can't be served as it was sold.",
    details: { item: id },
    cause,
  });
}
