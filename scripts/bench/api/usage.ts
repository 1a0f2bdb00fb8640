/** What a process has used, as Linux counts it. */
import { readdirSync, readFileSync } from "node:fs";

/**
 * Microseconds of CPU of all its threads so far. From the scheduler's own count of nanoseconds: `/proc/<pid>/stat` counts in ticks of
 * ten milliseconds. Node's threads live as long as the process, so none is missing.
 */
export function cpuMicroseconds(pid: number): number {
  const folder = `/proc/${pid}/task`;
  const nanoseconds = readdirSync(folder).map((thread) => {
    const [onCpu] = readFileSync(`${folder}/${thread}/schedstat`, "utf8").split(" ");
    return Number(onCpu);
  });
  return nanoseconds.reduce((sum, value) => sum + value, 0) / 1000;
}

/** The largest resident set since its start, in MB (10⁶ bytes). */
export function peakMemory(pid: number): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  if (kilobytes === undefined) throw new Error(`/proc/${pid}/status tells no VmHWM.`);
  return (Number(kilobytes) * 1024) / 1e6;
}
