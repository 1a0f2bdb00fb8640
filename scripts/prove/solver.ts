/** Answers the compiler's questions: by the machine's z3 where there is one, else by z3 compiled to WebAssembly, from npm. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { installOwnPackages } from "../system/own-packages.ts";
import { repoRoot } from "../system/repo.ts";

/** What solc-js calls for every query, and waits for. */
export type SmtSolver = (query: string) => { contents: string } | { error: string };
export type Solver = { name: string; solve: SmtSolver; close(): Promise<unknown> };

const ANSWER_BYTES = 1 << 20;

export async function startSolver(timeoutMs: number): Promise<Solver> {
  const { status, stdout } = spawnSync("z3", ["--version"], { encoding: "utf8" });
  if (status === 0)
    return { name: stdout.trim(), solve: binarySolver(timeoutMs), close: async () => undefined };
  return wasmSolver(timeoutMs);
}

function binarySolver(timeoutMs: number): SmtSolver {
  return (query) => {
    const { stdout, error } = spawnSync("z3", ["-in"], {
      input: query,
      encoding: "utf8",
      timeout: 2 * timeoutMs,
    });
    return error ? { error: error.message } : { contents: stdout };
  };
}

/** z3 answers in a thread, for the compiler cannot await. */
async function wasmSolver(timeoutMs: number): Promise<Solver> {
  const folder = join(repoRoot, "scripts/prove/packages");
  installOwnPackages(folder);
  const state = new SharedArrayBuffer(8);
  const answer = new SharedArrayBuffer(ANSWER_BYTES);
  const worker = new Worker(new URL("./z3-worker.ts", import.meta.url), {
    workerData: { folder, state, answer },
  });
  await new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  const words = new Int32Array(state);
  const solve: SmtSolver = (query) => {
    Atomics.store(words, 0, 0);
    worker.postMessage(query);
    if (Atomics.wait(words, 0, 0, 3 * timeoutMs) === "timed-out") return { error: "no answer in time" };
    return { contents: Buffer.from(new Uint8Array(answer).slice(0, words[1])).toString("utf8") };
  };
  return { name: "z3-solver (WebAssembly)", solve, close: () => worker.terminate() };
}
