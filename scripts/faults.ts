/**
 * `npm run faults`: processes that are killed (SIGKILL) 300 times at a random moment, before or after a message to the chain, to Postgres, to
 * the card provider or to a client: 240 APIs over all rails, 60 gateways. Before that at every marked point, and on bad ways to the chain.
 *
 *   npm run faults                       … an hour or so; the seed is new every time and stands in the test's title
 *   FAULT_SEED=7 FAULT_KILLS=50 npm run faults
 */
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { repoRoot } from "./system/repo.ts";

const effort = {
  ...{ FAULT_KILLS: "240", FAULT_GATEWAY_KILLS: "60", FAULT_POINTS: "all" },
  FAULT_SEED: String(randomInt(2 ** 31)),
};
const wanted = process.argv.slice(2);
const { status } = spawnSync(
  process.execPath,
  [join(repoRoot, "scripts/test.ts"), ...(wanted.length > 0 ? wanted : ["test/faults"])],
  { cwd: repoRoot, env: { ...effort, ...process.env }, stdio: "inherit" },
);
process.exitCode = status ?? 1;
