/** One JSON object per line on standard output: what happened, in which request, without secrets. */
import { AsyncLocalStorage } from "node:async_hooks";
import { createRedact } from "./redact.ts";

/** From the least to the most important. */
export const levels = ["debug", "info", "warn", "error"] as const;
export type Level = (typeof levels)[number];
/** `event` names what happened; what it happened to stands in `fields`. */
export type Log = (level: Level, event: string, fields?: Record<string, unknown>) => void;

export type LogOptions = {
  /** The least important level that is written; `info` when left out. */
  level?: Level;
  /** Values that must never be written: keys, passwords. */
  secrets?: readonly string[];
  write?: (line: string) => void;
};

const around = new AsyncLocalStorage<Record<string, unknown>>();

/** Every line that is written during `work`, however deep in it, carries these fields. */
export function withLogFields<T>(fields: Record<string, unknown>, work: () => T): T {
  return around.run({ ...around.getStore(), ...fields }, work);
}

export function createLog({ level: least = "info", secrets = [], write = toStdout }: LogOptions = {}): Log {
  const redact = createRedact(secrets);
  const from = levels.indexOf(least);
  return (level, event, fields = {}) => {
    if (levels.indexOf(level) < from) return;
    const line = { time: new Date().toISOString(), level, event, ...around.getStore(), ...fields };
    write(`${stringify(line, redact.replacer)}\n`);
  };
}

function toStdout(line: string): void {
  process.stdout.write(line);
}

type Replacer = (this: unknown, key: string, value: unknown) => unknown;

/** A log must not be the reason for a failure: what can't be written is said to be so. */
function stringify(line: Record<string, unknown>, replacer: Replacer): string {
  try {
    return JSON.stringify(line, replacer);
  } catch (error) {
    const { time, level, event, request_id } = line;
    return JSON.stringify({ time, level, event, request_id, unwritable: String(error) }, replacer);
  }
}
