/** The gateway's log: see `ops/log.ts`. */
import * as process from "../ops/log.ts";

export type { Level, Log } from "../ops/log.ts";

export function createLog(
  write?: (line: string) => void,
  options: Omit<process.LogOptions, "write"> = {},
): process.Log {
  return process.createLog({ ...options, ...(write && { write }) });
}
