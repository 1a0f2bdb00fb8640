/** The card rail's own parts: the provider, and the account that issues keys for what it reserved. */
import { ExchangeError } from "../../sdk/errors.ts";
import type { Relayer } from "../chain/relayer.ts";
import type { CardProvider } from "./provider.ts";

export type Cards = {
  provider: CardProvider;
  /** Holds the role ISSUER: what it can spend is the day's cap of the float. May be the relayer itself. */
  issuer: Relayer;
};

/** The rail, where it is set up. Throws `rail_not_offered`. */
export function cardsOf({ cards }: { cards?: Cards }): Cards {
  if (cards) return cards;
  throw new ExchangeError("LISTING_CONFLICT", "Payments by card are not offered here.", {
    hint: 'Pay by crypto: payment_method {"type": "crypto"} tells how.',
    details: { reason: "rail_not_offered", type: "card" },
  });
}
