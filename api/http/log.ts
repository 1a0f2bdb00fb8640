/** The API's log. Bodies, headers and query strings stay out of it: they carry signatures, tokens and keys. */
import { createLog, type Log, type LogOptions } from "../../ops/log.ts";

let current: Log = createLog();

/** From now on lines are written like this. Called once, by the process. */
export function setUpLog(options: LogOptions): void {
  current = createLog(options);
}

export const log: Log = (level, event, fields) => current(level, event, fields);

/** An error as fields: its chain of names and first lines, and where it was thrown. */
export function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: String(error).slice(0, 500) };
  const causes: string[] = [];
  for (let e: unknown = error; e instanceof Error && causes.length < 5; e = e.cause) {
    causes.push(`${e.name}: ${e.message.split("\n")[0]?.slice(0, 300)}`);
  }
  return {
    error: causes,
    at: error.stack
      ?.split("\n")
      .slice(1, 6)
      .map((line) => line.trim()),
  };
}
