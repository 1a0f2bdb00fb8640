/** One JSON object per line on standard output. */

export type Level = "info" | "warn" | "error";
export type Log = (level: Level, event: string, fields?: Record<string, unknown>) => void;

/** Whatever looks like a JWS: a buyer may have put its token where no token belongs, and the log is not to keep it. */
const TOKEN = /eyJ[\w-]{8,}\.[\w-]*(\.[\w-]*)?/g;

export function createLog(write: (line: string) => void = (line) => process.stdout.write(line)): Log {
  return (level, event, fields = {}) => {
    const line = JSON.stringify({ time: new Date().toISOString(), level, event, ...fields }, readable);
    write(`${line.replace(TOKEN, "[token]")}\n`);
  };
}

/** Errors have no fields of their own that JSON would show. */
function readable(_key: string, value: unknown): unknown {
  if (!(value instanceof Error)) return typeof value === "bigint" ? value.toString() : value;
  const { name, message, cause, stack } = value;
  // An error with a code tells what happened; one without is nobody's plan, and has to be found.
  const more = "code" in value ? { code: value.code } : { stack };
  return { name, message, ...more, ...(cause ? { cause } : {}) };
}
