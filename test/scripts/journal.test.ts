/**
 * journal
 * ├── claimDataDir
 * │   ├── while its launcher lives            LaunchError naming the process
 * │   ├── when its launcher is dead           takes over
 * │   └── when its file is damaged            starts afresh
 * └── endOrphans
 *     ├── given a process that was left       ends it
 *     ├── given one that minds no signal      ends it all the same
 *     └── given a pid that is another's now   leaves it alone
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { claimDataDir, endOrphans, type JournalProcess, readJournal } from "../../scripts/system/journal.ts";
import { LaunchError } from "../../scripts/system/launch-error.ts";
import { identityOf } from "../../scripts/system/process-identity.ts";

describe("journal", () => {
  let dataDir: string;
  const children: ChildProcess[] = [];

  beforeEach(() => {
    dataDir = mkdtempSync(join(tmpdir(), "moa-test-journal-"));
  });
  afterEach(() => {
    rmSync(dataDir, { recursive: true });
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  async function leftOver(code: string): Promise<JournalProcess> {
    const child = spawn(process.execPath, ["-e", `${code}; setInterval(() => {}, 1000); console.log("up")`], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    children.push(child);
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    const pid = child.pid ?? 0;
    return {
      ...{ name: "api", pid, identity: identityOf(pid) ?? "" },
      ...{ stopSignal: "SIGTERM", lastSignal: "SIGKILL", grace: 300 },
    };
  }

  it("keeps a second launcher off while the first lives", () => {
    claimDataDir(dataDir);
    expect(() => claimDataDir(dataDir))
      .to.throw(LaunchError)
      .with.property("message", `MOA already runs on ${dataDir} (process ${process.pid}).`);
  });

  it("takes over from a dead launcher, with what it left", async () => {
    const orphan = await leftOver("");
    const launcher = { pid: process.pid, identity: "another boot:1" };
    const journal = { launcher, processes: [orphan], ephemeral: [{ database: "bundled", tag: "0123abcd" }] };
    writeFileSync(join(dataDir, "launcher.json"), JSON.stringify(journal));
    const { previous } = claimDataDir(dataDir);
    expect(previous).to.deep.equal(journal);
    expect(readJournal(dataDir)).to.deep.include({ processes: [orphan], ephemeral: journal.ephemeral });
  });

  it("starts afresh when the file is damaged", () => {
    writeFileSync(join(dataDir, "launcher.json"), '{"processes":[{"pid":');
    expect(claimDataDir(dataDir).previous).to.deep.equal({ processes: [], ephemeral: [] });
  });

  it("ends what was left, also what minds no signal", async () => {
    const orphans = [await leftOver(""), await leftOver('process.on("SIGTERM", () => {})')];
    expect(await endOrphans({ processes: orphans, ephemeral: [] })).to.deep.equal(["api", "api"]);
    for (const { pid } of orphans) expect(identityOf(pid)).to.equal(undefined);
  });

  it("leaves a process alone that has the pid of one that is gone", async () => {
    const stranger = await leftOver("");
    const entry = { ...stranger, identity: `${stranger.identity}0` };
    expect(await endOrphans({ processes: [entry], ephemeral: [] })).to.deep.equal([]);
    expect(identityOf(stranger.pid)).to.equal(stranger.identity);
  });
});
