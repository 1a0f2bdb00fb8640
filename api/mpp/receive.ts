/** What comes in on Tempo: a transfer becomes the payment of the quote that its memo names, or goes back. */

import { bindingOf } from "../chain/agents.ts";
import type { Deps } from "../deps.ts";
import { keepLease, type Payment, takePayment } from "../store/payments.ts";
import { findQuote, type StoredQuote } from "../store/quotes.ts";
import { wantRefund } from "./refund-store.ts";
import {
  assignTransfer,
  challengeNamed,
  findChallenge,
  nextBlock,
  noteNextBlock,
  type Pulled,
  type StoredTransfer,
  saveTempoPayment,
  saveTransfer,
  type TempoChallenge,
  undecidedTransfers,
} from "./store.ts";
import { readTransfers, settledBlock, type Tempo, type Transfer, transactionsPaying } from "./tempo.ts";

/** Blocks of Tempo's log that one round reads. */
const BLOCKS = 1_000n;

type Receiving = Pick<Deps, "sql" | "chain">;

/** Stores transfers that are deep enough, and decides what they are. Returns whether all of them are. */
export async function receive(
  deps: Receiving,
  tempo: Tempo,
  transfers: readonly Transfer[],
): Promise<boolean> {
  const settled = await settledBlock(tempo);
  let all = true;
  for (const transfer of transfers) {
    if (transfer.blockNumber > settled) all = false;
    else await store(deps, tempo, transfer);
  }
  return all;
}

async function store({ sql, chain }: Receiving, tempo: Tempo, transfer: Transfer): Promise<void> {
  const challenge = await challengeNamed(sql, transfer);
  if (!challenge) return; // for another server of the same name, or of another database
  const { timestamp: paidAt } = await tempo.client.getBlock({ blockNumber: transfer.blockNumber });
  await saveTransfer(sql, tempo.chainId, { ...transfer, challengeId: challenge.id, paidAt });
  for (const undecided of await undecidedTransfers(sql, tempo.chainId, challenge.id)) {
    await decide({ sql, chain }, tempo, challenge, undecided);
  }
}

/** Decides on transfers that a process stored and left. */
export async function decideAll({ sql, chain }: Receiving, tempo: Tempo): Promise<void> {
  for (const transfer of await undecidedTransfers(sql, tempo.chainId)) {
    const challenge = await findChallenge(sql, transfer.challengeId);
    if (challenge) await decide({ sql, chain }, tempo, challenge, transfer);
  }
}

/** The transfer pays its quote when the sum is right and nothing else has paid it; it goes back otherwise. */
async function decide(
  deps: Receiving,
  tempo: Tempo,
  challenge: TempoChallenge,
  transfer: StoredTransfer,
): Promise<void> {
  if (transfer.amount === challenge.amount) {
    const { payment, mine } = await takeTempoPayment(deps, tempo, challenge, { transfer });
    if (mine) await keepLease(deps.sql, payment.id, 0); // for whoever issues its key
    if (payment.rail === "mpp" && payment.reference === challenge.id && payment.state !== "Failed") {
      // A payment that we sent ourselves was there before its transfer.
      if (await assignTransfer(deps.sql, tempo.chainId, transfer, payment.id)) return;
    }
    const [still] = (await undecidedTransfers(deps.sql, tempo.chainId, challenge.id)).filter(
      ({ tx, position }) => tx === transfer.tx && position === transfer.position,
    );
    if (!still) return; // taken with the payment
  }
  await wantRefund(deps.sql, tempo.chainId, transfer, "surplus", transfer.amount);
}

/** Takes the challenge's payment on: see `takePayment`. With the transfer that it is, or with what the payer signed for us to send. */
export async function takeTempoPayment(
  { sql, chain }: Receiving,
  tempo: Tempo,
  challenge: TempoChallenge,
  by: { transfer: StoredTransfer } | { pulled: Pulled },
): Promise<{ payment: Payment; mine: boolean }> {
  const quote = await quoteOf(sql, challenge);
  const [{ agentId }, blockNumber] = await Promise.all([
    bindingOf(chain, quote.buyer),
    chain.client.getBlockNumber(),
  ]);
  const evidence =
    "pulled" in by
      ? { method: "tempo", chain_id: tempo.chainId, signed_tx: by.pulled.tx }
      : { method: "tempo", ...evidenceOf(tempo, by.transfer) };
  return takePayment(
    sql,
    {
      rail: "mpp",
      reference: challenge.id,
      quoteId: quote.id,
      ...{ buyer: quote.buyer, ekId: quote.ekId, version: quote.version },
      ...{ amount: challenge.amount, currency: tempo.token.toLowerCase() },
      evidence,
    },
    async (tx, paymentId) => {
      await saveTempoPayment(tx, {
        ...{ paymentId, challengeId: challenge.id, agentId, blockNumber },
        ...("pulled" in by ? { pulled: by.pulled } : {}),
      });
      if ("transfer" in by) await assignTransfer(tx, tempo.chainId, by.transfer, paymentId);
    },
  );
}

/** What shows that the money came. */
export function evidenceOf(
  { chainId, token }: Tempo,
  { tx, position, payer, amount, blockNumber }: StoredTransfer,
): Record<string, unknown> {
  return {
    ...{ chain_id: chainId, token, tx, position, payer },
    ...{ amount: String(amount), block_number: String(blockNumber) },
  };
}

async function quoteOf(sql: Deps["sql"], { quoteId }: TempoChallenge): Promise<StoredQuote> {
  const quote = await findQuote(sql, quoteId);
  if (!quote) throw new Error(`Quote ${quoteId} is gone.`); // its challenge keeps it
  return quote;
}

/** Reads Tempo's log on from where it was read: payments whose payers never told of them are found by their challenges. */
export async function readFeed(deps: Receiving, tempo: Tempo): Promise<void> {
  const { sql } = deps;
  const settled = await settledBlock(tempo);
  const from = await nextBlock(sql, tempo, settled + 1n);
  if (from > settled) return;
  const to = from + BLOCKS - 1n < settled ? from + BLOCKS - 1n : settled;
  for (const hash of await transactionsPaying(tempo, from, to)) {
    const transfers = await readTransfers(tempo, hash);
    if (!transfers) throw new Error(`Tempo's log names ${hash}, and there is no receipt of it.`);
    await receive(deps, tempo, transfers);
  }
  await noteNextBlock(sql, tempo, to + 1n);
}
