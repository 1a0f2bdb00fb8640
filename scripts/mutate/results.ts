/** What became of each fault: one JSON line each, so that a run can be cut off and taken up again. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { repoRoot } from "../system/repo.ts";

export type Fate =
  /** A test failed. */
  | "killed"
  /** All tests passed. */
  | "survived"
  /** The compiler made the same code of it, or that of another fault. */
  | "same code"
  /** No program. */
  | "does not compile";

export type Result = {
  key: string;
  file: string;
  line: number;
  where: string;
  operator: string;
  before: string;
  after: string;
  fate: Fate;
  by?: string | undefined;
  seconds: number;
  /** Of the sources and tests' state: results of another state are no results. */
  state: string;
};

export function resultsFile(name: string): string {
  return join(repoRoot, `.data/mutation/${name}.jsonl`);
}

/** The results of this state so far; those of another are dropped with the file. */
export function readResults(file: string, state: string): Result[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
  const results = lines.map((line) => JSON.parse(line) as Result);
  if (results.every((result) => result.state === state)) return results;
  rmSync(file);
  return [];
}

export function appendResult(file: string, result: Result): void {
  mkdirSync(dirname(file), { recursive: true });
  appendFileSync(file, `${JSON.stringify(result)}\n`);
}
