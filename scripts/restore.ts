/**
 * `npm run restore -- FILE`: loads what `npm run backup` wrote into a database without the API's schema, and brings it up to date. No API
 * may run on that database meanwhile. All of it or nothing.
 *
 * Works on the database of DATABASE_URL and DEPLOYMENT_FILE, or else on the one of the system that was started last (MOA_DATA_DIR).
 */
import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { load } from "../api/store/backup.ts";
import { withStore } from "./system/open-store.ts";

await withStore(async (store) => {
  const [file] = process.argv.slice(2);
  if (!file) throw new Error("Usage: npm run restore -- FILE");
  const { at, rows } = await load(store, store.tag, linesOf(file));
  const count = Object.values(rows).reduce((sum, n) => sum + n, 0);
  console.log(`${count} rows of ${Object.keys(rows).length} tables, as they were at ${at}`);
});

/** A line feed alone ends a line: COPY escapes those in texts, and leaves other characters that readline would take for one. */
async function* linesOf(file: string): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of createReadStream(file).pipe(createGunzip())) {
    const lines = (rest + decoder.decode(chunk as Buffer, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}
