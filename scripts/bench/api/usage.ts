/** What a process has used, as Linux counts it. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

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

/** The resident set, in MB (10⁶ bytes), and the largest one since {@link forgetPeak}. */
export function memory(pid: number): { now: number; peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const read = (field: string) => {
    const [, kilobytes] = new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(status) ?? [];
    if (kilobytes === undefined) throw new Error(`/proc/${pid}/status tells no ${field}.`);
    return (Number(kilobytes) * 1024) / 1e6;
  };
  return { now: read("VmRSS"), peak: read("VmHWM") };
}

/** From here on the peak counts anew (proc(5), clear_refs): what starting took is another question. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
}
