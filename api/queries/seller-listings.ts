/** What an agent sells, as only it sees it. */
import { and, desc, eq, sql } from "drizzle-orm";
import { z } from "zod";
import { ExchangeError } from "../../sdk/errors.ts";
import { agentId as agentIds } from "../../sdk/ids.ts";
import type {
  SellerListingDetail,
  SellerListings,
  sellerListingsQuerySchema,
} from "../../sdk/wire/dashboard.ts";
import { storeStatus } from "../actions/gateways.ts";
import type { Session } from "../actions/session.ts";
import { ekNumber, readHead, unknownListing } from "../chain/listings.ts";
import type { Deps } from "../deps.ts";
import { recentEvents } from "../store/usage-log.ts";
import { cursorOf, paged } from "./cursor.ts";
import { views } from "./index-database.ts";
import { toValidationRecord } from "./labels.ts";
import { faultOf, toHidden } from "./listing-rows.ts";
import { isShowable, type ShowableRow, toSummaries } from "./summaries.ts";

/** How many events of a kind, and labels, a listing's page shows. */
const SHOWN = 20;

const digits = z.string().regex(/^[0-9]{1,20}$/);
/** Time of listing, number of the listing. */
const cursor = cursorOf(z.tuple([digits, digits]));
/** Listings of one block are told apart by it. */
const number = sql<string>`split_part(${views.listing.id}, '_', 3)::numeric`;

export async function sellerListings(
  deps: Deps,
  { agentId }: Session,
  query: z.output<typeof sellerListingsQuerySchema>,
): Promise<SellerListings> {
  const { listing } = views;
  const after = cursor.read(query.cursor);
  const rows = await deps.index.read((db) =>
    db
      .select({ row: listing, number })
      .from(listing)
      .where(
        and(
          eq(listing.sellerId, agentIds.serialize({ chainId: deps.chain.id, agentId })),
          query.status && eq(listing.status, query.status),
          after && sql`(${listing.createdAt}, ${number}) < (${after[0]}::numeric, ${after[1]}::numeric)`,
        ),
      )
      .orderBy(desc(listing.createdAt), desc(number))
      .limit(query.limit + 1),
  );
  const { items, ...next } = paged(rows, query.limit, (at) =>
    cursor.write([String(at.row.createdAt), at.number]),
  );
  const mine = items.map(({ row }) => row);
  const shown = mine.filter((row): row is ShowableRow => isShowable(deps, row));
  const hidden = mine.flatMap((row) => {
    const reason = faultOf(deps, row);
    return reason === undefined ? [] : [toHidden(row, reason)];
  });
  return { items: await toSummaries(deps, shown), hidden, ...next };
}

/** Throws EK_NOT_FOUND, and SCOPE_DENIED for another seller's. Whose it is, the chain says. */
export async function sellerListing(
  deps: Deps,
  session: Session,
  ekId: string,
): Promise<SellerListingDetail> {
  const head = await readHead(deps.chain, ekNumber(deps.chain, ekId));
  if (!head) throw unknownListing(ekId);
  if (head.sellerId !== session.agentId) throw notSeller(deps, ekId, head.sellerId);
  const { agent, label, listing } = views;
  const [[row], labels] = await deps.index.read((db) =>
    Promise.all([
      db.select().from(listing).where(eq(listing.id, ekId)),
      db
        .select({ label, agent })
        .from(label)
        .innerJoin(agent, eq(agent.id, label.validatorId))
        .where(and(eq(label.ekId, ekId), eq(label.status, "live")))
        .orderBy(desc(label.createdAt), desc(label.id))
        .limit(SHOWN),
    ]),
  );
  if (!row) throw notIndexed(ekId);
  const reason = faultOf(deps, row);
  const [usage, quotes, store, summaries] = await Promise.all([
    recentEvents(deps.sql, ekId, { quotes: false, limit: SHOWN }),
    recentEvents(deps.sql, ekId, { quotes: true, limit: SHOWN }),
    row.gateway === null ? undefined : storeStatus(deps, session, row.gateway),
    isShowable(deps, row) ? toSummaries(deps, [row]) : [],
  ]);
  return {
    ...(summaries[0] && { ek_summary: summaries[0] }),
    ...(reason === undefined ? {} : { hidden: toHidden(row, reason) }),
    ...(store && { store }),
    events: { usage_recent: usage, quotes_recent: quotes },
    validations: labels.map((found) => toValidationRecord(found.label, found.agent)),
  };
}

function notSeller(deps: Deps, ekId: string, sellerId: bigint): ExchangeError {
  const seller = agentIds.serialize({ chainId: deps.chain.id, agentId: sellerId });
  return new ExchangeError("SCOPE_DENIED", `${ekId} is sold by ${seller}, not by you.`, {
    hint: "GET /listings/{ek_id} is what everybody sees. Sign in as the listing's seller for more.",
    details: { ek_id: ekId, seller_id: seller, reason: "not_seller" },
  });
}

function notIndexed(ekId: string): ExchangeError {
  return new ExchangeError("EK_NOT_FOUND", `${ekId} is on chain, and not in the index yet.`, {
    hint: "Try again in a second; GET /listings/{ek_id}/status tells how far it is.",
    details: { ek_id: ekId, reason: "not_indexed" },
  });
}
