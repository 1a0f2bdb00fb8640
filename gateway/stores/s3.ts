/**
 * A bucket of an S3-compatible object store: `<prefix><manifest hash>/manifest.json` and `<prefix><manifest hash>/items/<item id>`. Google
 * Cloud Storage is one of them by its XML API: endpoint https://storage.googleapis.com, an HMAC key as credentials.
 */
import { inPieces } from "../pieces.ts";
import type { ByteRange } from "../range.ts";
import { MANIFEST_MAX_BYTES, type Store, type StoredItem } from "../store.ts";
import { createBucket, S3Error, type S3Options } from "./s3-bucket.ts";

export function createS3Store(options: S3Options): Store {
  const bucket = createBucket(options);
  return {
    async manifest(hash) {
      const response = await bucket.ask("GET", `${hash}/manifest.json`).catch(nullIfMissing);
      if (response === null) return null;
      const size = Number(response.headers.get("content-length") ?? Number.NaN);
      if (!(size <= MANIFEST_MAX_BYTES)) {
        await response.body?.cancel();
        throw new Error(`The manifest ${hash} has ${size} bytes, more than ${MANIFEST_MAX_BYTES}.`);
      }
      return response.text();
    },
    async open(hash, itemId) {
      const key = `${hash}/items/${itemId}`;
      const response = await bucket.ask("HEAD", key).catch(nullIfMissing);
      return response === null ? null : describe(bucket, key, response.headers);
    },
    async check() {
      await bucket.ask("HEAD", "");
    },
  };
}

function describe(bucket: ReturnType<typeof createBucket>, key: string, headers: Headers): StoredItem {
  const etag = headers.get("etag");
  const size = Number(headers.get("content-length") ?? Number.NaN);
  if (!Number.isSafeInteger(size)) throw new Error(`${key}: the object store tells no size.`);
  const leaving = new AbortController();
  const read = async ({ first, last }: ByteRange) => {
    const response = await bucket.ask("GET", key, {
      headers: { range: `bytes=${first}-${last}`, ...(etag === null ? {} : { "if-match": etag }) },
      signal: leaving.signal,
    });
    // Not every server knows If-Match, and one that knows no ranges sends all of it.
    const there = response.headers.get("content-range")?.startsWith(`bytes ${first}-`) === true;
    if (response.headers.get("etag") !== etag || !there || response.body === null) {
      await response.body?.cancel();
      throw new Error(
        `${key}: was replaced while it was read, or the store ignores ranges (${response.status}).`,
      );
    }
    return only(response.body, last + 1 - first);
  };
  const named = ["x-amz-version-id", "x-goog-generation", "etag", "last-modified"].map((name) =>
    headers.get(name),
  );
  return {
    size,
    version: etag === null ? null : [...named, size].join(" "),
    stream(range) {
      const part = range ?? { first: 0, last: size - 1 };
      return inPieces(part.last + 1 - part.first, () => read(part));
    },
    close: async () => leaving.abort(),
  };
}

/** A server may send more than was asked for. */
async function* only(body: AsyncIterable<Uint8Array>, length: number): AsyncGenerator<Uint8Array> {
  let left = length;
  for await (const piece of body) {
    yield piece.subarray(0, left);
    left -= piece.length;
    if (left <= 0) return;
  }
}

function nullIfMissing(error: unknown): null {
  // An answer to HEAD has no body that could say which of the two is missing; `check` tells of a missing bucket.
  if (error instanceof S3Error && error.status === 404 && error.code !== "NoSuchBucket") return null;
  throw error;
}
