/** Copies of the repository for work that must not touch it: faults, instrumented builds. */
import { cpSync, existsSync, mkdirSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { repoRoot } from "./repo.ts";

/** All that contracts and their tests read. */
const FOLDERS = ["contracts", "test", "sdk", "scripts", "indexer", "api", "gateway", "ops", "docs"];
const FILES = ["package.json", "tsconfig.json", "ponder.config.ts", "hardhat.config.ts"];
const NOT_COPIED = /\/(node_modules|\.ponder|generated)$/;

/** Copies the sources into a folder of this name for temporary files, which it empties of earlier ones, and links the packages. */
export function copyRepository(name: string): string {
  const dir = join(tmpdir(), name);
  mkdirSync(dir, { recursive: true });
  for (const folder of [...FOLDERS, "artifacts", "cache", "coverage"]) {
    rmSync(join(dir, folder), { recursive: true, force: true });
  }
  for (const folder of FOLDERS) {
    const filter = (path: string) => !NOT_COPIED.test(path);
    cpSync(join(repoRoot, folder), join(dir, folder), { recursive: true, filter });
  }
  for (const file of FILES) cpSync(join(repoRoot, file), join(dir, file));
  const packages = join(dir, "node_modules");
  if (!existsSync(packages)) symlinkSync(realpathSync(join(repoRoot, "node_modules")), packages);
  return dir;
}

/** Hardhat's command line, to be run by this Node in a copy. */
export const hardhatCli = join(realpathSync(join(repoRoot, "node_modules")), "hardhat/dist/src/cli.js");
