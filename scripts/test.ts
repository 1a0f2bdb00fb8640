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

/** Hardhat's name of the task. */
type Task = "solidity" | "mocha";
/** What is run by one process. */
type Job = { name: string; task: Task; files: readonly string[]; env?: Record<string, string> };
type Tally = { passed: number; failed: number };

/** What a task's test files end with. */
const suffixes: Record<Task, string> = { solidity: ".sol", mocha: ".test.ts" };
/** The protocol's invariants, all asked in one run, which therefore gets more effort than the rest. */
const LAWS = join(repoRoot, "test/contracts/Invariants.t.sol");
const lawsEffort = { INVARIANT_RUNS: "1000", INVARIANT_DEPTH: "100" };
/** Which folders of mocha's tests share a process, and so a running system; whatever is in no other is in the last. */
const shares = [
  ["test/api", "test/e2e"],
  ["test/indexer"],
  ["test/audit"],
  ["test/contracts", "test/deploy"],
  ["test"],
];
/** Jobs at a time: most of them keep one core busy, and a little more. */
const LANES = 2;
const hardhat = join(repoRoot, "node_modules/hardhat/dist/src/cli.js");
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Everything, two jobs at a time, on a build that is made first. What a job says is printed in one piece. */
async function runAll(): Promise<Tally> {
  const built = await spawnHardhat(["build"], {}, (chunk) => process.stdout.write(chunk));
  if (built !== 0) {
    throw new LaunchError("The contracts or their tests do not build.", {
      hint: "See above; mend it and try again.",
    });
  }
  const waiting = allJobs();
  const tallies: Tally[] = [];
  const lane = async () => {
    for (let job = waiting.shift(); job; job = waiting.shift()) {
      console.log(`… ${job.name} (${job.files.length} files)`);
      const said: Buffer[] = [];
      tallies.push(await run(job, ["--no-compile"], (chunk) => said.push(chunk)));
      process.stdout.write(Buffer.concat([Buffer.from(`\n${job.name}:\n`), ...said]));
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return sum(tallies);
}

function allJobs(): Job[] {
  const solidity = testFilesIn(join(repoRoot, "test/contracts"), suffixes.solidity);
  const mocha = new Set(testFilesIn(join(repoRoot, "test"), suffixes.mocha));
  // The last share takes what no other took.
  const mochaJobs = shares.map((folders): Job => {
    const files = [...mocha].filter((file) => folders.some((f) => file.startsWith(`${join(repoRoot, f)}/`)));
    for (const file of files) mocha.delete(file);
    return { name: folders.join(", "), task: "mocha", files };
  });
  const laws: Job = { name: "invariants", task: "solidity", files: [LAWS], env: lawsEffort };
  const properties: Job = {
    ...{ name: "properties", task: "solidity" },
    files: solidity.filter((file) => file !== LAWS),
  };
  // The longest are begun first: the one with most of the systems to start, and the one with everything else.
  const [systems, indexer, audits, contracts, rest] = mochaJobs as [Job, Job, Job, Job, Job];
  return [systems, rest, laws, indexer, audits, contracts, properties];
}

/** These files, one task after the other, said as it comes. */
async function runSome(wanted: readonly string[]): Promise<Tally> {
  const chosen = wanted.flatMap(expand);
  const tallies: Tally[] = [];
  for (const task of ["solidity", "mocha"] as const) {
    const files = chosen.filter((file) => file.endsWith(suffixes[task]));
    const laws = files.filter((file) => file === LAWS);
    const rest = files.filter((file) => file !== LAWS);
    const jobs: Job[] = [
      { name: task, task, files: rest },
      { name: "invariants", task, files: laws, env: lawsEffort },
    ];
    for (const job of jobs) {
      // The contracts are built; only Solidity's tests have something more to compile.
      const flags = task === "mocha" ? ["--no-compile"] : [];
      if (job.files.length > 0) tallies.push(await run(job, flags, (chunk) => process.stdout.write(chunk)));
    }
  }
  return sum(tallies);
}

const sum = (tallies: readonly Tally[]): Tally => ({
  passed: tallies.reduce((total, { passed }) => total + passed, 0),
  failed: tallies.reduce((total, { failed }) => total + failed, 0),
});

/** A file, or all test files of a folder. Throws a {@link LaunchError} when there are none: a mistyped name must not pass. */
function expand(path: string): string[] {
  const full = resolve(path);
  const isDirectory = statSync(full, { throwIfNoEntry: false })?.isDirectory();
  const found = Object.values(suffixes).flatMap((suffix) =>
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

/** Counts what the runner says it did. One that ended badly or ran nothing has failed, whatever it says. */
async function run(
  { task, files, env = {} }: Job,
  flags: readonly string[],
  print: (chunk: Buffer) => void,
): Promise<Tally> {
  let output = "";
  const code = await spawnHardhat(["test", task, ...flags, ...files], env, (chunk) => {
    print(chunk);
    output += chunk.toString("utf8");
  });
  return tally({ task, output, code });
}

/** Runs Hardhat to its end and answers its exit code. Its standard error goes straight to ours. */
async function spawnHardhat(
  args: readonly string[],
  effort: Record<string, string>,
  onOutput: (chunk: Buffer) => void,
): Promise<number | null> {
  const child = spawn(process.execPath, [hardhat, ...args], {
    cwd: repoRoot,
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...effort, ...process.env, ...(process.stdout.isTTY ? { FORCE_COLOR: "1" } : {}) },
  });
  const forward = (signal: NodeJS.Signals) => child.kill(signal);
  for (const signal of signals) process.on(signal, forward);
  child.stdout.on("data", onOutput);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  for (const signal of signals) process.off(signal, forward);
  return code;
}

function tally({ task, output, code }: { task: Task; output: string; code: number | null }): Tally {
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
  const wanted = process.argv.slice(2);
  const { passed, failed } = wanted.length === 0 ? await runAll() : await runSome(wanted);
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 && passed > 0 ? 0 : 1;
} catch (error) {
  console.error(explain(error));
  process.exitCode = 1;
}
