/**
 * `npm run coverage`: which lines of the contracts the tests run, per contract; ends with 1 below 98 % of all.
 *
 * Works in a copy, because an instrumented build takes the place of the real one.
 */
import { spawnSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { copyRepository, hardhatCli } from "./system/copy.ts";

const GOAL = 98;
/** A few runs of each property reach the lines that they reach. */
const EFFORT = { FUZZ_RUNS: "32", INVARIANT_RUNS: "8", INVARIANT_DEPTH: "64" };
/** They compare gas, and code with that of the build: instrumented code has other. */
const NOT_COVERED_BY = /gas\.test\.ts$/;

/** Hits by line by file. */
type Lines = Map<string, Map<number, number>>;

const dir = copyRepository("moa-coverage");
const lines: Lines = new Map();
for (const [task, pattern] of [
  ["mocha", "test/{contracts,deploy}/*.test.ts"],
  ["solidity", "test/contracts/*.t.sol"],
] as const) {
  const files = globSync(join(dir, pattern)).filter((file) => !NOT_COVERED_BY.test(file));
  const args = [
    hardhatCli,
    "--coverage",
    "test",
    task,
    ...files.map((file) => relative(dir, file)).toSorted(),
  ];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    ...{ cwd: dir, encoding: "utf8", env: { ...process.env, ...EFFORT }, maxBuffer: 2 ** 28 },
  });
  const report = join(dir, "coverage/lcov.info");
  if (status !== 0 || !existsSync(report)) {
    console.error(`${stdout}${stderr}\nThe ${task} tests fail: there is no coverage.`);
    process.exit(1);
  }
  collect(readFileSync(report, "utf8"));
}
report();

/** Adds a report in lcov's format. */
function collect(lcov: string): void {
  let hits = new Map<number, number>();
  for (const row of lcov.split("\n")) {
    const [, file] = /^SF:(.*)/.exec(row) ?? [];
    if (file) {
      hits = lines.get(file) ?? new Map<number, number>();
      lines.set(file, hits);
    }
    const [, line, count] = /^DA:(\d+),(\d+)/.exec(row) ?? [];
    if (line) hits.set(Number(line), (hits.get(Number(line)) ?? 0) + Number(count));
  }
}

function report(): void {
  const percent = (part: number, whole: number) => (whole === 0 ? 100 : (100 * part) / whole);
  let [allCovered, all] = [0, 0];
  for (const [file, hits] of [...lines].toSorted()) {
    if (/^contracts\/(mocks|interfaces)\//.test(file) || !file.startsWith("contracts/")) continue;
    const missed = [...hits].filter(([, count]) => count === 0).map(([line]) => line);
    const covered = hits.size - missed.length;
    allCovered += covered;
    all += hits.size;
    const note = missed.length === 0 ? "" : `  not: ${missed.toSorted((a, b) => a - b).join(", ")}`;
    console.log(
      `${percent(covered, hits.size).toFixed(1).padStart(5)} %  ${file} (${covered}/${hits.size})${note}`,
    );
  }
  const total = percent(allCovered, all);
  console.log(`${total.toFixed(2)} % of ${all} lines; the goal is ${GOAL} %`);
  if (all === 0 || total < GOAL) process.exitCode = 1;
}
