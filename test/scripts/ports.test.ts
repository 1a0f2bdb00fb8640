/**
 * ports
 * ├── choosePorts      keeps what is given, fills up with different free ports
 * └── assertPortsFree
 *     ├── when all are free        passes
 *     ├── when one is taken        names port, purpose and variable
 *     └── when two are the same    names both variables
 */
import { createServer } from "node:net";
import { expect } from "chai";
import { LaunchError } from "../../scripts/system/launch-error.ts";
import { assertPortsFree, choosePorts, portNames } from "../../scripts/system/ports.ts";
import { rejectionOf } from "../support/expect-rejection.ts";

describe("ports", () => {
  it("keeps what is given and fills up with different free ports", async () => {
    const ports = await choosePorts({ api: 12_345, chain: 0 });
    expect(ports.api).to.equal(12_345);
    expect(new Set(Object.values(ports)).size).to.equal(portNames.length);
    await assertPortsFree(ports, ["chain", "postgres", "indexer", "gateway"]);
  });

  it("names port, purpose and variable of a port that is taken", async () => {
    const ports = await choosePorts({});
    const squatter = createServer().listen(ports.indexer, "127.0.0.1");
    await new Promise((resolve) => squatter.once("listening", resolve));
    try {
      await assertPortsFree(ports, ["chain", "api"]);
      const error = await rejectionOf(assertPortsFree(ports, portNames), LaunchError);
      expect(error.message).to.equal(
        `Port ${ports.indexer}, wanted for the indexer, is in use by another program.`,
      );
      expect(error.hint).to.equal("Stop that program, or set INDEXER_PORT to a free port.");
    } finally {
      squatter.close();
    }
  });

  it("names both variables of a port that is wanted twice", async () => {
    const ports = await choosePorts({});
    const error = await rejectionOf(assertPortsFree({ ...ports, api: ports.chain }, portNames), LaunchError);
    expect(error.message).to.equal(
      `Port ${ports.chain} is wanted twice: for the local chain and for the exchange's API.`,
    );
    expect(error.hint).to.contain("CHAIN_PORT or API_PORT");
  });
});
