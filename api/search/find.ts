/**
 * Finds the next listings of an order, at a cost that hardly depends on how many there are. Three ways lead there:
 *
 * - along the order's own index, when so many fit that a few thousand entries hold a page (tags are in the index itself);
 * - through the inverted index, when so few fit that all of them can be looked at;
 * - in between, for the order by rank: through the inverted index, run by run of the order from the top (`search_slices`).
 *
 * Which one is decided here, by what is counted, and each statement leaves Postgres no other way: its own guesses cost up to seconds.
 */
import type postgres from "postgres";
import type { Sql } from "../store/database.ts";
import type { Resolved } from "./resolve.ts";

/** `key` is a column with an index of its own; of equals the greater number comes where the greater key comes. */
export const sorts = {
  best: { key: "place", ascending: false },
  newest: { key: "number", ascending: false },
  price_asc: { key: "price", ascending: true },
  price_desc: { key: "price", ascending: false },
  sold: { key: "sold", ascending: false },
  score: { key: "score", ascending: false },
} as const;
export type Sort = keyof typeof sorts;

/** A listing's place in an order. Numbers as text: they may be beyond doubles. */
export type Place = { key: string; number: string };

/** So many matches are looked at one by one. */
const GATHER_MOST = 2_500;
/** Entries of an index, and rows behind them, that a walk may pass. */
const WALK_ENTRIES = 10_000;
const WALK_ROWS = 1_000;
/** What a row costs, in entries of an index. */
const ROW_COST = 8;
/** A range of prices or of ages is kept to by its tags this nearly: of so many rows one is in it. */
const ROUGHLY = 2;
/** A walk that needs so many times what was likely meets an order in which what fits comes late: it is given up. */
const PATIENCE = 5;
const LEAST_ENTRIES = 2_000;
/** Listings in a run, and how many times the matches that are needed the first runs should hold. */
const SLICE = 7_500;
const SURPLUS = 1.3;
/** So many matches may be in the runs of one statement. */
const RUNS_MATCH = 4_000;
type Order = {
  sort: Sort;
  after: Place | undefined;
  count: number;
  /** What else is read of each listing: an expression of its row `r`. */
  score?: Fragment | undefined;
};
export type Scored = Place & { score: number | null };
type Fragment = postgres.PendingQuery<postgres.Row[]>;

/** The first `count` that fit, after a place in the order. */
export async function find(sql: Sql, what: Resolved, asked: Order): Promise<Scored[]> {
  const order = asked.sort === "best" ? { ...asked, after: highest(what, asked.after) } : asked;
  if (what.tags.some((group) => group.length === 0) || what.text === "" || what.total === 0) return [];
  const entries = order.count / Math.max(what.part, 1 / what.total);
  const rows = hasRowConditions(what) ? entries * (what.text === null ? ROUGHLY : 1) * what.partByTags : 0;
  const matches = what.part * what.total;
  if (entries <= WALK_ENTRIES && rows <= WALK_ROWS) return walkOn(sql, what, order, entries);
  if (matches <= GATHER_MOST) return gather(sql, what, order);
  if (order.sort === "best") return gatherByRuns(sql, what, order);
  return matches <= entries / ROW_COST + rows ? gather(sql, what, order) : walk(sql, what, order);
}

/** Where to begin in the order by rank. */
function highest({ below }: Resolved, after: Place | undefined): Place {
  return after && BigInt(after.key) < below ? after : { key: String(below), number: "0" };
}

/** Walks; where that leads through too much that does not fit, the rest is gathered. */
async function walkOn(sql: Sql, what: Resolved, order: Order, entries: number): Promise<Scored[]> {
  if (order.sort !== "best") return walk(sql, what, order);
  const most = Math.ceil(Math.max(LEAST_ENTRIES, entries * PATIENCE));
  const found = await walk(sql, what, order, most);
  if (found.length === order.count) return found;
  const [end] = await sql<{ key: string }[]>`
    select place::text as key from search_listings ${order.after ? sql`where ${beyond(sql, "best", order.after)}` : sql``}
    order by place desc offset ${most - 1} limit 1`;
  if (!end) return found;
  const rest = { ...order, after: { key: end.key, number: "0" }, count: order.count - found.length };
  return [...found, ...(await gatherByRuns(sql, what, rest))];
}

/** Along the order's index, and to a row only for what the index does not hold. OFFSET forbids any other way. */
async function walk(sql: Sql, what: Resolved, order: Order, most?: number): Promise<Scored[]> {
  const { sort, after, count } = order;
  return sql<Scored[]>`
    select k::text as key, number::text as number, ${scoreOf(sql, order)} as score from (
      select ${sql(sorts[sort].key)} as k, ${numberOf(sql, sort)} as number, tags from search_listings
      ${after ? sql`where ${beyond(sql, sort, after)}` : sql``}
      order by ${orderOf(sql, sort)} offset 0 ${most === undefined ? sql`` : sql`limit ${most}`}
    ) w
    where ${tagsFit(sql, what)}
    ${
      hasRowConditions(what)
        ? sql`and (select ${rowFits(sql, what)} from search_listings r where r.number = w.number)`
        : sql``
    }
    limit ${count}`;
}

async function gather(sql: Sql, what: Resolved, order: Order): Promise<Scored[]> {
  const { sort, after, count } = order;
  return sql<Scored[]>`
    with matched as materialized (
      select place, number, price, sold, score from search_listings
      where ${tagsFit(sql, what)} and ${rowFits(sql, what)}
    )
    select k::text as key, number::text as number, ${scoreOf(sql, order)} as score from (
      select ${sql(sorts[sort].key)} as k, number from matched
      ${after ? sql`where ${beyond(sql, sort, after)}` : sql``}
      order by ${orderOf(sql, sort)} limit ${count}
    ) w
    order by k ${sorts[sort].ascending ? sql`asc, w.number asc` : sql`desc, w.number desc`}`;
}

/** From the top, or from `after`, down: as many runs at once as are likely to hold enough, twice as many when they did not. */
async function gatherByRuns(sql: Sql, what: Resolved, order: Order): Promise<Scored[]> {
  const { after, count } = order;
  const found: Scored[] = [];
  let below = after?.key ?? String(what.below);
  let runs = Math.ceil((count * SURPLUS) / (what.part * Math.min(SLICE, what.total)));
  for (;;) {
    const rows = await sql<(Scored & { low: string | null })[]>`
      with runs as materialized (
        select array_agg(tag) as tags, min(low) as low
        from (select tag, low from search_slices where low < ${below} order by low desc limit ${runs}) s
      ), matched as materialized (
        select place, number from search_listings
        where tags && (select tags from runs) and ${tagsFit(sql, what)} and ${rowFits(sql, what)}
      )
      select w.place::text as key, w.number::text as number, ${scoreOf(sql, order)} as score, runs.low::text as low
      from runs left join lateral (
        select place, number from matched where place < ${below} order by place desc limit ${count - found.length}
      ) w on true`;
    found.push(...rows.filter(({ key }) => key !== null));
    const low = rows[0]?.low;
    if (found.length >= count || low === null || low === undefined || low === "0") return found;
    below = low;
    runs = Math.max(1, Math.min(runs * 2, Math.floor(RUNS_MATCH / (what.part * SLICE))));
  }
}

/** The ways, by name. They find the same, at different costs. */
export const ways = { walk, gather, gatherByRuns };

const scoreOf = (sql: Sql, { score }: Order): Fragment =>
  score
    ? sql`(select ${score} from search_listings r where r.number = w.number::bigint)`
    : sql`null::integer`;

/** The number is part of the place: so the index has it. */
const numberOf = (sql: Sql, sort: Sort): Fragment =>
  sort === "best" ? sql`place & 1099511627775` : sql`number`;

function orderOf(sql: Sql, sort: Sort): Fragment {
  const { key, ascending } = sorts[sort];
  const direction = ascending ? sql`asc` : sql`desc`;
  if (key === "place" || key === "number") return sql`${sql(key)} ${direction}`;
  return sql`${sql(key)} ${direction}, number ${direction}`;
}

function beyond(sql: Sql, sort: Sort, { key: value, number }: Place): Fragment {
  const { key, ascending } = sorts[sort];
  if (key === "place" || key === "number") return sql`${sql(key)} < ${value}::bigint`;
  const place = sql`(${value}::numeric::${sql.unsafe(key === "price" ? "numeric" : "integer")}, ${number}::bigint)`;
  return ascending ? sql`(${sql(key)}, number) > ${place}` : sql`(${sql(key)}, number) < ${place}`;
}

function tagsFit(sql: Sql, { tags }: Resolved): Fragment {
  const all = tags.flatMap((group) => (group.length === 1 ? group : []));
  const some = tags.filter((group) => group.length > 1);
  return some.reduce(
    (fits, group) => sql`${fits} and tags && ${group}::integer[]`,
    all.length > 0 ? sql`tags @> ${all}::integer[]` : sql`true`,
  );
}

function hasRowConditions({ text, priceMin, priceMax, contentFrom, freshAt }: Resolved): boolean {
  return [text, priceMin, priceMax, contentFrom, freshAt].some((value) => value !== null);
}

function rowFits(sql: Sql, what: Resolved): Fragment {
  const { text, priceMin, priceMax, contentFrom, freshAt } = what;
  return [
    text === null ? undefined : sql`doc @@ ${text}::tsquery`,
    priceMin === null ? undefined : sql`price >= ${priceMin}::numeric`,
    priceMax === null ? undefined : sql`price <= ${priceMax}::numeric`,
    contentFrom === null ? undefined : sql`content_at >= ${String(contentFrom)}::bigint`,
    freshAt === null ? undefined : sql`(stale_at is null or stale_at > ${String(freshAt)}::bigint)`,
  ].reduce<Fragment>((fits, one) => (one ? sql`${fits} and ${one}` : fits), sql`true`);
}
