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

/** The event, and the sums that are kept with it: all of them in the statement that stores it, which stores it once. */
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
      returning ek_id, seller_id, buyer_agent_id, (at at time zone 'UTC')::date as day,
        ${used}::bigint as used, ${quoted}::bigint as quoted
    ),
    total as (
      insert into usage_totals as t (ek_id, usage_count, quote_count)
      select ek_id, used, quoted from stored
      on conflict (ek_id) do update set
        usage_count = t.usage_count + excluded.usage_count,
        quote_count = t.quote_count + excluded.quote_count
    ),
    pair as (
      insert into usage_pairs as p (ek_id, buyer_agent_id, uses)
      select ek_id, buyer_agent_id, 1 from stored where used = 1
      on conflict (ek_id, buyer_agent_id) do update set uses = p.uses + 1
      returning uses
    ),
    seller as (
      -- The weight is nth(uses) of sdk/reputation/score.ts.
      insert into seller_usage as s (seller_id, uses, quotes, weight)
      select seller_id, used, quoted, coalesce(
        (select (2000 >> least(uses - 1, 11)::int) - (2000 >> least(uses, 11)::int) from pair), 0)
      from stored where used + quoted > 0
      on conflict (seller_id) do update set
        uses = s.uses + excluded.uses, quotes = s.quotes + excluded.quotes, weight = s.weight + excluded.weight
    )
    insert into usage_days as d (day, uses, quotes)
    select day, used, quoted from stored where used + quoted > 0
    on conflict (day) do update set uses = d.uses + excluded.uses, quotes = d.quotes + excluded.quotes`;
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

export type SellerUsage = { uses: number; quotes: number; weight: number };

/** What came of all that each of the sellers sold; those whose buyers never used anything are missing. */
export async function sellerUsage(sql: Sql, sellerIds: readonly string[]): Promise<Map<string, SellerUsage>> {
  if (sellerIds.length === 0) return new Map();
  const rows = await sql<{ seller_id: string; uses: string; quotes: string; weight: string }[]>`
    select seller_id, uses, quotes, weight from seller_usage where seller_id in ${sql(sellerIds)}`;
  return new Map(
    rows.map((row) => [
      row.seller_id,
      { uses: Number(row.uses), quotes: Number(row.quotes), weight: Number(row.weight) },
    ]),
  );
}

/** Uses and quotes by the UTC day (`2026-11-21`) that gateways gave, both days included. */
export async function usageByDay(
  sql: Sql,
  { from, to }: { from: Date; to: Date },
): Promise<Map<string, UsageTotals>> {
  const rows = await sql<{ day: string; uses: string; quotes: string }[]>`
    select day::text, uses, quotes from usage_days
    where day between (${from}::timestamptz at time zone 'UTC')::date and (${to}::timestamptz at time zone 'UTC')::date`;
  return new Map(rows.map(({ day, uses, quotes }) => [day, { usage: Number(uses), quotes: Number(quotes) }]));
}
