/** Requests as every process of ours measures them. Labels are of a bounded set, whatever clients send. */
import { counter, secondsHistogram } from "./metrics.ts";

const durations = secondsHistogram(
  "moa_http_request_duration_seconds",
  "Time until a request was answered, by operation and class of status",
  ["operation", "status"],
);
const errors = counter("moa_http_errors_total", "Answers that were errors, by code", ["code"]);

export function observeDuration(operation: string, status: number, milliseconds: number): void {
  durations.observe({ operation, status: `${Math.floor(status / 100)}xx` }, milliseconds / 1_000);
}

export function observeError(code: string): void {
  errors.inc({ code });
}
