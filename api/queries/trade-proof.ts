/** What an auditor needs to verify a trade without believing anybody: see `tradeProofSchema`. */
import { BaseError, TransactionReceiptNotFoundError } from "viem";
import { ExchangeError } from "../../sdk/errors.ts";
import type { TradeProof } from "../../sdk/wire/market.ts";
import { proofOf } from "../chain/receipt-proofs.ts";
import type { Deps } from "../deps.ts";
import { errorFields, log } from "../http/log.ts";
import { readSale } from "./trades.ts";

/** Where the log is comes from the index, everything else from the chain itself. Throws NOT_FOUND. */
export async function tradeProof(deps: Deps, tradeId: string): Promise<TradeProof> {
  const { chain } = deps;
  const { sale } = await readSale(deps, tradeId);
  const receipt = await chain.client.getTransactionReceipt({ hash: sale.tx }).catch((error: unknown) => {
    if (error instanceof TransactionReceiptNotFoundError) throw gone(tradeId, sale.tx);
    throw error;
  });
  const proof = await prove(deps, sale);
  return {
    trade_id: tradeId,
    chain_id: chain.id,
    exchange: chain.exchange.address,
    event: "KeySold",
    tx: sale.tx,
    block_number: String(receipt.blockNumber),
    block_hash: receipt.blockHash,
    log_index: sale.logIndex,
    ...(proof && {
      receipt: {
        header: proof.header,
        tx_index: Number(proof.txIndex),
        nodes: proof.nodes,
        log_in_receipt: Number(proof.logIndex),
      },
    }),
  };
}

/** Undefined where the node's blocks are of a kind that no proof is known for: the trade itself stands. */
async function prove({ chain }: Deps, { tx, logIndex }: { tx: `0x${string}`; logIndex: number }) {
  try {
    return await proofOf(chain, tx, logIndex);
  } catch (error) {
    if (error instanceof BaseError) throw error; // the chain does not answer
    log("warn", "a trade can't be proven", { tx, ...errorFields(error) });
    return undefined;
  }
}

function gone(tradeId: string, tx: string): ExchangeError {
  return new ExchangeError(
    "NOT_FOUND",
    `The chain does not have ${tx} any more: ${tradeId} was taken back.`,
    {
      hint: "A reorg took it, and the index will follow. Look again in a minute.",
      details: { trade_id: tradeId, tx, reason: "reorg" },
    },
  );
}
