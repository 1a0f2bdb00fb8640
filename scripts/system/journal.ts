/**
 * `launcher.json` in the data directory: what a launcher has started, written before anything can go wrong with it. A launcher that was
 * killed leaves it behind, and the next one ends what still runs and drops the schemas that no chain belongs to any more.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { LaunchError, reasonOf } from "./launch-error.ts";
import { identityOf, sendSignal, waitGone } from "./process-identity.ts";

const signal = z.custom<NodeJS.Signals>((value) => typeof value === "string" && value.startsWith("SIG"));
const processSchema = z.object({ pid: z.int().positive(), identity: z.string() });

const journalSchema = z.object({
  launcher: processSchema.optional(),
  processes: z.array(
    processSchema.extend({ name: z.string(), stopSignal: signal, lastSignal: signal, grace: z.number() }),
  ),
  /** Schemas of chains that ended with their run. `database` tells which database they are in, without its password. */
  ephemeral: z.array(z.object({ database: z.string(), tag: z.string().regex(/^[0-9a-f]{8}$/) })),
});

export type Journal = z.infer<typeof journalSchema>;
export type JournalProcess = Journal["processes"][number];

const ORPHAN_LAST_WAIT_MS = 5_000;

function fileIn(dataDir: string): string {
  return join(dataDir, "launcher.json");
}

/** What the last launcher on this data directory wrote; empty when there was none, or when its file is no journal. */
export function readJournal(dataDir: string): Journal {
  try {
    return journalSchema.parse(JSON.parse(readFileSync(fileIn(dataDir), "utf8")));
  } catch (error) {
    const unreadable = error instanceof SyntaxError || error instanceof z.ZodError;
    if (unreadable || (error as NodeJS.ErrnoException).code === "ENOENT")
      return { processes: [], ephemeral: [] };
    throw error;
  }
}

export function writeJournal(dataDir: string, journal: Journal): void {
  mkdirSync(dataDir, { recursive: true });
  writeFileSync(`${fileIn(dataDir)}.new`, `${JSON.stringify(journal, null, 2)}\n`);
  renameSync(`${fileIn(dataDir)}.new`, fileIn(dataDir));
}

/**
 * Takes the data directory for this process. Returns what the last launcher left and the journal to go on with. Throws a
 * {@link LaunchError} while another living launcher has the directory.
 */
export function claimDataDir(dataDir: string): { previous: Journal; journal: Journal } {
  const previous = readJournal(dataDir);
  const { launcher, processes, ephemeral } = previous;
  if (launcher && identityOf(launcher.pid) === launcher.identity) {
    throw new LaunchError(`MOA already runs on ${dataDir} (process ${launcher.pid}).`, {
      hint: "Stop it with Ctrl-C first, or set MOA_DATA_DIR and other ports for a second one.",
      details: { pid: launcher.pid },
    });
  }
  // The orphans stay in it until they have ended: this launcher, too, may be killed.
  const journal = { launcher: self(), processes, ephemeral };
  writeJournal(dataDir, journal);
  return { previous, journal };
}

/** Gives the data directory back. What could not be ended, and what is known about schemas, stays noted. */
export function releaseDataDir(dataDir: string, { processes, ephemeral }: Journal): void {
  writeJournal(dataDir, { processes, ephemeral });
}

/** Ends what a killed launcher left running; returns the names. A pid that now belongs to another program is left alone. */
export async function endOrphans(journal: Journal): Promise<string[]> {
  const orphans = journal.processes.filter((entry) => identityOf(entry.pid) === entry.identity);
  await Promise.all(orphans.map(endOrphan));
  return orphans.map((entry) => entry.name);
}

async function endOrphan({
  name,
  pid,
  identity,
  stopSignal,
  lastSignal,
  grace,
}: JournalProcess): Promise<void> {
  try {
    sendSignal(pid, stopSignal);
    if (await waitGone(pid, identity, grace)) return;
    sendSignal(pid, lastSignal);
  } catch (error) {
    throw new LaunchError(`${name} of an earlier run still runs as process ${pid} (${reasonOf(error)}).`, {
      hint: `End it: kill ${pid}`,
      cause: error,
    });
  }
  if (await waitGone(pid, identity, ORPHAN_LAST_WAIT_MS)) return;
  throw new LaunchError(`${name} of an earlier run still runs as process ${pid} and does not end.`, {
    hint: `End it: kill -9 ${pid}`,
  });
}

function self(): NonNullable<Journal["launcher"]> {
  return { pid: process.pid, identity: identityOf(process.pid) ?? "" };
}
