/**
 * scripts/bootstrap.mjs, in a make-believe checkout with a make-believe npm
 * ├── given a fresh checkout                  installs, builds, runs the verb on the pinned Node
 * ├── the next time                           runs the verb at once
 * ├── when the lockfile has changed           installs again
 * ├── when a contract has changed             builds again, installs nothing
 * ├── when an install left out the engine     asks npm again, run by the pinned Node
 * ├── when install scripts did not run        fetches the pinned Node itself
 * ├── when npm fails                          one line with npm's reason; the next run tries again
 * ├── when the contracts do not build         the compiler's words
 * ├── arguments, exit code                    passed on
 * └── a signal                                passed on
 */
import { spawn } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { repoRoot } from "../../scripts/system/repo.ts";

/** What npm would do, told by files in the checkout; it notes its arguments and by which Node it was run. */
const fakeNpm = `
const fs = require("node:fs");
fs.appendFileSync("npm.log", process.execPath + " " + process.argv.slice(2).join(" ") + "\\n");
if (fs.existsSync("npm-fails")) { console.error("npm error code ENOTFOUND"); process.exit(1); }
const put = (file, text) => { fs.mkdirSync(require("node:path").dirname(file), { recursive: true }); fs.writeFileSync(file, text); };
const byPinned = process.argv.includes("--ignore-scripts");
if (!fs.existsSync("no-scripts")) { fs.mkdirSync("node_modules/node/bin", { recursive: true }); if (!fs.existsSync("node_modules/node/bin/node")) fs.symlinkSync(process.execPath, "node_modules/node/bin/node"); }
else put("node_modules/node/installArchSpecificPackage.js", "require('fs').mkdirSync('bin',{recursive:true});require('fs').symlinkSync(process.execPath,'bin/node')");
if (byPinned || !fs.existsSync("no-engine")) put("node_modules/@nomicfoundation/edr/index.js", "");
put("node_modules/.bin/hardhat", "const fs = require('fs'); fs.appendFileSync('build.log', 'built\\\\n');"
  + "if (fs.existsSync('build-fails')) { console.log('Error: DeclarationError in A.sol'); process.exit(1); }"
  + "fs.mkdirSync('artifacts/contracts', { recursive: true }); fs.writeFileSync('artifacts/contracts/A.json', '{}');");
`;
const verb = `
const [what] = process.argv.slice(2);
process.once("SIGTERM", () => { console.log("asked to end"); process.exit(7); });
console.log("verb on", process.execPath, JSON.stringify(process.argv.slice(2)));
if (what === "wait") setInterval(() => {}, 1000);
else process.exit(Number(what ?? 0));
`;

type Run = { code: number | null; output: string };

describe("bootstrap", function () {
  this.timeout(60_000);
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "moa-test-checkout-"));
    put("package.json", '{"type":"module","dependencies":{"a":"1.0.0"}}');
    put("package-lock.json", "{}");
    put("contracts/A.sol", "contract A {}");
    put("scripts/start.ts", verb);
    put("npm/npm-cli.js", fakeNpm);
    put("npm/package.json", "{}"); // CommonJS
    mkdirSync(join(root, "node_modules"));
    put("node_modules/package.json", "{}");
    copyFileSync(join(repoRoot, "scripts/bootstrap.mjs"), join(root, "scripts/bootstrap.mjs"));
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function put(file: string, text: string): void {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }

  const linesOf = (file: string) =>
    existsSync(join(root, file)) ? readFileSync(join(root, file), "utf8").trim().split("\n") : [];

  async function run(
    args: readonly string[] = [],
    onOutput?: (text: string, pid: number) => void,
  ): Promise<Run> {
    const child = spawn(process.execPath, [join(root, "scripts/bootstrap.mjs"), "start", ...args], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env.PATH, npm_execpath: join(root, "npm/npm-cli.js") },
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output += chunk.toString("utf8");
        onOutput?.(output, child.pid ?? 0);
      });
    }
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    return { code, output };
  }

  it("installs, builds and runs the verb; the next time it runs the verb at once", async () => {
    const first = await run();
    expect(first.code, first.output).to.equal(0);
    expect(first.output).to.match(
      /^installing packages .*\ninstalled in .*\nbuilding .*\nbuilt in .*\nverb on /,
    );
    expect(linesOf("npm.log")).to.have.length(1);
    expect(linesOf("npm.log")[0]).to.contain(" install --no-save ").and.contain("--include=dev");
    const second = await run();
    expect(second.output).to.match(/^verb on .*\n$/);
    expect(linesOf("npm.log")).to.have.length(1);
    expect(linesOf("build.log")).to.have.length(1);
  });

  it("installs again when the lockfile has changed, builds again when a contract or what was built has", async () => {
    await run();
    put("contracts/A.sol", "contract A { uint256 a; }");
    expect((await run()).output).to.match(/^building /);
    put("artifacts/contracts/A.json", "{ }");
    expect((await run()).output).to.match(/^building /);
    expect(linesOf("npm.log")).to.have.length(1);
    put("package-lock.json", "{ }");
    expect((await run()).output).to.match(/^installing /);
    expect(linesOf("npm.log")).to.have.length(2);
  });

  it("asks npm again, run by the pinned Node, when the engine was left out", async () => {
    put("no-engine", "");
    expect((await run()).code).to.equal(0);
    const [, again] = linesOf("npm.log");
    expect(again).to.match(/ install --no-save .*--ignore-scripts$/);
  });

  it("fetches the pinned Node itself when install scripts did not run", async () => {
    put("no-scripts", "");
    const { code, output } = await run();
    expect(code, output).to.equal(0);
    expect(existsSync(join(root, "node_modules/node/bin/node"))).to.equal(true);
  });

  it("says in one line why npm failed, and tries again the next time", async () => {
    put("npm-fails", "");
    const { code, output } = await run();
    expect(code).to.equal(1);
    expect(output.trimEnd().split("\n").at(-1)).to.match(
      /^npm install failed: code ENOTFOUND\. Check the network and the registry, then run npm start again; .*install\.log\.$/,
    );
    rmSync(join(root, "npm-fails"));
    expect((await run()).code).to.equal(0);
  });

  it("shows the compiler's words when the contracts do not build", async () => {
    put("build-fails", "");
    const { code, output } = await run();
    expect(code).to.equal(1);
    expect(output).to.contain("Mend this and run npm start again:\nError: DeclarationError in A.sol");
    expect(output).to.not.contain("verb on");
  });

  it("passes arguments, exit code and signals on", async () => {
    expect(await run(["3", "--once", "a b"])).to.have.property("code", 3);
    const { code, output } = await run(["wait"], (text, pid) => {
      if (text.includes("verb on") && !text.includes("asked")) process.kill(pid, "SIGTERM");
    });
    expect(output).to.contain('["wait"]').and.contain("asked to end");
    expect(code).to.equal(7);
  });
});
