/** Rows of listings by their ids, and what buyers see of them. */
import { inArray } from "drizzle-orm";
import { ekId as ekIds, listingId } from "../../sdk/ids.ts";
import type { hiddenListingSchema } from "../../sdk/wire/dashboard.ts";
import type { EKSummary } from "../../sdk/wire/listing.ts";
import type { Deps } from "../deps.ts";
import { views } from "./index-database.ts";
import { isShowable, type ListingRow, type ShowableRow, toSummaries } from "./summaries.ts";

/** By id; those that the index has not, or that can't be shown, are missing. */
export async function summariesOf(deps: Deps, ids: readonly string[]): Promise<Map<string, EKSummary>> {
  if (ids.length === 0) return new Map();
  const { listing } = views;
  const rows = await deps.index.read((db) =>
    db
      .select()
      .from(listing)
      .where(inArray(listing.id, [...ids])),
  );
  const shown = rows.filter((row): row is ShowableRow => isShowable(deps, row));
  return new Map((await toSummaries(deps, shown)).map((summary) => [summary.ek_id, summary]));
}

/** Why a row can't be shown to buyers; undefined where it can. */
export function faultOf(deps: Deps, row: ListingRow): string | undefined {
  if (isShowable(deps, row)) return undefined;
  return row.fault ?? (row.curveType === null ? "unknown curve" : "unknown token");
}

/** A listing of one's own that buyers can't see. */
export function toHidden(row: ListingRow, reason: string): (typeof hiddenListingSchema)["_output"] {
  return {
    ek_id: row.id,
    listing_id: listingId.serialize({ ...ekIds.parse(row.id), version: row.version }),
    status: row.status,
    reason,
  };
}
