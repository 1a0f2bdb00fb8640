/**
 * The order by rank, with words. The best that hold the words are taken in blocks, by rank; within a block, how well they fit counts too.
 * So the next page starts where this one ended, without anybody having to score all that fits.
 */
import type { Sql } from "../store/database.ts";
import { find, type Place } from "./find.ts";
import type { Resolved } from "./resolve.ts";

/** How many are scored together, and how finely: differences below that are left to the rank. */
const BLOCK = 100;
const STEPS = 50;
/**
 * What fitting best may be worth, of a rank of 0 to 1. `ts_rank` with 32 stays below 1, and below 0.62 however often a word is repeated:
 * so words don't lift a listing by a whole class of trust (0.2).
 */
const WORTH = 0.3;
const RANK_MOST = 1_000_000;

/** Where a listing is: which block, by the place that the block starts below, and where in it. */
export type BlockPlace = { below?: string | undefined; score: number; number: string };

/** The next `count` after a place. */
export async function findRelevant(
  sql: Sql,
  what: Resolved,
  { after, count }: { after: BlockPlace | undefined; count: number },
): Promise<BlockPlace[]> {
  const found: BlockPlace[] = [];
  let below = after?.below;
  let within = after;
  for (;;) {
    const start: Place | undefined = below === undefined ? undefined : { key: below, number: "0" };
    const block = await find(sql, what, {
      sort: "best",
      after: start,
      count: BLOCK,
      score: scoreOf(sql, what),
    });
    const scored = block
      .map(({ score, number }) => ({ score: Number(score), number }))
      .sort((a, b) => (comesAfter(a, b) ? 1 : -1));
    for (const one of scored) {
      if (within && !comesAfter(one, within)) continue;
      found.push({ ...(below === undefined ? {} : { below }), ...one });
      if (found.length === count) return found;
    }
    const last = block.at(-1);
    if (block.length < BLOCK || !last) return found;
    below = last.key;
    within = undefined;
  }
}

type Score = { score: number; number: string };

const comesAfter = (one: Score, place: Score) =>
  one.score !== place.score ? one.score < place.score : BigInt(one.number) < BigInt(place.number);

/** By rank and fit, in millionths. */
const scoreOf = (sql: Sql, { text }: Resolved) => sql`
  ((r.place >> 40)
    + ${(WORTH * RANK_MOST) / STEPS} * floor(${STEPS} * ts_rank('{0.1, 0.2, 0.6, 1}', r.doc, ${text}::tsquery, 32)))::int`;
