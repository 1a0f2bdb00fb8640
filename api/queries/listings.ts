/** One listing, and the search. */
import { and, arrayContains, desc, eq, isNotNull, sql } from "drizzle-orm";
import { z } from "zod";
import { ExchangeError } from "../../sdk/errors.ts";
import { scoreNames } from "../../sdk/records.ts";
import type { EKSummary, searchQuerySchema, searchResponseSchema } from "../../sdk/wire/listing.ts";
import { ekNumber, unknownListing } from "../chain/listings.ts";
import type { Deps } from "../deps.ts";
import { cursorOf, paged } from "./cursor.ts";
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

const digits = z.string().regex(/^[0-9]{1,20}$/);
/** Rank, time of listing, number of the listing. */
const cursor = cursorOf(z.tuple([z.int(), digits, digits]));

const scoreSum = sql.raw(scoreNames.join(" + "));
/** Verified first: the mean of the scores, discounted while the labels are few; 0 without labels. An integer, for the cursor's sake. */
const rank = sql<number>`(100::numeric * (${scoreSum}) / (${scoreNames.length} * (${views.listing.labelCount} + 1)))::int`;
/** Listings of one block are told apart by it. */
const number = sql<string>`split_part(${views.listing.id}, '_', 3)::numeric`;
const words = sql`to_tsvector('english', concat_ws(' ',
  ${views.listing.title}, ${views.listing.summary}, ${views.listing.domain}, ${views.listing.taskType}))`;

type Search = z.output<typeof searchQuerySchema>;

/** Open listings that fit, best first. */
export async function search(deps: Deps, query: Search): Promise<z.infer<typeof searchResponseSchema>> {
  const { listing } = views;
  const after = cursor.read(query.cursor);
  const rows = await deps.index.read((db) =>
    db
      .select({ row: listing, rank, number })
      .from(listing)
      .where(
        and(
          eq(listing.chainId, deps.chain.id),
          eq(listing.status, "active"),
          eq(listing.indexable, true),
          isNotNull(listing.curveType),
          query.domain === undefined ? undefined : eq(listing.domain, query.domain),
          query.seller === undefined ? undefined : eq(listing.sellerId, query.seller),
          query.task_type === undefined ? undefined : eq(listing.taskType, query.task_type),
          query.modality === undefined ? undefined : arrayContains(listing.modality, [query.modality]),
          query.q ? sql`${words} @@ websearch_to_tsquery('english', ${query.q})` : undefined,
          after &&
            sql`(${rank}, ${listing.createdAt}, ${number}) < (${after[0]}::int, ${after[1]}::numeric, ${after[2]}::numeric)`,
        ),
      )
      .orderBy(desc(rank), desc(listing.createdAt), desc(number))
      .limit(query.limit + 1),
  );
  const { items, ...next } = paged(rows, query.limit, ({ row, ...at }) =>
    cursor.write([at.rank, String(row.createdAt), at.number]),
  );
  const showable = items.map(({ row }) => row).filter((row): row is ShowableRow => isShowable(deps, row));
  return { items: await toSummaries(deps, showable), ...next };
}
