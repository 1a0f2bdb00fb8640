/** API processes that are killed and replaced, and clients that do not give up. */
import type { RunInfo } from "../../../scripts/system/run-info.ts";
import type { Answer, Request } from "../../api/support/api.ts";
import { createApi } from "../../api/support/api.ts";
import { type Copy, startCopy } from "../../api/support/copy.ts";
import { type Crossing, openTaps, type Taps } from "./taps.ts";

/** How long a client asks again; longer than a dead process's lease on a payment. */
const PERSISTENCE_MS = 90_000;
const AGAIN_MS = 250;

type Process = { copy: Copy; taps: Taps };

export type Arena = {
  /** Kills the process at the first crossing that this is true of. Resolves with that crossing, once the process is dead and another one serves. */
  killAt(isIt: (crossing: Crossing) => boolean): Promise<Crossing>;
  /** Forgets what {@link Arena.killAt} waits for, and kills the process now if it still serves. */
  killNow(): Promise<void>;
  /** Asks whichever process serves, again and again, until the answer is final: neither lost, nor "not known yet", nor a server's fault. */
  insist<T>(path: string, request?: Request): Promise<Answer<T>>;
  /** All that crossed the present process's wires so far. */
  crossings(): readonly Crossing[];
  close(): Promise<void>;
};

export async function openArena(run: RunInfo): Promise<Arena> {
  const start = async (): Promise<Process> => {
    const taps = await openTaps(run);
    // Copies of one API have one name: what one gave counts with the next.
    const env = { DATABASE_URL: taps.databaseUrl, PUBLIC_URL: run.apiUrl };
    return { taps, copy: await startCopy(run, { rpcUrl: taps.rpcUrl, env }) };
  };
  let serving = await start();
  // The next one is up before it is needed: a kill then costs no more than itself.
  let spare = start();
  let seen: Crossing[] = [];
  let killed: { resolve: (crossing: Crossing) => void; isIt: (crossing: Crossing) => boolean } | undefined;

  const watch = ({ taps, copy }: Process) =>
    taps.watch((crossing) => {
      seen.push(crossing);
      if (!killed?.isIt(crossing)) return false;
      const { resolve } = killed;
      killed = undefined;
      void replace({ taps, copy }).then(() => resolve(crossing));
      return true;
    });
  const replace = async ({ taps, copy }: Process) => {
    await copy.kill("SIGKILL");
    await taps.close();
    serving = await spare;
    seen = [];
    watch(serving);
    spare = start();
  };
  watch(serving);

  return {
    killAt: (isIt) =>
      new Promise((resolve) => {
        killed = { isIt, resolve };
      }),
    async killNow() {
      killed = undefined;
      await replace(serving);
    },
    async insist<T>(path: string, request?: Request) {
      for (const end = performance.now() + PERSISTENCE_MS; ; ) {
        const api = createApi({ ...run, apiUrl: serving.copy.apiUrl });
        const answer = await api.ask<T>(path, request).catch(() => undefined);
        if (answer && answer.status !== 202 && answer.status < 500) return answer;
        if (performance.now() > end) {
          throw new Error(
            `${path}: no final answer, the last was ${answer?.status} ${JSON.stringify(answer?.body)}.`,
          );
        }
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    },
    crossings: () => seen,
    async close() {
      killed = undefined;
      for (const { copy, taps } of [serving, await spare]) {
        await copy.kill("SIGKILL");
        await taps.close();
      }
    },
  };
}
