/**
 * `npm test`: everything that is tested, and one last line with what the runners reported.
 *
 *   npm test                            … all
 *   npm test -- test/sdk test/a.test.ts … these files, or all in these folders
 */
import { spawn } from "node:child_process";
import { existsSync, globSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { explain, LaunchError } from "./system/launch-error.ts";
import { repoRoot } from "./system/repo.ts";

type Runner = {
  /** Hardhat's name of the task. */
  task: "solidity" | "mocha";
  dir: string;
  /** What its test files end with. */
  suffix: string;
};
type Tally = { passed: number; failed: number };

const runners: readonly Runner[] = [
  { task: "solidity", dir: "test/contracts", suffix: ".sol" },
  { task: "mocha", dir: "test", suffix: ".test.ts" },
];
/** The protocol's invariants, all asked in one run, which therefore gets more effort than the rest. */
const LAWS = join(repoRoot, "test/contracts/Invariants.t.sol");
const lawsEffort = { INVARIANT_RUNS: "1000", INVARIANT_DEPTH: "100" };
const hardhat = join(repoRoot, "node_modules/hardhat/dist/src/cli.js");
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

async function runAll(wanted: readonly string[]): Promise<Tally> {
  const chosen = wanted.length === 0 ? undefined : wanted.flatMap(expand);
  const total: Tally = { passed: 0, failed: 0 };
  for (const { task, dir, suffix } of runners) {
    const files = chosen?.filter((file) => file.endsWith(suffix)) ?? testFilesIn(join(repoRoot, dir), suffix);
    const batches = [
      { files: files.filter((file) => file !== LAWS), env: {} },
      { files: files.filter((file) => file === LAWS), env: lawsEffort },
    ];
    for (const batch of batches) {
      if (batch.files.length === 0) continue;
      const { passed, failed } = await run(task, batch.files, batch.env);
      total.passed += passed;
      total.failed += failed;
    }
  }
  return total;
}

/** A file, or all test files of a folder. Throws a {@link LaunchError} when there are none: a mistyped name must not pass. */
function expand(path: string): string[] {
  const full = resolve(path);
  const isDirectory = statSync(full, { throwIfNoEntry: false })?.isDirectory();
  const found = runners.flatMap(({ suffix }) =>
    isDirectory ? testFilesIn(full, suffix) : existsSync(full) && full.endsWith(suffix) ? [full] : [],
  );
  if (found.length > 0) return found;
  throw new LaunchError(`No tests at "${path}".`, {
    hint: "Name files *.test.ts below test/, files *.sol below test/contracts/, or folders that hold some.",
  });
}

function testFilesIn(dir: string, suffix: string): string[] {
  return globSync(join(dir, "**", `*${suffix}`)).toSorted();
}

/** Streams what the runner prints and counts what it says it did. One that ended badly or ran nothing has failed, whatever it says. */
async function run(
  task: Runner["task"],
  files: readonly string[],
  effort: Record<string, string>,
): Promise<Tally> {
  const child = spawn(process.execPath, [hardhat, "test", task, ...files], {
    cwd: repoRoot,
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...effort, ...process.env, ...(process.stdout.isTTY ? { FORCE_COLOR: "1" } : {}) },
  });
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  for (const signal of signals) process.on(signal, forward);
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    process.stdout.write(chunk);
    output += chunk.toString("utf8");
  });
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  for (const signal of signals) process.off(signal, forward);
  return tally({ task, output, code });
}

function tally({ task, output, code }: { task: string; output: string; code: number | null }): Tally {
  const text = stripVTControlCharacters(output);
  const passed = lastCount(text, "passing");
  const failed = lastCount(text, "failing") ?? 0;
  if (passed === undefined || passed + failed === 0) {
    console.error(`The ${task} runner ran no test (it ended with code ${code}): that counts as a failure.`);
    return { passed: 0, failed: 1 };
  }
  if (code !== 0 && failed === 0) {
    console.error(
      `The ${task} runner ended with code ${code}, though no test failed: that counts as a failure.`,
    );
    return { passed, failed: 1 };
  }
  return { passed, failed };
}

/** The number in the last line like "  12 passing (3s)". */
function lastCount(text: string, word: string): number | undefined {
  const last = [...text.matchAll(new RegExp(`^\\s*(\\d+) ${word}\\b`, "gm"))].at(-1);
  return last && Number(last[1]);
}

try {
  const { passed, failed } = await runAll(process.argv.slice(2));
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
} catch (error) {
  console.error(explain(error));
  process.exitCode = 1;
}
