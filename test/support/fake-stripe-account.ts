/**
 * A FAKE of what Stripe keeps of an account, for tests alone: PaymentIntents, charges, refunds, disputes and events, with their states. The
 * HTTP around it is in `fake-stripe.ts`.
 */
import { randomBytes } from "node:crypto";

export type Fields = Record<string, unknown>;
export type FakeCharge = {
  id: string;
  object: "charge";
  amount: number;
  amount_captured: number;
  amount_refunded: number;
  captured: boolean;
  refunded: boolean;
  disputed: boolean;
  payment_intent: string;
};
export type FakeIntent = {
  id: string;
  object: "payment_intent";
  amount: number;
  amount_capturable: number;
  amount_received: number;
  currency: string;
  capture_method: string;
  client_secret: string;
  status: string;
  cancellation_reason: string | null;
  metadata: Record<string, string>;
  latest_charge: string | null;
};
export type FakeEvent = {
  id: string;
  object: "event";
  type: string;
  created: number;
  livemode: false;
  data: { object: Fields };
};
export type Dispute = {
  id: string;
  object: "dispute";
  payment_intent: string;
  charge: string;
  status: string;
};
export type Answer = { status: number; body: Fields };

const idOf = (prefix: string) => `${prefix}_${randomBytes(12).toString("hex")}`;
export const refusal = (status: number, type: string, code: string, message: string): Answer => ({
  status,
  body: { error: { type, code, message } },
});
export const missing = (what: string) =>
  refusal(404, "invalid_request_error", "resource_missing", `No such ${what}.`);
const unexpected = (state: string) =>
  refusal(400, "invalid_request_error", "payment_intent_unexpected_state", `The intent is ${state}.`);

export type FakeAccount = ReturnType<typeof createFakeAccount>;

export function createFakeAccount() {
  const intents = new Map<string, FakeIntent>();
  const charges = new Map<string, FakeCharge>();
  const disputes = new Map<string, Dispute>();
  const events: FakeEvent[] = [];

  function emit(type: string, object: object): FakeEvent {
    const event: FakeEvent = {
      ...{ id: idOf("evt"), object: "event", type, livemode: false },
      created: Math.floor(Date.now() / 1000),
      data: { object: structuredClone(object) as Fields },
    };
    events.push(event);
    return event;
  }

  const intentOf = (id: string): FakeIntent => {
    const intent = intents.get(id);
    if (!intent) throw new Error(`The fake knows no ${id}.`);
    return intent;
  };
  const chargeOf = (id: string): FakeCharge => {
    const charge = charges.get(intentOf(id).latest_charge ?? "");
    if (!charge) throw new Error(`${id} has no charge.`);
    return charge;
  };

  function create(form: URLSearchParams): Answer {
    const id = idOf("pi");
    const metadata = [...form].flatMap(([key, value]) => {
      const name = /^metadata\[(.+)\]$/.exec(key)?.[1];
      return name ? [[name, value] as const] : [];
    });
    const intent: FakeIntent = {
      ...{ id, object: "payment_intent", amount: Number(form.get("amount")), amount_capturable: 0 },
      ...{ amount_received: 0, currency: form.get("currency") ?? "", client_secret: `${id}_secret_fake` },
      ...{ capture_method: form.get("capture_method") ?? "automatic", status: "requires_payment_method" },
      ...{ cancellation_reason: null, metadata: Object.fromEntries(metadata), latest_charge: null },
    };
    intents.set(id, intent);
    emit("payment_intent.created", intent);
    return { status: 200, body: intent };
  }

  function confirm(intent: FakeIntent, card: string): Answer {
    if (!intent.status.startsWith("requires_") || intent.status === "requires_capture")
      return unexpected(intent.status);
    if (card === "pm_card_chargeDeclined") {
      emit("payment_intent.payment_failed", intent);
      return refusal(402, "card_error", "card_declined", "Your card was declined.");
    }
    const charge: FakeCharge = {
      ...{ id: idOf("ch"), object: "charge", amount: intent.amount, amount_captured: 0, amount_refunded: 0 },
      ...{ captured: false, refunded: false, disputed: false, payment_intent: intent.id },
    };
    charges.set(charge.id, charge);
    Object.assign(intent, {
      ...{ status: "requires_capture", amount_capturable: intent.amount, latest_charge: charge.id },
    });
    emit("payment_intent.amount_capturable_updated", intent);
    return { status: 200, body: intent };
  }

  function capture(intent: FakeIntent, form: URLSearchParams): Answer {
    if (intent.status !== "requires_capture") return unexpected(intent.status);
    const amount = Number(form.get("amount_to_capture") ?? intent.amount_capturable);
    Object.assign(chargeOf(intent.id), { captured: true, amount_captured: amount });
    Object.assign(intent, { status: "succeeded", amount_received: amount, amount_capturable: 0 });
    emit("charge.captured", chargeOf(intent.id));
    emit("payment_intent.succeeded", intent);
    return { status: 200, body: intent };
  }

  function cancel(intent: FakeIntent, reason: string): Answer {
    if (["succeeded", "canceled"].includes(intent.status)) return unexpected(intent.status);
    Object.assign(intent, { status: "canceled", cancellation_reason: reason, amount_capturable: 0 });
    emit("payment_intent.canceled", intent);
    return { status: 200, body: intent };
  }

  function refund(intent: FakeIntent, cents?: number): Answer {
    if (intent.status !== "succeeded") return unexpected(intent.status);
    const charge = chargeOf(intent.id);
    const amount = cents ?? charge.amount_captured - charge.amount_refunded;
    if (charge.disputed && !["won", "warning_closed"].includes(disputeOf(intent.id)?.status ?? ""))
      return refusal(400, "invalid_request_error", "charge_disputed", "The charge is disputed.");
    if (charge.refunded)
      return refusal(
        400,
        "invalid_request_error",
        "charge_already_refunded",
        "The charge is refunded already.",
      );
    charge.amount_refunded += amount;
    charge.refunded = charge.amount_refunded >= charge.amount_captured;
    emit("charge.refunded", charge);
    return {
      status: 200,
      body: {
        ...{ id: idOf("re"), object: "refund", payment_intent: intent.id, amount, status: "succeeded" },
      },
    };
  }

  const disputeOf = (intentId: string) =>
    [...disputes.values()].find((dispute) => dispute.payment_intent === intentId);

  function dispute(id: string): FakeEvent {
    const charge = chargeOf(id);
    charge.disputed = true;
    const opened: Dispute = {
      ...{
        id: idOf("du"),
        object: "dispute",
        payment_intent: id,
        charge: charge.id,
        status: "needs_response",
      },
    };
    disputes.set(opened.id, opened);
    return emit("charge.dispute.created", opened);
  }

  function closeDispute(id: string, status: "won" | "lost" | "warning_closed"): FakeEvent {
    const open = disputeOf(id);
    if (!open) throw new Error(`${id} is not disputed.`);
    open.status = status;
    return emit("charge.dispute.closed", open);
  }

  return {
    ...{ intents, charges, disputes, events, emit, intentOf, chargeOf },
    ...{ create, confirm, capture, cancel, refund, dispute, closeDispute },
  };
}
