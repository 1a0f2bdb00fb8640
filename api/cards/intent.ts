/** A purchase's PaymentIntent: made once, whoever asks and however often. */
import { ekId as ekIds, listingId } from "../../sdk/ids.ts";
import type { Deps } from "../deps.ts";
import type { CardPurchase } from "../store/card-purchases.ts";
import { cardsOf } from "./cards.ts";
import type { CardIntent } from "./provider.ts";

/** The purchase's id is the provider's idempotency key. */
export async function createIntent(
  deps: Deps,
  { id, ekId, version, cents }: CardPurchase,
): Promise<CardIntent> {
  const ref = { chainId: deps.chain.id, ekId };
  const listing = listingId.serialize({ ...ref, version });
  return cardsOf(deps).provider.create({
    key: id,
    cents,
    description: `Experience Key ${listing}`,
    metadata: { payment_id: id, ek_id: ekIds.serialize(ref), listing_id: listing },
  });
}
