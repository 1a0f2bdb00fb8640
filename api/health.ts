/** How the API is, looked at in the background: asking for it costs nothing and never waits. */
import { formatEther } from "viem";
import type { z } from "zod";
import type { healthSchema } from "../sdk/wire/public.ts";
import type { Chain } from "./chain/client.ts";
import type { ChainGuard } from "./chain/guard.ts";
import type { Relayer } from "./chain/relayer.ts";
import type { Sql } from "./store/database.ts";

/** Milliseconds between two looks, and the longest that one may take. */
const LOOK_EVERY = 5_000;
const LOOK_TIMEOUT = 4_000;
/** Milliseconds for which a transaction may wait before something is wrong. */
const MAX_WAIT = 120_000;
/** Blocks that the indexer may be behind. */
const MAX_LAG_BLOCKS = 20n;

type State = z.infer<typeof healthSchema>;
type Check = { ok: boolean; detail?: string };

export type Health = {
  state(): State;
  /** Looks now and then in the background, until {@link stop}. */
  start(): Promise<void>;
  stop(): void;
};

export type HealthOptions = {
  chain: Chain;
  guard: ChainGuard;
  sql: Sql;
  relayer: Relayer;
  /** Below so much wei the relayer needs gas. */
  lowBalance: bigint;
  indexerUrl: string;
};

/** Without these nothing can be granted; without the others something can't be found. */
const vital = new Set(["chain", "database"]);

export function createHealth(options: HealthOptions): Health {
  const { chain, relayer, lowBalance } = options;
  let checks: Record<string, Check> = { boot: { ok: false, detail: "not looked yet" } };
  let balance = 0n;
  let waiting = 0;
  let timer: NodeJS.Timeout | undefined;

  const look = async (): Promise<void> => {
    const [chainCheck, database, relaying, indexer] = await Promise.all([
      inTime(() => options.guard.check()),
      inTime(() => checkDatabase(options.sql)),
      inTime(async () => {
        const [funds, backlog] = await Promise.all([
          chain.client.getBalance({ address: relayer.address }),
          relayer.backlog(),
        ]);
        [balance, waiting] = [funds, backlog.waiting];
        return checkRelayer(balance, lowBalance, backlog);
      }),
      inTime(() => checkIndexer(options)),
    ]);
    checks = { chain: chainCheck, database, relayer: relaying, indexer };
  };

  return {
    state() {
      const failed = Object.entries(checks).filter(([, { ok }]) => !ok);
      const down = failed.some(([name]) => vital.has(name) || name === "boot");
      return {
        status: down ? "down" : failed.length > 0 ? "degraded" : "ok",
        chain_id: chain.id,
        checks,
        contracts: { ...chain.deployment.contracts },
        relayer: {
          address: relayer.address,
          balance_wei: String(balance),
          low_below_wei: String(lowBalance),
          waiting,
        },
      };
    },
    async start() {
      await look();
      timer = setInterval(() => void look(), LOOK_EVERY);
      timer.unref();
    },
    stop() {
      clearInterval(timer);
    },
  };
}

async function inTime(check: () => Promise<Check>): Promise<Check> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<Check>((resolve) => {
    timer = setTimeout(() => resolve({ ok: false, detail: `no answer in ${LOOK_TIMEOUT} ms` }), LOOK_TIMEOUT);
  });
  try {
    return await Promise.race([check(), late]);
  } catch (error) {
    return {
      ok: false,
      detail: error instanceof Error ? (error.message.split("\n")[0] ?? error.name) : String(error),
    };
  } finally {
    clearTimeout(timer);
  }
}

async function checkDatabase(sql: Sql): Promise<Check> {
  await sql`select 1`;
  return { ok: true };
}

function checkRelayer(
  balance: bigint,
  lowBalance: bigint,
  { waiting, since }: Awaited<ReturnType<Relayer["backlog"]>>,
): Check {
  if (balance < lowBalance) {
    const [has, wants] = [formatEther(balance), formatEther(lowBalance)];
    return { ok: false, detail: `the relayer has ${has} ETH left, below ${wants}: send it some` };
  }
  if (!since || Date.now() - since.getTime() < MAX_WAIT) return { ok: true };
  return { ok: false, detail: `${waiting} transactions wait, the oldest since ${since.toISOString()}` };
}

/** Ponder's own readiness is not proof: its head is compared with the chain's. */
async function checkIndexer({ indexerUrl, chain }: HealthOptions): Promise<Check> {
  const signal = AbortSignal.timeout(LOOK_TIMEOUT);
  const ready = await fetch(`${indexerUrl}/ready`, { signal });
  await ready.body?.cancel();
  if (!ready.ok) return { ok: false, detail: "it is catching up" };
  const [head, status] = await Promise.all([
    chain.client.getBlockNumber(),
    fetch(`${indexerUrl}/status`, { signal }).then((response) => response.json() as Promise<PonderStatus>),
  ]);
  const at = Object.values(status).find(({ id }) => id === chain.id)?.block.number;
  if (at === undefined) return { ok: false, detail: `it does not follow chain ${chain.id}` };
  const lag = head - BigInt(at);
  return lag <= MAX_LAG_BLOCKS ? { ok: true } : { ok: false, detail: `it is ${lag} blocks behind` };
}

type PonderStatus = Record<string, { id: number; block: { number: number } }>;
