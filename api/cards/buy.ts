/** POST /me/buy/purchase by card, and what became of it. */
import { createHash, randomUUID } from "node:crypto";
import { keccak256, toHex } from "viem";
import { canonicalJson } from "../../sdk/canonical.ts";
import { ExchangeError } from "../../sdk/errors.ts";
import { ekId as ekIds, listingId } from "../../sdk/ids.ts";
import type { CardPayment } from "../../sdk/wire/card.ts";
import { readOffer, tokenOf } from "../actions/quote.ts";
import type { Session } from "../actions/session.ts";
import { refusalOf } from "../chain/refusals.ts";
import type { Deps } from "../deps.ts";
import {
  type CardPurchase,
  findByKey,
  findCardPurchase,
  noteIntent,
  saveCardPurchase,
} from "../store/card-purchases.ts";
import { getPayment } from "../store/payments.ts";
import { cardAmount } from "./amount.ts";
import { cardsOf } from "./cards.ts";
import { assertFloat, issueCall } from "./charge.ts";
import { createIntent } from "./intent.ts";

/** Milliseconds in which the card's holder must confirm, and the key be issued. */
const PURCHASE_TTL = 30 * 60_000;

type Wanted = { ekId: string; requestKey: string | undefined };

/**
 * Asks for the listing's price by card. The same Idempotency-Key gives the same payment, whatever the listing costs by then. Throws
 * before the card is asked for anything when the contract would give no key, or the float does not cover it.
 */
export async function buyByCard(deps: Deps, session: Session, wanted: Wanted): Promise<CardPayment> {
  cardsOf(deps);
  const known = await findAgain(deps, session, wanted);
  return payable(deps, known ?? (await take(deps, session, wanted)));
}

/** The session's own payment. Throws NOT_FOUND. */
export async function cardPayment(deps: Deps, session: Session, id: string): Promise<CardPayment> {
  const purchase = UUID.test(id) ? await findCardPurchase(deps.sql, id) : undefined;
  if (purchase && purchase.agentId === session.agentId) return view(deps, purchase);
  throw new ExchangeError("NOT_FOUND", `You have no payment ${id.slice(0, 80)}.`, {
    hint: "Take the payment_id that POST /me/buy/purchase answered with, and sign in as who paid.",
  });
}
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** As for the other rails. */
const KEY = /^[\x21-\x7e]{1,255}$/;

/** What the agent asked for under a key, so that the key can't be used for something else. */
const hashOf = ({ agentId }: Session, { ekId }: Wanted) =>
  createHash("sha256")
    .update(canonicalJson({ agent: String(agentId), ek_id: ekId, type: "card" }))
    .digest("hex");

async function findAgain({ sql }: Deps, session: Session, wanted: Wanted): Promise<CardPurchase | undefined> {
  const { requestKey } = wanted;
  if (requestKey === undefined) return undefined;
  if (!KEY.test(requestKey)) {
    throw new ExchangeError(
      "INVALID_REQUEST",
      "The Idempotency-Key is not 1 to 255 visible ASCII characters.",
      {
        hint: "Use a UUID, a new one for each order.",
      },
    );
  }
  const [known] = await findByKey(sql, session.eoa, requestKey);
  return known && sameRequest(known, session, wanted);
}

function sameRequest(known: CardPurchase, session: Session, wanted: Wanted): CardPurchase {
  if (known.requestHash === hashOf(session, wanted)) return known;
  throw new ExchangeError("INVALID_REQUEST", "The Idempotency-Key was used for another request.", {
    status: 422,
    hint: "Use a new key for a new order; repeat an order with exactly the same body.",
    details: { reason: "idempotency_key_reused", payment_id: known.id },
  });
}

async function take(deps: Deps, session: Session, wanted: Wanted): Promise<CardPurchase> {
  const { chain, sql } = deps;
  if (session.agentId === 0n)
    throw refusalOf({ name: "RecipientNotAgent", args: { recipient: session.eoa } });
  const offer = await readOffer(deps, wanted.ekId);
  const { token, decimals } = {
    token: offer.listing.terms.token,
    ...tokenOf(deps, offer.listing.terms.token),
  };
  const planned = {
    ...{ agentId: session.agentId, ekId: offer.number, version: offer.listing.version, token },
    ...{ maxPrice: offer.price, cents: cardAmount(wanted.ekId, offer.price, decimals) },
  };
  await assertFloat(deps, planned);
  const { call } = await issueCall(chain, planned, keccak256(toHex(randomUUID())));
  const refusal = await cardsOf(deps).issuer.simulate(call);
  if (refusal) throw refusalOf(refusal);
  const stored = await saveCardPurchase(sql, {
    ...planned,
    ...{ id: randomUUID(), eoa: session.eoa, requestKey: wanted.requestKey },
    ...{ requestHash: hashOf(session, wanted), blockNumber: offer.head.number },
    expiresAt: new Date(Date.now() + PURCHASE_TTL),
  });
  return sameRequest(stored, session, wanted);
}

/** The purchase with its intent, which is made now unless it was before. */
async function payable(deps: Deps, purchase: CardPurchase): Promise<CardPayment> {
  if (purchase.intentId !== undefined) return view(deps, purchase);
  const { id } = await createIntent(deps, purchase);
  await noteIntent(deps.sql, purchase.id, id);
  return view(deps, { ...purchase, intentId: id });
}

async function view(deps: Deps, purchase: CardPurchase): Promise<CardPayment> {
  const { id, paymentId, intentId, ekId, version, maxPrice, cents, expiresAt } = purchase;
  const { provider } = cardsOf(deps);
  const payment = paymentId === undefined ? undefined : await getPayment(deps.sql, paymentId);
  const ref = { chainId: deps.chain.id, ekId };
  const { symbol, address } = tokenOf(deps, purchase.token);
  const waits = !payment && purchase.reason === undefined;
  const intent = waits && intentId !== undefined ? await provider.find(intentId) : undefined;
  const reason = payment?.reason ?? (payment ? undefined : purchase.reason);
  return {
    ...{ payment_id: id, rail: "card", ek_id: ekIds.serialize(ref) },
    listing_id: listingId.serialize({ ...ref, version }),
    state: payment?.state ?? (waits ? "Open" : "Failed"),
    ...(reason === undefined ? {} : { reason }),
    price: { amount: String(maxPrice), currency: symbol, token: address },
    charge: {
      ...{ provider: "stripe", amount_cents: cents, currency: "usd" },
      ...(intentId === undefined ? {} : { intent_id: intentId }),
      ...(intent?.status === "open" ? { client_secret: intent.clientSecret } : {}),
      ...(provider.publishableKey === undefined ? {} : { publishable_key: provider.publishableKey }),
    },
    expires_at: expiresAt.toISOString(),
    ...(payment?.purchase ? { purchase: payment.purchase } : {}),
  };
}
