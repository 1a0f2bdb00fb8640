/** What gateways reported: each event once, and the totals kept with them. */

import type { Receipt } from "../../sdk/receipts.ts";
import type { UsageEvent } from "../../sdk/wire/public.ts";
import type { Queryable, Sql } from "./database.ts";
import { saveReceipt } from "./receipts.ts";

export type UsageTotals = { usage: number; quotes: number };

/** Stores a verified event, and what it is a receipt of; one that is there already changes nothing. */
export async function saveUsageEvent(
  sql: Sql,
  event: UsageEvent,
  { jws, gatewayId }: { jws: string; gatewayId: string },
): Promise<void> {
  await sql.begin(async (tx) => {
    await saveEvent(tx, event, jws);
    if (event.receipt) await saveReceipt(tx, event as Receipt, { jws, gatewayId });
  });
}

async function saveEvent(sql: Queryable, event: UsageEvent, jws: string): Promise<void> {
  const used = event.event_type === "UsageEvent" && event.result === "ok" && event.action !== "quote" ? 1 : 0;
  const quoted = event.result === "ok" && event.action === "quote" ? 1 : 0;
  await sql`
    with stored as (
      insert into usage_events (
        event_id, ek_id, seller_id, buyer_agent_id, event_type, action, result, at, event, jws
      ) values (
        ${event.event_id}, ${event.ek_id}, ${event.seller_id}, ${event.buyer_agent_id}, ${event.event_type},
        ${event.action}, ${event.result}, ${event.timestamp}, ${JSON.stringify(event)}::text::jsonb, ${jws}
      )
      on conflict (event_id) do nothing
      returning ek_id
    )
    insert into usage_totals as t (ek_id, usage_count, quote_count)
    select ek_id, ${used}::bigint, ${quoted}::bigint from stored
    on conflict (ek_id) do update set
      usage_count = t.usage_count + excluded.usage_count,
      quote_count = t.quote_count + excluded.quote_count`;
}

/** Whether a gateway let the agent use the Experience within that time. */
export async function wasUsed(
  sql: Sql,
  { ekId, buyer, from, to }: { ekId: string; buyer: string; from: Date; to: Date },
): Promise<boolean> {
  const rows = await sql`
    select 1 from usage_events
    where buyer_agent_id = ${buyer} and ek_id = ${ekId} and result = 'ok' and at between ${from} and ${to}
    limit 1`;
  return rows.length === 1;
}

/** How often each of the Experiences was used and cited; those that never were are missing. */
export async function usageTotals(sql: Sql, ekIds: readonly string[]): Promise<Map<string, UsageTotals>> {
  if (ekIds.length === 0) return new Map();
  const rows = await sql<{ ek_id: string; usage_count: string; quote_count: string }[]>`
    select ek_id, usage_count, quote_count from usage_totals where ek_id in ${sql(ekIds)}`;
  return new Map(
    rows.map((row) => [row.ek_id, { usage: Number(row.usage_count), quotes: Number(row.quote_count) }]),
  );
}
