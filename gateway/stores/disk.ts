/** A folder as a store: `<root>/<manifest hash>/manifest.json` and `<root>/<manifest hash>/items/<item id>`. */
import { constants } from "node:fs";
import { type FileHandle, open, opendir, realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";
import { ignoreMissing } from "../files.ts";
import type { ByteRange } from "../range.ts";
import { CHUNK_BYTES, MANIFEST_MAX_BYTES, type Store, type StoredItem } from "../store.ts";

/**
 * A file that changed less than this many ms before it was opened could change again without a new time stamp, since file systems stamp
 * in ticks: its version is not trusted yet.
 */
const SETTLED_MS = 2000;

/** Serves the folder `root`. Symbolic links are followed as long as they stay under it. */
export function createDiskStore(root: string): Store {
  return {
    async manifest(hash) {
      const handle = await openWithin(root, join(hash, "manifest.json"));
      if (handle === null) return null;
      try {
        const { size } = await handle.stat();
        if (size > MANIFEST_MAX_BYTES)
          throw new Error(`The manifest ${hash} has ${size} bytes, more than ${MANIFEST_MAX_BYTES}.`);
        return await handle.readFile("utf8");
      } finally {
        await handle.close();
      }
    },
    async open(hash, itemId) {
      const handle = await openWithin(root, join(hash, "items", itemId));
      return handle === null ? null : describe(handle);
    },
    async check() {
      await (await opendir(root)).close();
    },
  };
}

/**
 * Opens a regular file, null when there is none. It is opened first and judged then, so that a link that is swapped in between is found:
 * what is under the root must be the very file that was opened.
 */
async function openWithin(root: string, relative: string): Promise<FileHandle | null> {
  const path = join(root, relative);
  // Without O_NONBLOCK a named pipe would hold us until somebody writes to it.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(ignoreMissing);
  if (handle === null) return null;
  try {
    const [base, real] = await Promise.all([realpath(root), realpath(path)]);
    if (!real.startsWith(base + sep)) throw new Error(`${path} leads to ${real}, outside the store.`);
    const [opened, named] = await Promise.all([handle.stat(), stat(real)]);
    if (!opened.isFile()) throw new Error(`${path} is not a regular file.`);
    if (opened.ino !== named.ino || opened.dev !== named.dev)
      throw new Error(`${path} was replaced while it was opened.`);
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

async function describe(handle: FileHandle): Promise<StoredItem> {
  const { dev, ino, size, mtimeNs, ctimeNs, ctimeMs } = await handle.stat({ bigint: true });
  const settled = Date.now() - Number(ctimeMs) > SETTLED_MS;
  return {
    size: Number(size),
    version: settled ? [dev, ino, size, mtimeNs, ctimeNs].join(":") : null,
    stream: (range) => read(handle, range ?? { first: 0, last: Number(size) - 1 }),
    close: () => handle.close(),
  };
}

function read(handle: FileHandle, { first, last }: ByteRange): ReadableStream<Uint8Array> {
  let position = first;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (position > last) return controller.close();
        const buffer = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, last + 1 - position));
        const { bytesRead } = await handle.read(buffer, 0, buffer.length, position);
        if (bytesRead === 0) throw new Error(`The file ended at byte ${position}, before byte ${last}.`);
        position += bytesRead;
        controller.enqueue(buffer.subarray(0, bytesRead));
      },
    },
    { highWaterMark: 1 },
  );
}
