/** Two gateways of one seller on two machines: one ledger in Postgres, and each its own outbox. They are killed, and come up again where they were. */
import { cpSync, mkdirSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import type { TestExchange } from "../../gateway/support/exchange.ts";
import { type GatewayProcess, startProcess } from "../../gateway/support/gateway.ts";
import { type Crossing, openTaps, type Taps } from "./taps.ts";

type Machine = { env: Record<string, string>; up: Promise<{ process: GatewayProcess; taps: Taps }> };

export type Gateways = {
  /** Kills the machine's gateway at the first crossing of its wires to the ledger that this is true of. Resolves once it is up again. */
  killAt(machine: number, isIt: (crossing: Crossing) => boolean): Promise<void>;
  /** Kills it now. Resolves once it is up again. */
  kill(machine: number): Promise<void>;
  portOf(machine: number): Promise<number>;
  close(): Promise<void>;
};

export async function openGateways(at: {
  exchange: TestExchange;
  databaseUrl: string;
  dir: string;
  storeDir: string;
}): Promise<Gateways> {
  const start = async (env: Record<string, string>) => {
    const taps = openTaps();
    const LEDGER_DATABASE_URL = await taps.sql(at.databaseUrl);
    return { process: await startProcess({ ...env, LEDGER_DATABASE_URL }), taps };
  };
  const machineOf = (name: string): Machine => {
    const STATE_DIR = join(at.dir, name);
    const env = { EXCHANGE_URL: at.exchange.url, STORE_DIR: at.storeDir, STATE_DIR };
    return { env, up: start(env) };
  };
  const first = machineOf("a");
  await first.up;
  // One seller's gateways sign by one key.
  mkdirSync(join(at.dir, "b"), { recursive: true, mode: 0o700 });
  cpSync(join(at.dir, "a", "gateway-key.json"), join(at.dir, "b", "gateway-key.json"));
  const machines = [first, machineOf("b")];
  const machineAt = (i: number) => machines[i % machines.length] as Machine;

  const kill = async (i: number) => {
    const machine = machineAt(i);
    const { process, taps } = await machine.up;
    const dead = process.kill("SIGKILL");
    machine.up = dead.then(() => taps.close()).then(() => start(machine.env));
    await machine.up;
  };
  return {
    kill,
    async killAt(i, isIt) {
      const { taps } = await machineAt(i).up;
      await new Promise<void>((resolve, reject) => {
        taps.watch((crossing) => {
          if (!isIt(crossing)) return false;
          kill(i).then(resolve, reject);
          return true;
        });
      });
    },
    portOf: async (i) => (await machineAt(i).up).process.port,
    async close() {
      for (const { up } of machines) {
        const { process, taps } = await up;
        await process.kill("SIGKILL");
        await taps.close();
      }
    },
  };
}

/** One request of a download, as far as the buyer knows. */
export type Fetched = { status?: number; receiptId?: string; bytes: number; isComplete: boolean };

/**
 * Asks for the item's bytes from the `from`-th on. `passing` sees how many bytes of this answer are here, and may take its time. Never
 * rejects: a connection that is refused or breaks leaves what came.
 */
export function fetchFrom(
  port: number,
  { path, token, from, keep }: { path: string; token: string; from: number; keep: Buffer[] },
  passing: (bytes: number) => Promise<void> | void,
): Promise<Fetched> {
  return new Promise((resolve) => {
    const fetched: Fetched = { bytes: 0, isComplete: false };
    const headers = {
      authorization: `Bearer ${token}`,
      ...(from === 0 ? {} : { range: `bytes=${from}-` }),
    };
    const asked = request({ host: "127.0.0.1", port, path, headers, agent: false });
    asked.once("error", () => resolve(fetched));
    asked.once("response", async (response) => {
      fetched.status = response.statusCode ?? 0;
      const id = response.headers["receipt-id"];
      if (typeof id === "string") fetched.receiptId = id;
      try {
        for await (const chunk of response) {
          if (fetched.status < 300) keep.push(chunk as Buffer);
          fetched.bytes += (chunk as Buffer).length;
          await passing(fetched.bytes);
        }
      } catch {
        // It broke: what came is here.
      }
      fetched.isComplete = response.complete;
      resolve(fetched);
    });
    asked.end();
  });
}
