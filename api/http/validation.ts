/** Input that does not fit its schema, as one of the exchange's errors with a JSON pointer (RFC 6901) to each fault. */
import type { z } from "zod";
import { type ErrorCode, ExchangeError } from "../../sdk/errors.ts";

export type Fault = { pointer: string; message: string };

type Result = { success: true } | { success: false; error: z.core.$ZodError };

/**
 * A hook for `app.openapi`. `code` is the error for any fault, or chosen by the faults.
 *
 * @example
 * app.openapi(route, handler, refuse("INVALID_EOA"));
 */
export function refuse(
  code: ErrorCode | ((faults: readonly Fault[]) => ErrorCode),
): (result: Result) => undefined {
  return (result) => {
    if (result.success) return undefined;
    const faults = result.error.issues.flatMap(faultsOf);
    const [first] = faults;
    throw new ExchangeError(
      typeof code === "function" ? code(faults) : code,
      `The request has ${faults.length} fault(s): ${first?.pointer || "/"} ${first?.message}.`,
      { hint: "Mend each place in details.faults and send it again.", details: { faults } },
    );
  };
}

/** One for each member that the schema does not know. */
function faultsOf(issue: z.core.$ZodIssue): Fault[] {
  const { path, message } = issue;
  if (issue.code !== "unrecognized_keys") return [{ pointer: toPointer(path), message }];
  return issue.keys.map((key) => ({ pointer: toPointer([...path, key]), message: "is not known here" }));
}

export function toPointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
