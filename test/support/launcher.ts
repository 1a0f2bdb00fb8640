/** `scripts/start.ts` as a process, watched from outside as a person at a terminal would. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Ports, portUses } from "../../scripts/system/ports.ts";
import { commandLineOf } from "../../scripts/system/process-identity.ts";
import { repoRoot } from "../../scripts/system/repo.ts";

export type Launcher = {
  readonly pid: number;
  /** All that it has printed so far. */
  output(): string;
  /** Resolves once it has printed `text`; rejects when it ends before. */
  until(text: string): Promise<void>;
  /** To its process group, as a terminal does. */
  signalGroup(signal: NodeJS.Signals): void;
  /** As if whoever started it had died. */
  leave(): void;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
};

/** Starts it on `dataDir`; `env` comes on top of the ports. */
export function launch(
  dataDir: string,
  { ports, env = {}, args = [] }: { ports: Ports; env?: Record<string, string>; args?: readonly string[] },
): Launcher {
  const portEnv = Object.entries(ports).map(([name, port]) => [
    portUses[name as keyof Ports].env,
    String(port),
  ]);
  const child = spawn(process.execPath, [join(repoRoot, "scripts/start.ts"), ...args], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      MOA_DATA_DIR: dataDir,
      ...Object.fromEntries(portEnv),
      ...env,
    },
  });
  return watch(child);
}

function watch(child: ChildProcess): Launcher {
  let output = "";
  const listeners = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      output += chunk.toString("utf8");
      for (const listener of listeners) listener();
    });
  }
  // Not "close": Node does not emit it once the channel to the process was closed from here.
  const silent = Promise.all([child.stdout, child.stderr].map((stream) => stream && once(stream, "close")));
  const ended: Launcher["ended"] = new Promise((resolve) =>
    child.once("exit", (code, signal) => void silent.then(() => resolve({ code, signal }))),
  );
  const pid = child.pid ?? 0;
  return {
    pid,
    ended,
    output: () => output,
    signalGroup: (signal) => void process.kill(-pid, signal),
    leave: () => child.disconnect(),
    until: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!output.includes(text)) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
        void ended.then(() => reject(new Error(`It ended without saying "${text}":\n${output}`)));
      }),
  };
}

/** Command lines of all processes that have anything to do with `dataDir`, by their arguments or their environment. Linux only. */
export function processesOf(dataDir: string): string[] {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const concerned = pids.filter((pid) =>
    ["cmdline", "environ"].some((file) => readIfThere(`/proc/${pid}/${file}`).includes(dataDir)),
  );
  return concerned.map((pid) => `${pid} ${commandLineOf(Number(pid))}`);
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // the process has ended, or is somebody else's
  }
}
