/** The running system that all end-to-end tests of one mocha run share. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from "viem/accounts";
import { type System, startSystem } from "../../scripts/system/system.ts";
import { unwatchContract, watchContract } from "./contract.ts";

const START_TIMEOUT_MS = 180_000;
const STOP_TIMEOUT_MS = 10_000;

export type SharedSystem = {
  /** The running system. Throws before the tests run. */
  readonly system: System;
  /** Owner of the gateway: who lists as this account has its files served. */
  readonly seller: PrivateKeyAccount;
};

type Started = { system: System; dataDir: string };

const seller = privateKeyToAccount(generatePrivateKey());
let started: Promise<Started> | undefined;
let current: System | undefined;

/**
 * Call it in a `describe`: the system is started before its tests, once for the whole run, and stopped after the last test of all.
 *
 * @example
 * describe("search", () => {
 *   const shared = useSystem();
 *   it("finds", async () => { await fetch(`${shared.system.run.apiUrl}/search`); });
 * });
 */
export function useSystem(): SharedSystem {
  before(async function () {
    this.timeout(START_TIMEOUT_MS);
    started ??= start();
    current = (await started).system;
  });
  return {
    seller,
    get system() {
      if (!current) throw new Error("The system is only there while tests run: use it in `it` or `before`.");
      return current;
    },
  };
}

// Of the root suite, as this file is loaded outside of any `describe`.
after("stop the shared system", async function () {
  this.timeout(STOP_TIMEOUT_MS);
  if (started) await stop(await started);
});

async function start(): Promise<Started> {
  const dataDir = makeDataDir();
  const giveUp = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    // More than once: a Ctrl-C comes from the terminal and again from whoever started us.
    process.on(signal, () => {
      if (giveUp.signal.aborted) return;
      giveUp.abort();
      const stopped = current ? stop({ system: current, dataDir }) : started?.catch(() => {});
      void Promise.resolve(stopped).finally(() => process.exit(1));
    });
  }
  const system = await startSystem({
    dataDir,
    sellerEoa: seller.address,
    onCrash: ({ name, lastWords }) => console.error(`${name} ended unexpectedly. It said last: ${lastWords}`),
    signal: giveUp.signal,
  });
  watchContract(system.run.apiUrl);
  return { system, dataDir };
}

async function stop({ system, dataDir }: Started): Promise<void> {
  await system.stop();
  unwatchContract(system.run.apiUrl);
  rmSync(dataDir, { recursive: true, force: true });
}

/** A fresh directory that Postgres, which does not run as root, can reach. */
export function makeDataDir(): string {
  const dataDir = mkdtempSync(join(tmpdir(), "moa-test-"));
  chmodSync(dataDir, 0o711);
  return dataDir;
}
