/** What a listing was, version by version, and what changed. */
import { isDeepStrictEqual } from "node:util";
import { and, desc, eq, lt } from "drizzle-orm";
import { z } from "zod";
import { flags, fromBits, scopes } from "../../sdk/records.ts";
import type { pageQuerySchema } from "../../sdk/wire/common.ts";
import { listingSummarySchema } from "../../sdk/wire/listing.ts";
import type { ListingVersions, versionTermsSchema } from "../../sdk/wire/market.ts";
import { ekNumber, unknownListing } from "../chain/listings.ts";
import type { Deps } from "../deps.ts";
import { toPointer } from "../http/validation.ts";
import { cursorOf, paged } from "./cursor.ts";
import { views } from "./index-database.ts";
import { isoTime } from "./time.ts";

type Row = typeof views.listingVersion.$inferSelect;
type Version = ListingVersions["items"][number];
type Terms = z.infer<typeof versionTermsSchema>;
type Described = Pick<Version, "manifest_hash" | "terms" | "summary">;

/** The version. */
const cursor = cursorOf(z.tuple([z.int().positive()]));

/** Throws EK_NOT_FOUND for a listing that the index does not have. */
export async function listingVersions(
  deps: Deps,
  ekId: string,
  query: z.output<typeof pageQuerySchema>,
): Promise<ListingVersions> {
  ekNumber(deps.chain, ekId);
  const { listingVersion } = views;
  const before = cursor.read(query.cursor);
  const rows = await deps.index.read((db) =>
    db
      .select()
      .from(listingVersion)
      .where(and(eq(listingVersion.ekId, ekId), before && lt(listingVersion.version, before[0])))
      .orderBy(desc(listingVersion.version))
      .limit(query.limit + 1),
  );
  if (rows.length === 0 && !before) throw unknownListing(ekId);
  const { items, ...next } = paged(rows, query.limit, (row) => cursor.write([row.version]));
  // One row more was read: it is the one before the page's last.
  return { ek_id: ekId, items: items.map((row, i) => toVersion(row, rows[i + 1])), ...next };
}

function toVersion(row: Row, former: Row | undefined): Version {
  const described = describe(row);
  return {
    listing_id: row.id,
    version: row.version,
    created_at: isoTime(row.at),
    tx: row.tx,
    by: row.by,
    ...described,
    ...(row.fault === null ? {} : { fault: row.fault }),
    changes: former ? changesOf(describe(former), described) : [],
  };
}

function describe(row: Row): Described {
  const summary = row.indexable ? listingSummarySchema.safeParse(parse(row.summaryJson)).data : undefined;
  return { manifest_hash: row.manifestHash, terms: termsOf(row), ...(summary && { summary }) };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // no schema takes it
  }
}

function termsOf(row: Row): Terms {
  return {
    token: row.token,
    curve: row.curve,
    ...(row.curveType === null ? {} : { curve_type: row.curveType }),
    curve_params: row.curveParams,
    ...(row.supplyCap === 0n ? {} : { supply_cap: String(row.supplyCap) }),
    ...(row.startTime === 0n ? {} : { start_time: isoTime(row.startTime) }),
    ...(row.endTime === 0n ? {} : { end_time: isoTime(row.endTime) }),
    ...(row.keyTtl === 0n ? {} : { key_ttl_seconds: Number(row.keyTtl) }),
    scopes: fromBits(scopes, row.scopes) as Terms["scopes"],
    flags: fromBits(flags, row.flags) as Terms["flags"],
    refund_window_seconds: row.refundWindow,
    refund_terms: row.refundTerms,
    bounty_bps: row.bountyBps,
    referral_bps: row.referralBps,
    resale_bps: row.resaleBps,
    ...(row.pointsPrice === 0n ? {} : { points_price: String(row.pointsPrice) }),
    ...(row.requestsPerMinute === 0n ? {} : { rpm: Number(row.requestsPerMinute) }),
    ...(row.requestsPerDay === 0n ? {} : { daily_quota: Number(row.requestsPerDay) }),
    royalties: row.royalties.map(({ ekId, bps }) => ({ ek_id: ekId, bps })),
  };
}

/** Members that differ, as deep as both are objects; lists are compared as a whole. */
function changesOf(before: unknown, after: unknown, path: readonly string[] = []): Version["changes"] {
  if (isDeepStrictEqual(before, after)) return [];
  if (!isObject(before) || !isObject(after)) {
    return [
      {
        pointer: toPointer(path),
        ...(before === undefined ? {} : { before }),
        ...(after === undefined ? {} : { after }),
      },
    ];
  }
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.flatMap((name) => changesOf(before[name], after[name], [...path, name]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
