/**
 * Carries a purchase by card on, from wherever it stands: what the provider says of its PaymentIntent and what the chain says of its charge
 * are read anew each time, and together they name the one next step. So it does not matter which event came first, twice or never, nor
 * where a process died: nothing is decided by what was heard, and every step can be taken again.
 *
 * | intent      | no key yet                   | key                             | key, and the order refunded | key burnt       |
 * |-------------|------------------------------|---------------------------------|-----------------------------|-----------------|
 * | open        | wait, cancel when it expires | –                               | –                           | –               |
 * | authorized  | issue, or cancel             | capture                         | burn the key                | cancel          |
 * | captured    | issue, or refund             | done; refunded, disputed: burn  | burn the key                | refund          |
 * | canceled    | failed                       | burn the key                    | burn the key                | refunded        |
 */
import type { Hash } from "viem";
import { chainTime } from "../chain/client.ts";
import { HOUSE } from "../chain/relay-errors.ts";
import { ContractRefusal } from "../chain/relayer.ts";
import type { Deps } from "../deps.ts";
import {
  type CardPurchase,
  leaseCardPurchase,
  noteIntent,
  noteIssueDeadline,
  noteReason,
  releaseCardPurchase,
  signedIssueOf,
} from "../store/card-purchases.ts";
import { markUnknown } from "../store/payment-moves.ts";
import { noteTransaction } from "../store/payments.ts";
import { cardsOf } from "./cards.ts";
import { isOrderRefunded, issueCall, readCharge, saleOfCharge } from "./charge.ts";
import { createIntent } from "./intent.ts";
import type { CardIntent } from "./provider.ts";
import { noteEnd, noteHeld, noteIssued, type Situation } from "./record.ts";
import { burn, cancel, capture, giveBack, type Next, SOON } from "./steps.ts";

/** Seconds between two looks at an intent that nobody has confirmed yet. */
const WATCH = 60;
/** More steps than any way through the table takes. */
const MAX_STEPS = 12;

/** Takes all steps that can be taken now. Who finds it taken leaves it to the other. */
export async function carryOn(deps: Deps, id: string): Promise<void> {
  for (let steps = 0; steps < MAX_STEPS; steps++) {
    const purchase = await leaseCardPurchase(deps.sql, id);
    if (!purchase) return;
    let next: Next = SOON;
    let missed = false;
    try {
      next = await step(deps, purchase);
    } finally {
      missed = await releaseCardPurchase(deps.sql, purchase, next === "again" ? 0 : next);
    }
    if (next !== "again" && !missed) return;
  }
}

async function step(deps: Deps, purchase: CardPurchase): Promise<Next> {
  const intent = await intentOf(deps, purchase);
  const charge = await readCharge(deps.chain, intent.id);
  const now: Situation = { purchase, intent, charge };
  if (charge.keyId === 0n) return withoutKey(deps, now);
  return charge.reversed ? withoutKeyAgain(deps, now) : withKey(deps, now);
}

async function intentOf(deps: Deps, purchase: CardPurchase): Promise<CardIntent> {
  const { provider } = cardsOf(deps);
  if (purchase.intentId !== undefined) return provider.find(purchase.intentId);
  const { id } = await createIntent(deps, purchase); // the one that was made, if it was
  await noteIntent(deps.sql, purchase.id, id);
  return provider.find(id);
}

async function withoutKey(deps: Deps, now: Situation): Promise<Next> {
  const { purchase, intent } = now;
  switch (intent.status) {
    case "open":
      return waitForHolder(deps, now);
    case "canceled": {
      const wait = await secondsUntilCertain(deps, purchase);
      if (wait > 0) return wait;
      await noteReason(deps.sql, purchase.id, "canceled");
      await noteEnd(deps, now, "Failed");
      return undefined;
    }
    case "captured":
      await noteHeld(deps, now);
      if (intent.refunded || intent.dispute === "lost") {
        await noteEnd(deps, now, "Refunded");
        return undefined;
      }
      if (intent.dispute === "open") {
        await noteEnd(deps, now, "Disputed");
        return undefined;
      }
      return issue(deps, now);
    case "authorized":
      return issue(deps, now);
  }
}

async function waitForHolder(deps: Deps, { purchase, intent }: Situation): Promise<Next> {
  const left = (purchase.expiresAt.getTime() - Date.now()) / 1000;
  if (left > 0) return Math.min(left + 1, WATCH);
  await noteReason(deps.sql, purchase.id, "expired");
  await cancel(deps, intent);
  return "again";
}

/** The money is reserved: turns it into the key, or lets it go when the contract says no. */
async function issue(deps: Deps, now: Situation): Promise<Next> {
  const { chain, sql } = deps;
  const { purchase, charge } = now;
  const payment = await noteHeld(deps, now);
  const reason = purchase.reason ?? (await reasonAgainst(deps, now));
  if (reason !== undefined) return letGo(deps, now, reason);
  const { call, deadline } = await issueCall(chain, purchase, charge.chargeId);
  let tx: Hash | undefined;
  try {
    const signed = async (hash: Hash) => {
      await noteIssueDeadline(sql, purchase.id, deadline);
      await noteTransaction(sql, payment, hash);
      tx = hash;
    };
    // No cap on its gas: the card's holder has paid.
    const receipt = await cardsOf(deps).issuer.send(call, { asker: HOUSE, signed });
    if (receipt) return "again";
  } catch (error) {
    if (!(error instanceof ContractRefusal)) throw error;
    if (error.revert.name === "ChargeUsed") return "again";
    return letGo(deps, now, error.revert.name);
  }
  await markUnknown(sql, payment.id, tx);
  return SOON;
}

/** Why no key is to be asked for, though the contract might give one. */
async function reasonAgainst(deps: Deps, { purchase, intent }: Situation): Promise<string | undefined> {
  if (intent.cents !== purchase.cents || intent.currency !== "usd") return "amount_mismatch";
  if (intent.status === "authorized" && purchase.expiresAt.getTime() < Date.now()) return "expired";
  const { catalog } = deps.chain;
  const price = await catalog.read.quote([purchase.ekId, 1n, await chainTime(deps.chain)]);
  return price === 0n ? "free_now" : undefined; // a key without a price leaves no order, and could not be taken back
}

/** There will be no key: gives the money free, once no transaction can issue one any more. */
async function letGo(deps: Deps, { purchase, intent }: Situation, reason: string): Promise<Next> {
  await noteReason(deps.sql, purchase.id, reason);
  const wait = await secondsUntilCertain(deps, purchase);
  if (wait > 0) return wait;
  if (intent.status === "captured") return giveBack(deps, intent);
  await cancel(deps, intent);
  return "again";
}

/** Seconds until whatever was signed for the purchase has been mined, or can't be any more. */
async function secondsUntilCertain(deps: Deps, { id }: CardPurchase): Promise<number> {
  const { deadline, tx } = await signedIssueOf(deps.sql, id);
  const left = Number(deadline - (await chainTime(deps.chain)));
  if (left < 0 || tx === undefined) return 0;
  return (await cardsOf(deps).issuer.fateOf(tx)) === "waiting" ? Math.min(left + 1, SOON) : 0;
}

async function withKey(deps: Deps, now: Situation): Promise<Next> {
  const { purchase, intent, charge } = now;
  const isOver = intent.status === "canceled" || intent.refunded || intent.dispute !== undefined;
  if (isOver || (await isOrderRefunded(deps.chain, charge.keyId))) {
    await noteHeld(deps, now);
    if (intent.status === "captured") await noteIssued(deps, now);
    return burn(deps, charge);
  }
  if (intent.status === "captured") {
    await noteIssued(deps, now);
    return undefined;
  }
  if (intent.status === "open") throw new Error(`${intent.id} has a key, and nobody has confirmed it.`);
  await noteHeld(deps, now);
  const { purchase: sold } = await saleOfCharge(deps.chain, charge.chargeId, purchase.blockNumber);
  return capture(deps, now, sold.price.amount);
}

/** The key is burnt: no money of the card's holder stays here. */
async function withoutKeyAgain(deps: Deps, now: Situation): Promise<Next> {
  const { intent } = now;
  await noteHeld(deps, now);
  if (intent.status === "authorized") {
    await cancel(deps, intent);
    return "again";
  }
  if (intent.status === "captured") {
    await noteIssued(deps, now);
    if (intent.dispute === "open") {
      await noteEnd(deps, now, "Disputed");
      return undefined;
    }
    if (!intent.refunded && intent.dispute !== "lost") return giveBack(deps, intent);
  }
  await noteEnd(deps, now, "Refunded");
  return undefined;
}
