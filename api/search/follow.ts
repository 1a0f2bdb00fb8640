/**
 * Follows the indexer: each time that it has committed something, what the search reads is brought up to it. Every API does so, one at a
 * time; which of them was faster does not matter.
 */
import type postgres from "postgres";
import type { Deps } from "../deps.ts";
import { errorFields, log } from "../http/log.ts";
import { databaseCodeOf, isDatabaseDown } from "../store/database.ts";
import { type Projection, project, projectTimed } from "./project.ts";

/** Milliseconds after which it looks by itself, should a notice have been lost. */
const LOOK_EVERY = 1_000;
/** Milliseconds between two looks at what time has changed. */
const TIMED_EVERY = 20_000;
/** Milliseconds that a search waits for news. */
const PATIENCE = 300;
/** A view or a schema that is missing: the indexer builds it, or builds it anew. */
const missing = new Set(["42P01", "3F000", "42703"]);

export type Follower = {
  /** Waits until what the indexer has now can be found, or a moment at most. Never throws. */
  settle(): Promise<void>;
  start(): void;
  stop(): Promise<void>;
};

/** `sql` is in the API's schema; the follower takes two of its connections. */
export function createFollower(options: {
  sql: postgres.Sql;
  tag: string;
  deps: Pick<Deps, "chain" | "index">;
}): Follower {
  const { sql, tag, deps } = options;
  let running: Promise<void> | undefined;
  let again = false;
  let timer: NodeJS.Timeout | undefined;
  let timedAt = Number.NEGATIVE_INFINITY;
  let listening: Promise<postgres.ListenMeta> | undefined;
  let stopped = false;

  /** Runs now, or once more after the run under way. */
  const run = (): Promise<void> => {
    if (running) {
      again = true;
      return running.then(() => (again ? run() : undefined));
    }
    again = false;
    running = attempt(async () => {
      const timed = performance.now() - timedAt > TIMED_EVERY;
      if (timed) timedAt = performance.now();
      await alone(sql, tag, async (one) => {
        const projection: Projection = { tag, sql: one, deps };
        await project(projection);
        if (timed) await projectTimed(projection);
      });
    }).finally(() => {
      running = undefined;
    });
    return running;
  };

  const next = () => {
    timer = setTimeout(() => void run().then(() => stopped || next()), LOOK_EVERY);
    timer.unref();
  };

  return {
    async settle() {
      await Promise.race([run(), new Promise((resolve) => setTimeout(resolve, PATIENCE).unref())]);
    },
    start() {
      // Ponder's own notice of a commit, by the name of the views' schema.
      listening = sql.listen(`live_${tag}_live_query`, () => void run());
      listening.catch((error) => log("warn", "search: no notices of the indexer", errorFields(error)));
      void run();
      next();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
      await (await listening?.catch(() => undefined))?.unlisten().catch(() => undefined);
    },
  };
}

/** Runs the work while no other process runs its own, on one connection. */
async function alone(
  sql: postgres.Sql,
  tag: string,
  work: (one: postgres.ReservedSql) => Promise<void>,
): Promise<void> {
  const one = await sql.reserve();
  const key = `search ${tag}`;
  try {
    await one`select pg_advisory_lock(hashtextextended(${key}, 0))`;
    try {
      await work(one);
    } finally {
      await one`select pg_advisory_unlock(hashtextextended(${key}, 0))`;
    }
  } finally {
    one.release();
  }
}

async function attempt(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const cause = error instanceof Error && error.cause ? error.cause : error;
    const expected = isDatabaseDown(cause) || missing.has(databaseCodeOf(cause) ?? "");
    log(expected ? "info" : "error", "search: following the indexer", errorFields(error));
  }
}
