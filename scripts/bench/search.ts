/**
 * `npm run bench:search`: how long it takes to find listings among 1,000,000, beside 100,000.
 *
 *   npm run bench:search                              … one JSON object per line; exits 1 when a goal is missed
 *   npm run bench:search -- --sizes 10000,100000      … other sizes
 *
 * It starts a Postgres of its own, fills the indexer's tables with made-up listings, lets the API make its search tables of them, asks the
 * API's own functions, and removes everything again. It needs some 10 GB of room.
 */
import { parseArgs } from "node:util";
import { measureSearches } from "./search/measure.ts";
import { openSearchStage, type SearchStage } from "./search/stage.ts";

const { values } = parseArgs({ options: { sizes: { type: "string", default: "100000,1000000" } } });
const sizes = values.sizes.split(",").map(Number);
if (sizes.length !== 2 || sizes.some((size) => !Number.isInteger(size) || size < 1_000)) {
  console.error("There is --sizes <small>,<large>, of at least 1000 each.");
  process.exit(2);
}

const quit = new AbortController();
let stage: SearchStage | undefined;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    quit.abort(); // what is still starting cleans up after itself
    if (stage) void stage.close().finally(() => process.exit(130));
  });
}
try {
  stage = await openSearchStage(sizes, { say: (line) => console.error(line), signal: quit.signal });
  const [small, large] = stage.markets;
  if (!small || !large) throw new Error("There are no two markets.");
  for (const row of await measureSearches(small, large)) {
    console.log(JSON.stringify(row));
    if (!row.ok) process.exitCode = 1;
  }
} finally {
  await stage?.close();
}
