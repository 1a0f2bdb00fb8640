/**
 * An open quote whose payment somebody else submitted first. Its till can't tell whose the money in it is, so it buys no key: it goes back
 * to the sender that the token's own log names, by a proof of that log. Before the quote's deadline only the sender can have it back;
 * from then on the exchange sends it.
 */
import type { Address, Hash } from "viem";
import { ExchangeError } from "../../sdk/errors.ts";
import { type Chain, chainTime } from "../chain/client.ts";
import { proofOf } from "../chain/receipt-proofs.ts";
import { type Call, contractCall } from "../chain/relayer.ts";
import { findQuoteEnd } from "../chain/sales.ts";
import { move } from "../store/payment-moves.ts";
import { keepLease, type Payment } from "../store/payments.ts";
import type { StoredQuote } from "../store/quotes.ts";
import { type TillTransfer, transfersInto } from "./foreign-facilitator.ts";
import { goneError, structOf } from "./quote-end.ts";
import type { Settling } from "./settlement.ts";

/**
 * Deals with a payment that the contract refused because its authorization was used: the error to answer with when its money lies in the
 * till, undefined when it does not. The money is sent back as soon as that can be done.
 */
export async function strandedError(
  deps: Settling,
  quote: StoredQuote,
  payment: Payment,
  payer: Address,
): Promise<ExchangeError | undefined> {
  const transfers = await transfersOf(deps.chain, quote, payer);
  const [first] = transfers;
  if (!first) return undefined;
  await move(deps.sql, payment.id, "PaymentConfirmed", { evidence: { transfer: first, stranded: true } });
  const left = Number(quote.deadline - (await chainTime(deps.chain)));
  if (left >= 0) {
    await keepBlocks(deps, transfers, payer);
    await keepLease(deps.sql, payment.id, left + 1); // then it is this rail's turn again
    return waitingError(deps, quote, payer);
  }
  const tx = await sendBack(deps, quote, transfers);
  if (!tx) return waitingError(deps, quote, payer);
  await move(deps.sql, payment.id, "Refunded", { evidence: { tx } });
  return goneError(quote, "quote_refunded", { tx });
}

/** What the payer's account sent into the till, by the token's log. */
export async function transfersOf(chain: Chain, quote: StoredQuote, payer: Address): Promise<TillTransfer[]> {
  return (await transfersInto(chain, quote)).filter(({ from }) => from === payer);
}

/** Has the blocks' hashes kept, which the chain itself soon forgets. */
async function keepBlocks(
  { chain, relayer }: Settling,
  transfers: readonly TillTransfer[],
  asker: Address,
): Promise<void> {
  const { address, abi } = chain.receipts;
  for (const { tx } of transfers) {
    const { blockNumber } = await chain.client.getTransactionReceipt({ hash: tx });
    await relayer.send(contractCall({ address, abi, functionName: "keepBlock", args: [blockNumber] }), {
      asker,
    });
  }
}

/** Sends the transfers' money back to their sender. The last transaction; undefined while one was not mined in time. */
async function sendBack(
  { chain, relayer }: Settling,
  quote: StoredQuote,
  transfers: readonly TillTransfer[],
): Promise<Hash | undefined> {
  let last: Hash | undefined;
  for (const transfer of transfers) {
    const call = await refundCall(chain, quote, transfer);
    const revert = await relayer.simulate(call);
    if (revert?.name === "ReceiptAlreadyUsed") continue; // by somebody else, or by us before a crash
    const receipt = await relayer.send(call, { asker: transfer.from });
    if (!receipt) return undefined;
    last = receipt.transactionHash;
  }
  if (last) return last;
  const end = await findQuoteEnd(chain, quote);
  return end && "refundTx" in end ? end.refundTx : undefined;
}

async function refundCall(chain: Chain, quote: StoredQuote, { tx, log_index }: TillTransfer): Promise<Call> {
  const { address, abi } = chain.tills;
  const proof = await proofOf(chain, tx, log_index);
  return contractCall({
    ...{ address, abi, functionName: "refundByReceipt" },
    args: [structOf(quote), quote.token, proof],
  });
}

/** PAYMENT_FAILED, and no 402: who reads this must not pay again for what is on its way back. */
export async function waitingError(
  { chain }: Settling,
  quote: StoredQuote,
  payer: Address,
): Promise<ExchangeError> {
  const transfers = await transfersOf(chain, quote, payer);
  const by = new Date((Number(quote.deadline) + 1) * 1000).toISOString();
  const amount = transfers.reduce((sum, { value }) => sum + BigInt(value), 0n);
  return new ExchangeError(
    "PAYMENT_FAILED",
    "Somebody else submitted the payment first, and it bought no key.",
    {
      status: 409,
      hint: `The money goes back to ${payer} by itself after ${by}: ask again then. To buy meanwhile, POST without a payment.`,
      details: {
        reason: "front_run",
        quote_id: quote.id,
        refund: {
          ...{ amount: String(amount), to: payer, token: quote.token, by_exchange_from: by },
          ...{ contract: chain.tills.address, function: "refundByReceipt(quote, token, proof)" },
          transfers: transfers.map(({ tx, log_index }) => ({ tx, log_index })),
        },
      },
    },
  );
}
