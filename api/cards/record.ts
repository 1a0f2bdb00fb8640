/** What became of a purchase by card, as steps of its payment: each with what shows that it happened. */
import type { Hash } from "viem";
import type { Deps } from "../deps.ts";
import { authorizedBy } from "../store/card-events.ts";
import { type CardPurchase, notePayment } from "../store/card-purchases.ts";
import { move } from "../store/payment-moves.ts";
import { getPayment, openStates, type Payment, takePayment } from "../store/payments.ts";
import { type ChainCharge, saleOfCharge } from "./charge.ts";
import type { CardIntent } from "./provider.ts";

/** How things stand with a purchase: with us, at the provider, on the chain. */
export type Situation = { purchase: CardPurchase; intent: CardIntent; charge: ChainCharge };

const evidenceOf = ({ intent }: Situation) => ({
  provider: "stripe",
  intent: intent.id,
  ...(intent.chargeId === undefined ? {} : { charge: intent.chargeId }),
});

/** The provider says that the money is reserved, or was: PaymentAuthorized, and with that PaymentConfirmed. */
export async function noteHeld(deps: Deps, now: Situation): Promise<Payment> {
  const { purchase, intent } = now;
  const event = await authorizedBy(deps.sql, purchase.id);
  const evidence = {
    ...evidenceOf(now),
    held_cents: intent.cents,
    ...(event === undefined ? {} : { event }),
  };
  const paymentId = purchase.paymentId ?? (await authorize(deps, now, evidence));
  purchase.paymentId = paymentId;
  const payment = await getPayment(deps.sql, paymentId);
  if (payment.state !== "PaymentAuthorized") return payment;
  const { state } = await move(deps.sql, paymentId, "PaymentConfirmed", { evidence });
  return { ...payment, state };
}

async function authorize(
  deps: Deps,
  { purchase, intent }: Situation,
  evidence: Record<string, unknown>,
): Promise<string> {
  const { payment } = await takePayment(
    deps.sql,
    {
      ...{ rail: "card", reference: intent.id, ekId: purchase.ekId, version: purchase.version },
      buyer: await deps.chain.registry.read.eoaOf([purchase.agentId]),
      ...{ amount: BigInt(intent.cents), currency: intent.currency, evidence },
    },
    (tx, paymentId) => notePayment(tx, purchase.id, paymentId),
  );
  return payment.id;
}

/** The key is there and the money is ours: EKIssued, by way of PaymentConfirmed where the payment was Unknown. */
export async function noteIssued(deps: Deps, now: Situation): Promise<void> {
  const payment = await noteHeld(deps, now);
  if (!openStates.includes(payment.state)) return;
  const { purchase, block } = await saleOfCharge(deps.chain, now.charge.chargeId, now.purchase.blockNumber);
  const tx = purchase.tx as Hash;
  const captured = { ...evidenceOf(now), captured_cents: now.intent.capturedCents };
  const at = { tx, block_number: String(block.number), block_hash: block.hash };
  await deps.sql.begin(async (begun) => {
    await move(begun, payment.id, "PaymentConfirmed", { evidence: captured, tx });
    const evidence = { ...captured, ...at, key_id: purchase.key_id };
    await move(begun, payment.id, "EKIssued", { evidence, tx, keyId: purchase.key_id, purchase, block });
  });
}

/** It came to an end, or into dispute. What was never reserved is no payment and has no steps. */
export async function noteEnd(
  deps: Deps,
  now: Situation,
  to: "Failed" | "Refunded" | "Disputed",
): Promise<void> {
  const { purchase, intent, charge } = now;
  if (purchase.paymentId === undefined) return;
  const reason = to === "Failed" ? (purchase.reason ?? intent.status) : undefined;
  await move(deps.sql, purchase.paymentId, to, {
    evidence: {
      ...evidenceOf(now),
      ...{ intent_status: intent.status, refunded_cents: intent.refundedCents },
      ...(intent.dispute === undefined ? {} : { dispute: intent.dispute }),
      ...(charge.reversed ? { charge_id: charge.chargeId, key_burnt: true } : {}),
      ...(reason === undefined ? {} : { reason }),
    },
    ...(reason === undefined ? {} : { reason }),
  });
}
