/**
 * The card provider: Stripe, behind the few calls that the card rail needs. What it says is believed, as far as it was asked here by
 * the account's own key; a webhook is only a reason to ask.
 */
import Stripe from "stripe";
import { z } from "zod";
import { ExchangeError } from "../../sdk/errors.ts";

/** Milliseconds that one answer may take, and how often the library tries again by itself (with the same idempotency key). */
const TIMEOUT = 10_000;
const RETRIES = 2;
/** Seconds that a webhook's signature may be old, or ahead of this clock. */
export const TOLERANCE = 300;

export type CardConfig = {
  secretKey: string;
  webhookSecret: string;
  /** For the buyer's browser (Stripe.js); it opens nothing by itself. */
  publishableKey?: string | undefined;
  /** Another place than Stripe's own, for tests. */
  apiBase?: string | undefined;
};

/** A PaymentIntent with its charge, as the provider has it now. */
export type CardIntent = {
  id: string;
  /**
   * `open`: the card's holder has still to confirm. `authorized`: the money is reserved. `captured`: it is ours. `canceled`: nothing is
   * reserved any more.
   */
  status: "open" | "authorized" | "captured" | "canceled";
  clientSecret: string;
  /** US cents: asked for, taken, and given back. */
  cents: number;
  capturedCents: number;
  refundedCents: number;
  /** All that was captured went back. */
  refunded: boolean;
  currency: string;
  /** Our payment, as it was written into the intent's metadata. */
  paymentId: string | undefined;
  chargeId: string | undefined;
  /** The worst that became of the charge's disputes. `closed` by itself, or won: the money is with us. */
  dispute: "open" | "lost" | "closed" | undefined;
};

/** An event, by what it is about. */
export type CardEvent = {
  id: string;
  type: string;
  /** Unix seconds. */
  created: number;
  intentId: string | undefined;
  paymentId: string | undefined;
};

export type CardProvider = ReturnType<typeof createCardProvider>;

export function createCardProvider({ secretKey, webhookSecret, publishableKey, apiBase }: CardConfig) {
  const stripe = new Stripe(secretKey, {
    ...placeOf(apiBase),
    ...{ timeout: TIMEOUT, maxNetworkRetries: RETRIES, telemetry: false },
  });

  return {
    publishableKey,
    /** Makes the payment's intent, or finds the one that was made: `key` gives one, however often. */
    async create(intent: {
      key: string;
      cents: number;
      description: string;
      metadata: Record<string, string>;
    }): Promise<CardIntent> {
      const { key, cents, description, metadata } = intent;
      const made = await stripe.paymentIntents.create(
        {
          ...{ amount: cents, currency: "usd", capture_method: "manual", payment_method_types: ["card"] },
          ...{ description, metadata },
        },
        { idempotencyKey: key },
      );
      return toIntent(made, []);
    },
    async find(id: string): Promise<CardIntent> {
      const intent = await stripe.paymentIntents.retrieve(id, { expand: ["latest_charge"] });
      const disputed = typeof intent.latest_charge === "object" && intent.latest_charge?.disputed;
      const disputes = disputed ? await stripe.disputes.list({ payment_intent: id, limit: 100 }) : undefined;
      return toIntent(intent, disputes?.data ?? []);
    },
    // Capturing and cancelling need no key: the intent's own state lets each through once.
    capture: async (id: string, cents: number): Promise<void> => {
      await stripe.paymentIntents.capture(id, { amount_to_capture: cents });
    },
    cancel: async (id: string): Promise<void> => {
      await stripe.paymentIntents.cancel(id, { cancellation_reason: "abandoned" });
    },
    /** Gives back what is left of a captured payment. */
    refund: async (id: string): Promise<void> => {
      await stripe.refunds.create({ payment_intent: id }, { idempotencyKey: `refund ${id}` });
    },
    /** Every event since then (Unix seconds), the latest first. */
    async *eventsSince(since: number): AsyncGenerator<CardEvent> {
      for await (const event of stripe.events.list({ created: { gte: since }, limit: 100 }))
        yield toEvent(event);
    },
    /** The event of a webhook, by its raw body. Throws INVALID_SIGNATURE. */
    readEvent(body: string, signature: string | undefined): CardEvent {
      if (signature === undefined) throw badSignature("there is no Stripe-Signature header");
      let event: Stripe.Event;
      try {
        event = stripe.webhooks.constructEvent(body, signature, webhookSecret, TOLERANCE);
      } catch (error) {
        if (error instanceof SyntaxError) throw badSignature("the signed body is no JSON");
        if (!(error instanceof Stripe.errors.StripeSignatureVerificationError)) throw error;
        throw badSignature(error.message.split("\n")[0] ?? "it does not fit the body");
      }
      // The library looks back only. Of several times it signs the last.
      const time = Number(/.*(?:^|,)t=(\d+)/.exec(signature)?.[1]);
      if (!(time <= Date.now() / 1000 + TOLERANCE)) throw badSignature("its time is ahead of the clock");
      return toEvent(event);
    },
  };
}

/** The provider understood and said no: asking the same again won't help, how the intent stands tells why. */
export function isProviderRefusal(error: unknown): boolean {
  return (
    error instanceof Stripe.errors.StripeCardError || error instanceof Stripe.errors.StripeInvalidRequestError
  );
}

function placeOf(apiBase: string | undefined) {
  if (apiBase === undefined) return {};
  const { protocol, hostname, port } = new URL(apiBase);
  return {
    protocol: protocol === "http:" ? ("http" as const) : ("https" as const),
    host: hostname,
    port: port === "" ? (protocol === "http:" ? 80 : 443) : port,
  };
}

function badSignature(reason: string): ExchangeError {
  return new ExchangeError("INVALID_SIGNATURE", `The webhook's signature was refused: ${reason}.`, {
    status: 400,
    hint: `Sign the raw body with the endpoint's secret, at most ${TOLERANCE} s ago.`,
    details: { tolerance_seconds: TOLERANCE },
  });
}

const statuses: Record<string, CardIntent["status"]> = {
  requires_capture: "authorized",
  succeeded: "captured",
  canceled: "canceled",
};

function toIntent(intent: Stripe.PaymentIntent, disputes: readonly Stripe.Dispute[]): CardIntent {
  const charge = typeof intent.latest_charge === "object" ? (intent.latest_charge ?? undefined) : undefined;
  const chargeId = typeof intent.latest_charge === "string" ? intent.latest_charge : charge?.id;
  return {
    id: intent.id,
    status: statuses[intent.status] ?? "open",
    clientSecret: intent.client_secret ?? "",
    cents: intent.amount,
    capturedCents: intent.amount_received,
    refundedCents: charge?.amount_refunded ?? 0,
    refunded: intent.status === "succeeded" && (charge?.refunded ?? false),
    currency: intent.currency,
    paymentId: intent.metadata.payment_id,
    chargeId,
    dispute: worstOf(disputes),
  };
}

function worstOf(disputes: readonly Stripe.Dispute[]): CardIntent["dispute"] {
  if (disputes.length === 0) return undefined;
  const over = new Set<string>(["won", "lost", "warning_closed", "prevented"]);
  if (disputes.some(({ status }) => !over.has(status))) return "open";
  return disputes.some(({ status }) => status === "lost") ? "lost" : "closed";
}

const objectSchema = z.object({
  object: z.string(),
  id: z.string().optional(),
  payment_intent: z.union([z.string(), z.object({ id: z.string() })]).nullish(),
  metadata: z.record(z.string(), z.string()).nullish(),
});

/** What the event is about. Kinds that say nothing of a payment have no intent. */
function toEvent({ id, type, created, data }: Stripe.Event): CardEvent {
  const { data: object } = objectSchema.safeParse(data.object);
  const of = object?.payment_intent;
  const named = typeof of === "string" ? of : of?.id;
  return {
    ...{ id, type, created },
    intentId: object?.object === "payment_intent" ? object.id : named,
    paymentId: object?.metadata?.payment_id,
  };
}
