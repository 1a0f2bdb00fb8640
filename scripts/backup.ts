/**
 * `npm run backup -- FILE`: the API's own tables in one file (gzip), read in one snapshot while the API goes on. The file holds the
 * exchange's signing keys: it is made for its owner alone (0600), and belongs into a safe place, encrypted.
 *
 * Works on the database of DATABASE_URL and DEPLOYMENT_FILE, or else on the one of the system that was started last (MOA_DATA_DIR).
 */
import { open, rename } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { dump, type Summary } from "../api/store/backup.ts";
import { type CommandStore, withStore } from "./system/open-store.ts";

await withStore(async (store) => {
  const [file] = process.argv.slice(2);
  if (!file) throw new Error("Usage: npm run backup -- FILE");
  const { rows } = await writeTo(file, store);
  const count = Object.values(rows).reduce((sum, n) => sum + n, 0);
  console.log(`${file}: ${count} rows of ${Object.keys(rows).length} tables`);
});

/** Under its name there is the whole of it, on disk, or nothing. */
async function writeTo(file: string, store: CommandStore): Promise<Summary> {
  const partial = `${file}.partial`;
  const handle = await open(partial, "w", 0o600);
  const gzip = createGzip();
  const written = pipeline(gzip, handle.createWriteStream({ flush: true }));
  // When the disk fails nobody takes what is written any more: whoever waits must hear of it.
  const failed = written.then(() => undefined);
  failed.catch(() => undefined);
  const write = (text: string) =>
    gzip.write(text)
      ? Promise.resolve()
      : Promise.race([new Promise<void>((resolve) => gzip.once("drain", resolve)), failed]);
  const summary = await dump(store, store.tag, write);
  gzip.end();
  await written;
  await rename(partial, file);
  return summary;
}
