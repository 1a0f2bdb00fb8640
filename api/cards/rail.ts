/** The card rail, as the reconciler knows it. */
import type { Rail } from "../actions/rail.ts";
import { cardPurchaseOf, makeDue } from "../store/card-purchases.ts";
import { getPayment } from "../store/payments.ts";
import { carryOn } from "./carry-on.ts";

export const cardRail: Rail = {
  name: "card",
  // The sweep of the purchases does the same; a process that does not offer cards leaves it to those that do.
  async resume(deps, payment) {
    const purchase = deps.cards && (await cardPurchaseOf(deps.sql, payment.id));
    if (purchase) await carryOn(deps, purchase.id);
  },
  async payBack(deps, payment) {
    const purchase = await cardPurchaseOf(deps.sql, payment.id);
    if (!purchase) throw new Error(`Payment ${payment.id} has no card purchase.`);
    // A process that does not offer cards leaves it to one that does.
    if (!deps.cards) return makeDue(deps.sql, purchase.id);
    await carryOn(deps, purchase.id);
    const { state } = await getPayment(deps.sql, payment.id);
    // The bank has taken the money back itself, and decides yet for whom.
    if (state === "Disputed") return undefined;
    if (state === "Refunded") return { intent: payment.reference };
    throw new Error(`Card payment ${payment.id} is still ${state}: it is paid back in the next round.`);
  },
};
