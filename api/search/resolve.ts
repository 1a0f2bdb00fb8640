/** A search in the tables' own terms: tags, words, bounds, and how many listings are likely to fit. */
import type { z } from "zod";
import type { searchQuerySchema } from "../../sdk/wire/listing.ts";
import type { Sql } from "../store/database.ts";
import { monthsSince, priceSteps, type TagKind } from "./document.ts";

export type Search = z.output<typeof searchQuerySchema>;

export type Resolved = {
  /** Each a listing must have one of. An empty one is had by none. */
  tags: number[][];
  /** A tsquery; null when nothing is asked of the words. */
  text: string | null;
  priceMin: number | null;
  priceMax: number | null;
  contentFrom: bigint | null;
  /** Unix seconds at which content has to be fresh; null when it need not be. */
  freshAt: bigint | null;
  /** The likely part of all listings that fit, 0 to 1, and that fit but for the words. */
  part: number;
  /** Nothing that fits has a place from here on. */
  below: bigint;
  partByTags: number;
  total: number;
  /** Whether what is searched is what the indexer has now. */
  current: boolean;
};

/** Above every place. */
const ABOVE_ALL = 2n ** 62n;

const ascending = (all: readonly bigint[]) => all.toSorted((a, b) => (a < b ? -1 : 1));
const highest = (all: readonly bigint[]) => ascending(all).at(-1) ?? 0n;
const lowest = (all: readonly bigint[]) => ascending(all)[0] ?? ABOVE_ALL;

type Wanted = { kind: TagKind; values: string[] };

/** Reads what the words and filters mean. Throws when the search has not been built yet: the caller says so. */
export async function resolve(sql: Sql, tag: string, query: Search): Promise<Resolved | undefined> {
  const now = new Date();
  const contentFrom =
    query.max_age_days === undefined ? undefined : new Date(now.getTime() - query.max_age_days * 86_400_000);
  const wanted = wantedOf(query, contentFrom && monthsSince(contentFrom, now));
  const q = readable(query.q ?? "");
  const [row] = await sql<Row[]>`
    with text as materialized (select websearch_to_tsquery('listing_text', ${q}) as query)
    select
      (select coalesce(n, 0) from search_tags where kind = 'all') as total,
      (select checkpoint from search_state) as seen,
      (select latest_checkpoint from ${sql(`live_${tag}._ponder_checkpoint`)} limit 1) as latest,
      text.query::text as text,
      array(select json_build_object('k', kind, 'v', value, 'i', id, 'n', n, 't', (top + 1)::text) from search_tags
        where (kind, value) in (select * from unnest(
          ${wanted.flatMap(({ kind, values }) => values.map(() => kind))}::text[],
          ${wanted.flatMap(({ values }) => values)}::text[]))) as tags,
      array(select json_build_object('s', stem, 'n', sum(n)) from search_words
        where stem = any (tsvector_to_array(to_tsvector('listing_text', ${q}))) group by stem) as stems
    from text`;
  if (!row?.seen) return undefined;
  const total = Number(row.total ?? 0);
  const groups = wanted.map(({ kind, values }) =>
    row.tags.filter((one) => one.k === kind && values.includes(one.v)),
  );
  const parts = groups.map((group) =>
    partOf(
      group.reduce((sum, { n }) => sum + Number(n), 0),
      total,
    ),
  );
  const text = query.q ? row.text : null;
  const known = new Map(row.stems.map(({ s, n }) => [s, partOf(Number(n), total)]));
  return {
    tags: groups.map((group) => group.map(({ i }) => i)),
    text,
    priceMin: query.price_min ?? null,
    priceMax: query.price_max ?? null,
    contentFrom: contentFrom ? BigInt(Math.floor(contentFrom.getTime() / 1000)) : null,
    freshAt: query.fresh ? BigInt(Math.floor(now.getTime() / 1000)) : null,
    part: together([...parts, ...(text === null ? [] : [textPart(text, known)])]),
    partByTags: together(parts),
    below: lowest(groups.map((group) => highest(group.map(({ t }) => BigInt(t))))),
    total,
    current: row.seen === row.latest,
  };
}

/** Words not wanted, at most: Postgres gives up on a query that negates some thirty times, where it promises never to. */
const MOST_NEGATIONS = 8;

/** The text with a minus only where one negates a word or a phrase. */
function readable(text: string): string {
  let negations = 0;
  return text.replace(/(?<![\p{L}\p{N}])-(.?)/gu, (_, next: string) => {
    if (/[\p{L}\p{N}"]/u.test(next) && ++negations <= MOST_NEGATIONS) return `-${next}`;
    return ` ${next.replace("-", " ")}`;
  });
}

type Row = {
  total: string | null;
  seen: string | null;
  latest: string | null;
  text: string;
  tags: { k: string; v: string; i: number; n: number; t: string }[];
  stems: { s: string; n: number }[];
};

function wantedOf(query: Search, months: string[] | undefined): Wanted[] {
  const { price_min: min, price_max: max } = query;
  const one = (kind: TagKind, value: string | undefined): Wanted[] =>
    value === undefined ? [] : [{ kind, values: [value] }];
  return [
    ...one("domain", query.domain),
    ...one("task_type", query.task_type),
    ...one("modality", query.modality),
    ...one("artifact", query.artifact),
    ...one("license", query.license),
    ...one("seller", query.seller),
    ...one("scope", query.scope),
    ...one("label", query.label),
    ...one("validation", query.validation),
    ...(query.fresh ? one("fresh", "yes") : []),
    ...(query.free ? one("price", "free") : []),
    ...(min === undefined && max === undefined
      ? []
      : [{ kind: "price" as const, values: priceSteps(min ?? 0, max ?? Number.MAX_VALUE) }]),
    ...(months ? [{ kind: "month" as const, values: months }] : []),
  ];
}

const partOf = (n: number, total: number) => (total === 0 ? 0 : Math.min(1, n / total));

/** What fits several conditions. They are seldom independent of each other, so each further one counts for less. */
function together(parts: readonly number[]): number {
  const rarest = [...parts].sort((a, b) => a - b);
  return rarest.reduce((product, part, i) => product * part ** (1 / 2 ** i), 1);
}

/** How much of all has the words, by how often each occurs: alternatives add up, what is not wanted takes nothing away. */
function textPart(text: string, known: ReadonlyMap<string, number>): number {
  if (text === "") return 0;
  const alternatives = text.split(" | ").map((alternative) => {
    const wanted = alternative.replace(/!\( [^)]* \)|!'(?:[^']|'')*'/g, "");
    const stems = [...wanted.matchAll(/'((?:[^']|'')*)'/g)].map(([, stem]) =>
      (stem ?? "").replaceAll("''", "'"),
    );
    return together(stems.map((stem) => known.get(stem) ?? 0));
  });
  return Math.min(
    1,
    alternatives.reduce((sum, part) => sum + part, 0),
  );
}
