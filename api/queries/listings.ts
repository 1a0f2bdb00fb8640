/** One listing, and the search. */
import { and, eq, inArray } from "drizzle-orm";
import type { z } from "zod";
import { ExchangeError } from "../../sdk/errors.ts";
import { ekId as ekIds } from "../../sdk/ids.ts";
import type { EKSummary, facetsSchema, searchResponseSchema } from "../../sdk/wire/listing.ts";
import { ekNumber, unknownListing } from "../chain/listings.ts";
import type { Deps } from "../deps.ts";
import { readCursor, type SearchPlace, writeCursor } from "../search/cursor.ts";
import { countFacets } from "../search/facets.ts";
import { find } from "../search/find.ts";
import { findRelevant } from "../search/relevance.ts";
import { type Resolved, resolve, type Search } from "../search/resolve.ts";
import { unavailable } from "../search/search-index.ts";
import { suggest } from "../search/spelling.ts";
import type { Sql } from "../store/database.ts";
import { paged } from "./cursor.ts";
import { views } from "./index-database.ts";
import { isShowable, type ShowableRow, toSummaries } from "./summaries.ts";

/** Throws EK_NOT_FOUND for a listing that is unknown, or that can't be shown. */
export async function getListing(deps: Deps, ekId: string): Promise<EKSummary> {
  ekNumber(deps.chain, ekId);
  const [row] = await deps.index.read((db) =>
    db.select().from(views.listing).where(eq(views.listing.id, ekId)),
  );
  if (!row) throw unknownListing(ekId);
  if (!isShowable(deps, row)) {
    throw new ExchangeError(
      "EK_NOT_FOUND",
      `Listing ${ekId} can't be shown: ${row.fault ?? "unknown curve or token"}.`,
      {
        hint: "Its seller wrote it in a form that this exchange does not read.",
        details: { ek_id: ekId },
      },
    );
  }
  const [summary] = await toSummaries(deps, [row]);
  return summary as EKSummary;
}

/** From so few results on, the words may have been mistyped. */
const FEW = 3;

/** Open listings that fit, in the order that was asked for. Throws INVALID_REQUEST for a cursor that is none of this search. */
export async function search(deps: Deps, query: Search): Promise<z.infer<typeof searchResponseSchema>> {
  const { places, facets, meant, searchedFor } = await findListings(deps, query);
  const { items, ...next } = paged(places, query.limit, (at) => writeCursor(query, at, searchedFor));
  const chainId = deps.chain.id;
  const ids = items.map(({ number }) => ekIds.serialize({ chainId, ekId: BigInt(number) }));
  return {
    items: await readOpen(deps, ids),
    ...next,
    ...(meant === undefined ? {} : { did_you_mean: meant }),
    ...(searchedFor === undefined ? {} : { searched_for: searchedFor }),
    ...(facets === undefined ? {} : { facets }),
  };
}

/** What of all is on the page, and one more, with what else the search says. Where nothing fits mistyped words, the mended ones count. */
export async function findListings(deps: Deps, query: Search): Promise<Findings> {
  const cursor = readCursor(query);
  const first = await findFor(deps, { ...query, q: cursor?.q ?? query.q }, cursor?.at);
  if (!query.q || cursor || first.places.length >= FEW) return { ...first, searchedFor: cursor?.q };
  const q = query.q;
  const meant = await deps.search.read((sql) => suggest(sql, q));
  if (meant === undefined || first.places.length > 0) return { ...first, meant };
  return { ...(await findFor(deps, { ...query, q: meant })), meant, searchedFor: meant };
}

async function findFor(deps: Deps, query: Search, after?: SearchPlace): Promise<Findings> {
  const what = await resolved(deps, query);
  return deps.search.read(async (sql) => {
    const places = await findPlaces(sql, what, { query, after });
    return { places, ...(query.facets ? { facets: await countFacets(sql, what) } : {}) };
  });
}

type Findings = {
  places: SearchPlace[];
  facets?: z.infer<typeof facetsSchema>;
  /** What may have been meant, and what was searched for in its place. */
  meant?: string | undefined;
  searchedFor?: string | undefined;
};

/** What the search means now, of what the indexer has now where that is a matter of moments. */
async function resolved(deps: Deps, query: Search): Promise<Resolved> {
  const read = () => deps.search.read((sql) => resolve(sql, deps.search.tag, query));
  const first = await read();
  if (first?.current) return first;
  await deps.search.follower.settle();
  const what = await read();
  if (!what) throw unavailable();
  return what;
}

async function findPlaces(
  sql: Sql,
  what: Resolved,
  { query, after }: { query: Search; after: SearchPlace | undefined },
): Promise<SearchPlace[]> {
  const count = query.limit + 1;
  if (query.sort === "best" && what.text !== null) {
    return findRelevant(sql, what, { after: after && "score" in after ? after : undefined, count });
  }
  const places = await find(sql, what, {
    sort: query.sort,
    after: after && "key" in after ? after : undefined,
    count,
  });
  return places.map(({ key, number }) => ({ key, number }));
}

/** The page's listings as they are now: what is not for sale any more is left out, whatever the search still knew of it. */
async function readOpen(deps: Deps, ids: readonly string[]): Promise<EKSummary[]> {
  if (ids.length === 0) return [];
  const { listing } = views;
  const rows = await deps.index.read((db) =>
    db
      .select()
      .from(listing)
      .where(and(inArray(listing.id, [...ids]), eq(listing.status, "active"))),
  );
  const showable = rows.filter((row): row is ShowableRow => isShowable(deps, row));
  const places = new Map(ids.map((id, place) => [id, place]));
  showable.sort((a, b) => (places.get(a.id) ?? 0) - (places.get(b.id) ?? 0));
  return toSummaries(deps, showable);
}
