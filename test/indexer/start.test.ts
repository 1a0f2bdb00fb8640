/** The indexer does not start on what it was not made for: T55's wrong chain, and an environment that is not right. */
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { useMarket } from "../support/use-market.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const START_MS = 60_000;

describe("indexer: refuses to start", function () {
  this.timeout(START_MS + 10_000);
  const shared = useMarket();

  /** Starts an indexer of its own and returns what it said when it ended. */
  function start(env: Record<string, string>) {
    const args = [
      join(root, "node_modules/ponder/dist/esm/bin/ponder.js"),
      ...["start", "--root", join(root, "indexer"), "--schema", "refused", "-H", "127.0.0.1", "-p", "1"],
    ];
    const child = spawn(process.execPath, args, {
      cwd: join(shared.run.storeDir, ".."),
      env: { PONDER_TELEMETRY_DISABLED: "1", ...env },
      timeout: START_MS,
    });
    let said = "";
    child.stdout.on("data", (data) => (said += data));
    child.stderr.on("data", (data) => (said += data));
    return new Promise<{ code: number | null; said: string }>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => resolve({ code, said }));
    });
  }

  const goodEnv = () => ({
    RPC_URL: shared.run.rpcUrl,
    DATABASE_URL: shared.run.databaseUrl,
    DEPLOYMENT_FILE: shared.run.deploymentFile,
  });

  /** A deployment file like the system's, with `changes`. */
  function deploymentFile(name: string, changes: object): string {
    const file = join(shared.run.storeDir, "..", `${name}.json`);
    writeFileSync(file, JSON.stringify({ ...shared.run.deployment, ...changes }));
    return file;
  }

  it("T55 on a chain with another id", async () => {
    const { code, said } = await start({
      ...goodEnv(),
      DEPLOYMENT_FILE: deploymentFile("id", { chainId: 1 }),
    });
    expect(said).to.include(
      "RPC_URL: not the chain of DEPLOYMENT_FILE: it is chain 31337, the contracts are on 1",
    );
    expect(code).to.equal(1);
  });

  it("T55 on another chain with the same id", async () => {
    const startBlockHash = `0x${"ab".repeat(32)}`;
    const DEPLOYMENT_FILE = deploymentFile("hash", { startBlockHash });
    const { code, said } = await start({ ...goodEnv(), DEPLOYMENT_FILE });
    expect(said).to.include(`its block ${shared.run.deployment.startBlock} is `);
    expect(code).to.equal(1);
  });

  it("T55 on a chain that has not come as far", async () => {
    const DEPLOYMENT_FILE = deploymentFile("future", { startBlock: 1_000_000_000 });
    const { code, said } = await start({ ...goodEnv(), DEPLOYMENT_FILE });
    expect(said).to.include("its block 1000000000 can't be read");
    expect(code).to.equal(1);
  });

  it("without its environment, naming every variable", async () => {
    const { code, said } = await start({ RPC_URL: "ws://127.0.0.1", POLLING_INTERVAL_MS: "1" });
    for (const name of ["RPC_URL", "DATABASE_URL", "DEPLOYMENT_FILE", "POLLING_INTERVAL_MS"]) {
      expect(said).to.match(new RegExp(`^${name}: `, "m"));
    }
    expect(code).to.equal(1);
  });

  it("with a deployment file that is none", async () => {
    const DEPLOYMENT_FILE = deploymentFile("none", { contracts: {} });
    const { code, said } = await start({ ...goodEnv(), DEPLOYMENT_FILE });
    expect(said).to.match(/^DEPLOYMENT_FILE: /m);
    expect(code).to.equal(1);
  });
});
