import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { inheritedEnv } from "../../scripts/system/env.ts";
import { createApi, expectError } from "./support/api.ts";
import { startCopy } from "./support/copy.ts";
import { useApi } from "./support/use-api.ts";

const server = fileURLToPath(new URL("../../api/server.ts", import.meta.url));

/*
the process
├── bad environment          names each bad variable, never its value; exits 1
├── no database, port taken  one line that says so; exits 1
├── another chain            health is down; what needs the index is 503
└── SIGTERM                  exits 0
*/
describe("api: the process", () => {
  const shared = useApi();

  const start = (env: Record<string, string>) =>
    new Promise<{ code: number | null; stderr: string }>((resolve) => {
      const child = spawn(process.execPath, [server], {
        stdio: ["ignore", "ignore", "pipe"],
        env: { ...inheritedEnv(), ...env },
      });
      let stderr = "";
      child.stderr.on("data", (chunk: Buffer) => {
        stderr += String(chunk);
      });
      child.once("close", (code) => resolve({ code, stderr }));
    });

  const good = () => ({
    RPC_URL: shared.api.run.rpcUrl,
    DATABASE_URL: shared.api.run.databaseUrl,
    DEPLOYMENT_FILE: shared.api.run.deploymentFile,
    INDEXER_URL: shared.api.run.indexerUrl,
    RELAYER_KEY: `0x${"12".repeat(32)}`,
    API_PORT: new URL(shared.api.run.apiUrl).port,
  });

  it("T54 names each bad variable, and not what is in it", async () => {
    const env = {
      RPC_URL: "ftp://x",
      DATABASE_URL: "mysql://x",
      RELAYER_KEY: "0xplanted",
      API_PORT: "99999",
    };
    const { code, stderr } = await start({ ...env, DEPLOYMENT_FILE: "/nowhere.json" });
    expect(code).to.equal(1);
    const names = stderr
      .trim()
      .split("\n")
      .map((line) => line.split(":")[0]);
    expect(names).to.have.members([...Object.keys(env), "DEPLOYMENT_FILE", "INDEXER_URL"]);
    expect(stderr).not.to.contain("planted");
  });

  it("says in one line that the database is out of reach, or the port taken", async () => {
    const unreachable = await start({ ...good(), DATABASE_URL: "postgres://moa:planted@127.0.0.1:9/moa" });
    expect(unreachable.code).to.equal(1);
    expect(unreachable.stderr.trim().split("\n")).to.have.length(1);
    expect(unreachable.stderr)
      .to.match(/^DATABASE_URL: /)
      .and.not.to.contain("planted");
    const taken = await start(good());
    expect(taken.code).to.equal(1);
    expect(taken.stderr.trim().split("\n")).to.have.length(1);
    expect(taken.stderr).to.match(/^API_PORT \d+: .*EADDRINUSE/);
  });

  it("T55 stays up, and down in its health, with a deployment that is of another chain; there is nothing to find", async () => {
    const folder = mkdtempSync(join(tmpdir(), "moa-api-"));
    const deploymentFile = join(folder, "deployment.json");
    const startBlockHash = `0x${"0bad".repeat(16)}`;
    writeFileSync(deploymentFile, JSON.stringify({ ...shared.api.run.deployment, startBlockHash }));
    const copy = await startCopy(shared.api.run, { deploymentFile });
    try {
      const api = createApi({ ...shared.api.run, apiUrl: copy.apiUrl });
      const health = await api.ask<{ status: string; checks: Record<string, { detail: string }> }>("/health");
      expect(health.status).to.equal(503);
      expect(health.body.status).to.equal("down");
      expect(health.body.checks.chain?.detail).to.contain("another chain");
      const ready = await api.ask<{ reasons: string[] }>("/readyz");
      expect([ready.status, ready.body.reasons.length]).to.deep.equal([503, 1]);
      expect(ready.body.reasons[0]).to.contain("another chain");
      expect((await api.ask("/livez")).status, "no reason to restart it").to.equal(200);
      for (const path of ["/search", "/public/stats", "/public/activity", "/listings/ek_31337_1"]) {
        expectError(await api.ask(path), "SERVICE_UNAVAILABLE", 503);
      }
    } finally {
      await copy.kill("SIGTERM");
      rmSync(folder, { recursive: true });
    }
  });

  it("ends with 0 on SIGTERM", async () => {
    const copy = await startCopy(shared.api.run);
    const open = fetch(`${copy.apiUrl}/public/stats`);
    expect((await open).status).to.equal(200);
    expect(await copy.kill("SIGTERM")).to.equal(0);
  });
});
