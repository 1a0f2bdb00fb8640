/**
 * supervisor
 * ├── start
 * │   ├── when it serves                      resolves; pid and log are there
 * │   ├── when it ends before                 LaunchError with its exit code and last words
 * │   ├── when it never serves                LaunchError with the reason, after the deadline
 * │   └── when the program is not there       LaunchError
 * ├── when it ends unasked                    onCrash with its last words
 * ├── kill, restart                           no crash; a new pid, the log goes on
 * └── stop
 *     ├── when it minds the signal            ends it
 *     ├── when it minds no signal             SIGKILL after the grace
 *     ├── when it has started others          ends them, too
 *     └── while another is starting           that start rejects
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { LaunchError } from "../../scripts/system/launch-error.ts";
import {
  type Crash,
  crashError,
  createSupervisor,
  type ProcessSpec,
  type Supervisor,
} from "../../scripts/system/process.ts";
import { identityOf, waitGone } from "../../scripts/system/process-identity.ts";
import { rejectionOf } from "../support/expect-rejection.ts";

const forEver = "setInterval(() => {}, 1000);";

describe("supervisor", () => {
  let logDir: string;
  let supervisor: Supervisor;
  let crashes: Crash[];
  let noticed: PromiseWithResolvers<void>;

  beforeEach(() => {
    logDir = mkdtempSync(join(tmpdir(), "moa-test-logs-"));
    crashes = [];
    noticed = Promise.withResolvers();
    supervisor = createSupervisor({
      logDir,
      onChange: () => {},
      onCrash: (crash) => {
        crashes.push(crash);
        noticed.resolve();
      },
    });
  });
  afterEach(async () => {
    await supervisor.stop();
    rmSync(logDir, { recursive: true });
  });

  /** A Node process that serves once it has written "serving". */
  function program(code: string, spec: Partial<ProcessSpec> = {}): ProcessSpec {
    return {
      name: "api",
      command: process.execPath,
      args: ["-e", code],
      env: {},
      cwd: "/",
      probe: async () => {
        if (!supervisor.logsOf("api").includes("serving")) throw new Error("not yet");
      },
      deadline: 20_000,
      stopSignal: "SIGTERM",
      grace: 10_000,
      lastSignal: "SIGKILL",
      ...spec,
    };
  }

  it("starts a process and keeps what it writes", async () => {
    await supervisor.start(program(`console.error("to stderr"); console.log("serving"); ${forEver}`));
    const { api: pid = 0 } = supervisor.pids();
    expect(identityOf(pid)).to.be.a("string");
    expect(readFileSync(join(logDir, "api.log"), "utf8"))
      .to.contain("serving")
      .and.contain("to stderr");
  });

  it("reports one that ends before it serves, with its last words and no stack frames", async () => {
    const failing = program(`console.log("warming up"); throw new TypeError("no such table");`);
    const error = await rejectionOf(supervisor.start(failing), LaunchError);
    expect(error.message).to.equal("api ended with code 1 while starting.");
    expect(error.hint).to.contain("warming up").and.contain("no such table").and.not.contain(" at ");
    expect(crashes, "a failed start is no crash").to.deep.equal([]);
  });

  it("reports one that does not serve in time, with the reason", async () => {
    const error = await rejectionOf(supervisor.start(program(forEver, { deadline: 200 })), LaunchError);
    expect(error.message).to.equal("api did not come up within 0.2 s: not yet.");
  });

  it("reports a program that is not there", async () => {
    const absent = program("", { command: "/nonexistent/program" });
    const error = await rejectionOf(supervisor.start(absent), LaunchError);
    expect(error.message).to.match(/^api ended with code .* while starting\.$/);
  });

  it("notices when a process ends that nobody asked to", async () => {
    await supervisor.start(program(`console.log("serving"); ${forEver}`));
    process.kill(supervisor.pids().api ?? 0, "SIGKILL");
    await noticed.promise;
    const [crash] = crashes;
    expect(crash).to.deep.equal({ name: "api", code: null, signal: "SIGKILL", lastWords: "serving" });
    expect(crashError(crash as Crash).message).to.equal("api was ended by SIGKILL unexpectedly.");
    expect(supervisor.pids()).to.deep.equal({});
  });

  it("kills and restarts on demand without calling it a crash", async () => {
    await supervisor.start(program(`console.log("serving", process.pid); ${forEver}`));
    const { api: first } = supervisor.pids();
    await supervisor.kill("api");
    expect(supervisor.pids()).to.deep.equal({});
    await supervisor.restart("api");
    const { api: second } = supervisor.pids();
    expect(second).to.be.a("number").and.not.equal(first);
    expect(supervisor.logsOf("api")).to.contain(`serving ${first}`);
    expect(crashes).to.deep.equal([]);
  });

  it("stops a process that minds no signal, and those that it started", async () => {
    const stubborn = `
      process.on("SIGTERM", () => console.log("not now"));
      const child = require("node:child_process").spawn(process.execPath, ["-e", ${JSON.stringify(forEver)}]);
      console.log("serving", child.pid);
      ${forEver}`;
    await supervisor.start(program(stubborn, { grace: 200 }));
    const { api: pid = 0 } = supervisor.pids();
    const grandchild = Number(/serving (\d+)/.exec(supervisor.logsOf("api"))?.[1]);
    const identity = identityOf(grandchild);
    await supervisor.stop();
    expect(supervisor.logsOf("api")).to.contain("not now");
    expect(identityOf(pid)).to.equal(undefined);
    expect(await waitGone(grandchild, identity ?? "", 5_000)).to.equal(true);
  });

  it("gives up a start when it is stopped meanwhile, and starts nothing afterwards", async () => {
    const starting = rejectionOf(supervisor.start(program(forEver)), LaunchError);
    await supervisor.stop();
    expect((await starting).message).to.equal("Stopped while api was starting.");
    expect(supervisor.pids()).to.deep.equal({});
    await rejectionOf(supervisor.start(program(forEver)), LaunchError);
  });
});
