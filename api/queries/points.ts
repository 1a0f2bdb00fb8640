/** An agent's points, entry by entry. */

import { and, desc, eq, ne, or, sql } from "drizzle-orm";
import { alias } from "drizzle-orm/pg-core";
import { z } from "zod";
import { agentId as agentIds } from "../../sdk/ids.ts";
import { toPoints } from "../../sdk/points.ts";
import { fromBits, pointsReasons } from "../../sdk/records.ts";
import type { pageQuerySchema } from "../../sdk/wire/common.ts";
import type { PointsLedgerEntry, PointsLedgerResponse } from "../../sdk/wire/points.ts";
import type { Deps } from "../deps.ts";
import { cursorOf, paged } from "./cursor.ts";
import { views } from "./index-database.ts";
import { isoTime } from "./time.ts";

/** Block and place in it. */
const cursor = cursorOf(z.tuple([z.string().regex(/^[0-9]{1,20}$/), z.int()]));

/** The agent's own row; the other party's of the same award; and whose listing it is. */
type Row = {
  mine: typeof views.pointsEntry.$inferSelect;
  other: typeof views.pointsEntry.$inferSelect | null;
  sellerId: string;
};

export async function pointsLedger(
  deps: Deps,
  agentId: bigint,
  query: z.output<typeof pageQuerySchema>,
): Promise<PointsLedgerResponse> {
  const { listing, pointsEntry: mine } = views;
  const other = alias(mine, "other");
  const me = agentIds.serialize({ chainId: deps.chain.id, agentId });
  const before = cursor.read(query.cursor);
  const isOther = and(
    eq(other.orderId, mine.orderId),
    eq(other.logIndex, mine.logIndex),
    ne(other.role, mine.role),
  );
  const rows: Row[] = await deps.index.read((db) =>
    db
      .select({ mine, other, sellerId: listing.sellerId })
      .from(mine)
      .innerJoin(listing, eq(listing.id, mine.ekId)) // an order is of a listing that has a row
      .leftJoin(other, isOther)
      .where(
        and(
          eq(mine.agentId, me),
          // A trade with oneself has two rows of one agent: one of them is enough.
          or(ne(mine.role, "buyer"), ne(other.agentId, me)),
          before && sql`(${mine.blockNumber}, ${mine.logIndex}) < (${before[0]}::numeric, ${before[1]}::int)`,
        ),
      )
      .orderBy(desc(mine.blockNumber), desc(mine.logIndex))
      .limit(query.limit + 1),
  );
  const { items, ...next } = paged(rows, query.limit, (row) =>
    cursor.write([String(row.mine.blockNumber), row.mine.logIndex]),
  );
  return { items: items.map(entryOf), ...next };
}

function entryOf({ mine, other, sellerId }: Row): PointsLedgerEntry {
  const party = (row: { agentId: string; delta: bigint }) => ({
    agent_id: row.agentId,
    delta: toPoints(row.delta),
  });
  const common = { timestamp: isoTime(mine.at), ek_id: mine.ekId, notes: "bootstrap phase" };
  if (mine.role === "spender" || other === null) {
    return {
      entry_id: `pt_${mine.orderId}_spent`,
      reason: "points_spent",
      ...common,
      seller: { agent_id: sellerId, delta: 0 },
      buyer: party(mine),
    };
  }
  const [seller, buyer] = mine.role === "seller" ? [mine, other] : [other, mine];
  const cutBy = fromBits(pointsReasons, mine.reasons);
  return {
    entry_id: `pt_${mine.orderId}`,
    reason: "ek_trade",
    ...common,
    seller: party(seller),
    buyer: party(buyer),
    ...(cutBy.length === 0 ? {} : { cut_by: cutBy }),
  };
}
