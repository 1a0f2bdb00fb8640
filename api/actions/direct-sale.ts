/**
 * The rails on which nothing is paid by quote: keys that cost nothing, and keys for points. One transaction by the exchange, as the agent's
 * operator, is the whole sale. The contract takes no reference for it, so one that may have been sent is never sent a second time: the
 * relayer's own record of it decides.
 */
import { randomUUID } from "node:crypto";
import type { Hash } from "viem";
import { ExchangeError } from "../../sdk/errors.ts";
import type { PurchaseResponse } from "../../sdk/wire/purchase.ts";
import { bindingOf } from "../chain/agents.ts";
import { refusalOf } from "../chain/refusals.ts";
import { TransactionNotSent } from "../chain/relay-errors.ts";
import { type Call, ContractRefusal, contractCall } from "../chain/relayer.ts";
import { saleIn } from "../chain/sales.ts";
import type { Deps } from "../deps.ts";
import { type IdempotentRequest, KeyTaken, saveRequest } from "../store/idempotency.ts";
import { markFailed, markIssued, markNotSent, markUnknown } from "../store/payment-moves.ts";
import {
  getPayment,
  noteTransaction,
  type Payment,
  PaymentLost,
  takeOverPayment,
  takePayment,
} from "../store/payments.ts";
import type { Session } from "./session.ts";

export type DirectRail = "free" | "points";

/** Milliseconds between two looks at a payment that another request works on. */
const LOOK_AGAIN = 150;

const functionOf = { free: "claim", points: "buyWithPoints" } as const;

export type DirectOrder = {
  rail: DirectRail;
  ekId: bigint;
  version: number;
  /** In hundredths of points; 0 for a free key. */
  amount: bigint;
  /** With the client's key the order is made once; without one each request is an order of its own. */
  request: IdempotentRequest | undefined;
};

/**
 * Takes the order on and carries it through. Throws PAYMENT_PENDING when its outcome stays open, and {@link KeyTaken} where another request
 * with the same key was first.
 */
export async function sellDirectly(
  deps: Deps,
  { eoa }: Session,
  { rail, ekId, version, amount, request }: DirectOrder,
): Promise<PurchaseResponse> {
  const { payment, mine } = await takePayment(
    deps.sql,
    {
      ...{ rail, ekId, version, amount, buyer: eoa },
      reference: request ? `${request.eoa}/${request.key}` : `request/${randomUUID()}`,
      currency: rail === "points" ? "points" : "none",
      evidence: { session: eoa, ...(request ? { request_hash: request.requestHash } : {}) },
    },
    async (tx, id) => request && saveRequest(tx, request, id),
  );
  if (!mine) throw new KeyTaken();
  return send(deps, payment);
}

/** Waits for the end of an order that another request began; carries it on when that one was given up. */
export async function followDirectSale(deps: Deps, id: string): Promise<PurchaseResponse> {
  const end = performance.now() + deps.chain.patience;
  for (;;) {
    const payment = await getPayment(deps.sql, id);
    if (payment.purchase) return payment.purchase;
    if (payment.state === "Failed") throw failedError(payment);
    // Whoever holds it: what a block has is so.
    const sent = payment.tx ? await outcomeOf(deps, payment, payment.tx) : "waiting";
    if (typeof sent === "object") return sent;
    if (!payment.leased && (await takeOverPayment(deps.sql, id))) {
      const purchase = await carryOn(deps, payment);
      if (purchase) return purchase;
    }
    if (performance.now() >= end) throw pendingError(payment);
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
  }
}

/** Both rails' way to go on: see `Rail.resume`. Nobody waits for an answer: what was never sent is given up. */
export async function resumeDirectSale(deps: Deps, payment: Payment): Promise<void> {
  const sent = payment.tx ? await outcomeOf(deps, payment, payment.tx) : "gone";
  if (sent === "gone") await markNotSent(deps.sql, payment);
}

/** For a client that asks again: what was never sent is sent now. Undefined while a transaction may still come. */
async function carryOn(deps: Deps, payment: Payment): Promise<PurchaseResponse | undefined> {
  const sent = payment.tx ? await outcomeOf(deps, payment, payment.tx) : "gone";
  if (sent === "gone") return send(deps, payment);
  return sent === "waiting" ? undefined : sent;
}

async function outcomeOf(
  deps: Deps,
  payment: Payment,
  tx: Hash,
): Promise<PurchaseResponse | "waiting" | "gone"> {
  const fate = await deps.relayer.fateOf(tx);
  if (typeof fate === "string") return fate;
  const sale = await saleIn(deps.chain, fate.receipt);
  // Reverted: something came in between. A sale that does not show is one all the same: it must not be sent twice.
  if (!sale) return fate.receipt.status === "reverted" ? "gone" : "waiting";
  await markIssued(deps.sql, payment.id, sale);
  return sale.purchase;
}

async function send(deps: Deps, payment: Payment): Promise<PurchaseResponse> {
  const { agentId } = await bindingOf(deps.chain, payment.buyer);
  let tx: Hash | undefined; // one from before is gone
  try {
    const receipt = await deps.relayer.send(callOf(deps, payment, agentId), {
      asker: payment.buyer,
      async signed(hash) {
        await noteTransaction(deps.sql, payment, hash);
        tx = hash;
      },
    });
    const sale = receipt && (await saleIn(deps.chain, receipt));
    if (sale) {
      await markIssued(deps.sql, payment.id, sale);
      return sale.purchase;
    }
  } catch (error) {
    if (error instanceof ContractRefusal) {
      await markFailed(deps.sql, payment.id, error.revert.name);
      throw refusalOf(error.revert);
    }
    if (error instanceof PaymentLost) throw pendingError(payment);
    // Only what certainly was never sent may be forgotten.
    if (!tx || error instanceof TransactionNotSent) {
      await markNotSent(deps.sql, tx ? { ...payment, tx } : payment);
      throw error;
    }
  }
  await markUnknown(deps.sql, payment.id, tx);
  throw pendingError({ ...payment, ...(tx ? { tx } : {}) });
}

function callOf({ chain }: Deps, { rail, ekId, version }: Payment, agentId: bigint): Call {
  const { address, abi } = chain.exchange;
  const functionName = functionOf[rail as DirectRail];
  return contractCall({ address, abi, functionName, args: [ekId, version, agentId] });
}

/** PAYMENT_PENDING: the key may be there already. Asking again with the same Idempotency-Key tells; without one, the chain does. */
function pendingError({ id, tx }: Payment): ExchangeError {
  return new ExchangeError("PAYMENT_PENDING", "The order is on its way and its outcome is not known yet.", {
    hint: "Send the same request with the same Idempotency-Key until it answers otherwise. Do not order again.",
    details: { payment_id: id, ...(tx === undefined ? {} : { tx }) },
  });
}

function failedError({ id, reason }: Payment): ExchangeError {
  return new ExchangeError("LISTING_CONFLICT", `The order was not carried out: ${reason}.`, {
    hint: "Nothing was taken. Send it again, with a new Idempotency-Key or this one.",
    details: { payment_id: id, reason: reason ?? "unknown" },
  });
}
