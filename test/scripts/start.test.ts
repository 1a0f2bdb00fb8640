/**
 * npm start (scripts/start.ts)
 * ├── when a port is taken               one line, exit 1, nothing started
 * ├── given an unknown argument          one line, exit 1
 * ├── when the database does not answer  one line, exit 1, nothing left
 * ├── on SIGTERM while it starts         nothing left; as well when whoever started it has gone
 * └── when all is well                   plays the first sale and stays up
 *     ├── a second one                   one line, exit 1; the first is not disturbed
 *     ├── when it is killed itself       the next one ends what was left and works
 *     ├── when one of its processes is   one line with the process's last words, exit 1, nothing left
 *     └── on Ctrl-C                      stops everything, exit 0, nothing left
 */
import { rmSync } from "node:fs";
import { createServer } from "node:net";
import { expect } from "chai";
import { choosePorts, type Ports } from "../../scripts/system/ports.ts";
import { identityOf } from "../../scripts/system/process-identity.ts";
import { readRunInfo } from "../../scripts/system/run-info.ts";
import { type Launcher, launch, processesOf } from "../support/launcher.ts";
import { makeDataDir } from "../support/system.ts";

const STAYS_UP = "The system stays up";

describe("npm start", function () {
  this.timeout(300_000);
  let dataDir: string;
  let ports: Ports;
  const launchers: Launcher[] = [];

  before(async () => {
    dataDir = makeDataDir();
    ports = await choosePorts({});
  });
  after(async () => {
    for (const { pid, ended, signalGroup } of launchers) {
      if (identityOf(pid)) signalGroup("SIGTERM");
      await ended;
    }
    rmSync(dataDir, { recursive: true });
  });

  function start(options: Omit<Parameters<typeof launch>[1], "ports"> = {}): Launcher {
    const launcher = launch(dataDir, { ports, ...options });
    launchers.push(launcher);
    return launcher;
  }

  /** What it said last, if that was all on one line, as an expected failure must be. */
  async function failureOf(launcher: Launcher): Promise<string> {
    expect(await launcher.ended).to.deep.equal({ code: 1, signal: null });
    expect(launcher.output(), "a stack trace").to.not.match(/\n\s+at /);
    expect(processesOf(dataDir)).to.deep.equal([]);
    return launcher.output().trimEnd().split("\n").at(-1) ?? "";
  }

  it("says which port is taken, for what, and which variable changes it", async () => {
    const squatter = createServer().listen(ports.gateway, "127.0.0.1");
    await new Promise((resolve) => squatter.once("listening", resolve));
    try {
      expect(await failureOf(start())).to.equal(
        `Port ${ports.gateway}, wanted for the demo seller's gateway, is in use by another program. ` +
          "Stop that program, or set GATEWAY_PORT to a free port.",
      );
    } finally {
      squatter.close();
    }
  });

  it("says what it does not understand", async () => {
    expect(await failureOf(start({ args: ["--twice"] })))
      .to.contain("--twice")
      .and.contain("--once");
    expect(await failureOf(start({ env: { API_PORT: "no" } }))).to.contain("API_PORT");
  });

  it("says that the database at DATABASE_URL does not answer", async () => {
    const env = { DATABASE_URL: `postgres://me:s3cret@127.0.0.1:${ports.postgres}/moa` };
    const line = await failureOf(start({ env }));
    expect(line)
      .to.match(/^DATABASE_URL: .*ECONNREFUSED.* unset DATABASE_URL/)
      .and.not.contain("s3cret");
  });

  it("leaves nothing when it is ended, or left alone, while it starts", async () => {
    const ended = start();
    await ended.until("database");
    ended.signalGroup("SIGTERM");
    expect(await ended.ended).to.deep.equal({ code: 130, signal: null });
    const left = start();
    await left.until("database");
    left.leave();
    expect(await left.ended).to.deep.equal({ code: 130, signal: null });
    expect(processesOf(dataDir)).to.deep.equal([]);
  });

  it("works again after kill -9 of itself and of one of its processes, and stops on Ctrl-C", async () => {
    const killed = start();
    await killed.until(STAYS_UP);
    expect(killed.output()).to.match(/^6 feed /m);
    const second = start();
    expect((await second.ended).code).to.equal(1);
    expect(second.output()).to.contain(`MOA already runs on ${dataDir} (process ${killed.pid})`);
    process.kill(killed.pid, "SIGKILL");
    await killed.ended;
    const orphans = Object.keys(readRunInfo(dataDir).pids);
    expect(orphans).to.have.members(["postgres", "chain", "indexer", "api", "gateway"]);

    const bereft = start();
    await bereft.until(STAYS_UP);
    for (const name of orphans) expect(bereft.output()).to.match(new RegExp(`left behind: .*${name}`));
    process.kill(readRunInfo(dataDir).pids.indexer ?? 0, "SIGKILL");
    expect(await failureOf(bereft)).to.match(/^indexer was ended by SIGKILL unexpectedly\. It said last: /);

    const last = start();
    await last.until(STAYS_UP);
    const { pids } = readRunInfo(dataDir);
    last.signalGroup("SIGINT");
    last.signalGroup("SIGINT"); // the second one comes from whoever started us
    expect(await last.ended, "not in time").to.deep.equal({ code: 0, signal: null });
    expect(last.output()).to.match(/SIGINT: stopping …\nstopped in /);
    for (const pid of Object.values(pids)) expect(identityOf(pid)).to.equal(undefined);
    expect(processesOf(dataDir)).to.deep.equal([]);
  });
});
