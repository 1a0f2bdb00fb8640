import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * What tells the process that has `pid` now from every other that ever had or will have that number, also after a reboot.
 * Undefined when no such process runs (one that has ended and only waits for its parent to notice does not run).
 */
export function identityOf(pid: number): string | undefined {
  return process.platform === "linux" ? linuxIdentity(pid) : psIdentity(pid);
}

/** The command line of a running process, words parted by spaces. */
export function commandLineOf(pid: number): string | undefined {
  if (process.platform === "linux") {
    return readIfThere(`/proc/${pid}/cmdline`)?.replaceAll("\0", " ").trim();
  }
  return ps(pid, "command=");
}

/** True once the process is gone, false if it still runs after `ms` milliseconds. */
export async function waitGone(pid: number, identity: string, ms: number): Promise<boolean> {
  const end = performance.now() + ms;
  while (identityOf(pid) === identity) {
    if (performance.now() > end) return false;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  return true;
}

/** Sends a signal; false when there is nobody left to get it. Throws EPERM for a process of somebody else. */
export function sendSignal(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

function linuxIdentity(pid: number): string | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  // The second field is the program's name in parentheses and may itself hold spaces and parentheses (proc_pid_stat(5)).
  const fields = stat?.slice(stat.lastIndexOf(")") + 2).split(" ");
  const state = fields?.[0];
  const startTime = fields?.[19];
  if (startTime === undefined || state === "Z" || state === "X") return undefined;
  return `${readIfThere("/proc/sys/kernel/random/boot_id")?.trim()}:${startTime}`;
}

function psIdentity(pid: number): string | undefined {
  const state = ps(pid, "stat=");
  return state === undefined || state.startsWith("Z") ? undefined : ps(pid, "lstart=");
}

function ps(pid: number, column: string): string | undefined {
  try {
    return execFileSync("ps", ["-o", column, "-p", String(pid)], { encoding: "utf8" }).trim() || undefined;
  } catch {
    return undefined; // ps exits with 1 when there is no such process
  }
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH" || code === "EACCES") return undefined;
    throw error;
  }
}
