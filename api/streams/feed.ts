/**
 * What keeps this process's streams up to date: one connection that is told by the database when there is something new, whether by the
 * indexer's commits or by the exchange's own statements. However many streams are open, each event is read once.
 */
import { setImmediate } from "node:timers/promises";
import postgres from "postgres";
import type { Deps } from "../deps.ts";
import { errorFields, log } from "../http/log.ts";
import { databaseCodeOf, isDatabaseDown, type Queryable, type Sql, schemaOf } from "../store/database.ts";
import { type LoggedEvent, lockLog, logBounds, placeWaiting, readLog } from "../store/events.ts";
import { followIndex } from "./follow.ts";

/** Milliseconds after which it looks by itself: what a lost notification costs at most. */
const LOOK_MS = 5_000;
/** Events that are read at once. */
const BATCH = 500;
/** Milliseconds that another process may take while it gives places; and that a transaction of ours may stand still. */
const LOCK_MS = 5_000;

export type Feed = {
  start(): Promise<void>;
  /** The last place that was published; undefined before the first look. */
  place(): number | undefined;
  /** Connections of its own: a thousand streams that catch up must not stand in a payment's way. */
  sql: Sql;
  stop(): Promise<void>;
};

export function createFeed(
  deps: Deps,
  { databaseUrl, tag, publish }: { databaseUrl: string; tag: string; publish: (event: LoggedEvent) => void },
): Feed {
  const [schema, views] = [schemaOf(tag), `live_${tag}`];
  const sql = postgres(databaseUrl, {
    max: 2,
    connect_timeout: 5,
    onnotice: () => {},
    connection: {
      search_path: schema,
      application_name: "moa-api-streams",
      lock_timeout: LOCK_MS,
      idle_in_transaction_session_timeout: 2 * LOCK_MS,
    },
  });
  let place: number | undefined;
  let running: Promise<void> | undefined;
  let again = false;
  let listening = false;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;

  /** Looks now, and once more if it is woken meanwhile. */
  const wake = () => {
    again = true;
    if (!stopped) running ??= look();
  };

  async function look(): Promise<void> {
    while (again && !stopped) {
      again = false;
      if (!listening) await listen();
      await attempt("place events", async () => {
        while (await sql.begin(placeEvents));
      });
      await attempt("follow the index", async () => {
        while (await followIndex(deps, sql, views));
      });
      await attempt("read events", publishNew);
    }
    running = undefined; // in the same breath as the last look at `again`
  }

  /** Each time that the connection is made again, something may have been missed. */
  async function listen(): Promise<void> {
    await attempt("listen", async () => {
      await sql.listen(`${schema}_events`, wake, wake);
      await sql.listen(`${views}_live_query`, wake, wake);
      listening = true;
    });
  }

  async function publishNew(): Promise<void> {
    place ??= (await logBounds(sql)).head;
    for (;;) {
      const events = await readLog(sql, { after: place, limit: BATCH });
      for (const event of events) {
        place = event.seq;
        publish(event);
        await setImmediate(); // what was written goes out, and others have their turn
      }
      if (events.length < BATCH) return;
    }
  }

  return {
    sql,
    place: () => place,
    async start() {
      await attempt("read the log's end", publishNew);
      timer = setInterval(wake, LOOK_MS).unref();
      wake();
    },
    async stop() {
      stopped = true;
      clearInterval(timer);
      await running;
      await sql.end({ timeout: 1 });
    },
  };
}

/** True while there is more. */
async function placeEvents(tx: Queryable): Promise<boolean> {
  await lockLog(tx);
  return placeWaiting(tx);
}

/** Codes for tables of the indexer's that are not there (yet), and for a lock that another process holds. */
const passing = new Set(["42P01", "3F000", "42703", "55P03"]);

async function attempt(what: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const expected = isDatabaseDown(error) || passing.has(databaseCodeOf(error) ?? "");
    log(expected ? "info" : "warn", `streams: ${what}`, errorFields(error));
  }
}
