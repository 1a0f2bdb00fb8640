/**
 * News from the card provider, by webhook or from its list of events. An event is stored once, and with it, in one transaction, that its
 * purchase is due for a look. What it says is not used: the look reads how things are (see `carry-on.ts`).
 */
import type { Deps } from "../deps.ts";
import { errorFields, log } from "../http/log.ts";
import { claimCardFeed, noteCardFeed, storeCardEvent } from "../store/card-events.ts";
import { dueCardPurchases } from "../store/card-purchases.ts";
import { cardsOf } from "./cards.ts";
import { carryOn } from "./carry-on.ts";
import type { CardEvent } from "./provider.ts";

/** After which a purchase stands otherwise than before. All others are stored, and ask for nothing. */
const news = new Set([
  "payment_intent.amount_capturable_updated",
  "payment_intent.canceled",
  "payment_intent.succeeded",
  "charge.expired",
  "charge.refunded",
  "charge.dispute.created",
  "charge.dispute.closed",
  "refund.failed",
]);

/** Seconds between two readings of the provider's list, and how far each goes back behind the last: events may appear late in it. */
const FEED_EVERY = 60;
const FEED_OVERLAP = 600;
/** How many purchases a round of the sweep carries on. */
const BATCH = 10;

/** Takes a webhook. When it returns, the event is stored; what it leads to goes on by itself. Throws INVALID_SIGNATURE. */
export async function takeCardWebhook(
  deps: Deps,
  body: string,
  signature: string | undefined,
): Promise<void> {
  const due = await store(deps, cardsOf(deps).provider.readEvent(body, signature));
  if (due === undefined) return;
  // Should this be cut off, the sweep finds the purchase due.
  void carryOn(deps, due).catch((error: unknown) => {
    log("warn", "card: carry a purchase on", { purchase: due, ...errorFields(error) });
  });
}

function store({ sql }: Deps, event: CardEvent): Promise<string | undefined> {
  return storeCardEvent(sql, event, news.has(event.type));
}

/** One round of the sweep: reads what webhooks did not bring, and carries on what is due. Does nothing where cards are not offered. */
export async function sweepCards(deps: Deps): Promise<void> {
  if (!deps.cards) return;
  await deps.cards.issuer.tend();
  await readFeed(deps).catch((error: unknown) => log("warn", "card: read the events", errorFields(error)));
  for (const id of await dueCardPurchases(deps.sql, BATCH)) {
    await carryOn(deps, id).catch((error: unknown) => {
      log("warn", "card: carry a purchase on", { purchase: id, ...errorFields(error) });
    });
  }
}

/** The mark moves only when the list was read to its end: it begins with the latest. */
async function readFeed(deps: Deps): Promise<void> {
  const since = await claimCardFeed(deps.sql, FEED_EVERY);
  if (since === undefined) return;
  let until = since;
  for await (const event of cardsOf(deps).provider.eventsSince(since - FEED_OVERLAP)) {
    await store(deps, event);
    until = Math.max(until, event.created);
  }
  await noteCardFeed(deps.sql, until);
}
