/** Putting versions into the folder of a disk store. */
import { randomUUID } from "node:crypto";
import { access, mkdir, open, opendir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { ignoreMissing, syncFolder } from "../files.ts";
import { isHash, type Shelf } from "../shelf.ts";

export function createDiskShelf(root: string): Shelf {
  return {
    async prepare() {
      await mkdir(root, { recursive: true });
      return `the folder ${root}`;
    },
    async put({ hash, json, items }) {
      const folder = join(root, hash);
      if ((await access(join(folder, "manifest.json")).catch(ignoreMissing)) !== null) return "kept";
      // Made beside and renamed, so that a gateway never finds half a version.
      const beside = join(root, `.${hash}.${randomUUID()}`);
      try {
        await mkdir(join(beside, "items"), { recursive: true });
        for (const { item, bytes } of items) await writeAll(join(beside, "items", item.id), bytes());
        await writeAll(join(beside, "manifest.json"), [Buffer.from(json)]);
        await rename(beside, folder);
        await syncFolder(root);
      } catch (error) {
        await rm(beside, { recursive: true, force: true });
        throw error;
      }
      return "put";
    },
    async *hashes() {
      for await (const { name } of await opendir(root)) if (isHash(name)) yield name;
    },
  };
}

async function writeAll(
  path: string,
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const handle = await open(path, "wx");
  try {
    for await (const piece of bytes) await handle.writeFile(piece);
    await handle.sync();
  } finally {
    await handle.close();
  }
}
