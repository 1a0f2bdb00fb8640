/** Runs a command once: input on its standard input, output from its standard output, and an end when it takes too long or says too much. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { ExchangeError } from "../../sdk/errors.ts";

export type Run = {
  /** Program and arguments; no shell ever reads them. */
  command: readonly string[];
  input: Uint8Array;
  /** Given as file descriptor 3. */
  extra?: Uint8Array;
  timeoutMs: number;
  outputBytes: number;
  /** Ends the run, as when nobody waits for it any more. */
  signal?: AbortSignal;
};

/** Bytes of the standard error that are kept, for the seller's log. */
const ERROR_BYTES = 4096;

type Ending = { code: number | null; signal: NodeJS.Signals | null; stopped?: Stop; errors: string };
type Stop = "timeout" | "output" | "left";

/**
 * Its standard output. The environment is empty, the working folder a fresh one that is removed afterwards. When it ends, or has to, its
 * whole process group is killed. Throws EXECUTION_FAILED; what the command said on its standard error is in the cause, for the log.
 */
export async function run(order: Run): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), "moa-run-"));
  try {
    return await runIn(folder, order);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runIn(cwd: string, order: Run): Promise<Buffer> {
  const [file = "", ...args] = order.command;
  const child = spawn(file, args, {
    cwd,
    env: {},
    // A group of its own, so that all of it can be killed.
    detached: true,
    stdio: ["pipe", "pipe", "pipe", "pipe"],
  });
  give(child.stdin as Writable, order.input);
  give(child.stdio[3] as Writable, order.extra ?? new Uint8Array());
  const output: Buffer[] = [];
  const ending = await watch(child, order, output);
  if (ending.code === 0 && ending.stopped === undefined) return Buffer.concat(output);
  throw failed(ending, order);
}

/** A program need not read what it is given. */
function give(stream: Writable, bytes: Uint8Array): void {
  stream.on("error", () => undefined);
  stream.end(bytes);
}

function watch(child: ChildProcess, order: Run, output: Buffer[]): Promise<Ending> {
  return new Promise((resolve, reject) => {
    let stopped: Stop | undefined;
    let length = 0;
    let errors = "";
    const stop = (why: Stop) => {
      stopped ??= why;
      killGroup(child);
    };
    const timer = setTimeout(() => stop("timeout"), order.timeoutMs);
    const leave = () => stop("left");
    order.signal?.addEventListener("abort", leave);
    const over = () => {
      clearTimeout(timer);
      order.signal?.removeEventListener("abort", leave);
    };
    child.stdout?.on("data", (piece: Buffer) => {
      length += piece.length;
      if (length > order.outputBytes) stop("output");
      else output.push(piece);
    });
    child.stderr?.on("data", (piece: Buffer) => {
      if (errors.length < ERROR_BYTES) errors += piece.toString("utf8").slice(0, ERROR_BYTES);
    });
    child.once("error", (error) => {
      over();
      reject(error);
    });
    // What it started may still hold the pipes open: it ends with it.
    child.once("exit", () => killGroup(child));
    child.once("close", (code, signal) => {
      over();
      resolve({ code, signal, errors, ...(stopped === undefined ? {} : { stopped }) });
    });
  });
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    // All of it has ended.
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function failed({ code, signal, stopped, errors }: Ending, { timeoutMs, outputBytes }: Run): ExchangeError {
  const why: Record<Stop, string> = {
    timeout: `took longer than ${timeoutMs} ms`,
    output: `put out more than ${outputBytes} bytes`,
    left: "was ended, since nobody waited for it",
  };
  const how = stopped === undefined ? `ended with ${signal ?? `exit code ${code}`}` : why[stopped];
  return new ExchangeError("EXECUTION_FAILED", `The run ${how}.`, {
    hint: "Send other inputs. The receipt says that it failed.",
    details: { reason: stopped ?? "exit", ...(stopped === undefined ? { exit_code: code } : {}) },
    cause: errors === "" ? undefined : new Error(errors),
  });
}
