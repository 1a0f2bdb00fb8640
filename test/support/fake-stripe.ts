/**
 * A FAKE of Stripe's servers, for tests alone: the part of the HTTP API that the card rail calls, with its states, its idempotency keys
 * and its signed webhooks. Nothing here is Stripe's own code; what it can't show are 3-D Secure and a real issuer's decisions.
 * What it answers follows https://docs.stripe.com/api (PaymentIntents, Refunds, Disputes, Events).
 */
import { randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import Stripe from "stripe";
import {
  type Answer,
  createFakeAccount,
  type FakeEvent,
  type FakeIntent,
  type Fields,
  missing,
  refusal,
} from "./fake-stripe-account.ts";

/** Stands between a call and its answer: it may wait, look, answer otherwise, or throw to break the connection. */
export type Interception = (
  call: { method: string; path: string },
  answer: () => Answer,
) => Promise<Answer> | Answer;
export type FakeStripe = Awaited<ReturnType<typeof startFakeStripe>>;

export async function startFakeStripe() {
  const secret = `whsec_${randomBytes(16).toString("hex")}`;
  const account = createFakeAccount();
  const { intents, charges, disputes, events, intentOf } = account;
  const answered = new Map<string, { request: string; answer: Answer }>();
  /** Method and path of every call, in order. */
  const calls: string[] = [];
  let intercept: Interception = (_, answer) => answer();

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
    if (method === "POST" && pathname === "/v1/payment_intents") return account.create(form);
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
      return account.refund(intent, form.has("amount") ? Number(form.get("amount")) : undefined);
    if (method === "GET" && verb === undefined) return { status: 200, body: expanded(intent, searchParams) };
    if (method === "POST" && verb === "confirm")
      return account.confirm(intent, form.get("payment_method") ?? "");
    if (method === "POST" && verb === "capture") return account.capture(intent, form);
    if (method === "POST" && verb === "cancel")
      return account.cancel(intent, form.get("cancellation_reason") ?? "requested_by_customer");
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
      const key = request.headers["idempotency-key"];
      const result = await intercept({ method, path: url.pathname }, () => once(method, url, body, key));
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
    calls,
    sign,
    ...{ events, intentOf, chargeOf: account.chargeOf, emit: account.emit },
    ...{ dispute: account.dispute, closeDispute: account.closeDispute },
    /** The API process's environment for it. */
    env: { STRIPE_SECRET_KEY: "sk_test_fake", STRIPE_WEBHOOK_SECRET: secret, STRIPE_API_BASE: url },
    /** Stands between each further call and its answer; without one they are answered as they come. */
    intercept(how: Interception = (_, answer) => answer()) {
      intercept = how;
    },
    /** The card's holder confirms, as with Stripe.js and the client secret. */
    confirm: (id: string, card = "pm_card_visa") => account.confirm(intentOf(id), card),
    /** The bank lets an authorisation that was not captured go. */
    expire: (id: string) => account.cancel(intentOf(id), "automatic"),
    /** The operator refunds in Stripe's dashboard. */
    refund: (id: string, cents?: number) => account.refund(intentOf(id), cents),
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
