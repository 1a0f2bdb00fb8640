/** Servers to compare with, each a process of its own. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import type { ServerType } from "@hono/node-server";

export type Peer = { url: string; pid: number; stop(): Promise<void> };

/** Milliseconds from its start until it must serve. */
const START_MS = 60_000;
/** Milliseconds for ending. */
const STOP_MS = 2_000;

/** Starts `peers/<name>.ts` and hands it what it needs, by a channel of its own: there are passwords among it. */
export async function startPeer(name: string, settings: object): Promise<Peer> {
  const file = fileURLToPath(new URL(`peers/${name}.ts`, import.meta.url));
  const child = fork(file, { stdio: ["ignore", "ignore", "inherit", "ipc"] });
  child.send(settings);
  const [{ port }] = (await Promise.race([
    once(child, "message", { signal: AbortSignal.timeout(START_MS) }),
    once(child, "exit").then(() => {
      throw new Error(`The peer "${name}" ended before it served.`);
    }),
  ])) as [{ port: number }];
  return { url: `http://127.0.0.1:${port}`, pid: child.pid as number, stop: () => stop(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.disconnect(); // see servePeer
  const late = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  await ended;
  clearTimeout(late);
}

/** In a peer's process: takes the settings, serves, tells the port, and ends with whoever started it. */
export function servePeer<Settings>(serve: (settings: Settings) => Promise<ServerType>): void {
  process.once("disconnect", () => process.exit(0));
  process.once("message", async (settings) => {
    const server = await serve(settings as Settings);
    if (!server.listening) await once(server, "listening");
    process.send?.({ port: (server.address() as AddressInfo).port });
  });
}
