/** Where a listing is on its way from the chain to buyers: both are read for each answer. */
import { eq } from "drizzle-orm";
import { ExchangeError } from "../../sdk/errors.ts";
import { ekId as ekIds, listingId } from "../../sdk/ids.ts";
import type { ListingStatus } from "../../sdk/wire/market.ts";
import { ekNumber, readHead, unknownListing } from "../chain/listings.ts";
import type { Deps } from "../deps.ts";
import { views } from "./index-database.ts";
import { faultOf } from "./listing-rows.ts";
import type { ListingRow } from "./summaries.ts";
import { isoTime } from "./time.ts";

/** Throws EK_NOT_FOUND for one that the chain does not know. */
export async function listingStatus(deps: Deps, ekId: string): Promise<ListingStatus> {
  const [head, row] = await Promise.all([
    readHead(deps.chain, ekNumber(deps.chain, ekId)),
    readRow(deps, ekId),
  ]);
  if (!head || head.status === "none") throw unknownListing(ekId);
  const idOf = (version: number) => listingId.serialize({ ...ekIds.parse(ekId), version });
  const current = row?.version === head.version && row.status === head.status;
  const reason = row && hiddenBecause(deps, row);
  return {
    ek_id: ekId,
    state: !current ? "accepted" : reason === undefined ? "visible" : "hidden",
    ...(current && reason !== undefined ? { hidden_because: reason } : {}),
    accepted: { listing_id: idOf(head.version), status: head.status },
    ...(row && {
      indexed: { listing_id: idOf(row.version), status: row.status, updated_at: isoTime(row.updatedAt) },
    }),
    read_at: new Date().toISOString(),
  };
}

function hiddenBecause(deps: Deps, row: ListingRow): string | undefined {
  if (row.status !== "active") return `its seller has ${row.status} it`;
  return faultOf(deps, row);
}

/** Undefined also while the index can't be read: then nobody finds the listing, and the chain has it all the same. */
async function readRow(deps: Deps, ekId: string): Promise<ListingRow | undefined> {
  try {
    const [row] = await deps.index.read((db) =>
      db.select().from(views.listing).where(eq(views.listing.id, ekId)),
    );
    return row;
  } catch (error) {
    if (error instanceof ExchangeError && error.code === "SERVICE_UNAVAILABLE") return undefined;
    throw error;
  }
}
