/** What the reconciler knows of a rail: how to go on with a payment that a crash, a lost answer or a slow block left open. */
import type { Deps } from "../deps.ts";
import type { Payment, RailName } from "../store/payments.ts";

export type Rail = {
  name: RailName;
  /**
   * Goes on with an open payment (PaymentAuthorized, PaymentConfirmed or Unknown) by what the rail itself and the chain answer, and
   * moves it as far as that shows. The caller has taken the payment's lease (30 s): nobody else works on it meanwhile; `keepLease`
   * prolongs it, also to be asked again later. What is thrown is logged, and the payment comes again when the lease is over. Must be
   * safe to repeat from any point.
   */
  resume(deps: Deps, payment: Payment): Promise<void>;
  /**
   * Gives the payer its money back by the rail's own means, because the chain says that the order was refunded, which credited whoever
   * paid on chain. Called before the payment moves to Refunded; throws to be called again soon, answers
   * undefined when it is not for now: then the payment stays. Absent where the payer paid on chain itself.
   */
  payBack?(deps: Deps, payment: Payment): Promise<Readonly<Record<string, unknown>> | undefined>;
};
