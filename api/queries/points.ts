/** An agent's points, trade by trade. */

import { and, desc, eq, ne, sql } from "drizzle-orm";
import { alias } from "drizzle-orm/pg-core";
import { z } from "zod";
import { agentId as agentIds } from "../../sdk/ids.ts";
import type { pageQuerySchema } from "../../sdk/wire/common.ts";
import type { PointsLedgerResponse } from "../../sdk/wire/points.ts";
import type { Deps } from "../deps.ts";
import { cursorOf, paged } from "./cursor.ts";
import { views } from "./index-database.ts";
import { isoTime } from "./time.ts";

/** Block and place in it. */
const cursor = cursorOf(z.tuple([z.string().regex(/^[0-9]{1,20}$/), z.int()]));

export async function pointsLedger(
  deps: Deps,
  agentId: bigint,
  query: z.output<typeof pageQuerySchema>,
): Promise<PointsLedgerResponse> {
  const mine = views.pointsEntry;
  const other = alias(views.pointsEntry, "other");
  const me = agentIds.serialize({ chainId: deps.chain.id, agentId });
  const before = cursor.read(query.cursor);
  const rows = await deps.index.read((db) =>
    db
      .select({ mine, other })
      .from(mine)
      .innerJoin(other, and(eq(other.orderId, mine.orderId), ne(other.agentId, mine.agentId)))
      .where(
        and(
          eq(mine.agentId, me),
          before && sql`(${mine.blockNumber}, ${mine.logIndex}) < (${before[0]}::numeric, ${before[1]}::int)`,
        ),
      )
      .orderBy(desc(mine.blockNumber), desc(mine.logIndex))
      .limit(query.limit + 1),
  );
  const { items, ...next } = paged(rows, query.limit, (row) =>
    cursor.write([String(row.mine.blockNumber), row.mine.logIndex]),
  );
  return {
    items: items.map((row) => {
      const [seller, buyer] = row.mine.role === "seller" ? [row.mine, row.other] : [row.other, row.mine];
      return {
        entry_id: `pt_${row.mine.orderId}`,
        timestamp: isoTime(row.mine.at),
        reason: "ek_trade",
        ek_id: row.mine.ekId,
        seller: { agent_id: seller.agentId, delta: Number(seller.delta) },
        buyer: { agent_id: buyer.agentId, delta: Number(buyer.delta) },
        notes: "bootstrap phase",
      };
    }),
    ...next,
  };
}
