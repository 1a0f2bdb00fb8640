/**
 * npm test (scripts/test.ts): its last line and exit code are what the runners really did
 * ├── when all pass                        N passed, 0 failed; skipped ones count as neither
 * ├── when some fail                       both counts, exit 1
 * ├── when a hook fails                    counts as failed
 * ├── when a file cannot be loaded         counts as failed
 * ├── when a file holds no test            counts as failed
 * ├── when the runner exits in the middle  counts as failed
 * └── when there is no such file           one line, exit 1
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { repoRoot } from "../../scripts/system/repo.ts";

describe("npm test", function () {
  this.timeout(120_000);
  let dir: string;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "moa-test-files-"));
  });
  afterEach(() => rmSync(dir, { recursive: true }));

  async function run(files: Record<string, string>): Promise<{ code: number | null; lines: string[] }> {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text);
    const child = spawn(process.execPath, [join(repoRoot, "scripts/test.ts"), dir], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env.PATH, HOME: process.env.HOME },
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        output += chunk.toString("utf8");
      });
    }
    const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
    return { code, lines: output.trimEnd().split("\n") };
  }

  it("counts what passed, and neither what was skipped nor files that are no tests", async () => {
    const { code, lines } = await run({
      "a.test.ts": 'describe("a", () => { it("1", () => {}); it("2", () => {}); it.skip("3", () => {}); });',
      "b.test.ts": 'it("4", () => {});',
      "helper.ts": 'it("no test", () => {});',
    });
    expect(lines.at(-1), lines.join("\n")).to.equal("3 passed, 0 failed");
    expect(code).to.equal(0);
  });

  it("counts failed tests and hooks", async () => {
    const { code, lines } = await run({
      "a.test.ts": 'it("1", () => {}); it("2", () => { throw new Error("3 passing"); });',
      "b.test.ts": 'describe("b", () => { before(() => { throw new Error("no"); }); it("3", () => {}); });',
    });
    expect(lines.at(-1), lines.join("\n")).to.equal("1 passed, 2 failed");
    expect(code).to.equal(1);
  });

  const nothingReported: Record<string, string> = {
    "a file that cannot be loaded": 'import "./missing.ts"; it("1", () => {});',
    "a file without tests": "export {};",
    "a runner that exits in the middle": 'it("1", () => { process.exit(0); });',
  };
  for (const [what, text] of Object.entries(nothingReported)) {
    it(`counts ${what} as failed`, async () => {
      const { code, lines } = await run({ "a.test.ts": text });
      expect(lines.at(-1), lines.join("\n")).to.equal("0 passed, 1 failed");
      expect(code).to.equal(1);
    });
  }

  it("says that there are no such tests", async () => {
    const { code, lines } = await run({ "helper.ts": "" });
    expect(lines).to.have.length(1);
    expect(lines[0]).to.contain(`No tests at "${dir}".`);
    expect(code).to.equal(1);
  });
});
