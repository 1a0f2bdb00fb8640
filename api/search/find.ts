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
const GATHER_MOST = 1_500;
/** Entries of an index, and rows behind them, that a walk may pass. */
const WALK_ENTRIES = 10_000;
const WALK_ROWS = 1_000;
/** What a row costs, in entries of an index. */
const ROW_COST = 8;
/** Listings in a run, and how many times the matches that are needed the first runs should hold. */
const SLICE = 24_000;
const SURPLUS = 2;
/** Above every place. */
const TOP = String(2n ** 62n);

type Order = { sort: Sort; after: Place | undefined; count: number };
type Fragment = postgres.PendingQuery<postgres.Row[]>;

/** The first `count` that fit, after a place in the order. */
export async function find(sql: Sql, what: Resolved, order: Order): Promise<Place[]> {
  if (what.tags.some((group) => group.length === 0) || what.text === "" || what.total === 0) return [];
  const least = 1 / what.total;
  const entries = order.count / Math.max(what.part, least);
  const rows = hasRowConditions(what) ? entries * what.partByTags : 0;
  if (entries <= WALK_ENTRIES && rows <= WALK_ROWS) return walk(sql, what, order);
  const matches = what.part * what.total;
  if (matches <= GATHER_MOST) return gather(sql, what, order);
  if (order.sort === "best") return gatherByRuns(sql, what, order);
  return matches <= entries / ROW_COST + rows ? gather(sql, what, order) : walk(sql, what, order);
}

/** Along the order's index, and to a row only for what the index does not hold. OFFSET 0 forbids any other way. */
function walk(sql: Sql, what: Resolved, { sort, after, count }: Order): Promise<Place[]> {
  const order = orderOf(sql, sort);
  return sql<Place[]>`
    select k::text as key, number::text as number from (
      select ${sql(sorts[sort].key)} as k, ${numberOf(sql, sort)} as number, tags from search_listings
      ${after ? sql`where ${beyond(sql, sort, after)}` : sql``}
      order by ${order} offset 0
    ) w
    where ${tagsFit(sql, what)}
    ${
      hasRowConditions(what)
        ? sql`and (select ${rowFits(sql, what)} from search_listings r where r.number = w.number)`
        : sql``
    }
    limit ${count}`;
}

function gather(sql: Sql, what: Resolved, { sort, after, count }: Order): Promise<Place[]> {
  return sql<Place[]>`
    with matched as materialized (
      select place, number, price, sold, score from search_listings
      where ${tagsFit(sql, what)} and ${rowFits(sql, what)}
    )
    select ${sql(sorts[sort].key)}::text as key, number::text as number from matched
    ${after ? sql`where ${beyond(sql, sort, after)}` : sql``}
    order by ${orderOf(sql, sort)} limit ${count}`;
}

/** From the top, or from `after`, down: as many runs at once as are likely to hold enough, twice as many when they did not. */
async function gatherByRuns(sql: Sql, what: Resolved, { after, count }: Order): Promise<Place[]> {
  const found: Place[] = [];
  let below = after?.key ?? TOP;
  let runs = Math.ceil((count * SURPLUS) / (what.part * Math.min(SLICE, what.total)));
  for (;;) {
    const rows = await sql<{ key: string | null; number: string | null; low: string | null }[]>`
      with runs as materialized (
        select array_agg(tag) as tags, min(low) as low
        from (select tag, low from search_slices where low < ${below} order by low desc limit ${runs}) s
      ), matched as materialized (
        select place, number from search_listings
        where tags && (select tags from runs) and ${tagsFit(sql, what)} and ${rowFits(sql, what)}
      )
      select m.place::text as key, m.number::text as number, r.low::text as low
      from runs r left join lateral (
        select place, number from matched where place < ${below} order by place desc limit ${count - found.length}
      ) m on true`;
    for (const { key, number } of rows) if (key !== null && number !== null) found.push({ key, number });
    const low = rows[0]?.low;
    if (found.length >= count || low === null || low === undefined || low === "0") return found;
    below = low;
    runs *= 2;
  }
}

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
