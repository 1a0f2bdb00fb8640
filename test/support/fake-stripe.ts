/**
 * A FAKE of Stripe's servers, for tests alone: the part of the HTTP API that the card rail calls, with its states, its idempotency keys
 * and its signed webhooks. Nothing here is Stripe's own code; what it can't show are 3-D Secure and a real issuer's decisions.
 * What it answers follows https://docs.stripe.com/api (PaymentIntents, Refunds, Disputes, Events).
 */
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import Stripe from "stripe";

type Fields = Record<string, unknown>;
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
type Dispute = { id: string; object: "dispute"; payment_intent: string; charge: string; status: string };
/** What a call is about to be answered with, before it is; a test may wait here, throw to break the connection, or answer itself. */
export type Interception = (call: {
  method: string;
  path: string;
}) => Promise<Answer | undefined> | Answer | undefined;
type Answer = { status: number; body: Fields };

const idOf = (prefix: string) => `${prefix}_${randomBytes(12).toString("hex")}`;
const refusal = (status: number, type: string, code: string, message: string): Answer => ({
  status,
  body: { error: { type, code, message } },
});
const missing = (what: string) =>
  refusal(404, "invalid_request_error", "resource_missing", `No such ${what}.`);
const unexpected = (state: string) =>
  refusal(400, "invalid_request_error", "payment_intent_unexpected_state", `The intent is ${state}.`);

export type FakeStripe = Awaited<ReturnType<typeof startFakeStripe>>;

export async function startFakeStripe() {
  const secret = `whsec_${randomBytes(16).toString("hex")}`;
  const intents = new Map<string, FakeIntent>();
  const charges = new Map<string, FakeCharge>();
  const disputes = new Map<string, Dispute>();
  const events: FakeEvent[] = [];
  const answered = new Map<string, { request: string; answer: Answer }>();
  /** Method and path of every call, in order. */
  const calls: string[] = [];
  let intercept: Interception = () => undefined;

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
    if (charge.disputed && disputeOf(intent.id)?.status !== "won")
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

  function list(data: readonly object[], query: URLSearchParams, key: "id" = "id"): Answer {
    const after = query.get("starting_after");
    const limit = Number(query.get("limit") ?? 10);
    const from = after ? data.findIndex((item) => (item as Fields)[key] === after) + 1 : 0;
    const page = data.slice(from, from + limit);
    return {
      status: 200,
      body: { object: "list", data: page, has_more: from + limit < data.length, url: "/v1" },
    };
  }

  function answer(method: string, { pathname, searchParams }: URL, form: URLSearchParams): Answer {
    const [, id = "", verb] = /^\/v1\/payment_intents\/(\w+)(?:\/(\w+))?$/.exec(pathname) ?? [];
    if (method === "POST" && pathname === "/v1/payment_intents") return create(form);
    if (method === "GET" && pathname === "/v1/events") {
      const since = Number(searchParams.get("created[gte]") ?? 0);
      return list(events.filter(({ created }) => created >= since).reverse(), searchParams); // the newest first
    }
    if (method === "GET" && pathname === "/v1/disputes") {
      const of = searchParams.get("payment_intent");
      return list(
        [...disputes.values()].filter((dispute) => dispute.payment_intent === of),
        searchParams,
      );
    }
    const intent = intents.get(id || (form.get("payment_intent") ?? ""));
    if (!intent) return missing(`payment_intent ${id}`);
    if (method === "POST" && pathname === "/v1/refunds")
      return refund(intent, form.has("amount") ? Number(form.get("amount")) : undefined);
    if (method === "GET" && verb === undefined) return { status: 200, body: expanded(intent, searchParams) };
    if (method === "POST" && verb === "confirm") return confirm(intent, form.get("payment_method") ?? "");
    if (method === "POST" && verb === "capture") return capture(intent, form);
    if (method === "POST" && verb === "cancel")
      return cancel(intent, form.get("cancellation_reason") ?? "requested_by_customer");
    return missing(pathname);
  }

  function expanded(intent: FakeIntent, query: URLSearchParams): Fields {
    const wanted = [...query].some(([key, value]) => key.startsWith("expand") && value === "latest_charge");
    return wanted ? { ...intent, latest_charge: charges.get(intent.latest_charge ?? "") ?? null } : intent;
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "GET" } = request;
    const url = new URL(request.url ?? "/", "http://fake");
    let body = "";
    for await (const chunk of request) body += chunk;
    calls.push(`${method} ${url.pathname}`);
    try {
      const instead = await intercept({ method, path: url.pathname });
      const result = instead ?? once(method, url, body, request.headers["idempotency-key"]);
      const text = JSON.stringify(result.body);
      response.writeHead(result.status, {
        "content-type": "application/json",
        "request-id": `req_${calls.length}`,
      });
      response.end(text);
    } catch {
      response.destroy(); // the test broke the connection
    }
  }

  /** The same answer to the same key; other parameters under it are refused. */
  function once(method: string, url: URL, body: string, key: string | string[] | undefined): Answer {
    const form = new URLSearchParams(body);
    if (method !== "POST" || typeof key !== "string") return answer(method, url, form);
    const request = `${url.pathname}?${body}`;
    const before = answered.get(key);
    if (before && before.request !== request) {
      return refusal(400, "idempotency_error", "idempotency_key_in_use", "The key had other parameters.");
    }
    const result = before?.answer ?? answer(method, url, form);
    // The first answer stays as it was.
    answered.set(key, before ?? { request, answer: structuredClone(result) });
    return result;
  }

  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  /** The header that Stripe signs a delivery with, `age` seconds ago. */
  const sign = (payload: string, age = 0, by = secret): string =>
    new Stripe("sk_test_fake").webhooks.generateTestHeaderString({
      ...{ payload, secret: by, timestamp: Math.floor(Date.now() / 1000) - age },
    });

  return {
    url,
    secret,
    events,
    calls,
    intentOf,
    chargeOf,
    emit,
    sign,
    /** The API process's environment for it. */
    env: { STRIPE_SECRET_KEY: "sk_test_fake", STRIPE_WEBHOOK_SECRET: secret, STRIPE_API_BASE: url },
    /** What happens before each further call is answered. */
    intercept(how: Interception) {
      intercept = how;
    },
    /** The card's holder confirms, as with Stripe.js and the client secret. */
    confirm: (id: string, card = "pm_card_visa") => confirm(intentOf(id), card),
    /** The bank lets an authorisation that was not captured go. */
    expire: (id: string) => cancel(intentOf(id), "automatic"),
    /** The operator refunds in Stripe's dashboard. */
    refund: (id: string, cents?: number) => refund(intentOf(id), cents),
    dispute(id: string) {
      const charge = chargeOf(id);
      charge.disputed = true;
      const dispute: Dispute = {
        ...{
          id: idOf("du"),
          object: "dispute",
          payment_intent: id,
          charge: charge.id,
          status: "needs_response",
        },
      };
      disputes.set(dispute.id, dispute);
      return emit("charge.dispute.created", dispute);
    },
    closeDispute(id: string, status: "won" | "lost" | "warning_closed") {
      const dispute = disputeOf(id);
      if (!dispute) throw new Error(`${id} is not disputed.`);
      dispute.status = status;
      return emit("charge.dispute.closed", dispute);
    },
    /** Events of the intent and its charge so far, the oldest first. */
    eventsOf: (id: string, type?: string) =>
      events.filter(
        ({ data: { object }, type: of }) =>
          (object.id === id || object.payment_intent === id) && (type === undefined || of === type),
      ),
    /** Sends an event to a webhook as Stripe does; resolves with the HTTP status. */
    async deliver(webhook: string, event: FakeEvent, header?: string): Promise<number> {
      const payload = JSON.stringify(event);
      const response = await fetch(webhook, {
        method: "POST",
        headers: { "content-type": "application/json", "stripe-signature": header ?? sign(payload) },
        body: payload,
      });
      await response.body?.cancel();
      return response.status;
    },
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
