import { ExchangeError } from "../../sdk/errors.ts";

/** Something on this machine keeps the system from starting. Message and hint together make the one line that a person gets to see. */
export class LaunchError extends ExchangeError {
  override readonly name = "LaunchError";
  constructor(
    message: string,
    options: { hint?: string; details?: Record<string, unknown>; cause?: unknown },
  ) {
    super("SERVICE_UNAVAILABLE", message, options);
  }
}

/** The one line for an expected failure; the stack for a fault of ours. */
export function explain(error: unknown): string {
  if (error instanceof ExchangeError) return [error.message, error.hint].filter(Boolean).join(" ");
  if (error instanceof Error) return error.stack ?? error.message;
  return String(error);
}

/** First line of what went wrong, for use inside a longer sentence. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? error.cause : undefined;
  const text = cause && /^fetch failed$/.test(error.message) ? reasonOf(cause) : error.message;
  return (text.split("\n")[0] ?? "").replace(/[.\s]+$/, "") || error.name;
}
