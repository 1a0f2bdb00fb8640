/**
 * How far the chain has come, as far as any process of this exchange has seen it. A node that is behind answers of the past: a key that was
 * sold on is still there, an agent that rotated has not. Nothing is granted by such a word.
 */
import type { Hash } from "viem";
import { ExchangeError } from "../../sdk/errors.ts";
import type { Sql } from "../store/database.ts";
import { type Cursor, raiseCursor, readCursor, saveCursor } from "../store/reviews.ts";
import type { Chain } from "./client.ts";

const CURSOR = "head";
/** Blocks that a node may be behind before nothing is quoted or relayed: in a pool some are always a little behind. */
const MAX_LAG = 3n;
/** Milliseconds in which a node that is a little behind may catch up, and between two looks at it. */
const CATCH_UP = 3_000;
const LOOK_AGAIN = 250;
/** How many of the heads that were seen are remembered, to know a reorg by. */
const REMEMBERED = 64;

type Place = { number: bigint; hash: Hash };
export type Head = Place & { timestamp: bigint };

export type Heads = {
  /** What speaks against the node; undefined when nothing does. */
  fault(): Promise<string | undefined>;
  /** The chain's head, no older than any that was seen. Throws SERVICE_UNAVAILABLE when the node does not come so far in time. */
  newest(): Promise<Head>;
  /** What `read` answers, once it answers by a block no older than any that was seen. Throws as {@link Heads.newest} does. */
  newestOf<T extends { block: Place }>(read: () => Promise<T>): Promise<T>;
  /** The chain has this block. */
  saw(block: Place): Promise<void>;
};

export type HeadOptions = {
  /** Where all processes leave what they saw. Without it each has its own. */
  sql?: Sql | undefined;
  /** Seconds after which a chain has a new block, whatever happens; undefined where it waits for a transaction. */
  maxAge?: number | undefined;
};

export function createHeads({ client }: Pick<Chain, "client">, { sql, maxAge }: HeadOptions = {}): Heads {
  let highest: Cursor | undefined;
  const seen = new Map<bigint, Hash>();

  const latest = (): Promise<Head> => client.getBlock({ blockTag: "latest" });

  /** What was seen before the node is asked: what comes in between can't make it look late. */
  const readMark = async (): Promise<Cursor | undefined> => {
    const shared = sql && (await readCursor(sql, CURSOR));
    return !highest || (shared && shared.number > highest.number) ? shared : highest;
  };

  const note = async ({ number, hash }: Place, mark: Cursor | undefined): Promise<void> => {
    if (!seen.has(number) && seen.size >= REMEMBERED) seen.delete(seen.keys().next().value as bigint);
    seen.set(number, hash);
    if (mark && number <= mark.number) return;
    highest = { number, hash };
    if (sql) await raiseCursor(sql, CURSOR, highest);
  };

  /** Whether a block that was seen is another one now: then the chain itself went back, and the node is not behind. */
  const isReorganised = async ({ number }: Place): Promise<boolean> => {
    const below = [...seen.keys()].filter((n) => n <= number).sort((a, b) => Number(b - a));
    const [last] = below;
    if (last === undefined) return false;
    return (await client.getBlock({ blockNumber: last })).hash !== seen.get(last);
  };

  const lagOf = async (head: Place, mark: Cursor | undefined): Promise<bigint> => {
    const lag = mark ? mark.number - head.number : 0n;
    if (lag <= 0n || !(await isReorganised(head))) return lag;
    seen.clear();
    highest = { number: head.number, hash: head.hash };
    if (sql) await saveCursor(sql, CURSOR, highest);
    return 0n;
  };

  const newestOf = async <T extends { block: Place }>(read: () => Promise<T>): Promise<T> => {
    for (const end = performance.now() + CATCH_UP; ; ) {
      const mark = await readMark();
      const answer = await read();
      const lag = await lagOf(answer.block, mark);
      if (lag <= 0n) {
        await note(answer.block, mark);
        return answer;
      }
      if (performance.now() > end) throw behindError(answer.block, lag);
      await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
    }
  };

  return {
    saw: (block) => note(block, highest),
    async fault() {
      const mark = await readMark();
      const head = await latest();
      const age = Math.floor(Date.now() / 1000) - Number(head.timestamp);
      if (maxAge !== undefined && age > maxAge)
        return `its newest block, ${head.number}, is ${age} s old: it stands still`;
      const lag = await lagOf(head, mark);
      if (lag > MAX_LAG) return `its newest block is ${head.number}, ${lag} behind one that was seen`;
      await note(head, mark);
      return undefined;
    },
    newest: async () => (await newestOf(async () => ({ block: await latest() }))).block,
    newestOf,
  };
}

function behindError({ number }: Place, lag: bigint): ExchangeError {
  return new ExchangeError(
    "SERVICE_UNAVAILABLE",
    `The node's newest block is ${number}, ${lag} behind one that was seen.`,
    {
      hint: "Nothing was granted by what it says. Try again in a moment; GET /health tells when the chain is back.",
      details: { check: "chain" },
    },
  );
}
