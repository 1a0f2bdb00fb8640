import { expect } from "chai";
import { portsOf, readEnv } from "../../scripts/system/env.ts";
import { LaunchError } from "../../scripts/system/launch-error.ts";

describe("launcher's environment", () => {
  it("has defaults for everything, also where a variable is empty", () => {
    const env = readEnv({ DATABASE_URL: "", API_PORT: "" });
    expect(env.DATABASE_URL).to.equal(undefined);
    expect(portsOf(env)).to.deep.equal({
      chain: 8545,
      postgres: 54329,
      api: 8787,
      indexer: 42069,
      gateway: 8788,
    });
  });

  it("names every bad variable and no value: some of them are keys", () => {
    const key = `0x${"zz".repeat(32)}`;
    const bad = { RPC_URL: "localhost:8545", DATABASE_URL: "mysql://x", API_PORT: "99999", RELAYER_KEY: key };
    expect(() => readEnv(bad))
      .to.throw(LaunchError)
      .with.property("message")
      .that.matches(/RPC_URL .*http/)
      .and.matches(/DATABASE_URL .*postgres/)
      .and.matches(/API_PORT/)
      .and.matches(/RELAYER_KEY .*64 hex digits/)
      .and.does.not.contain(key);
  });
});
