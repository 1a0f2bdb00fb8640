/** Typed errors: each with a stable code, a message that names the value, and a hint. */
import { expect } from "chai";
import {
  CapabilityExpiredError,
  CapabilityInvalidError,
  ExchangeError,
  errorCodes,
  HashMismatchError,
  InvalidIdError,
  ManifestInvalidError,
} from "../../sdk/errors.ts";

describe("errors", () => {
  it("read as they always have", () => {
    const errors: ExchangeError[] = [
      new InvalidIdError({ id: "nope", expected: "ek_31337_1" }),
      new CapabilityExpiredError({ expiredAt: new Date(0) }),
      new CapabilityInvalidError({ reason: "signature verification failed" }),
      new HashMismatchError({ item: "a.csv", expected: "aa", actual: "bb" }),
      new ManifestInvalidError({ faults: [{ pointer: "/items", message: "too few" }] }),
    ];
    expect(
      errors.map(({ name, code, status, message, details }) => ({ name, code, status, message, details })),
    ).to.deep.equal([
      {
        name: "InvalidIdError",
        code: "INVALID_REQUEST",
        status: 400,
        message: '"nope" is not an id like ek_31337_1.',
        details: { id: "nope", expected: "ek_31337_1" },
      },
      {
        name: "CapabilityExpiredError",
        code: "TOKEN_EXPIRED",
        status: 401,
        message: "Capability token expired at 1970-01-01T00:00:00.000Z.",
        details: { expired_at: "1970-01-01T00:00:00.000Z" },
      },
      {
        name: "CapabilityInvalidError",
        code: "INVALID_SIGNATURE",
        status: 401,
        message: "Capability token refused: signature verification failed.",
        details: { reason: "signature verification failed" },
      },
      {
        name: "HashMismatchError",
        code: "HASH_MISMATCH",
        status: 502,
        message: '"a.csv" hashes to bb, the manifest says aa.',
        details: { item: "a.csv", expected: "aa", actual: "bb" },
      },
      {
        name: "ManifestInvalidError",
        code: "MANIFEST_INVALID",
        status: 400,
        message: "The content manifest has 1 fault(s): /items too few.",
        details: { faults: [{ pointer: "/items", message: "too few" }] },
      },
    ]);
    for (const error of errors) {
      expect(error).to.be.instanceOf(ExchangeError).and.instanceOf(Error);
      expect(error.hint).to.be.a("string").that.is.not.empty;
    }
  });

  it("keep cause, status and request id", () => {
    const cause = new Error("socket hang up");
    const error = new ExchangeError("SERVICE_UNAVAILABLE", "down", {
      cause,
      status: 502,
      requestId: "req-1",
    });
    expect(error).to.include({ cause, status: 502, requestId: "req-1", hint: undefined });
    expect(error.details).to.deep.equal({});
  });

  it("have an HTTP status for every code", () => {
    for (const [code, status] of Object.entries(errorCodes)) expect(status, code).to.be.within(200, 599);
  });
});
