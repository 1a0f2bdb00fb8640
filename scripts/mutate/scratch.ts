/** A copy of the repository in which faults are seeded: the sources proper are never touched. */
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, globSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { copyRepository, hardhatCli } from "../system/copy.ts";
import { testFilesFor } from "./tests.ts";

/** What a build leaves. */
const BUILT = ["artifacts", "cache"];
/** A mutant that loops for ever is killed after this many times what the tests take without a fault, and not before this many ms. */
const PATIENCE = 5;
const LEAST_PATIENCE_MS = 600_000;
/** Enough for a fault to show, few enough to be quick. */
const PROPERTY_RUNS = { FUZZ_RUNS: "64", INVARIANT_RUNS: "16", INVARIANT_DEPTH: "64" };

export type Outcome = { ok: boolean; ran: boolean; by?: string | undefined };

export type Scratch = ReturnType<typeof createScratch>;

/** Makes the copy. It is built without the optimizer, which takes the compiler a third of the time. */
export function createScratch(name: string) {
  const dir = copyRepository(`moa-mutate-${name}`);
  cpSync(join(dir, "hardhat.config.ts"), join(dir, "hardhat.base.ts"));
  writeFileSync(join(dir, "hardhat.config.ts"), CONFIG);
  let patience = LEAST_PATIENCE_MS;
  return {
    dir,
    /** Runs the unit tests without a fault, and learns how long they take. */
    async measure(): Promise<Outcome> {
      const started = performance.now();
      const outcome = await run(dir, unit(dir), { timeout: 6 * LEAST_PATIENCE_MS });
      patience = Math.max(LEAST_PATIENCE_MS, PATIENCE * (performance.now() - started));
      return outcome;
    },
    /** Builds it, unless that was done for the same sources before: a run that was cut off goes on at once. */
    build(state: string): void {
      const kept = join(dir, "kept", state);
      if (existsSync(kept)) {
        for (const folder of BUILT) cpSync(join(kept, folder), join(dir, folder), { recursive: true });
        return;
      }
      const { status, stdout, stderr } = spawnSync(process.execPath, [hardhatCli, "build"], {
        ...{ cwd: dir, encoding: "utf8" },
      });
      if (status !== 0) throw new Error(`The copy does not build:\n${stdout}${stderr}`);
      rmSync(join(dir, "kept"), { recursive: true, force: true });
      for (const folder of BUILT)
        cpSync(join(dir, folder), join(`${kept}.part`, folder), { recursive: true });
      renameSync(`${kept}.part`, kept);
    },
    /** The unit tests, those of this contract first; stops at the first that fails. */
    unitTests: (contract: string) => run(dir, unit(dir, contract), { timeout: patience }),
    /** The property tests, which are compiled with the sources as they stand in the copy. */
    async propertyTests(): Promise<Outcome> {
      const files = globSync(join(dir, "test/contracts/*.t.sol")).map((file) => relative(dir, file));
      return run(dir, [hardhatCli, "test", "solidity", ...files.toSorted()], {
        ...{ timeout: patience, env: PROPERTY_RUNS },
      });
    },
  };
}

const unit = (dir: string, contract?: string) => [
  ...[hardhatCli, "test", "mocha", "--no-compile"],
  ...testFilesFor(dir, contract),
];

/** Runs tests to their end, or to the first failure. */
function run(
  cwd: string,
  args: string[],
  { timeout, env = {} }: { timeout: number; env?: Record<string, string> },
): Promise<Outcome> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, args, {
      cwd,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...env, NO_COLOR: "1" },
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output += chunk.toString("utf8");
      });
    }
    const timer = setTimeout(() => child.kill("SIGKILL"), timeout);
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      const ran = signal !== null || /\d+ (passing|failing)/.test(output);
      resolve({ ok: code === 0, ran, by: signal ? "time" : firstFailure(output) });
    });
  });
}

/** The title of the first failing test, as mocha and the Solidity runner list them after the counts. */
function firstFailure(output: string): string | undefined {
  const list = output.slice(output.search(/\d+ failing/));
  const [, block] = /^\s*1\) ([\s\S]*?)\n\s*\n/m.exec(list) ?? [];
  const [, invariant] = /(?:✘|FAIL\w*)\s+(\S.*)/.exec(output) ?? [];
  const title = block
    ?.split("\n")
    .map((line) => line.trim())
    .filter((line) => !/^(at |Error|Assert)/.test(line));
  return title?.join(" ").replace(/:.*$/, "").slice(0, 120) ?? invariant?.slice(0, 120);
}

/** Unoptimized code is larger than a chain takes, and needs more gas. */
const CONFIG = `import { defineConfig } from "hardhat/config";
import base from "./hardhat.base.ts";

const { solidity, networks, test, ...rest } = base as any;
export default defineConfig({
  ...rest,
  solidity: { ...solidity, settings: { ...solidity.settings, optimizer: { enabled: false } } },
  networks: { ...networks, default: { type: "edr-simulated", allowUnlimitedContractSize: true } },
  test: { ...test, mocha: { ...test.mocha, bail: true } },
});
`;
