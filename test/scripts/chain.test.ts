/**
 * RPC_URL
 * ├── given no deployment there
 * │   ├── when the test accounts are funded     deploys into the deployments folder, and finds it the next time
 * │   └── when nobody can pay                   LaunchError naming chain and variable
 * ├── given a deployment of another chain       LaunchError naming the file
 * ├── given a damaged deployment file           LaunchError naming the file
 * ├── when nothing listens                      LaunchError
 * └── when what answers is no chain             LaunchError
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { LaunchError } from "../../scripts/system/launch-error.ts";
import { choosePorts } from "../../scripts/system/ports.ts";
import { type System, startSystem } from "../../scripts/system/system.ts";
import type { Deployment } from "../../sdk/deployment.ts";
import { rejectionOf } from "../support/expect-rejection.ts";
import { makeDataDir } from "../support/system.ts";

describe("RPC_URL", function () {
  this.timeout(60_000);
  const servers: Server[] = [];
  const dirs: string[] = [];
  let own: System;
  let deploymentsDir: string;

  before(async () => {
    own = await startSystem({ dataDir: tracked(makeDataDir()), only: [] });
  });
  after(async () => {
    await own.stop();
    for (const server of servers) server.close();
    for (const dir of dirs) rmSync(dir, { recursive: true });
  });
  beforeEach(() => {
    deploymentsDir = tracked(mkdtempSync(join(tmpdir(), "moa-test-deployments-")));
  });

  function tracked(dir: string): string {
    dirs.push(dir);
    return dir;
  }

  async function start(rpcUrl: string): Promise<System> {
    const { databaseUrl } = own.run;
    return startSystem({ dataDir: tracked(makeDataDir()), only: [], rpcUrl, databaseUrl, deploymentsDir });
  }

  /** Answers every request with `body`. */
  async function serve(body: string): Promise<string> {
    const server = createServer((_, response) => response.end(body)).listen(0, "127.0.0.1");
    servers.push(server);
    await new Promise((resolve) => server.once("listening", resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it("deploys with the funded test accounts, and finds the deployment the next time", async () => {
    const first = await start(own.run.rpcUrl);
    await first.stop();
    expect(first.run).to.deep.include({ ephemeral: false, pids: {}, rpcUrl: own.run.rpcUrl });
    expect(first.run.deploymentFile).to.equal(join(deploymentsDir, "31337.json"));
    expect(JSON.parse(readFileSync(first.run.deploymentFile, "utf8"))).to.deep.equal(first.run.deployment);
    expect(first.run.deployment, "what its deployer has there already").to.deep.equal(own.run.deployment);
    const second = await start(own.run.rpcUrl);
    await second.stop();
    expect(second.run.deployment).to.deep.equal(first.run.deployment);
  });

  it("refuses a deployment of another chain", async () => {
    const file = join(deploymentsDir, "31337.json");
    const foreign: Deployment = { ...own.run.deployment, startBlockHash: `0x${"ab".repeat(32)}` };
    writeFileSync(file, JSON.stringify(foreign));
    const error = await rejectionOf(start(own.run.rpcUrl), LaunchError);
    expect(error.message).to.contain(file).and.contain("another chain").and.contain(foreign.startBlockHash);
    expect(JSON.parse(readFileSync(file, "utf8"))).to.deep.equal(foreign);
  });

  it("refuses a damaged deployment file", async () => {
    const file = join(deploymentsDir, "31337.json");
    for (const content of ["{", '{"chainId":31337}']) {
      writeFileSync(file, content);
      const error = await rejectionOf(start(own.run.rpcUrl), LaunchError);
      expect(error.message).to.equal(`${file} is not a deployment file.`);
    }
  });

  it("asks for a key when nobody can pay for a deployment", async () => {
    const rpcUrl = await serve('{"jsonrpc":"2.0","id":1,"result":"0x1"}');
    const error = await rejectionOf(start(rpcUrl), LaunchError);
    expect(error.message).to.contain("The contracts are not on chain 1");
    expect(error.hint).to.contain("DEPLOYER_KEY");
  });

  it("refuses what does not answer, or not as a chain", async () => {
    const { chain: port } = await choosePorts({});
    const silent = await rejectionOf(start(`http://127.0.0.1:${port}`), LaunchError);
    expect(silent.message).to.match(
      /^RPC_URL: no chain answers at 127\.0\.0\.1:\d+ \(connect ECONNREFUSED .*\)\.$/,
    );
    expect(silent.hint).to.contain("unset RPC_URL");
    const chatty = await rejectionOf(start(await serve("<h1>It works!</h1>")), LaunchError);
    expect(chatty.message).to.match(/no chain answers .* \(HTTP 200, no chain id in the answer\)\.$/);
  });

  it("keeps the deployment of a chain of its own out of the deployments folder", () => {
    const { run } = own;
    expect(run).to.deep.include({ ephemeral: true, chainId: 31337 });
    expect(run.deploymentFile.endsWith("/deployment.json") && existsSync(run.deploymentFile)).to.equal(true);
  });
});
