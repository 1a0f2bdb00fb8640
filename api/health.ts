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

/** What the last look found, in numbers; undefined is what it could not find out. */
export type Facts = {
  /** Of the relayer's account, in wei. */
  balance: bigint | undefined;
  lowBalance: bigint;
  /** Transactions that are not mined yet, and since when the oldest of them waits. */
  waiting: number | undefined;
  since: Date | undefined;
  /** Nonces below that of a waiting transaction at which there is none. */
  gaps: number | undefined;
  lagBlocks: number | undefined;
  /** By the blocks' own time. */
  lagSeconds: number | undefined;
};

export type Health = {
  state(): State;
  facts(): Facts;
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
  let facts = unknown(lowBalance);
  let timer: NodeJS.Timeout | undefined;

  const look = async (): Promise<void> => {
    const found = unknown(lowBalance);
    const [chainCheck, database, relaying, indexer] = await Promise.all([
      inTime(() => options.guard.check()),
      inTime(() => checkDatabase(options.sql)),
      inTime(async () => {
        const [balance, next, backlog] = await Promise.all([
          chain.client.getBalance({ address: relayer.address }),
          chain.client.getTransactionCount({ address: relayer.address }),
          relayer.backlog(),
        ]);
        Object.assign(found, { balance, waiting: backlog.waiting, since: backlog.since });
        found.gaps = gapsIn(backlog, next);
        return checkRelayer(balance, lowBalance, backlog);
      }),
      inTime(() => checkIndexer(options, found)),
    ]);
    facts = found;
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
          balance_wei: String(facts.balance ?? 0n),
          low_below_wei: String(lowBalance),
          waiting: facts.waiting ?? 0,
        },
      };
    },
    facts: () => facts,
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

function unknown(lowBalance: bigint): Facts {
  const nothing = { balance: undefined, waiting: undefined, since: undefined, gaps: undefined };
  return { ...nothing, lowBalance, lagBlocks: undefined, lagSeconds: undefined };
}

/** `next`: the nonce that the chain takes next. A waiting transaction below it is mined, and only not noted yet. */
function gapsIn({ nonces }: Awaited<ReturnType<Relayer["backlog"]>>, next: number): number {
  const ahead = nonces.filter((nonce) => nonce >= next);
  return ahead.length === 0 ? 0 : Math.max(...ahead) - next + 1 - ahead.length;
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
async function checkIndexer({ indexerUrl, chain }: HealthOptions, found: Facts): Promise<Check> {
  const signal = AbortSignal.timeout(LOOK_TIMEOUT);
  const ready = await fetch(`${indexerUrl}/ready`, { signal });
  await ready.body?.cancel();
  if (!ready.ok) return { ok: false, detail: "it is catching up" };
  const [head, status] = await Promise.all([
    chain.client.getBlock({ blockTag: "latest" }),
    fetch(`${indexerUrl}/status`, { signal }).then((response) => response.json() as Promise<PonderStatus>),
  ]);
  const at = Object.values(status).find(({ id }) => id === chain.id)?.block;
  if (at === undefined) return { ok: false, detail: `it does not follow chain ${chain.id}` };
  const lag = head.number - BigInt(at.number);
  // The indexer may have a block that came after this look's.
  found.lagBlocks = Math.max(0, Number(lag));
  found.lagSeconds = lag <= 0n ? 0 : Math.max(0, Number(head.timestamp) - at.timestamp);
  return lag <= MAX_LAG_BLOCKS ? { ok: true } : { ok: false, detail: `it is ${lag} blocks behind` };
}

type PonderStatus = Record<string, { id: number; block: { number: number; timestamp: number } }>;
