/** The README's example, run as it is printed, on the real processes. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { find, gather, list } from "../../scripts/demo/steps.ts";
import { useSystem } from "../support/system.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The README's first TypeScript block that uses the SDK. */
function example(): string {
  const blocks = readFileSync(join(root, "README.md"), "utf8").matchAll(/^```ts\n(.*?)^```$/gms);
  for (const [, code] of blocks) if (code?.includes("createExchange")) return code;
  throw new Error("There is no SDK example in the README.");
}

/** Runs a TypeScript text as if it were a file in the repository's folder. */
async function runTypeScript(
  code: string,
  ...args: string[]
): Promise<{ status: number | null; output: string }> {
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-", ...args], { cwd: root });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk));
  child.stdin.end(code);
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { status, output };
}

describe("README", () => {
  const shared = useSystem();
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "moa-readme-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("has an SDK example that runs as printed", async function () {
    this.timeout(120_000);
    const { run } = shared.system;
    const cast = await gather(run, shared.seller);
    await find(cast, await list(run, cast));
    const runFile = join(folder, "run.json");
    writeFileSync(runFile, JSON.stringify(run));

    const { status, output } = await runTypeScript(example(), runFile);
    expect(status, output).to.equal(0);
    expect(output).to.match(/^Seattle's wettest months, with the SQL: 0\.\d+ tUSDC, \w+$/m);
    expect(output).to.match(/^bought key_31337_\d+_\d+_0 in 0x[0-9a-f]{64}$/m);
    for (const id of [
      "seattle-weather.csv",
      "answer.sql",
      "answer.csv",
      "README.md",
      "LICENSE.txt",
      "preview.png",
    ]) {
      expect(output).to.match(new RegExp(`^${id}: [1-9]\\d* bytes$`, "m"));
    }
  });
});
