/** POST /me/buy/purchase: keys that cost nothing, and keys for points. What costs money is paid by quote. */
import { createHash } from "node:crypto";
import type { z } from "zod";
import { canonicalJson } from "../../sdk/canonical.ts";
import { ExchangeError } from "../../sdk/errors.ts";
import { toPoints } from "../../sdk/points.ts";
import type { PurchaseResponse, purchaseRequestSchema } from "../../sdk/wire/purchase.ts";
import { ekNumber, readHead, unknownListing } from "../chain/listings.ts";
import type { Deps } from "../deps.ts";
import { findRequest, type IdempotentRequest, KeyTaken } from "../store/idempotency.ts";
import { getPayment } from "../store/payments.ts";
import { type DirectOrder, followDirectSale, sellDirectly } from "./direct-sale.ts";
import type { Session } from "./session.ts";
import { assertGranted } from "./write.ts";

type PurchaseRequest = z.output<typeof purchaseRequestSchema>;

const KEY = /^[\x21-\x7e]{1,255}$/;

/** `idempotencyKey`: the request's header. The same key with the same body is the same order, whatever happens in between. */
export async function purchase(
  deps: Deps,
  session: Session,
  body: PurchaseRequest,
  idempotencyKey: string | undefined,
): Promise<PurchaseResponse> {
  await deps.guard.assertTrusted();
  const request = readRequest(session, body, idempotencyKey);
  const known = request && (await paymentOf(deps, request));
  // What failed took nothing, and may be tried again under its key.
  if (known && (await getPayment(deps.sql, known)).state !== "Failed") return followDirectSale(deps, known);
  const order = await orderOf(deps, session, body);
  try {
    return await sellDirectly(deps, session, { ...order, request });
  } catch (error) {
    if (!(error instanceof KeyTaken) || !request) throw error;
    // Another request came in between with this key.
    const other = await paymentOf(deps, request);
    if (!other) throw new Error(`Idempotency-Key ${request.key} came and went.`);
    return followDirectSale(deps, other);
  }
}

function readRequest(
  { eoa }: Session,
  body: PurchaseRequest,
  key: string | undefined,
): IdempotentRequest | undefined {
  if (key === undefined) return undefined;
  if (!KEY.test(key)) {
    throw new ExchangeError(
      "INVALID_REQUEST",
      "The Idempotency-Key is not 1 to 255 visible ASCII characters.",
      {
        hint: "Use a UUID, a new one for each order.",
      },
    );
  }
  const requestHash = createHash("sha256").update(canonicalJson(body)).digest("hex");
  return { eoa: eoa.toLowerCase(), key, requestHash };
}

/** The payment that the key stands for. Throws INVALID_REQUEST (422) when it came with another request. */
async function paymentOf({ sql }: Deps, request: IdempotentRequest): Promise<string | undefined> {
  const known = await findRequest(sql, request);
  if (!known || known.requestHash === request.requestHash) return known?.paymentId;
  throw new ExchangeError(
    "INVALID_REQUEST",
    `Idempotency-Key "${request.key}" was used for another request.`,
    {
      status: 422,
      hint: "Use a new key for a new order; repeat an order with exactly the same body.",
      details: { reason: "idempotency_key_reused", idempotency_key: request.key },
    },
  );
}

/** What is ordered, at the listing's present terms, when the session may order it. */
async function orderOf(
  deps: Deps,
  session: Session,
  { ek_id, payment_method: { type } }: PurchaseRequest,
): Promise<Omit<DirectOrder, "request">> {
  const number = ekNumber(deps.chain, ek_id);
  const head = await readHead(deps.chain, number);
  if (!head) throw unknownListing(ek_id);
  if (type === "card") throw railNotOffered(ek_id);
  const order = { ekId: number, version: head.version };
  if (type === "points") {
    const { terms } = await deps.chain.catalog.read.listingOf([number]);
    if (terms.pointsPrice === 0) throw notForPoints(ek_id);
    await assertGranted(deps, session, "spend-points");
    await assertPoints(deps, session, BigInt(terms.pointsPrice));
    return { ...order, rail: "points", amount: BigInt(terms.pointsPrice) };
  }
  const price = await deps.chain.catalog.read.quote([number, 1n, BigInt(Math.floor(Date.now() / 1000))]);
  if (type === "crypto" || price > 0n) throw payByQuote(deps, session, ek_id, price);
  await assertGranted(deps, session, "claim");
  return { ...order, rail: "free", amount: 0n };
}

async function assertPoints({ chain }: Deps, { agentId }: Session, price: bigint): Promise<void> {
  const balance = await chain.points.read.balanceOf([agentId]);
  if (balance >= price) return;
  throw new ExchangeError(
    "POINTS_POLICY_VIOLATION",
    `The agent has ${toPoints(balance)} points, the key costs ${toPoints(price)}.`,
    {
      hint: "Points come from completed trades. Pay by crypto: POST /listings/{ek_id}/quote.",
      details: { reason: "insufficient_points", balance: toPoints(balance), needed: toPoints(price) },
    },
  );
}

function notForPoints(ekId: string): ExchangeError {
  return new ExchangeError("LISTING_CONFLICT", `${ekId} can't be bought with points.`, {
    hint: "The seller has set no points_price. Pay by crypto: POST /listings/{ek_id}/quote.",
    details: { ek_id: ekId, reason: "not_for_points" },
  });
}

function railNotOffered(ekId: string): ExchangeError {
  return new ExchangeError("LISTING_CONFLICT", `${ekId} can't be bought by card: it is not offered.`, {
    hint: "Pay by crypto: POST /listings/{ek_id}/quote, then pay_url with an x402 client.",
    details: { ek_id: ekId, reason: "rail_not_offered", type: "card", offered: ["free", "points", "crypto"] },
  });
}

function payByQuote(deps: Deps, { eoa }: Session, ekId: string, price: bigint): ExchangeError {
  if (price === 0n) {
    return new ExchangeError("LISTING_CONFLICT", `${ekId} costs nothing: there is nothing to pay.`, {
      hint: 'Use payment_method {"type": "free"}.',
      details: { ek_id: ekId, reason: "free" },
    });
  }
  return new ExchangeError("PAYMENT_REQUIRED", `${ekId} costs ${price} (smallest units) now.`, {
    hint: "Ask for the quote in details, then POST to its pay_url with an x402 v2 client.",
    details: {
      ek_id: ekId,
      price: String(price),
      quote: { method: "POST", url: `${deps.publicUrl}/listings/${ekId}/quote`, body: { buyer: eoa } },
      pay: { method: "POST", url: `${deps.publicUrl}/quotes/{quote_id}/pay`, scheme: "x402 v2, exact" },
    },
  });
}
