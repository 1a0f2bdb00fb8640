import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { createExecutor, type Executable, executionSchema } from "../../gateway/execution.ts";
import { findJail, type Jail } from "../../gateway/sandbox/jail.ts";
import { hiddenFolders } from "../../gateway/sandbox/view.ts";
import { verifyReceipt } from "../../sdk/receipts.ts";
import { startExchange, type TestExchange } from "./support/exchange.ts";
import { startWholeGateway, type WholeGateway } from "./support/fetching.ts";
import { errorOf, raw, temporary, until } from "./support/gateway.ts";
import { itemOf, publish } from "./support/store.ts";
import * as wasm from "./support/wasm.ts";

/*
POST /exp/:ek/execute     what the seller declared, in a jail
├── WebAssembly           a WASI command, or bare exports: inputs in, output out
│   └── hostile           endless, memory, output, files, network: ended or refused, and the gateway goes on
├── a command             inputs by stdin, arguments from the declaration alone, no environment, a folder of its own
│   └── hostile inputs    endless, memory, output, network, what it left running
├── without a jail        refused, unless the seller says that it need not be one
└── scope, quota, receipt as with every use
*/
describe("gateway: execute", function () {
  this.timeout(60_000);
  const dir = temporary();
  let exchange: TestExchange;
  let gateway: WholeGateway;
  let hash: `0x${string}`;
  let jail: Jail | null;
  const modules = {
    "echo.wasm": wasm.echo,
    "bare.wasm": wasm.bareEcho,
    "endless.wasm": wasm.endless,
    "memory.wasm": wasm.memoryBomb(512),
    "greedy.wasm": wasm.greedy,
    "output.wasm": wasm.outputBomb,
    "passwd.wasm": wasm.passwdReader,
    "network.wasm": wasm.networker,
    "junk.wasm": "no module",
  };
  const WASM = "ek_31337_1";
  const run = {
    [WASM]: { kind: "wasm", timeout_ms: 8_000, memory_bytes: 512 * 65_536, output_bytes: 100_000 },
    ek_31337_2: { kind: "command", command: ["/bin/cat"] },
  };

  before(async () => {
    exchange = await startExchange();
    const items = Object.entries(modules).map(([id, bytes]) =>
      itemOf(id, bytes, { media_type: "application/wasm" }),
    );
    ({ hash } = publish(join(dir.path, "store"), { ...modules, "a.txt": "text" }, [
      ...items,
      itemOf("a.txt", "text"),
    ]));
    jail = await findJail();
    expect(jail, "Linux with unshare and prlimit").not.to.equal(null);
    gateway = await startWholeGateway(
      { exchangeUrl: exchange.url, storeDir: join(dir.path, "store"), stateDir: dir.path },
      { executor: createExecutor({ execution: executionSchema.parse({ run }), jail }) },
    );
  });
  after(async () => {
    await gateway.stop();
    await exchange.goDown();
    dir.remove();
  });

  const tokenOf = (over: Parameters<TestExchange["claims"]>[0] = {}) =>
    exchange.token({
      manifest_hash: hash,
      scopes: ["execute"],
      rate_limit_key: crypto.randomUUID(),
      ...over,
    });
  const execute = async (token: string, body: unknown, ek = WASM) => {
    const response = await fetch(`${gateway.url}/exp/${ek}/execute`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: typeof body === "string" ? body : JSON.stringify(body),
    });
    return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) };
  };

  it("runs a module with its inputs, and gives a receipt", async () => {
    const inputs = { city: "Seattle", days: [1, 2] };
    const token = await tokenOf();
    for (const item of ["echo.wasm", "bare.wasm"]) {
      const { status, body, headers } = await execute(token, { item, inputs });
      expect([status, body], item).to.deep.equal([200, { output: inputs }]);
      const answer = await raw(gateway, `/receipts/${headers.get("receipt-id")}`, { token });
      const event = await verifyReceipt(JSON.parse(answer.body.toString()).receipt, gateway.key.x);
      expect(event).to.include({ action: "execute", result: "ok", item_id: item });
    }
  });

  it("T48 ends hostile modules, and goes on", async () => {
    const token = await tokenOf();
    const outcome = async (item: string) => {
      const { status, body, headers } = await execute(token, { item, inputs: null });
      const receipt = await gateway.receipts.find(headers.get("receipt-id") ?? "");
      return status === 200
        ? body.output
        : `${body.code} ${body.details.reason} ${receipt === null ? "" : "receipt"}`;
    };
    const [endless, memory, greedy, output] = await Promise.all(
      ["endless.wasm", "memory.wasm", "greedy.wasm", "output.wasm"].map(outcome),
    );
    expect(endless).to.match(/^EXECUTION_FAILED (timeout|exit)/);
    expect(memory, "no more than its 512 pages").to.equal("ok");
    expect(greedy).to.match(/^EXECUTION_FAILED exit/);
    expect(output).to.match(/^EXECUTION_FAILED output/);
    const [passwd, network, junk] = await Promise.all(
      ["passwd.wasm", "network.wasm", "junk.wasm"].map(outcome),
    );
    expect(passwd, "it has no folder to open a file in").to.equal("no");
    expect(network, "no host function to connect by").to.match(/^EXECUTION_FAILED exit/);
    expect(junk).to.match(/^EXECUTION_FAILED exit/);
    expect(await outcome("echo.wasm")).to.equal(null);
  });

  it("needs the execute scope, an item that runs, a body that is one, and a use of the quota", async () => {
    const codeOf = async (token: string, body: unknown, ek?: string) =>
      (await execute(token, body, ek)).body.code;
    expect(await codeOf(await tokenOf({ scopes: ["read", "download"] }), {})).to.equal("SCOPE_DENIED");
    const token = await tokenOf({ quota: { daily_quota: 1 } });
    expect(await codeOf(token, { item: "a.txt", inputs: 1 })).to.equal("EK_NOT_FOUND");
    expect(await codeOf(token, { inputs: 1 }), "no entrypoint").to.equal("EK_NOT_FOUND");
    expect(await codeOf(token, { item: "../x", inputs: 1 })).to.equal("INVALID_REQUEST");
    expect(await codeOf(token, "{")).to.equal("INVALID_REQUEST");
    expect(await codeOf(token, "x".repeat(1024 * 1024 + 1))).to.equal("PAYLOAD_TOO_LARGE");
    expect(
      (await execute(token, { item: "bare.wasm", inputs: 1 })).status,
      "none of these cost a use",
    ).to.equal(200);
    expect(await codeOf(token, { item: "bare.wasm", inputs: 1 })).to.equal("QUOTA_EXCEEDED");
    const third = await tokenOf({ ek_id: "ek_31337_3" });
    expect(await codeOf(third, { inputs: 1 }, "ek_31337_3"), "nothing is declared for it").to.equal(
      "EK_NOT_FOUND",
    );
    const get = await raw(gateway, `/exp/${WASM}/execute`, { token });
    expect([get.status, get.headers.allow, errorOf(get).code]).to.deep.equal([
      405,
      "POST",
      "METHOD_NOT_ALLOWED",
    ]);
  });

  it("hands inputs to a command as JSON on its standard input, and nowhere else", async () => {
    const inputs = ["; touch /tmp/x", "$(id)", "--help", { "`id`": "\u0001" }];
    const { status, body } = await execute(await tokenOf({ ek_id: "ek_31337_2" }), { inputs }, "ek_31337_2");
    expect([status, body]).to.deep.equal([200, { output: inputs }]);
  });

  describe("a command", () => {
    // Without --norc a shell whose input is a socket takes itself for a remote one, and reads its user's settings.
    const declare = (script: string, over: Partial<Executable> = {}) =>
      executionSchema.parse({
        run: {
          ek_31337_1: {
            kind: "command",
            command: ["/bin/bash", "--norc", "-c", script],
            timeout_ms: 5_000,
            ...over,
          },
        },
      });
    const start = async (script: string, over: Partial<Executable> = {}, inside: Jail | null = jail) => {
      const hide = hiddenFolders([dir.path]);
      const executor = createExecutor({ execution: declare(script, over), jail: inside, hide });
      try {
        const output = await executor.execute(executor.executable("ek_31337_1"), {
          inputs: Buffer.from("1"),
        });
        return Buffer.from(output).toString().trim();
      } catch (error) {
        const { code, details } = error as { code: string; details: { reason?: string } };
        return `${code} ${details.reason ?? ""}`.trim();
      }
    };

    it("has no environment, no network and a folder of its own", async () => {
      // The shell's own; nothing of the gateway's.
      const names = (await start("compgen -e")).split("\n");
      expect(["OLDPWD", "PWD", "SHLVL", "_"]).to.include.members(names);
      expect(await start("pwd")).to.match(/moa-run-/);
      const connect = `(exec 3<>/dev/tcp/127.0.0.1/${gateway.port}) 2>/dev/null && echo reached || echo refused`;
      expect(await start(connect)).to.equal("refused");
      expect(await start(connect, { allow_unsandboxed: true } as Partial<Executable>, null)).to.equal(
        "reached",
      );
    });

    it("sees nothing of the gateway's files, but for what it was declared to need", async () => {
      expect(
        jail?.hides,
        "a mount namespace, which Linux gives to everybody unless it is forbidden",
      ).to.equal(true);
      const own = join(dir.path, "own");
      mkdirSync(own);
      for (const name of ["tool.sh", "model.bin"]) writeFileSync(join(own, name), "echo tool");
      const state = join(dir.path, "gateway-key.json");
      expect(readFileSync(state, "utf8")).to.include('"d"');
      expect(await start(`cat ${state} ${own}/tool.sh 2>/dev/null || echo nothing`)).to.equal("nothing");
      expect(await start(`ls -A ${dir.path} 2>/dev/null | wc -l`), "the store and all").to.equal("0");
      const outside = `cat /proc/${process.pid}/environ /proc/${process.pid}/root${state} 2>/dev/null | wc -c`;
      expect(await start(outside), "nor by way of the gateway's process").to.equal("0");
      expect(
        await start(
          `umount ${dir.path} 2>/dev/null; mount -t proc x /proc 2>/dev/null; ls -A ${dir.path} | wc -l`,
        ),
      ).to.equal("0");
      const read = [join(own, "model.bin")];
      expect(await start(`cat ${own}/model.bin; ls ${own}`, { read } as Partial<Executable>)).to.equal(
        "echo toolmodel.bin",
      );
      expect(
        await start(`echo x > ${own}/model.bin; cat ${own}/model.bin`, { read } as Partial<Executable>),
      ).to.equal("echo tool");
      const named = { command: ["/bin/bash", "--norc", join(own, "tool.sh")] } as Partial<Executable>;
      expect(await start("", named), "what the declaration names").to.equal("tool");
      expect(await start("echo kept > here; cat here"), "its own folder can be written to").to.equal("kept");
    });

    it("T48 is ended when it takes too long, says or takes too much, with all that it started", async () => {
      expect(await start("while :; do :; done", { timeout_ms: 300 })).to.equal("EXECUTION_FAILED timeout");
      expect(await start("while :; do echo aaaaaaaa; done", { output_bytes: 10_000 })).to.equal(
        "EXECUTION_FAILED output",
      );
      const hog = "x=aaaaaaaaaaaaaaaa; while :; do x=$x$x; done";
      expect(await start(hog, { memory_bytes: 64 * 1024 * 1024 })).to.equal("EXECUTION_FAILED exit");
      const mark = `300.${process.pid}`;
      await start(`setsid /bin/sleep ${mark} >/dev/null 2>&1 & /bin/sleep 60`, { timeout_ms: 300 });
      await start(`setsid /bin/sleep ${mark} >/dev/null 2>&1 & echo done`);
      await until(() => running(mark).length === 0, "the end of what it started");
      expect(await start("exit 3")).to.equal("EXECUTION_FAILED exit");
    });

    it("is refused where there is no jail, unless the seller says otherwise", async () => {
      expect(await start("echo ran", {}, null)).to.equal("SERVICE_UNAVAILABLE");
      expect(await start("echo ran", { allow_unsandboxed: true } as Partial<Executable>, null)).to.equal(
        "ran",
      );
    });

    it("T48 only so many run at the same time", async () => {
      const executor = createExecutor({ execution: declare("/bin/sleep 0.3; echo ran"), jail, maxRuns: 2 });
      const work = { inputs: Buffer.from("1") };
      const results = await Promise.allSettled(
        Array.from({ length: 5 }, () => executor.execute(executor.executable("ek_31337_1"), work)),
      );
      expect(results.filter(({ status }) => status === "fulfilled")).to.have.length(2);
    });
  });
});

/** Ids of processes that have the text among their arguments. */
function running(text: string): string[] {
  return readdirSync("/proc").filter((id) => {
    if (!/^\d+$/.test(id)) return false;
    try {
      return readFileSync(`/proc/${id}/cmdline`, "utf8").split("\0").includes(text);
    } catch {
      return false; // it has ended meanwhile
    }
  });
}
