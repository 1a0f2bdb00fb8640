/**
 * `npm run bench:api`: what the exchange's servers cost, each beside a peer or a limit of the same run.
 *
 *   npm run bench:api                            … one JSON object per line; exits 1 when a goal is missed
 *   npm run bench:api -- --only tokens,gateway   … some of: tokens, gateway, streaming, purchases
 *   npm run bench:api -- --large 1               … streams an item of so many GiB instead of 4
 *
 * It starts a system of its own, speaks to it over the loopback alone, and takes it down again. Linux only: a process's CPU time and
 * memory are read from /proc.
 */
import { parseArgs } from "node:util";
import { measureGateway } from "./api/gateway.ts";
import { measurePurchases } from "./api/purchases.ts";
import type { Row } from "./api/row.ts";
import { openStage, type Stage } from "./api/stage.ts";
import { measureStreaming } from "./api/streaming.ts";
import { measureTokens } from "./api/tokens.ts";

const GIB = 1024 ** 3;

const measurements: Readonly<Record<string, (stage: Stage) => Promise<Row[]>>> = {
  tokens: measureTokens,
  gateway: measureGateway,
  purchases: measurePurchases,
  streaming: measureStreaming, // last: it starts the gateway anew
};

const { values } = parseArgs({
  options: {
    only: { type: "string", default: Object.keys(measurements).join(",") },
    large: { type: "string", default: "4" },
  },
});
const chosen = values.only.split(",");
const unknown = chosen.filter((name) => !(name in measurements));
const size = Number(values.large) * GIB;
if (unknown.length > 0 || !Number.isInteger(size) || size <= 0) {
  console.error(`There are --only ${Object.keys(measurements).join(",")} and --large <GiB>.`);
  process.exit(2);
}

const say = (line: string) => console.error(line);
const quit = new AbortController();
let stage: Stage | undefined;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    quit.abort(); // what is still starting cleans up after itself
    if (stage) void stage.close().finally(() => process.exit(130));
  });
}
try {
  stage = await openStage({ largeBytes: size, say, signal: quit.signal });
  for (const [name, measure] of Object.entries(measurements)) {
    if (!chosen.includes(name)) continue;
    say(`measuring ${name} …`);
    for (const row of await measure(stage)) {
      console.log(JSON.stringify(row));
      if (!row.ok) process.exitCode = 1;
    }
  }
} finally {
  await stage?.close();
}
