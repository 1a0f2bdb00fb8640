import { expect } from "chai";

/** The error with which the promise rejects; fails when it resolves, or rejects with something else than `type`. */
export async function rejectionOf<E extends Error>(
  promise: Promise<unknown>,
  type: new (...args: never[]) => E,
): Promise<E> {
  const outcome = await promise.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  expect(outcome, "it resolved").to.have.property("error");
  const { error } = outcome as { error: unknown };
  if (!(error instanceof type)) throw error;
  return error;
}
