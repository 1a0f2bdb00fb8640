/** The database: a bundled Postgres as a child process, or the one at DATABASE_URL. */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import postgres from "postgres";
import { LaunchError, reasonOf } from "./launch-error.ts";
import { findPostgresHome, type PostgresHome } from "./postgres-home.ts";
import type { ProcessSpec, Supervisor } from "./process.ts";
import { commandLineOf, identityOf, sendSignal, waitGone } from "./process-identity.ts";

const MAJOR_VERSION = "18";
const CONNECT_TIMEOUT_S = 5;
const START_DEADLINE_MS = 60_000; // recovery after a crash included
const ORPHAN_GRACE_MS = 3_000;
const SHARED_MEMORY_TRIES = 20;
const SHARED_MEMORY_WAIT_MS = 250;

/** Starts the bundled Postgres with its data under `dataDir`, making the cluster if there is none. Says where the data really are. */
export async function startPostgres(
  supervisor: Supervisor,
  { dataDir, port }: { dataDir: string; port: number },
): Promise<{ url: string; data: string }> {
  mkdirSync(dataDir, { recursive: true });
  const home = findPostgresHome(dataDir);
  ensureCluster(home);
  await endOrphanedPostmaster(home.data);
  const password = readFileSync(passwordFile(home.data), "utf8").trim();
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  const spec = postgresSpec(home, port, url);
  for (let attempt = 1; ; attempt++) {
    try {
      await supervisor.start(spec);
      return { url, data: home.data };
    } catch (error) {
      // The servers of a killed postmaster need a moment to see that it is gone, and hold its memory until then.
      const held =
        error instanceof LaunchError && String(error.details.lastWords).includes("shared memory block");
      if (!held || attempt === SHARED_MEMORY_TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, SHARED_MEMORY_WAIT_MS));
    }
  }
}

/** Throws a {@link LaunchError} unless a database answers at `url` in which we may make schemas. */
export async function checkDatabase(url: string): Promise<void> {
  const where = describeDatabase(url);
  const sql = connect(url);
  try {
    const [row] = await sql<{ allowed: boolean }[]>`
      select has_database_privilege(current_database(), 'CREATE') as allowed`;
    if (row?.allowed) return;
  } catch (error) {
    throw new LaunchError(`DATABASE_URL: Postgres at ${where} does not let us in: ${reasonOf(error)}.`, {
      hint: "Start it or mend the URL; unset DATABASE_URL to use the bundled Postgres.",
      cause: error,
    });
  } finally {
    await sql.end({ timeout: 1 });
  }
  throw new LaunchError(`DATABASE_URL: the user may not create schemas in ${where}.`, {
    hint: `Grant it: GRANT CREATE ON DATABASE … TO …; or name another user.`,
  });
}

/** One connection of the launcher. End it. */
export function connect(url: string): postgres.Sql {
  // Without fetch_types: when the connection breaks, the driver leaves the rejection of that query of its own to nobody.
  return postgres(url, {
    max: 1,
    connect_timeout: CONNECT_TIMEOUT_S,
    fetch_types: false,
    onnotice: () => {},
  });
}

/** Host, port and name of a database: enough to tell it from others, without the password. */
export function describeDatabase(url: string): string {
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}

/**
 * Drops what belongs to chains that ended with their run. With `chainId`, also the rows that the indexer has cached of that chain: they
 * are of an earlier chain with the same number.
 */
export async function dropEphemeral(
  url: string,
  { tags, chainId }: { tags: readonly string[]; chainId: number },
): Promise<void> {
  const sql = connect(url);
  try {
    for (const tag of tags) {
      for (const schema of [`index_${tag}`, `live_${tag}`, `exchange_${tag}`]) {
        await sql`drop schema if exists ${sql(schema)} cascade`;
      }
    }
    const cached = await sql<{ name: string }[]>`
      select table_name as name from information_schema.columns
      where table_schema = 'ponder_sync' and column_name = 'chain_id'`;
    for (const { name } of cached) {
      await sql`delete from ${sql(`ponder_sync.${name}`)} where chain_id = ${chainId}`;
    }
  } finally {
    await sql.end({ timeout: 1 });
  }
}

function postgresSpec(home: PostgresHome, port: number, url: string): ProcessSpec {
  const settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=200"];
  return {
    name: "postgres",
    command: join(home.programs, "bin/postgres"),
    args: ["-D", home.data, "-p", String(port), ...settings.flatMap((setting) => ["-c", setting])],
    env: { LC_ALL: "C", TZ: "UTC" },
    cwd: "/",
    ...home.user,
    probe: async () => {
      const sql = connect(url);
      try {
        await sql`select 1`;
      } finally {
        await sql.end({ timeout: 1 });
      }
    },
    deadline: START_DEADLINE_MS,
    stopSignal: "SIGINT", // "fast": SIGTERM would wait until every client has gone
    grace: 1_500,
    lastSignal: "SIGQUIT",
  };
}

function passwordFile(data: string): string {
  return join(data, "moa-password");
}

/** Makes the cluster beside its place and moves it there when it is whole, so that one cut short is never taken for one. */
function ensureCluster(home: PostgresHome): void {
  const version = join(home.data, "PG_VERSION");
  if (existsSync(version)) {
    const found = readFileSync(version, "utf8").trim();
    if (found === MAJOR_VERSION && existsSync(passwordFile(home.data))) return;
    const what =
      found === MAJOR_VERSION ? "was not made here" : `is of Postgres ${found}, ours is ${MAJOR_VERSION}`;
    throw new LaunchError(`The cluster in ${home.data} ${what}.`, {
      hint: "Remove that folder to start with an empty database, or set DATABASE_URL to a Postgres that can read it.",
    });
  }
  const fresh = `${home.data}.new`;
  const password = randomBytes(24).toString("hex");
  const passwordPath = join(dirname(home.data), "postgres-password.new");
  rmSync(fresh, { recursive: true, force: true });
  rmSync(home.data, { recursive: true, force: true });
  try {
    mkdirSync(fresh, { mode: 0o700 });
    writeFileSync(passwordPath, password, { mode: 0o600 });
    if (home.user) {
      for (const path of [fresh, passwordPath]) chownSync(path, home.user.uid, home.user.gid);
    }
    initCluster(home, fresh, passwordPath);
    writeFileSync(passwordFile(fresh), password, { mode: 0o600 });
    renameSync(fresh, home.data);
  } finally {
    rmSync(passwordPath, { force: true });
  }
}

/** Search in other languages than English needs a locale that knows their letters; each system has its own name for one. */
function initCluster(home: PostgresHome, data: string, passwordPath: string): void {
  const faults: string[] = [];
  for (const locale of ["C.UTF-8", "en_US.UTF-8", "C"]) {
    rmSync(join(data, "PG_VERSION"), { force: true });
    const args = [
      ...["-D", data, "-U", "postgres", `--pwfile=${passwordPath}`, "--auth=scram-sha-256", "--no-sync"],
      ...["--encoding=UTF8", "--locale=C", `--lc-ctype=${locale}`],
      ...["--locale-provider=builtin", "--builtin-locale=C.UTF-8"],
    ];
    const run = spawnSync(join(home.programs, "bin/initdb"), args, {
      cwd: "/",
      env: { LC_ALL: "C" },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
      ...home.user,
    });
    if (run.status === 0) return;
    faults.push(run.error ? reasonOf(run.error) : run.stderr.trim().replaceAll("\n", " | "));
  }
  throw new LaunchError(`Postgres could not make its cluster in ${home.data}: ${faults[0]}.`, {
    hint: "Make room or mend the folder's rights, or set DATABASE_URL to a Postgres of yours.",
  });
}

/** A postmaster that outlived its launcher holds the data. Its pid file names it; a number that is another program's by now is stale. */
async function endOrphanedPostmaster(data: string): Promise<void> {
  const file = join(data, "postmaster.pid");
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, "utf8").split("\n")[0]);
  const identity = Number.isInteger(pid) && pid > 0 ? identityOf(pid) : undefined;
  if (identity === undefined) return; // Postgres itself sees that
  if (!commandLineOf(pid)?.includes(data)) return rmSync(file);
  try {
    for (const signal of ["SIGINT", "SIGQUIT", "SIGKILL"] as const) {
      sendSignal(pid, signal);
      if (await waitGone(pid, identity, ORPHAN_GRACE_MS)) return;
    }
  } catch (error) {
    throw new LaunchError(`A Postgres (process ${pid}) still runs on ${data}: ${reasonOf(error)}.`, {
      hint: `End it: kill -INT ${pid}`,
      cause: error,
    });
  }
  throw new LaunchError(`A Postgres (process ${pid}) still runs on ${data} and does not end.`, {
    hint: `End it: kill -9 ${pid}`,
  });
}
