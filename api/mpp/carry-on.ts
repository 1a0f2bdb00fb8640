/**
 * From a transfer on Tempo to a key here. The exchange's own agent buys the key out of its float, under a charge that is named after the
 * transfer: the contract makes one key of it at most. Where no key can be had, the money goes back, once nothing that was signed can
 * issue one any more.
 */
import type { Hash, Hex } from "viem";
import { issueCall, readCharge, saleOfCharge } from "../cards/charge.ts";
import { ContractRefusal } from "../chain/relayer.ts";
import type { Sale } from "../chain/sales.ts";
import type { Deps } from "../deps.ts";
import { markFailed, markIssued, markUnknown, move } from "../store/payment-moves.ts";
import { getPayment, keepLease, noteTransaction, type Payment } from "../store/payments.ts";
import { findQuote, type StoredQuote } from "../store/quotes.ts";
import { evidenceOf, receive } from "./receive.ts";
import { awaitRefund } from "./refund.ts";
import { type RefundReason, wantRefund } from "./refund-store.ts";
import {
  noteIssueDeadline,
  noteNoKey,
  type Pulled,
  type StoredTransfer,
  type TempoPayment,
  tempoPaymentOf,
  transferOf,
} from "./store.ts";
import { isSilence, readTransfers, type Tempo, tempoAmountOf } from "./tempo.ts";
import type { TempoRail } from "./tempo-rail.ts";

/** Seconds for which a key is asked for that can't be had at the moment. */
const KEEP_TRYING = 600;
/** Seconds that another clock may differ from ours. */
const SKEW = 15;
/** Milliseconds to wait for a transaction on Tempo, and between two looks. */
const PATIENCE = 5_000;
const LOOK_AGAIN = 150;

/** Refusals that may be over soon: the float, the day's cap, a pause, the issuer's role. All others are final. */
const passing = new Set([
  ...["DailyCapExceeded", "ERC20InsufficientBalance", "Paused", "AccessManagedUnauthorized", "NotStarted"],
]);

type Now = { rail: TempoRail; payment: Payment; details: TempoPayment; quote: StoredQuote };

/** Takes all steps that can be taken now. For whoever has the payment's lease. */
export async function carryOn(deps: Deps, rail: TempoRail, payment: Payment): Promise<void> {
  const details = await tempoPaymentOf(deps.sql, payment.id);
  const quote = payment.quoteId && (await findQuote(deps.sql, payment.quoteId));
  if (!details || !quote) throw new Error(`Payment ${payment.id} is none on Tempo.`); // stored with it
  const now: Now = { rail, payment, details, quote };
  const transfer = (await transferOf(deps.sql, payment.id)) ?? (await collect(deps, now));
  if (!transfer) return;
  await move(deps.sql, payment.id, "PaymentConfirmed", { evidence: evidenceOf(rail.tempo, transfer) });
  const charge = await readCharge(deps.chain, chargeNameOf(rail.tempo, transfer));
  if (charge.keyId !== 0n && !charge.reversed) {
    await finish(deps, now, transfer, await saleOfCharge(deps.chain, charge.chargeId, details.blockNumber));
    return;
  }
  const reason = details.reason ?? (charge.reversed ? "reversed" : reasonAgainst(now, transfer));
  if (reason === undefined) await issue(deps, now, transfer, charge.chargeId);
  else await letGo(deps, now, transfer, reason);
}

/** What names the transfer in {ICardIssuer}: one key per log, whichever database tells of it. */
export function chargeNameOf({ chainId }: Tempo, { tx, position }: Pick<StoredTransfer, "tx" | "position">) {
  return `tempo ${chainId} ${tx.toLowerCase()} ${position}`;
}

/** The transfer that a payer signed for us to send. Undefined while there is none; the payment has failed when there can't be one. */
async function collect(deps: Deps, { rail, payment, details }: Now): Promise<StoredTransfer | undefined> {
  const { tempo } = rail;
  const { pulled } = details;
  if (!pulled) throw new Error(`Payment ${payment.id} has neither a transfer nor a way to one.`);
  await tempo.assertTrusted();
  const transfers = await sendPulled(tempo, pulled);
  if (!transfers) {
    const { timestamp } = await tempo.client.getBlock();
    const clock = BigInt(Math.floor(Date.now() / 1000));
    // Nobody has mined it, and nobody can any more.
    const isOver = timestamp > pulled.validBefore || clock > pulled.validBefore + 4n * BigInt(SKEW);
    if (isOver && !(await readTransfers(tempo, pulled.tx)))
      await markFailed(deps.sql, payment.id, "not_mined");
    else await markUnknown(deps.sql, payment.id, undefined);
    return undefined;
  }
  if (transfers.length === 0) {
    await markFailed(deps.sql, payment.id, "reverted");
    return undefined;
  }
  if (!(await receive(deps, tempo, transfers))) return undefined; // not deep enough yet
  const transfer = await transferOf(deps.sql, payment.id);
  if (!transfer) await markFailed(deps.sql, payment.id, "no_transfer"); // and what it moved goes back
  return transfer;
}

/** Sends it, as often as it takes: the chain takes it once. */
async function sendPulled(tempo: Tempo, { raw, tx }: Pulled) {
  const before = await readTransfers(tempo, tx);
  if (before) return before;
  await tempo.client.sendRawTransaction({ serializedTransaction: raw as Hex }).catch(() => {
    // Known already, over, or lost on the way: the receipt tells.
  });
  for (const end = performance.now() + PATIENCE; ; ) {
    const transfers = await readTransfers(tempo, tx);
    if (transfers || performance.now() >= end) return transfers;
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
  }
}

/** Why no key is to be asked for, though the contract might give one. */
function reasonAgainst({ quote, details }: Now, { paidAt, seenAt }: StoredTransfer): string | undefined {
  if (paidAt > quote.deadline) return "paid_too_late";
  if (details.agentId === 0n) return "buyer_not_agent";
  return Date.now() - seenAt.getTime() > KEEP_TRYING * 1000 ? "not_issued_in_time" : undefined;
}

async function issue(deps: Deps, now: Now, transfer: StoredTransfer, chargeId: Hash): Promise<void> {
  const { rail, payment, details, quote } = now;
  const { ekId, version, maxPrice } = quote;
  const wanted = { agentId: details.agentId, ekId, version, maxPrice };
  const { call, deadline } = await issueCall(deps.chain, wanted, chargeId);
  let tx: Hash | undefined;
  try {
    const signed = async (hash: Hash) => {
      if (!(await noteIssueDeadline(deps.sql, payment.id, deadline))) throw new Error("Its money goes back.");
      await noteTransaction(deps.sql, payment, hash);
      tx = hash;
    };
    const receipt = await rail.issuer.send(call, { asker: "house", signed });
    if (receipt) {
      await finish(deps, now, transfer, await saleOfCharge(deps.chain, chargeId, receipt.blockNumber));
      return;
    }
  } catch (error) {
    if (!(error instanceof ContractRefusal)) throw error;
    const { name } = error.revert;
    if (name === "ChargeUsed" || passing.has(name)) return; // in the next round
    await letGo(deps, now, transfer, name);
    return;
  }
  await markUnknown(deps.sql, payment.id, tx);
}

/** The key is there. What it cost less than was quoted goes back. */
async function finish(
  deps: Deps,
  { rail, payment, quote }: Now,
  transfer: StoredTransfer,
  sale: Sale,
): Promise<void> {
  const { tempo } = rail;
  const decimals = decimalsOf(deps, quote.token);
  const cost = tempoAmountOf(tempo, BigInt(sale.purchase.price.amount), decimals);
  if (cost < transfer.amount) {
    await wantRefund(deps.sql, tempo.chainId, transfer, "difference", transfer.amount - cost);
  }
  await markIssued(deps.sql, payment.id, sale);
}

function decimalsOf({ chain }: Deps, address: string): number {
  const token = chain.deployment.tokens.find((t) => t.address.toLowerCase() === address.toLowerCase());
  if (!token) throw new Error(`The deployment does not know ${address}.`);
  return token.decimals;
}

/** There will be no key: the money goes back, once no transaction can issue one any more. */
async function letGo(deps: Deps, now: Now, transfer: StoredTransfer, reason: string): Promise<void> {
  const { payment, rail } = now;
  const deadline = await noteNoKey(deps.sql, payment.id, reason);
  const left = Number(deadline) + SKEW - Math.floor(Date.now() / 1000);
  if (deadline > 0n && left > 0 && (await isOnItsWay(deps, now))) {
    await keepLease(deps.sql, payment.id, Math.min(left, SKEW));
    return;
  }
  const charge = await readCharge(deps.chain, chargeNameOf(rail.tempo, transfer));
  if (charge.keyId !== 0n && !charge.reversed) return; // it was issued after all: the next round says so
  const evidence = await sendBack(deps, rail, transfer, "no_key");
  if (evidence) await move(deps.sql, payment.id, "Refunded", { evidence: { ...evidence, reason }, reason });
}

/** Whether what was signed last may still be mined. The account sends in order, so all before it is decided when that is. */
async function isOnItsWay({ sql }: Deps, { rail, payment }: Now): Promise<boolean> {
  const { tx } = await getPayment(sql, payment.id);
  return tx !== undefined && (await rail.issuer.fateOf(tx)) === "waiting";
}

/** Sends the transfer's money back, as far as it has not gone back before. Undefined while it is on its way. */
export async function sendBack(
  { sql }: Pick<Deps, "sql">,
  { tempo }: TempoRail,
  transfer: StoredTransfer,
  reason: RefundReason,
): Promise<Record<string, unknown> | undefined> {
  const refund = await wantRefund(sql, tempo.chainId, transfer, reason, transfer.amount);
  if (!refund) return { chain_id: tempo.chainId, amount: "0" };
  const done = await awaitRefund({ sql }, tempo, refund).catch((error: unknown) => {
    if (isSilence(error)) return undefined;
    throw error;
  });
  if (!done?.signed) return undefined;
  const { to, amount, signed } = done;
  return { chain_id: tempo.chainId, refund_tx: signed.tx, to, amount: String(amount) };
}
