/** Packages that only one tool needs stand in a folder of that tool, and are installed when it first runs. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Makes the folder's `node_modules` what its `package.json` says. Install scripts don't run. */
export function installOwnPackages(folder: string): void {
  const { dependencies } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  const isThere = ([name, version]: [string, string]) => {
    const file = join(folder, "node_modules", name, "package.json");
    return (
      existsSync(file) && (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version === version
    );
  };
  if (Object.entries(dependencies).every(isThere)) return;
  const quiet = ["--no-audit", "--no-fund", "--no-package-lock"];
  const args = ["install", ...quiet, "--ignore-scripts", "--legacy-peer-deps"];
  const { status, stderr } = spawnSync("npm", args, { cwd: folder, encoding: "utf8" });
  if (status !== 0) throw new Error(`npm install in ${folder} failed: ${stderr.trim().split("\n").at(-1)}`);
}
