import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { expect } from "chai";
import { createLifecycle } from "../../ops/lifecycle.ts";

/*
the end of a process
├── while it drains       it serves, and each answer is its connection's last
├── a request under way   is answered, also when it takes longer than the drain
├── one that takes longer than the grace   is broken off, and everything is closed all the same
└── a second signal       ends it at once
*/
describe("ops: the end of a process", () => {
  const children: ChildProcess[] = [];
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  /** Answers `/<n>` after so many milliseconds. */
  const start = async (drainSeconds: number, graceSeconds: number) => {
    const lifecycle = new URL("../../ops/lifecycle.ts", import.meta.url).href;
    const child = spawn(
      process.execPath,
      [
        "--input-type=module",
        "-e",
        `import { createServer } from "node:http";
        import { createLifecycle } from ${JSON.stringify(lifecycle)};
        const server = createServer((request, response) => {
          console.log("asked " + request.url);
          setTimeout(() => response.end(request.url), Number(request.url.slice(1)));
        });
        createLifecycle().end({
          ...{ server, drainSeconds: ${drainSeconds}, graceSeconds: ${graceSeconds} },
          log: (level, event) => console.log(event),
          close: async () => console.log("closed everything"),
        });
        server.listen(0, "127.0.0.1", () => console.log("port " + server.address().port));`,
      ],
      { stdio: ["ignore", "pipe", "inherit"] },
    );
    children.push(child);
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += String(chunk);
    });
    const said = async (text: string) => {
      while (!output.includes(text)) await once(child.stdout, "data");
    };
    await said("port ");
    const ended = once(child, "exit").then(([code]) => ({ code, at: performance.now() }));
    const port = Number(/port (\d+)/.exec(output)?.[1]);
    return { child, said, ended, port, url: `http://127.0.0.1:${port}`, output: () => output };
  };

  it("serves while it drains, ends connections, answers what is under way, and then ends with 0", async () => {
    const { child, said, ended, url, port, output } = await start(0.5, 5);
    const early = await fetch(`${url}/0`);
    expect(early.headers.get("connection")).to.equal("keep-alive");
    const slow = fetch(`${url}/1500`);
    await said("asked /1500");
    const told = performance.now();
    child.kill("SIGTERM");
    await said("draining");
    const during = await fetch(`${url}/0`);
    expect([during.status, during.headers.get("connection")]).to.deep.equal([200, "close"]);
    await said("closing");
    const [error] = await once(connect(port, "127.0.0.1"), "error");
    expect(error.code).to.equal("ECONNREFUSED");
    const late = await slow;
    expect([await late.text(), late.headers.get("connection")]).to.deep.equal(["/1500", "close"]);
    const { code, at } = await ended;
    expect(code).to.equal(0);
    expect(at - told).to.be.within(1_000, 5_000);
    expect(output()).to.contain("closed everything");
  });

  it("breaks off what takes longer than the grace, and closes all the same", async () => {
    const { child, said, ended, url, output } = await start(0, 0.2);
    const slow = fetch(`${url}/60000`).then(
      () => "answered",
      () => "broken off",
    );
    await said("asked /60000");
    child.kill("SIGINT");
    expect(await slow).to.equal("broken off");
    expect((await ended).code).to.equal(0);
    expect(output()).to.contain("grace_is_over").and.to.contain("closed everything");
  });

  it("ends at once at the second signal, with 1", async () => {
    const { child, said, ended, output } = await start(60, 60);
    child.kill("SIGTERM");
    await said("draining");
    child.kill("SIGTERM");
    expect((await ended).code).to.equal(1);
    expect(output()).not.to.contain("closed everything");
  });

  it("is not draining before anybody said so", () => {
    const lifecycle = createLifecycle();
    expect([lifecycle.draining(), lifecycle.signal.aborted]).to.deep.equal([false, false]);
  });
});
