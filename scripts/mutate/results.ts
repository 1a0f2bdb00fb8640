/** What became of each fault: one JSON line each, so that a run can be cut off and taken up again. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
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
  /** Of the contract and its nearest tests: a result of another state is none. */
  state: string;
};

export function resultsFile(name: string): string {
  return join(repoRoot, `.data/mutation/${name}.jsonl`);
}

/** The results so far that still count; the others are dropped from the file. */
export function readResults(file: string, states: ReadonlyMap<string, string>): Result[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
  const results = lines.map((line) => JSON.parse(line) as Result);
  const good = results.filter((result) => states.get(result.file) === result.state);
  if (good.length < results.length) {
    writeFileSync(file, good.map((result) => `${JSON.stringify(result)}\n`).join(""));
  }
  return good;
}

export function appendResult(file: string, result: Result): void {
  mkdirSync(dirname(file), { recursive: true });
  appendFileSync(file, `${JSON.stringify(result)}\n`);
}
