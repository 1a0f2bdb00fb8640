/**
 * Large files sealed piece by piece, so that each piece is authenticated before a byte of it is used and any range can be opened alone. A
 * single GCM tag could say that a file is forged only after the last of its bytes, when a buyer has the others.
 *
 * The construction is STREAM (Hoang, Reyhanitabar, Rogaway, Vizár: Online Authenticated-Encryption, CRYPTO 2015) in the layout of Tink's
 * streaming AEAD AES256_GCM_HKDF_1MB: a header of 40 bytes (its length, a salt of 32, a nonce prefix of 7), then segments of 1 MiB with
 * their tags, the first shorter by the header. Key of a file: HKDF-SHA256 of the item key with the salt and the associated data. Nonce of a
 * segment: prefix, its number, 1 for the last and 0 for others; so segments can't be swapped, repeated, left out or cut off.
 */
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

export const SEGMENT_BYTES = 1024 * 1024;
export const HEADER_BYTES = 40;
const SALT_BYTES = 32;
const TAG_BYTES = 16;
const CIPHER = "aes-256-gcm";

/** Bytes that were not sealed with this key for this place, or not all of them. */
export class ForgedError extends Error {
  override readonly name = "ForgedError";
}

export type Sealing = {
  /** 32 bytes. */
  key: Uint8Array;
  /** What the file is sealed for, such as its item id: it opens for nothing else. */
  associated: string;
};

/** How many bytes the sealed form of `size` bytes has. */
export function sealedSize(size: number): number {
  return HEADER_BYTES + size + TAG_BYTES * segmentsOf(size);
}

/** How many bytes are in a sealed file of `sealed` bytes. Throws {@link ForgedError} for a length that none has. */
export function openedSize(sealed: number): number {
  const segments = Math.max(1, Math.ceil(sealed / SEGMENT_BYTES));
  const size = sealed - HEADER_BYTES - TAG_BYTES * segments;
  if (size >= 0 && sealedSize(size) === sealed) return size;
  throw new ForgedError(`No sealed file has ${sealed} bytes.`);
}

function segmentsOf(size: number): number {
  return Math.max(1, Math.ceil((size + HEADER_BYTES) / (SEGMENT_BYTES - TAG_BYTES)));
}

/** Where a segment's contents begin in the opened file; the first has room for the header as well. */
function startOf(segment: number): number {
  return segment === 0 ? 0 : segment * (SEGMENT_BYTES - TAG_BYTES) - HEADER_BYTES;
}

/** The segment that holds byte `position` of the opened file. */
export function segmentAt(position: number): number {
  return Math.floor((position + HEADER_BYTES) / (SEGMENT_BYTES - TAG_BYTES));
}

/** Where segment `i` of a file of `size` opened bytes lies, opened and sealed. */
export function segmentOf(i: number, size: number) {
  const last = segmentsOf(size) - 1;
  const start = startOf(i);
  const length = (i === last ? size : startOf(i + 1)) - start;
  return {
    start,
    length,
    last: i === last,
    sealedStart: i === 0 ? HEADER_BYTES : i * SEGMENT_BYTES,
    sealedLength: length + TAG_BYTES,
  };
}

type FileKey = { key: Uint8Array; prefix: Uint8Array };

/** Reads a header. Throws {@link ForgedError}. */
export function readHeader(header: Uint8Array, { key, associated }: Sealing): FileKey {
  if (header.length !== HEADER_BYTES || header[0] !== HEADER_BYTES)
    throw new ForgedError("It has no header of a sealed file.");
  const salt = header.subarray(1, 1 + SALT_BYTES);
  return {
    key: new Uint8Array(hkdfSync("sha256", key, salt, associated, 32)),
    prefix: header.subarray(1 + SALT_BYTES),
  };
}

function nonceOf(prefix: Uint8Array, segment: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.set(prefix);
  nonce.writeUInt32BE(segment, 7);
  nonce[11] = last ? 1 : 0;
  return nonce;
}

/** Opens one segment. Throws {@link ForgedError} before any of it is given out. */
export function openSegment(
  sealed: Uint8Array,
  i: number,
  last: boolean,
  { key, prefix }: FileKey,
): Buffer<ArrayBuffer> {
  const decipher = createDecipheriv(CIPHER, key, nonceOf(prefix, i, last), { authTagLength: TAG_BYTES });
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  const opened = decipher.update(sealed.subarray(0, sealed.length - TAG_BYTES));
  try {
    decipher.final();
  } catch (cause) {
    throw new ForgedError(`Segment ${i} is not what was sealed.`, { cause });
  }
  return opened as Buffer<ArrayBuffer>;
}

async function* withoutEmpty(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, undefined> {
  for await (const piece of source) if (piece.length > 0) yield piece;
}

/** Seals `size` bytes. Throws when the source has more or fewer. */
export async function* seal(
  source: AsyncIterable<Uint8Array>,
  size: number,
  sealing: Sealing,
): AsyncGenerator<Uint8Array> {
  const header = Buffer.concat([Buffer.of(HEADER_BYTES), randomBytes(SALT_BYTES), randomBytes(7)]);
  const { key, prefix } = readHeader(header, sealing);
  yield header;
  const from = withoutEmpty(source);
  let rest: Uint8Array = new Uint8Array(0);
  for (let i = 0; ; i++) {
    const { length, last } = segmentOf(i, size);
    const cipher = createCipheriv(CIPHER, key, nonceOf(prefix, i, last), { authTagLength: TAG_BYTES });
    const parts: Uint8Array[] = [];
    for (let left = length; left > 0; ) {
      if (rest.length === 0) {
        const { value, done } = await from.next();
        if (done) throw new Error(`The source ended before its ${size} bytes.`);
        rest = value;
      }
      const taken = rest.subarray(0, left);
      parts.push(cipher.update(taken));
      rest = rest.subarray(taken.length);
      left -= taken.length;
    }
    parts.push(cipher.final(), cipher.getAuthTag());
    yield Buffer.concat(parts);
    if (!last) continue;
    if (rest.length > 0 || !(await from.next()).done)
      throw new Error(`The source has more than ${size} bytes.`);
    return;
  }
}
