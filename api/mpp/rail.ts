/** The Machine Payments Protocol's rail, as the reconciler knows it. */
import type { Rail } from "../actions/rail.ts";
import { resumePayment } from "../actions/settlement.ts";
import type { Deps } from "../deps.ts";
import { keepLease } from "../store/payments.ts";
import { carryOn, sendBack } from "./carry-on.ts";
import { decideAll, readFeed } from "./receive.ts";
import { sendRefunds } from "./refund.ts";
import { tempoPaymentOf, transferOf } from "./store.ts";

export const mppRail: Rail = {
  name: "mpp",
  async resume(deps, payment) {
    if (!(await tempoPaymentOf(deps.sql, payment.id))) return resumePayment(deps, payment);
    if (deps.tempo) return carryOn(deps, deps.tempo, payment);
    await keepLease(deps.sql, payment.id, 0); // for a process that can
  },
  async payBack(deps, payment) {
    const transfer = await transferOf(deps.sql, payment.id);
    if (!transfer) return {}; // paid on our own chain, where the refund is the contract's
    if (!deps.tempo) throw new Error(`Payment ${payment.id} is paid back by a process that knows Tempo.`);
    const evidence = await sendBack(deps, deps.tempo, transfer, "order_refunded");
    if (!evidence) throw new Error(`The money of payment ${payment.id} is on its way back.`);
    return evidence;
  },
};

/** One round: what came in on Tempo that nobody told of, and what has to go back. */
export async function sweepTempo(deps: Deps): Promise<void> {
  if (!deps.tempo) return;
  const { tempo, issuer } = deps.tempo;
  if (issuer.address !== deps.relayer.address) await issuer.tend();
  await readFeed(deps, tempo);
  await decideAll(deps, tempo);
  await sendRefunds(deps, tempo);
}
