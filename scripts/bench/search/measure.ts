/** How long searches take, kind by kind, over a small and a large market in turns. */
import { performance } from "node:perf_hooks";
import { findListings, search } from "../../../api/queries/listings.ts";
import { writeCursor } from "../../../api/search/cursor.ts";
import { searchQuerySchema } from "../../../sdk/wire/listing.ts";
import { interleave } from "../api/rounds.ts";
import { limited, median, quantile, type Row } from "../api/row.ts";
import { artifacts, domains, licenses, modalities, taskTypes, vocabulary } from "./fill.ts";
import type { SearchMarket } from "./stage.ts";
import { createRandom, mistype, type Random, zipf } from "./texts.ts";

/** Milliseconds that a search may take at the 95th of 100, growth from the small market to the large one, and of the page 1,000. */
const LIMIT_MS = 10;
const GROWTH = 2;
const DEEP = 1.5;
/** Searches per kind and round. */
const REPEATS = 20;
const PAGE = 50;
const DEEP_PAGE = 1_000;

type Query = Record<string, string>;
type Kind = (random: Random) => Query;

const one = <T>(all: readonly T[], random: Random) => all[Math.floor(random() * all.length)] as T;
/** Words by their rank of frequency. */
const word = (from: number, to: number) => (random: Random) =>
  vocabulary[from + Math.floor(random() * (to - from))] as string;
const [common, middling, rare] = [word(0, 4), word(5, 200), word(5_000, 30_000)];

export const kinds = {
  browse: () => ({}),
  newest: () => ({ sort: "newest" }),
  cheapest: () => ({ sort: "price_asc" }),
  "most sold": () => ({ sort: "sold" }),
  "best scored": () => ({ sort: "score" }),
  "common word": (r) => ({ q: common(r) }),
  "middling word": (r) => ({ q: middling(r) }),
  "middling word, cheapest": (r) => ({ q: middling(r), sort: "price_asc" }),
  "rare word": (r) => ({ q: rare(r) }),
  "two words": (r) => ({ q: `${common(r)} ${middling(r)}` }),
  "either word": (r) => ({ q: `${rare(r)} OR ${middling(r)}` }),
  typo: (r) => ({ q: mistype(middling(r), r) }),
  domain: (r) => ({ domain: zipf(domains, r) }),
  "task type": (r) => ({ task_type: zipf(taskTypes, r) }),
  modality: (r) => ({ modality: one(modalities, r) }),
  artifact: (r) => ({ artifact: zipf(artifacts, r) }),
  license: (r) => ({ license: one(licenses, r) }),
  price: (r) => {
    const from = 10 ** (r() * 3 - 2);
    return { price_min: from.toFixed(4), price_max: (from * 1.3).toFixed(4) };
  },
  free: () => ({ free: "true" }),
  fresh: () => ({ fresh: "true" }),
  "max age": (r) => ({ max_age_days: String(1 + Math.floor(r() * 100)) }),
  scope: (r) => ({ scope: one(["read", "execute", "derive"], r) }),
  label: (r) => ({ label: one(["verified-real", "suspected-fraud", "outdated"], r) }),
  validation: (r) => ({ validation: one(["unverified", "pending", "verified", "disputed"], r) }),
  "domain, word and price": (r) => ({ domain: zipf(domains, r), q: middling(r), price_max: "5" }),
  facets: () => ({ facets: "true" }),
  "facets of a domain": (r) => ({ facets: "true", domain: zipf(domains, r) }),
  "facets of a word": (r) => ({ facets: "true", q: middling(r) }),
} satisfies Record<string, Kind>;

type Timed = { all: number[] };

/** One row per kind and question. */
export async function measureSearches(small: SearchMarket, large: SearchMarket): Promise<Row[]> {
  const random = createRandom(3);
  const works: [string, () => Promise<Timed>][] = [];
  for (const [name, kind] of Object.entries<Kind>(kinds)) {
    for (const market of [small, large])
      works.push([`${name} ${market.count}`, () => many(market, kind, random)]);
  }
  const deep = await deepPages(large);
  for (const [name, query] of Object.entries(deep))
    works.push([name, () => many(large, () => query, random)]);
  works.push(["look-up", () => lookUps(large, random)]);
  works.push([`answer ${large.count}`, () => answers(large, random)]);
  const results = (await interleave(Object.fromEntries(works))) as Record<string, Timed[]>;
  return rowsOf(results, { small: small.count, large: large.count });
}

function rowsOf(results: Record<string, Timed[]>, { small, large }: { small: number; large: number }): Row[] {
  const of = (name: string) => results[name] ?? [];
  const p95 = (name: string) =>
    quantile(
      of(name).flatMap(({ all }) => all),
      0.95,
    );
  const middle = (name: string) => median(of(name).flatMap(({ all }) => all));
  const ratioRow = (name: string, [ours, theirs]: [string, string], most: number): Row => {
    const ratio = middle(ours) / middle(theirs);
    const [value, against] = [middle(ours), middle(theirs)].map((ms) => Number(ms.toPrecision(4))) as [
      number,
      number,
    ];
    return {
      ...{ name, value, unit: "ms, median", against: { what: `${theirs}, median`, value: against } },
      ...{ ratio: Number(ratio.toPrecision(4)), goal: { most }, ok: ratio <= most },
    };
  };
  return [
    ...Object.keys(kinds).flatMap((kind) => [
      limited(`search, ${kind}, of ${large}, p95`, p95(`${kind} ${large}`), "ms", LIMIT_MS),
      ratioRow(`search, ${kind}, growth`, [`${kind} ${large}`, `${kind} ${small}`], GROWTH),
    ]),
    ratioRow(`search, page ${DEEP_PAGE}`, ["deep", `browse ${large}`], DEEP),
    ratioRow(`search, newest, page ${DEEP_PAGE}`, ["deep newest", `newest ${large}`], DEEP),
    ratioRow(`search, common word, page ${DEEP_PAGE}`, ["deep word", "first word"], DEEP),
    { ...limited("a primary-key look-up, p95", p95("look-up"), "ms", LIMIT_MS), goal: null, ok: true },
    {
      ...limited(
        `search, answer with ${PAGE} summaries, of ${large}, p95`,
        p95(`answer ${large}`),
        "ms",
        LIMIT_MS,
      ),
      ...{ goal: null, ok: true },
    },
  ];
}

/** Cursors of the page 1,000, made as the pages before would have made them. */
async function deepPages({ sql }: SearchMarket): Promise<Record<string, Query>> {
  const at = PAGE * (DEEP_PAGE - 1) - 1;
  const [best] =
    await sql`select place::text as key, number::text from search_listings order by place desc offset ${at} limit 1`;
  const [newest] =
    await sql`select number::text as key, number::text from search_listings order by number desc offset ${at} limit 1`;
  const q = vocabulary[0] as string;
  const [held] = await sql`
    select place::text as below from search_listings
    where doc @@ websearch_to_tsquery('listing_text', ${q}) order by place desc offset ${at} limit 1`;
  if (!best || !newest || !held) throw new Error(`There are no ${DEEP_PAGE} pages.`);
  const cursor = (query: Query, place: unknown) => ({
    ...query,
    cursor: writeCursor(searchQuerySchema.parse(query), place as never, undefined),
  });
  return {
    deep: cursor({}, { key: best.key, number: best.number }),
    "deep newest": cursor({ sort: "newest" }, { key: newest.key, number: newest.number }),
    "deep word": cursor({ q }, { below: held.below, score: 2 ** 31 - 1, number: "0" }),
    "first word": { q },
  };
}

async function many({ deps }: SearchMarket, kind: Kind, random: Random): Promise<Timed> {
  return timed(async () => {
    const query = searchQuerySchema.parse({ limit: PAGE, ...kind(random) });
    return () => findListings(deps, query);
  });
}

/** What nothing can be faster than, on this machine at this time: one row by its key, over the same connections. */
async function lookUps({ deps, count }: SearchMarket, random: Random): Promise<Timed> {
  return timed(async () => {
    const number = 1 + Math.floor(random() * count);
    return () => deps.search.read((sql) => sql`select ek_id from search_listings where number = ${number}`);
  });
}

/** Any of the kinds, with the page's summaries. */
async function answers({ deps }: SearchMarket, random: Random): Promise<Timed> {
  return timed(async () => {
    const query = searchQuerySchema.parse({
      limit: PAGE,
      ...one(Object.values<Kind>(kinds), random)(random),
    });
    return () => search(deps, query);
  });
}

async function timed(prepare: () => Promise<() => Promise<unknown>>): Promise<Timed> {
  const all: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    const work = await prepare();
    const began = performance.now();
    await work();
    all.push(performance.now() - began);
  }
  return { all };
}
