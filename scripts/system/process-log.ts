/** What a process writes, in a file of its own: it is complete even when the launcher was killed. */
import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readSync, renameSync } from "node:fs";
import { dirname } from "node:path";
import { stripVTControlCharacters } from "node:util";

const LAST_WORDS_LINES = 8;
const LAST_WORDS_BYTES = 8_000;
const LAST_WORDS_LENGTH = 1_000;

/** Opens the file for a process to write to; the caller closes its own end. A new run keeps the log of the one before as `.1`. */
export function openLog(file: string, { append }: { append: boolean }): number {
  mkdirSync(dirname(file), { recursive: true });
  if (!append && existsSync(file)) renameSync(file, `${file}.1`);
  return openSync(file, "a");
}

/** The last lines that say something, on one line. Stack frames and what Node prints around them say nothing to a user. */
export function lastWordsIn(file: string): string {
  const lines = stripVTControlCharacters(readTail(file, LAST_WORDS_BYTES)).split(/[\r\n]+/);
  const words = lines
    .map((line) => line.trim())
    .filter((line) => !/^(at .*|[\^{}[\]()]*|Node\.js v.*)$/.test(line));
  return words.slice(-LAST_WORDS_LINES).join(" | ").slice(-LAST_WORDS_LENGTH) || "nothing";
}

/** The last `bytes` of a log; empty when there is none. */
export function readTail(file: string, bytes: number): string {
  if (!existsSync(file)) return "";
  const log = openSync(file, "r");
  try {
    const { size } = fstatSync(log);
    const tail = Buffer.alloc(Math.min(size, bytes));
    readSync(log, tail, 0, tail.length, size - tail.length);
    return tail.toString("utf8");
  } finally {
    closeSync(log);
  }
}
