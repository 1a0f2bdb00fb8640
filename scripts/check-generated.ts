/** Fails when committed generated files are stale: writes them anew and compares. Leaves the fresh ones in place. */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** What is committed and generated. */
function generatedFiles(): string[] {
  const abis = readdirSync(join(root, "sdk/abis")).map((name) => `sdk/abis/${name}`);
  return [
    ...abis,
    "audit/known-code.ts",
    "docs/schemas/content-manifest-v1.json",
    "docs/THREATS.md",
    "docs/INVARIANTS.md",
    "docs/ROLES.md",
  ];
}

function snapshot(): Map<string, string> {
  return new Map(generatedFiles().map((file) => [file, readFileSync(join(root, file), "utf8")]));
}

function run(command: string, ...args: string[]): void {
  const { status, stderr, stdout } = spawnSync(command, args, { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed:\n${stdout}${stderr}`);
}

const before = snapshot();
run("hardhat", "build");
run(process.execPath, "scripts/generate.ts");
run(process.execPath, "scripts/map-code.ts");
run(process.execPath, "scripts/manifest-schema.ts");
run(process.execPath, "scripts/map-tests.ts");
run(process.execPath, "scripts/map-roles.ts");
const after = snapshot();
const stale = [...new Set([...before.keys(), ...after.keys()])].filter(
  (file) => before.get(file) !== after.get(file),
);
if (stale.length > 0) {
  console.error(`Stale: ${stale.join(", ")}. Commit what \`npm run generate\` wrote.`);
  process.exitCode = 1;
} else {
  console.log(`generated: ${after.size} files, as their sources have it`);
}
