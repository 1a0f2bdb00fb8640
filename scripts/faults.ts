/**
 * `npm run faults`: 300 purchases whose API process is killed (SIGKILL) at a random moment: before or after a message to the chain or to Postgres.
 *
 *   npm run faults                       … about 25 minutes; the seed is new every time and stands in the test's title
 *   FAULT_SEED=7 FAULT_KILLS=50 npm run faults
 */
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { join } from "node:path";
import { repoRoot } from "./system/repo.ts";

const effort = { FAULT_KILLS: "300", FAULT_SEED: String(randomInt(2 ** 31)) };
const { status } = spawnSync(
  process.execPath,
  [join(repoRoot, "scripts/test.ts"), "test/faults", ...process.argv.slice(2)],
  { cwd: repoRoot, env: { ...effort, ...process.env }, stdio: "inherit" },
);
process.exitCode = status ?? 1;
