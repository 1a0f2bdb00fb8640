/** The one place that starts, watches and ends the system's processes. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync } from "node:fs";
import { join } from "node:path";
import { LaunchError, reasonOf } from "./launch-error.ts";
import { identityOf, sendSignal } from "./process-identity.ts";
import { lastWordsIn, openLog, readTail } from "./process-log.ts";

export type ProcessName = "postgres" | "chain" | "indexer" | "api" | "gateway";

export type ProcessSpec = {
  name: ProcessName;
  command: string;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
  cwd: string;
  /** Whom to run as; only root can choose. */
  uid?: number;
  gid?: number;
  /** Resolves when the process serves; rejects with the reason while it does not. Asked again and again. */
  probe: (signal: AbortSignal) => Promise<void>;
  /** Milliseconds from the start until it must serve. */
  deadline: number;
  /** Asks it to end. */
  stopSignal: NodeJS.Signals;
  /** Milliseconds it gets for that, */
  grace: number;
  /** and what it gets afterwards. */
  lastSignal: NodeJS.Signals;
};

export type Exit = { code: number | null; signal: NodeJS.Signals | null };
export type Crash = Exit & { name: ProcessName; lastWords: string };
export type RunningProcess = { spec: ProcessSpec; pid: number; identity: string };

export type Supervisor = {
  /** Starts a process and waits until it serves. Throws a {@link LaunchError} when it ends before, or takes too long. */
  start(spec: ProcessSpec): Promise<void>;
  /** Sends a signal on purpose (this is no crash) and, for signals that end a process, waits for the end. */
  kill(name: ProcessName, signal?: NodeJS.Signals): Promise<void>;
  /** Ends the process if it runs and starts it again as it was. */
  restart(name: ProcessName): Promise<void>;
  /** The end of what it wrote since the system was started. */
  logsOf(name: ProcessName): string;
  pids(): Partial<Record<ProcessName, number>>;
  /** Ends everything, last started first; afterwards nothing can be started. */
  stop(): Promise<void>;
};

type Child = {
  spec: ProcessSpec;
  child: ChildProcess;
  identity: string;
  /** Set once somebody here wanted it to end. */
  expected: boolean;
  exit: Exit | undefined;
  ended: Promise<Exit>;
};

// Those of one row end together. Whoever writes to a database ends before it.
const stopOrder: readonly (readonly ProcessName[])[] = [
  ["gateway", "api"],
  ["indexer"],
  ["chain", "postgres"],
];

const PROBE_EVERY_MS = 50;
const PROBE_TIMEOUT_MS = 5_000;
const LAST_GRACE_MS = 500;
const LOG_TAIL_BYTES = 1 << 20;

export function createSupervisor({
  logDir,
  onChange,
  onCrash,
}: {
  logDir: string;
  /** Called whenever a process has started or ended, before anything else can happen. */
  onChange: (running: RunningProcess[]) => void;
  onCrash: (crash: Crash) => void;
}): Supervisor {
  const children = new Map<ProcessName, Child>();
  let stopping: Promise<void> | undefined;

  const running = () => [...children.values()].filter((child) => child.exit === undefined);
  const changed = () =>
    onChange(running().map(({ spec, child, identity }) => ({ spec, identity, pid: child.pid ?? 0 })));

  function launch(spec: ProcessSpec, append: boolean): Child {
    if (stopping) throw stoppedError(spec.name);
    const child = spawnDetached(spec, openLog(logFile(spec.name), { append }));
    const entry: Child = {
      spec,
      child,
      identity: child.pid === undefined ? "" : (identityOf(child.pid) ?? ""),
      expected: false,
      exit: undefined,
      ended: Promise.resolve({ code: null, signal: null }),
    };
    entry.ended = endOf(child).then((exit) => {
      entry.exit = exit;
      if (child.pid !== undefined) endGroup(child.pid);
      changed();
      return exit;
    });
    children.set(spec.name, entry);
    changed();
    return entry;
  }

  async function bringUp(spec: ProcessSpec, append: boolean): Promise<void> {
    const entry = launch(spec, append);
    await untilServing(
      entry,
      () => stopping !== undefined,
      () => lastWords(spec.name),
    );
    void entry.ended.then((exit) => {
      if (!entry.expected) onCrash({ ...exit, name: spec.name, lastWords: lastWords(spec.name) });
    });
  }

  function find(name: ProcessName): Child {
    const entry = children.get(name);
    if (!entry) throw new LaunchError(`${name} was never started.`, { hint: "Start the system with it." });
    return entry;
  }

  const logFile = (name: ProcessName) => join(logDir, `${name}.log`);
  const lastWords = (name: ProcessName) => lastWordsIn(logFile(name));

  // For a launcher that ends without stop(), by a fault of ours: nothing may outlive it.
  const endAtOnce = () => {
    for (const { spec, child } of running()) if (child.pid) sendSignal(child.pid, spec.lastSignal);
  };
  process.once("exit", endAtOnce);

  async function stopAll(): Promise<void> {
    for (const row of stopOrder) {
      await Promise.all(
        row.map(async (name) => {
          const entry = children.get(name);
          if (entry) await end(entry);
        }),
      );
    }
    process.off("exit", endAtOnce);
  }

  return {
    start: (spec) => bringUp(spec, false),
    async kill(name, signal = "SIGKILL") {
      const entry = find(name);
      if (entry.exit || entry.child.pid === undefined) return;
      const fatal =
        signal !== "SIGSTOP" && signal !== "SIGCONT" && signal !== "SIGUSR1" && signal !== "SIGUSR2";
      entry.expected ||= fatal;
      sendSignal(entry.child.pid, signal);
      if (fatal) await entry.ended;
    },
    async restart(name) {
      const entry = find(name);
      await end(entry);
      await bringUp(entry.spec, true);
    },
    logsOf: (name) => readTail(logFile(name), LOG_TAIL_BYTES),
    pids: () => Object.fromEntries(running().map(({ spec, child }) => [spec.name, child.pid])),
    stop() {
      stopping ??= stopAll();
      return stopping;
    },
  };
}

/** In a session of its own, so that a Ctrl-C in the terminal reaches the launcher alone and the launcher decides about the order. */
function spawnDetached(spec: ProcessSpec, log: number): ChildProcess {
  try {
    return spawn(spec.command, spec.args, {
      cwd: spec.cwd,
      env: spec.env,
      detached: true,
      stdio: ["ignore", log, log],
      ...(spec.uid === undefined ? {} : { uid: spec.uid }),
      ...(spec.gid === undefined ? {} : { gid: spec.gid }),
    });
  } finally {
    closeSync(log);
  }
}

/** Ends what a process that has ended itself had started. */
function endGroup(pid: number): void {
  try {
    sendSignal(-pid, "SIGKILL");
  } catch (error) {
    // macOS answers so for a group in which nobody lives any more.
    if ((error as NodeJS.ErrnoException).code !== "EPERM") throw error;
  }
}

async function endOf(child: ChildProcess): Promise<Exit> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
    child.once("error", (error: NodeJS.ErrnoException) => {
      // Only "could not be spawned" ends a process that never was; other errors (a signal not sent) do not.
      if (child.pid === undefined) resolve({ code: error.errno ?? 127, signal: null });
    });
  });
}

async function untilServing(entry: Child, isStopping: () => boolean, lastWords: () => string): Promise<void> {
  const { spec } = entry;
  const end = performance.now() + spec.deadline;
  for (;;) {
    const fault = await spec.probe(AbortSignal.timeout(PROBE_TIMEOUT_MS)).then(
      () => undefined,
      (error: unknown) => reasonOf(error),
    );
    if (isStopping()) throw stoppedError(spec.name);
    if (entry.exit) throw endedError(spec, entry.exit, lastWords());
    if (fault === undefined) return;
    if (performance.now() > end) {
      throw new LaunchError(`${spec.name} did not come up within ${spec.deadline / 1000} s: ${fault}.`, {
        hint: `It said last: ${lastWords()}`,
      });
    }
    await new Promise((resolve) => setTimeout(resolve, PROBE_EVERY_MS));
  }
}

async function end(entry: Child): Promise<void> {
  const { spec, child } = entry;
  entry.expected = true;
  if (entry.exit || child.pid === undefined) return;
  sendSignal(child.pid, spec.stopSignal);
  if (await endsWithin(entry, spec.grace)) return;
  sendSignal(child.pid, spec.lastSignal);
  if (await endsWithin(entry, LAST_GRACE_MS)) return;
  sendSignal(child.pid, "SIGKILL");
  await entry.ended;
}

async function endsWithin(entry: Child, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  const result = await Promise.race([entry.ended.then(() => true as const), late]);
  clearTimeout(timer);
  return result;
}

/** A process of a system that was up has ended. */
export function crashError({ name, code, signal, lastWords }: Crash): LaunchError {
  return new LaunchError(`${name} ${describeExit({ code, signal })} unexpectedly.`, {
    hint: `It said last: ${lastWords}`,
    details: { name },
  });
}

function describeExit({ code, signal }: Exit): string {
  return signal ? `was ended by ${signal}` : `ended with code ${code}`;
}

function endedError(spec: ProcessSpec, exit: Exit, lastWords: string): LaunchError {
  return new LaunchError(`${spec.name} ${describeExit(exit)} while starting.`, {
    hint: `It said last: ${lastWords}`,
    details: { lastWords },
  });
}

function stoppedError(name: ProcessName): LaunchError {
  return new LaunchError(`Stopped while ${name} was starting.`, { hint: "Start again when you like." });
}
