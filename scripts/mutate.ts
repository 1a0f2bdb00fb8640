/**
 * `npm run mutate`: seeds faults into the contracts, one at a time, and reports which the tests notice.
 *
 *   npm run mutate                          … 240 faults; prints a JSON line for each, writes docs/MUTATION.md, exits 1 below 90 %
 *   npm run mutate -- --only Exchange       … those of contracts with this name
 *   npm run mutate -- --count 400 --seed 7  … more, and others
 *   npm run mutate -- --shard 1/2           … every second one, in a copy of its own; the shards' results are reported together
 *   npm run mutate -- --from 100 --limit 40 … a part of them
 *   npm run mutate -- --unit                … without the property tests, which take most of the time of a survivor
 *   npm run mutate -- --survivors           … those that no test noticed so far, once more
 *
 * Works in a copy in the system's folder for temporary files. A run that was cut off goes on where it was; a result counts until its contract or
 * the tests nearest to it change. In the background: `nice -n 19 npm run mutate`.
 */
import { createHash } from "node:crypto";
import { globSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { applyPatches, type Compiler, createCompiler } from "./mutate/compiler.ts";
import { mutationsOf } from "./mutate/mutations.ts";
import { allResults, percent, scoresOf, writeReport } from "./mutate/report.ts";
import { appendResult, type Fate, type Result, readResults, resultsFile } from "./mutate/results.ts";
import { createScratch, type Scratch } from "./mutate/scratch.ts";
import { type Mutant, selectMutants, squeeze } from "./mutate/select.ts";
import { nearestTests } from "./mutate/tests.ts";
import { repoRoot } from "./system/repo.ts";

const GOAL = 0.9;

const { values: flags } = parseArgs({
  options: {
    count: { type: "string", default: "240" },
    seed: { type: "string", default: "1" },
    from: { type: "string", default: "0" },
    limit: { type: "string", default: "100000" },
    shard: { type: "string", default: "1/1" },
    only: { type: "string" },
    unit: { type: "boolean", default: false },
    survivors: { type: "boolean", default: false },
  },
});
const [shard = 1, shards = 1] = flags.shard.split("/").map(Number);

/** Changes with every source and every test, or with those that this pattern names. */
function stateOf(patterns: readonly string[] = ["contracts/**/*.sol", "test/contracts/**/*"]): string {
  const hash = createHash("sha256");
  for (const file of globSync([...patterns], { cwd: repoRoot }).toSorted()) {
    if (/\.(sol|ts)$/.test(file)) hash.update(file).update(readFileSync(join(repoRoot, file)));
  }
  return hash.digest("hex").slice(0, 16);
}

/** Of a contract and the tests that are nearest to it: a result holds until these change. */
const stateOfFile = (file: string) => stateOf([file, ...nearestTests(repoRoot, basename(file, ".sol"))]);

function chosenMutants(compiler: Compiler): Mutant[] {
  const candidates = new Map(
    compiler.files.toSorted().map((file) => {
      const source = compiler.source(file);
      return [file, { source, mutations: mutationsOf(compiler.ast(file), source) }] as const;
    }),
  );
  const all = selectMutants(candidates, { count: Number(flags.count), seed: Number(flags.seed) });
  const survivors = new Set(
    allResults()
      .filter(({ fate }) => fate === "survived")
      .map(({ key }) => key),
  );
  return all
    .filter(({ key }) => !flags.survivors || survivors.has(key))
    .filter(({ index }) => index % shards === shard - 1 && index >= Number(flags.from))
    .filter(({ file }) => !flags.only || basename(file, ".sol") === flags.only)
    .slice(0, Number(flags.limit));
}

/** Seeds one fault, tests, and takes it out again. */
async function meet(
  { scratch, compiler, seen }: { scratch: Scratch; compiler: Compiler; seen: Set<string> },
  mutant: Mutant,
): Promise<{ fate: Fate; by?: string | undefined }> {
  const { file, start, end, replacement } = mutant;
  const source = compiler.source(file);
  const faulty = Buffer.concat([source.subarray(0, start), Buffer.from(replacement), source.subarray(end)]);
  const compiled = compiler.compile(file, faulty.toString("utf8"));
  if (!compiled) return { fate: "does not compile" };
  if (seen.has(compiled.hash)) return { fate: "same code" };
  seen.add(compiled.hash);
  const restore = applyPatches(compiled.patches);
  try {
    const unit = await scratch.unitTests(basename(file, ".sol"));
    if (!unit.ran) throw new Error(`The unit tests did not run for ${mutant.key}.`);
    if (!unit.ok) return { fate: "killed", by: unit.by };
  } finally {
    restore();
  }
  if (flags.unit) return { fate: "survived" };
  const place = join(scratch.dir, file);
  writeFileSync(place, faulty);
  try {
    const property = await scratch.propertyTests();
    return property.ok ? { fate: "survived" } : { fate: "killed", by: property.by ?? "a property test" };
  } finally {
    writeFileSync(place, source);
  }
}

async function main(): Promise<void> {
  const scratch = createScratch(`${shard}-of-${shards}`);
  const started = performance.now();
  const since = () => ((performance.now() - started) / 1000).toFixed(0);
  const state = stateOf();
  scratch.build(state);
  const compiler = createCompiler(scratch.dir);
  console.error(`copy of the repository built in ${since()} s: ${scratch.dir}`);
  const sound = await scratch.measure();
  if (!sound.ok) throw new Error(`The tests fail without any fault: ${sound.by ?? "they did not run"}.`);
  console.error(`unit tests pass without a fault, at ${since()} s`);

  const file = resultsFile(`${shard}-of-${shards}`);
  const states = new Map(compiler.files.map((name) => [name, stateOfFile(name)]));
  const done = new Set(readResults(file, states).map(({ key, line }) => `${key}@${line}`));
  const mutants = chosenMutants(compiler);
  const seen = new Set(
    compiler.files.map((name) => compiler.compile(name, compiler.source(name).toString("utf8"))?.hash ?? ""),
  );
  for (const mutant of mutants) {
    if (done.has(`${mutant.key}@${mutant.line}`)) continue;
    const begun = performance.now();
    const { fate, by } = await meet({ scratch, compiler, seen }, mutant);
    const { key, line, where, operator } = mutant;
    const seconds = Math.round((performance.now() - begun) / 100) / 10;
    const texts = { before: squeeze(mutant.before), after: squeeze(mutant.replacement) };
    const result: Result = {
      key,
      file: mutant.file,
      line,
      where,
      operator,
      ...texts,
      fate,
      by,
      seconds,
      state: states.get(mutant.file) ?? "",
    };
    appendResult(file, result);
    console.log(JSON.stringify({ index: mutant.index, ...result, state: undefined }));
  }
  finish();
}

function finish(): void {
  const results = allResults();
  for (const score of scoresOf(results)) console.log(JSON.stringify({ ...score, score: percent(score) }));
  const total = writeReport(results);
  console.log(`${total.killed} killed, ${total.survived} survived: ${percent(total)}`);
  if (total.killed < GOAL * (total.killed + total.survived)) process.exitCode = 1;
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
