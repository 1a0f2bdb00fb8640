/** How the API is, looked at in the background: asking for it costs nothing and never waits. */
import { type Address, formatEther, parseEther } from "viem";
import type { z } from "zod";
import type { healthSchema } from "../sdk/wire/public.ts";
import type { Chain } from "./chain/client.ts";
import type { ChainGuard } from "./chain/guard.ts";
import type { Sql } from "./store/database.ts";

/** Milliseconds between two looks, and the longest that one may take. */
const LOOK_EVERY = 5_000;
const LOOK_TIMEOUT = 4_000;
/** Below this the relayer needs gas: some hundred sales are left. */
const LOW_BALANCE = parseEther("0.05");
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
  relayer: Address;
  indexerUrl: string;
};

/** Without these nothing can be granted; without the others something can't be found. */
const vital = new Set(["chain", "database"]);

export function createHealth(options: HealthOptions): Health {
  const { chain, relayer } = options;
  let checks: Record<string, Check> = { boot: { ok: false, detail: "not looked yet" } };
  let balance = 0n;
  let timer: NodeJS.Timeout | undefined;

  const look = async (): Promise<void> => {
    const [chainCheck, database, funds, indexer] = await Promise.all([
      inTime(() => options.guard.check()),
      inTime(() => checkDatabase(options.sql)),
      inTime(async () => {
        balance = await chain.client.getBalance({ address: relayer });
        return checkBalance(balance);
      }),
      inTime(() => checkIndexer(options)),
    ]);
    checks = { chain: chainCheck, database, relayer: funds, indexer };
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
        relayer: { address: relayer, balance_wei: String(balance) },
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

function checkBalance(balance: bigint): Check {
  if (balance >= LOW_BALANCE) return { ok: true };
  return { ok: false, detail: `the relayer has ${formatEther(balance)} ETH left: send it some` };
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
