/** What was made of a listing: others that derive from it, and citations. */
import { and, desc, eq, sql } from "drizzle-orm";
import { z } from "zod";
import type { pageQuerySchema } from "../../sdk/wire/common.ts";
import type { Citations } from "../../sdk/wire/market.ts";
import { ekNumber, readHead, unknownListing } from "../chain/listings.ts";
import type { Deps } from "../deps.ts";
import { usageTotals } from "../store/usage.ts";
import { citationsOf } from "../store/usage-log.ts";
import { cursorOf, paged } from "./cursor.ts";
import { views } from "./index-database.ts";
import { isoTime } from "./time.ts";

/** How many derived listings are shown. */
const SHOWN = 100;

/** Milliseconds, and the event. */
const cursor = cursorOf(z.tuple([z.int().nonnegative(), z.uuid()]));

/** Throws EK_NOT_FOUND. */
export async function citations(
  deps: Deps,
  ekId: string,
  query: z.output<typeof pageQuerySchema>,
): Promise<Citations> {
  if (!(await readHead(deps.chain, ekNumber(deps.chain, ekId)))) throw unknownListing(ekId);
  const before = cursor.read(query.cursor);
  const [derived, totals, rows] = await Promise.all([
    derivedFrom(deps, ekId),
    usageTotals(deps.sql, [ekId]),
    citationsOf(deps.sql, ekId, { before, limit: query.limit + 1 }),
  ]);
  const { items, ...next } = paged(rows, query.limit, (row) => cursor.write([row.at.getTime(), row.eventId]));
  return {
    ek_id: ekId,
    usage_count: totals.get(ekId)?.usage ?? 0,
    quote_count: totals.get(ekId)?.quotes ?? 0,
    derived,
    items: items.map(({ eventId, agentId, at }) => ({
      event_id: eventId,
      agent_id: agentId,
      timestamp: at.toISOString(),
    })),
    ...next,
  };
}

async function derivedFrom(deps: Deps, ekId: string): Promise<Citations["derived"]> {
  const { listing } = views;
  const rows = await deps.index.read((db) =>
    db
      .select()
      .from(listing)
      .where(
        and(
          eq(listing.chainId, deps.chain.id),
          sql`${listing.royalties} @> ${JSON.stringify([{ ekId }])}::text::jsonb`,
        ),
      )
      .orderBy(desc(listing.createdAt), desc(listing.id))
      .limit(SHOWN),
  );
  return rows.map((row) => ({
    ek_id: row.id,
    seller_id: row.sellerId,
    ...(row.title === null ? {} : { title: row.title }),
    bps: row.royalties.find((part) => part.ekId === ekId)?.bps ?? 0,
    created_at: isoTime(row.createdAt),
  }));
}
