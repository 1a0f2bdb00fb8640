/**
 * How a serving process ends. At the first signal it says that it is not ready, and serves on for the drain time, so that whoever
 * balances between copies can turn elsewhere; then it accepts nothing more, lets requests under way finish, stops its own work and closes.
 * At the second signal it ends at once.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Log } from "./log.ts";

/** Milliseconds that closing pools and files may take, after the last request. */
const CLOSING = 2_000;

export type Lifecycle = {
  /** Whether it was told to end. */
  draining(): boolean;
  /** Aborted when it was told to end: for answers without an end of their own, which can be had again from another copy. */
  readonly signal: AbortSignal;
  /** Call it once, when the server exists. From then on signals end the process. */
  end(how: Ending): void;
};

export type Ending = {
  server: Server;
  log: Log;
  drainSeconds: number;
  graceSeconds: number;
  /** Work of the process's own, that is stopped while requests finish. */
  stop?: () => Promise<unknown>;
  /** Called last, with everything else at an end. */
  close: () => Promise<unknown>;
};

export function createLifecycle(): Lifecycle {
  const ending = new AbortController();
  return {
    draining: () => ending.signal.aborted,
    signal: ending.signal,
    end(how) {
      turnConnectionsAway(how.server, ending.signal);
      for (const name of ["SIGINT", "SIGTERM"] as const) {
        process.on(name, () => {
          if (ending.signal.aborted) {
            how.log("warn", "ended_at_once", { signal: name });
            process.exit(1);
          }
          how.log("info", "draining", { signal: name, seconds: how.drainSeconds });
          ending.abort();
          void shutDown(how).then((code) => process.exit(code));
        });
      }
    },
  };
}

/** While it drains, each answer is its connection's last: no balancer keeps one that is about to go. */
function turnConnectionsAway(server: Server, draining: AbortSignal): void {
  server.prependListener("request", (_request: IncomingMessage, response: ServerResponse) => {
    if (draining.aborted) response.setHeader("connection", "close");
    else {
      // A request that waits while draining begins: its answer is the last one, too.
      draining.addEventListener("abort", announce, { once: true });
      response.once("close", () => draining.removeEventListener("abort", announce));
    }
    function announce() {
      if (!response.headersSent) response.setHeader("connection", "close");
    }
  });
}

/** Resolves with the exit code: 0, or 1 when something could not be closed. */
async function shutDown({ server, log, drainSeconds, graceSeconds, stop, close }: Ending): Promise<number> {
  if (drainSeconds > 0) await later(drainSeconds * 1_000);
  await quiet(server);
  log("info", "closing", { grace_seconds: graceSeconds });
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  let code = 0;
  const failed = (event: string) => (error: unknown) => {
    log("error", event, { error });
    code = 1;
  };
  const stopped = (stop?.() ?? Promise.resolve()).catch(failed("stop_failed"));
  if ((await within(graceSeconds * 1_000, Promise.all([closed, stopped]))) === "late") {
    log("warn", "grace_is_over", { grace_seconds: graceSeconds });
    server.closeAllConnections();
  }
  if ((await within(CLOSING, close().catch(failed("close_failed")))) === "late") {
    failed("close_failed")(new Error(`Not closed within ${CLOSING} ms.`));
  }
  log("info", "ended", { code });
  return code;
}

/** Turns of the event loop that {@link quiet} waits at most for one in which nobody connects. */
const MAX_TURNS = 1_000;

/**
 * Resolves right after a turn of the event loop in which no connection came. Closing resets those that the kernel has accepted and the
 * process has not, and on each a client may have sent a request: at such a moment there are none.
 */
async function quiet(server: Server): Promise<void> {
  let connected = false;
  const onConnection = () => {
    connected = true;
  };
  server.on("connection", onConnection);
  for (let turns = 0; turns < MAX_TURNS; turns++) {
    connected = false;
    // Its callback runs after the turn's poll for events; the second one after a whole poll.
    await new Promise((resolve) => setImmediate(resolve));
    await new Promise((resolve) => setImmediate(resolve));
    if (!connected) break;
  }
  server.off("connection", onConnection);
}

async function within(milliseconds: number, work: Promise<unknown>): Promise<"done" | "late"> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<"late">((resolve) => {
    timer = setTimeout(() => resolve("late"), milliseconds);
  });
  const done = work.then(() => "done" as const);
  return Promise.race([done, late]).finally(() => clearTimeout(timer));
}

function later(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
