/** The server's CPU time for one request, in µs. */
import { type Ask, drive } from "./load.ts";
import { cpuMicroseconds } from "./usage.ts";

export type Subject = {
  url: string;
  pid: number;
  /** Resolves when the server has done what the requests left behind; that is a part of their cost. */
  settled?: () => Promise<void>;
};

/** Drives `count` requests and shares out what the server used meanwhile. */
export async function costPerRequest(
  { url, pid, settled }: Subject,
  count: number,
  askOf: (i: number) => Ask,
): Promise<number> {
  const before = cpuMicroseconds(pid);
  await drive(url, count, askOf);
  await settled?.();
  return (cpuMicroseconds(pid) - before) / count;
}
