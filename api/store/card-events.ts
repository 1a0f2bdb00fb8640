/** The card provider's events, however they came: each is stored once, with its effect in the same transaction. */
import type { Sql } from "./database.ts";

/** What is kept of one. */
export type StoredCardEvent = {
  id: string;
  type: string;
  /** Unix seconds. */
  created: number;
  intentId: string | undefined;
  /** Our purchase, where the provider's object names it. */
  paymentId: string | undefined;
};

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Stores the event; where it `concerns` a purchase of ours, that is due for a look. Returns the purchase, for one caller only: an event that
 * is there already changes nothing.
 */
export async function storeCardEvent(
  sql: Sql,
  { id, type, created, intentId, paymentId }: StoredCardEvent,
  concerns: boolean,
): Promise<string | undefined> {
  const named = paymentId !== undefined && UUID.test(paymentId) ? paymentId : null;
  return sql.begin(async (tx) => {
    const stored = await tx`
      insert into card_events (event_id, type, created, intent_id)
      values (${id}, ${type}, ${created}, ${intentId ?? null})
      on conflict do nothing returning event_id`;
    if (stored.length === 0 || !concerns || intentId === undefined) return undefined;
    // By its metadata while the purchase does not know its intent yet: the answer that names it may be on its way.
    const [due] = await tx<{ id: string }[]>`
      update card_purchases set look_at = now(), notices = notices + 1
      where intent_id = ${intentId} or (intent_id is null and id = ${named})
      returning id`;
    if (due) await tx`update card_events set purchase_id = ${due.id} where event_id = ${id}`;
    return due?.id;
  }) as Promise<string | undefined>;
}

/** Lets one process at a time read the provider's list, so often. Returns since when (Unix seconds); undefined when it is not time. */
export async function claimCardFeed(sql: Sql, everySeconds: number): Promise<number | undefined> {
  const [row] = await sql<{ read_until: string }[]>`
    update card_feed set read_at = now()
    where read_at <= now() - ${everySeconds} * interval '1 second' returning read_until`;
  return row && Number(row.read_until);
}

/** All events up to then were stored. */
export async function noteCardFeed(sql: Sql, until: number): Promise<void> {
  await sql`update card_feed set read_until = greatest(read_until, ${until}::bigint)`;
}

/** The event by which the purchase's money was said to be reserved, if one came. */
export async function authorizedBy(sql: Sql, purchaseId: string): Promise<string | undefined> {
  const [row] = await sql<{ event_id: string }[]>`
    select event_id from card_events
    where purchase_id = ${purchaseId} and type = 'payment_intent.amount_capturable_updated'
    order by created limit 1`;
  return row?.event_id;
}
