/** Putting versions into a bucket. */
import { inPieces } from "../pieces.ts";
import { isHash, type Shelf, type Version } from "../shelf.ts";
import { createBucket, S3Error, type S3Options } from "./s3-bucket.ts";

/** Objects above this are sent in parts of this many bytes; S3 takes 10,000 parts, which makes 160 GB. */
const PART_BYTES = 16 * 1024 * 1024;

type Bucket = ReturnType<typeof createBucket>;

export function createS3Shelf(options: S3Options): Shelf {
  const bucket = createBucket(options);
  return {
    async prepare() {
      await bucket.ask("PUT", "").catch((error: unknown) => {
        const mine =
          error instanceof S3Error && ["BucketAlreadyOwnedByYou", "BucketAlreadyExists"].includes(error.code);
        if (!mine) throw error;
      });
      await bucket.ask("HEAD", "");
      return `the bucket ${options.bucket}`;
    },
    async put({ hash, json, items }) {
      const manifest = `${hash}/manifest.json`;
      if (await exists(bucket, manifest)) return "kept";
      for (const kept of items) await putObject(bucket, `${hash}/items/${kept.item.id}`, kept);
      // Last: a version is there once its manifest is.
      await send(bucket, manifest, Buffer.from(json), { "content-type": "application/json" });
      return "put";
    },
    async *hashes() {
      let token: string | undefined;
      do {
        const query = {
          "list-type": "2",
          delimiter: "/",
          prefix: options.prefix,
          ...(token && { "continuation-token": token }),
        };
        const text = await (await bucket.ask("GET", "", { query })).text();
        for (const [, prefix = ""] of text.matchAll(/<CommonPrefixes><Prefix>([^<]*)\/<\/Prefix>/g)) {
          const name = prefix.slice(options.prefix.length);
          if (isHash(name) && (await exists(bucket, `${name}/manifest.json`))) yield name;
        }
        token = /<NextContinuationToken>([^<]*)</.exec(text)?.[1];
      } while (token !== undefined);
    },
  };
}

async function exists(bucket: Bucket, key: string): Promise<boolean> {
  try {
    await bucket.ask("HEAD", key);
    return true;
  } catch (error) {
    if (error instanceof S3Error && error.status === 404) return false;
    throw error;
  }
}

async function send(bucket: Bucket, key: string, body: Uint8Array, headers: Record<string, string>) {
  const response = await bucket.ask("PUT", key, { body, headers });
  await response.body?.cancel();
}

async function putObject(bucket: Bucket, key: string, { size, bytes, item }: Version["items"][number]) {
  const type = { "content-type": item.media_type.replace(/[^\x20-\x7e]/g, "") };
  if (size > PART_BYTES)
    return putParts(
      bucket,
      key,
      type,
      inPieces(size, async () => bytes()),
    );
  const pieces: Uint8Array[] = [];
  for await (const piece of inPieces(size, async () => bytes())) pieces.push(piece);
  return send(bucket, key, Buffer.concat(pieces), type);
}

async function putParts(
  bucket: Bucket,
  key: string,
  headers: Record<string, string>,
  pieces: AsyncIterable<Uint8Array>,
): Promise<void> {
  const begun = await (await bucket.ask("POST", key, { query: { uploads: "" }, headers })).text();
  const uploadId = /<UploadId>([^<]*)<\/UploadId>/.exec(begun)?.[1];
  if (uploadId === undefined) throw new Error(`${key}: the object store gave no upload id.`);
  try {
    const parts: string[] = [];
    for await (const body of gather(pieces)) {
      const query = { partNumber: String(parts.length + 1), uploadId };
      const response = await bucket.ask("PUT", key, { query, body });
      await response.body?.cancel();
      parts.push(
        `<Part><PartNumber>${parts.length + 1}</PartNumber><ETag>${response.headers.get("etag")}</ETag></Part>`,
      );
    }
    const body = Buffer.from(`<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`);
    const done = await (await bucket.ask("POST", key, { query: { uploadId }, body })).text();
    // It answers 200 before it knows, and may then say Error in the body.
    if (/<Error>/.test(done)) throw new Error(`${key}: ${done.slice(0, 500)}`);
  } catch (error) {
    await bucket.ask("DELETE", key, { query: { uploadId } }).catch(() => undefined); // the first error is the one to tell
    throw error;
  }
}

async function* gather(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let part: Uint8Array[] = [];
  let size = 0;
  for await (const piece of pieces) {
    part.push(piece);
    size += piece.length;
    if (size < PART_BYTES) continue;
    yield Buffer.concat(part);
    part = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(part);
}
