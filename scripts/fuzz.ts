/**
 * `npm run fuzz`: the property tests at full effort: 10,000 runs × 200 calls of every invariant, 100,000 cases of every property.
 *
 *   npm run fuzz                                       … takes hours; the seed is new every time and is printed first
 *   FUZZ_SEED=0x… npm run fuzz                         … the same again
 *   npm run fuzz -- test/contracts/Invariants.t.sol    … these files
 *   INVARIANT_RUNS=1000 INVARIANT_DEPTH=100 npm run fuzz
 */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { hardhatCli } from "./system/copy.ts";
import { repoRoot } from "./system/repo.ts";

const effort = {
  FUZZ_RUNS: "100000",
  INVARIANT_RUNS: "10000",
  INVARIANT_DEPTH: "200",
  FUZZ_SEED: `0x${randomBytes(16).toString("hex")}`,
};
const env = { ...effort, ...process.env };
console.log(
  Object.keys(effort)
    .map((name) => `${name}=${env[name as keyof typeof effort]}`)
    .join(" "),
);
const { status } = spawnSync(process.execPath, [hardhatCli, "test", "solidity", ...process.argv.slice(2)], {
  ...{ cwd: repoRoot, env, stdio: "inherit" },
});
process.exitCode = status ?? 1;
