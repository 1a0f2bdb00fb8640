/** Receipts of use: what gateways signed, day by day, and what buyers signed under it. */
import type { Hex } from "viem";
import { leafOf, type Receipt } from "../../sdk/receipts.ts";
import type { Queryable, Sql } from "./database.ts";

/** Stores what a verified event is a receipt of, once. */
export async function saveReceipt(
  sql: Queryable,
  { event_id, timestamp, receipt }: Receipt,
  { jws, gatewayId }: { jws: string; gatewayId: string },
): Promise<void> {
  const day = new Date(timestamp).toISOString().slice(0, 10);
  await sql`
    insert into receipts (
      event_id, gateway_id, chain, number, day, leaf, request_hash, response_hash, watermark_id
    ) values (
      ${event_id}, ${gatewayId}, ${receipt.chain}, ${receipt.number}, ${day}, ${leafOf(jws)}, ${receipt.request_hash},
      ${receipt.response_hash ?? null}, ${receipt.watermark_id ?? null}
    )
    on conflict (event_id) do nothing`;
}

/** The leaves of a gateway's day (YYYY-MM-DD, UTC). */
export async function leavesOf(
  sql: Sql,
  { gatewayId, day }: { gatewayId: string; day: string },
): Promise<Hex[]> {
  const rows = await sql<{ leaf: Hex }[]>`
    select leaf from receipts where gateway_id = ${gatewayId} and day = ${day}::date`;
  return rows.map(({ leaf }) => leaf);
}

/** A stored receipt's leaf, and the buyer's key that may sign under it; undefined for an unknown receipt. */
export async function findReceipt(
  sql: Sql,
  eventId: string,
): Promise<{ leaf: string; jkt: string | null } | undefined> {
  const [row] = await sql<{ leaf: string; jkt: string | null }[]>`
    select r.leaf, e.event->'receipt'->>'jkt' as jkt
    from receipts r join usage_events e using (event_id) where event_id = ${eventId}`;
  return row;
}

/** Keeps the buyer's signature; only the first counts. */
export async function saveCountersignature(sql: Sql, eventId: string, jws: string): Promise<void> {
  await sql`
    update receipts set countersignature = ${jws} where event_id = ${eventId} and countersignature is null`;
}

/** The receipts of what was delivered under a watermark's handle, oldest first: who had the copy that leaked. */
export async function traceWatermark(
  sql: Sql,
  handle: string,
): Promise<{ event_id: string; buyer: string }[]> {
  return sql<{ event_id: string; buyer: string }[]>`
    select event_id, e.buyer_agent_id as buyer
    from receipts r join usage_events e using (event_id)
    where r.watermark_id = ${handle} order by e.at limit 1000`;
}
