/** API processes that are killed and replaced, and clients that do not give up. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localKey } from "../../../scripts/system/chain.ts";
import type { RunInfo } from "../../../scripts/system/run-info.ts";
import { mppSecretOf } from "../../../scripts/system/services.ts";
import type { Answer, Request } from "../../api/support/api.ts";
import { createApi } from "../../api/support/api.ts";
import { type Copy, startCopy } from "../../api/support/copy.ts";
import { type FakeStripe, startFakeStripe } from "../../support/fake-stripe.ts";
import { type Crossing, openTaps, type Taps } from "./taps.ts";

/** How long a client asks again; longer than a dead process's lease on a payment. */
const PERSISTENCE_MS = 120_000;
const AGAIN_MS = 250;
/** How often a process may fail to come up. */
const STARTS = 4;

type Process = { copy: Copy; taps: Taps; url: string };

/** How clients see an exchange whose processes die, or are badly served themselves. */
export type Shop = {
  /** The card provider that all processes have. */
  cards: FakeStripe;
  /** Asks whichever process serves, again and again, until the answer is final: neither lost, nor "not known yet", nor a server's fault. */
  insist<T>(path: string, request?: Request): Promise<Answer<T>>;
  /** Says once more what {@link Shop.insist} said, until `isIt` is true of the final answer. */
  until<T>(isIt: (answer: Answer<T>) => boolean, path: string, request?: Request): Promise<Answer<T>>;
};

export type Arena = Shop & {
  /** Kills the process at the first crossing that this is true of. Resolves with that crossing, once the process is dead and another one serves. */
  killAt(isIt: (crossing: Crossing) => boolean): Promise<Crossing>;
  /** Forgets what {@link Arena.killAt} waits for, and kills the process now if it still serves. */
  killNow(): Promise<void>;
  /** All that crossed the present process's wires so far. */
  crossings(): readonly Crossing[];
  close(): Promise<void>;
};

export async function openArena(run: RunInfo): Promise<Arena> {
  const cards = await startFakeStripe();
  const cache = mkdtempSync(join(tmpdir(), "moa-faults-"));
  // One that ends by itself leaves what it compiled to those that can't.
  const first = await startCopy(run, { env: { NODE_COMPILE_CACHE: cache } });
  await first.kill("SIGTERM");
  let serving = await startTapped(run, cards, cache);
  // The next one is up before it is needed: a kill then costs no more than itself.
  let spare = startTapped(run, cards, cache);
  let seen: Crossing[] = [];
  let killed:
    | {
        resolve: (crossing: Crossing) => void;
        reject: (error: unknown) => void;
        isIt: (crossing: Crossing) => boolean;
      }
    | undefined;

  const watch = (process: Process) =>
    process.taps.watch((crossing) => {
      seen.push(crossing);
      if (!killed?.isIt(crossing)) return false;
      const { resolve, reject } = killed;
      killed = undefined;
      replace(process).then(() => resolve(crossing), reject);
      return true;
    });
  const replace = async ({ taps, copy }: Process) => {
    await copy.kill("SIGKILL");
    await taps.close();
    serving = await spare;
    seen = [];
    watch(serving);
    spare = startTapped(run, cards, cache);
  };
  watch(serving);

  return {
    ...createShop(run, cards, () => serving.url),
    killAt: (isIt) =>
      new Promise((resolve, reject) => {
        killed = { isIt, resolve, reject };
      }),
    async killNow() {
      killed = undefined;
      await replace(serving);
    },
    crossings: () => seen,
    async close() {
      killed = undefined;
      for (const { copy, taps } of [serving, await spare]) {
        await copy.kill("SIGKILL");
        await taps.close();
      }
      await cards.close();
      rmSync(cache, { recursive: true, force: true });
    },
  };
}

/** The exchange at whichever address it has at the moment. */
export function createShop(run: RunInfo, cards: FakeStripe, url: () => string): Shop {
  const until: Shop["until"] = async (isIt, path, request) => {
    for (const end = performance.now() + PERSISTENCE_MS; ; ) {
      const answer = await createApi({ ...run, apiUrl: url() })
        .ask<never>(path, request)
        .catch(() => undefined);
      if (answer && answer.status !== 202 && answer.status < 500 && isIt(answer)) return answer;
      if (performance.now() > end) {
        throw new Error(
          `${path}: no final answer, the last was ${answer?.status} ${JSON.stringify(answer?.body)}.`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  };
  return { cards, until, insist: (path, request) => until(() => true, path, request) };
}

/** Another API with taps on all its wires, the one to its clients too. On a machine that is very busy it may not come up in time: then another. */
async function startTapped(run: RunInfo, cards: FakeStripe, cache: string, tries = STARTS): Promise<Process> {
  const taps = openTaps();
  try {
    return await startOn(taps, run, cards, cache);
  } catch (error) {
    await taps.close();
    if (tries <= 1) throw error;
    return startTapped(run, cards, cache, tries - 1);
  }
}

/** What makes a copy take every rail. Copies of one API have one name, and one secret: what one gave counts with the next. */
export const railEnv = (run: RunInfo, cards: FakeStripe): Record<string, string> => ({
  ...{ PUBLIC_URL: run.apiUrl, MPP_SECRET: mppSecretOf(localKey(1)), ...cards.env },
  ...{ STRIPE_PUBLISHABLE_KEY: "pk_test_fake", CARD_ISSUER_KEY: localKey(0) },
});

async function startOn(taps: Taps, run: RunInfo, cards: FakeStripe, cache: string): Promise<Process> {
  const [rpcUrl, DATABASE_URL, STRIPE_API_BASE] = await Promise.all([
    taps.rpc(run.rpcUrl),
    taps.sql(run.databaseUrl),
    taps.http("stripe", cards.url),
  ]);
  const env = { ...railEnv(run, cards), DATABASE_URL, STRIPE_API_BASE, NODE_COMPILE_CACHE: cache };
  const copy = await startCopy(run, { rpcUrl, env });
  return { copy, taps, url: await taps.http("http", copy.apiUrl) };
}
