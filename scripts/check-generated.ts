/** Fails when committed generated files are stale: generates them anew and compares. Leaves the fresh ones in place. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "sdk/abis");

function snapshot(): Map<string, string> {
  return new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]));
}

function run(command: string, ...args: string[]): void {
  const { status, stderr, stdout } = spawnSync(command, args, { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}${stderr}`);
}

const before = snapshot();
run("hardhat", "build");
run(process.execPath, "scripts/generate.ts");
const after = snapshot();
const stale = [...new Set([...before.keys(), ...after.keys()])].filter(
  (name) => before.get(name) !== after.get(name),
);
if (stale.length > 0) {
  console.error(`sdk/abis was stale: ${stale.join(", ")}. Commit what \`npm run generate\` wrote.`);
  process.exitCode = 1;
} else {
  console.log(`sdk/abis: ${after.size} files, as the contracts have it`);
}
