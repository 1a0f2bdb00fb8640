/** Runs every linter and check of the repository, and exits 1 when one of them finds something. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

const checks: Record<string, [command: string, ...args: string[]]> = {
  biome: ["biome", "ci", "."],
  "prettier (Solidity)": ["prettier", "--check", "contracts/**/*.sol", "test/**/*.sol"],
  solhint: ["solhint", "--noPoster", "--disc", "--max-warnings", "0", "contracts/**/*.sol"],
  types: ["tsc", "-p", "."],
  imports: [process.execPath, "scripts/check-imports.ts"],
  "generated files": [process.execPath, "scripts/check-generated.ts"],
};

const failed: string[] = [];
for (const [name, [command, ...args]] of Object.entries(checks)) {
  const started = performance.now();
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(
    `${status === 0 ? "ok    " : "FAILED"} ${name} (${seconds} s)${error ? `: ${error.message}` : ""}`,
  );
  if (status !== 0) failed.push(name);
}
if (failed.length > 0) {
  console.error(`${failed.length} of ${Object.keys(checks).length} checks failed: ${failed.join(", ")}.`);
  process.exitCode = 1;
}
