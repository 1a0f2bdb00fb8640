/** What became of a quote, from the chain's own log. */
import { type Hash, parseEventLogs } from "viem";
import { exchangeAbi, pointsLedgerAbi } from "../../sdk/abis/index.ts";
import { agentId, ekId, keyId, listingId, orderId, splitTokenId } from "../../sdk/ids.ts";
import { toPoints } from "../../sdk/points.ts";
import type { PurchaseResponse } from "../../sdk/wire/purchase.ts";
import type { StoredQuote } from "../store/quotes.ts";
import { type Mined, minedNow } from "./broadcast.ts";
import type { Chain } from "./client.ts";

/** A sale with the money's way, who paid, and the block that has it. */
export type Sale = {
  purchase: PurchaseResponse;
  payer: string;
  by: string;
  block: { number: bigint; hash: Hash };
};

/** The end of a quote that was used: its key, or its refund. Undefined while the log does not show it yet. */
export async function findQuoteEnd(
  chain: Chain,
  quote: StoredQuote,
): Promise<{ sale: Sale } | { refundTx: Hash } | undefined> {
  const sale = await findSale(chain, quote, quote.id);
  if (sale) return { sale };
  const { client, tills } = chain;
  const [refund] = await client.getContractEvents({
    ...{ fromBlock: quote.blockNumber, strict: true },
    ...{ address: tills.address, abi: tills.abi, eventName: "TillRefunded", args: { quoteHash: quote.id } },
  });
  return refund && { refundTx: refund.transactionHash };
}

/** The sale of the quote's listing that a payment with this reference made since the quote was given. */
export async function findSale(
  chain: Chain,
  { ekId: number, blockNumber }: Pick<StoredQuote, "ekId" | "blockNumber">,
  paymentRef: Hash,
): Promise<Sale | undefined> {
  const { client, exchange } = chain;
  const sales = await client.getContractEvents({
    ...{ fromBlock: blockNumber, strict: true },
    ...{ address: exchange.address, abi: exchange.abi, eventName: "KeySold", args: { ekId: number } },
  });
  const sold = sales.find((log) => log.args.sale.paymentRef === paymentRef);
  if (!sold) return undefined;
  const receipt = await minedNow(chain, sold.transactionHash);
  return receipt && saleIn(chain, receipt, { paymentRef });
}

/** The sale in a transaction: the one with this payment reference, or of this key, or else the only one. */
export async function saleIn(
  chain: Chain,
  receipt: Mined,
  { paymentRef, keyId: wanted }: { paymentRef?: Hash; keyId?: bigint } = {},
): Promise<Sale | undefined> {
  const { deployment, registry } = chain;
  const ours = (address: string, name: "Exchange" | "PointsLedger") =>
    address.toLowerCase() === deployment.contracts[name].toLowerCase();
  const log = parseEventLogs({ abi: exchangeAbi, logs: receipt.logs, eventName: "KeySold" }).find(
    ({ address, args }) =>
      ours(address, "Exchange") &&
      (!paymentRef || args.sale.paymentRef === paymentRef) &&
      (wanted === undefined || args.keyId === wanted),
  );
  if (!log) return undefined;
  const { ekId: number, buyerId, keyId: tokenId, sale } = log.args;
  const pointsLogs = parseEventLogs({ abi: pointsLedgerAbi, logs: receipt.logs }).filter(({ address }) =>
    ours(address, "PointsLedger"),
  );
  const points = pointsLogs.find((log) => log.eventName === "PointsAwarded" && log.args.keyId === tokenId) as
    | Extract<(typeof pointsLogs)[number], { eventName: "PointsAwarded" }>
    | undefined;
  const spent = pointsLogs.find((log) => log.eventName === "PointsSpent" && log.args.keyId === tokenId) as
    | Extract<(typeof pointsLogs)[number], { eventName: "PointsSpent" }>
    | undefined;
  const key = { chainId: chain.id, ...splitTokenId(tokenId) };
  const token = deployment.tokens.find(({ address }) => address.toLowerCase() === sale.token.toLowerCase());
  return {
    payer: sale.payer,
    by: sale.by,
    block: { number: receipt.blockNumber, hash: receipt.blockHash },
    purchase: {
      ek_id: ekId.serialize({ chainId: chain.id, ekId: number }),
      listing_id: listingId.serialize({ chainId: chain.id, ekId: number, version: sale.version }),
      status: "EKIssued",
      order_id: orderId.serialize(key),
      key_id: keyId.serialize(key),
      buyer: {
        agent_id: agentId.serialize({ chainId: chain.id, agentId: buyerId }),
        eoa: await registry.read.eoaOf([buyerId]),
      },
      price: spent
        ? { amount: String(spent.args.amount), currency: "points", token: deployment.contracts.PointsLedger }
        : { amount: String(sale.price), currency: token?.symbol ?? sale.token, token: sale.token },
      ...(sale.releaseTime === 0 ? {} : { release_at: new Date(sale.releaseTime * 1000).toISOString() }),
      tx: receipt.transactionHash,
      points_awarded: {
        seller: toPoints(points?.args.sellerDelta ?? 0n),
        buyer: toPoints(points?.args.buyerDelta ?? 0n),
      },
    },
  };
}
