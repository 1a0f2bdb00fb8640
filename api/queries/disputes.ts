/** Disputes over orders, and what the parties handed in. */
import { and, asc, desc, eq, or, sql } from "drizzle-orm";
import { getAddress } from "viem";
import { z } from "zod";
import { ExchangeError } from "../../sdk/errors.ts";
import type { DisputeDetail, Disputes, disputesQuerySchema } from "../../sdk/wire/market.ts";
import type { Deps } from "../deps.ts";
import { cursorOf, paged } from "./cursor.ts";
import { views } from "./index-database.ts";
import { isoTime } from "./time.ts";

type Row = typeof views.dispute.$inferSelect;

/** When it was opened, and the order. */
const cursor = cursorOf(z.tuple([z.string().regex(/^[0-9]{1,20}$/), z.string().max(120)]));

/** By `dispute.ruling`. */
const winners = { 0: "tie", 1: "buyer", 2: "seller" } as const;

export async function disputes(deps: Deps, query: z.output<typeof disputesQuerySchema>): Promise<Disputes> {
  const { dispute } = views;
  const before = cursor.read(query.cursor);
  const rows = await deps.index.read((db) =>
    db
      .select()
      .from(dispute)
      .where(
        and(
          eq(dispute.chainId, deps.chain.id),
          query.ek_id === undefined ? undefined : eq(dispute.ekId, query.ek_id),
          query.status && eq(dispute.status, query.status),
          query.agent_id === undefined
            ? undefined
            : or(eq(dispute.buyerId, query.agent_id), eq(dispute.sellerId, query.agent_id)),
          before && sql`(${dispute.openedAt}, ${dispute.orderId}) < (${before[0]}::numeric, ${before[1]})`,
        ),
      )
      .orderBy(desc(dispute.openedAt), desc(dispute.orderId))
      .limit(query.limit + 1),
  );
  const { items, ...next } = paged(rows, query.limit, (row) =>
    cursor.write([String(row.openedAt), row.orderId]),
  );
  return { items: items.map(toDispute), ...next };
}

/** Throws NOT_FOUND for an order that was never disputed. */
export async function dispute(deps: Deps, orderId: string): Promise<DisputeDetail> {
  const { agentEoa, dispute, evidence } = views;
  const [[row], pieces] = await deps.index.read((db) =>
    Promise.all([
      db.select().from(dispute).where(eq(dispute.orderId, orderId)),
      db
        .select()
        .from(evidence)
        .where(eq(evidence.orderId, orderId))
        .orderBy(asc(evidence.blockNumber), asc(evidence.logIndex)),
    ]),
  );
  if (!row) {
    throw new ExchangeError("NOT_FOUND", `There is no dispute over ${orderId}.`, {
      hint: "GET /disputes lists them.",
      details: { order_id: orderId },
    });
  }
  // Also those that the parties have rotated away from since.
  const eoas = await deps.index.read((db) =>
    db
      .select({ eoa: agentEoa.eoa, agentId: agentEoa.agentId })
      .from(agentEoa)
      .where(or(eq(agentEoa.agentId, row.buyerId), eq(agentEoa.agentId, row.sellerId))),
  );
  const agents = new Map(eoas.map(({ eoa, agentId }) => [eoa.toLowerCase(), agentId]));
  return {
    ...toDispute(row),
    evidence: pieces.map(({ party, uri, at, tx }) => {
      const agent = agents.get(party.toLowerCase());
      const side = agent === row.buyerId ? "buyer" : agent === row.sellerId ? "seller" : "other";
      return { party: getAddress(party), side, uri, timestamp: isoTime(at), tx };
    }),
  };
}

function toDispute(row: Row): Disputes["items"][number] {
  return {
    order_id: row.orderId,
    ek_id: row.ekId,
    key_id: row.keyId,
    buyer_id: row.buyerId,
    seller_id: row.sellerId,
    category: row.category,
    status: row.status,
    ...(row.outcome === null ? {} : { outcome: row.outcome }),
    ...(row.ruling === null ? {} : { winner: winners[row.ruling as keyof typeof winners] }),
    ...(row.toBuyer === null ? {} : { to_buyer: String(row.toBuyer) }),
    deadline: isoTime(row.deadline),
    fees: { buyer: String(row.buyerFee), seller: String(row.sellerFee), spent: String(row.spent) },
    appeals: row.appeals,
    opened_at: isoTime(row.openedAt),
    ...(row.closedAt === null ? {} : { closed_at: isoTime(row.closedAt) }),
  };
}
