import { expect } from "chai";
import { ExchangeError } from "../../../sdk/errors.ts";

/** The error that the call ends with. */
export async function failure(call: Promise<unknown>): Promise<ExchangeError> {
  const error = await call.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).to.be.instanceOf(ExchangeError);
  return error as ExchangeError;
}
