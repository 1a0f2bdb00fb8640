/**
 * Issued payments follow the chain: refunded, disputed, charged back, or taken back with their block. Logs only say where to look; what is
 * believed is the contract's present answer. A log that the RPC dropped is made up for by looking at every open order now and then.
 */
import { type Hash, zeroAddress } from "viem";
import { joinTokenId, keyId as keyIds, splitTokenId } from "../../sdk/ids.ts";
import { receiptNow } from "../chain/broadcast.ts";
import { revertOf } from "../chain/revert.ts";
import type { Deps } from "../deps.ts";
import { move, type Step } from "../store/payment-moves.ts";
import { keepLease } from "../store/payments.ts";
import {
  dueReviews,
  noteBlock,
  type Reviewed,
  readCursor,
  reviewFrom,
  reviewIn,
  reviewKeys,
  saveCursor,
} from "../store/reviews.ts";
import { rails } from "./rails.ts";

const CURSOR = "orders";
/** How many blocks one round reads, and how far back it looks when the chain has changed its mind. */
const SPAN = 2_000n;
const DEPTH = 128n;
/** How many payments one round compares. */
const BATCH = 20;
/** Seconds between two looks at an order that is open, and at a key that is not buried under {@link DEPTH} blocks yet. */
const OPEN_AGAIN = 600;
const FRESH_AGAIN = 120;

/** Reads what happened to orders and keys since the last round, a span at a time. */
export async function readOrderLogs(deps: Deps): Promise<void> {
  const { chain, sql } = deps;
  const head = await chain.client.getBlock({ blockTag: "latest" });
  const cursor = await readCursor(sql, CURSOR);
  if (!cursor) return saveCursor(sql, CURSOR, { number: head.number, hash: head.hash });
  if (head.number < cursor.number) return; // this node is behind, or the chain is growing back
  let from = cursor.number + 1n;
  const { hash } = await chain.client.getBlock({ blockNumber: cursor.number });
  if (hash !== cursor.hash) {
    from = cursor.number > DEPTH ? cursor.number - DEPTH : 0n;
    await reviewFrom(sql, from);
  }
  if (from > head.number) return;
  const to = from + SPAN < head.number ? from + SPAN : head.number;
  await reviewKeys(sql, await touchedKeys(deps, from, to));
  const end = to === head.number ? head : await chain.client.getBlock({ blockNumber: to });
  await saveCursor(sql, CURSOR, { number: end.number, hash: end.hash });
}

/** Keys whose order changed, or that were burnt. */
async function touchedKeys({ chain }: Deps, fromBlock: bigint, toBlock: bigint): Promise<string[]> {
  const range = { fromBlock, toBlock, strict: true } as const;
  const { client, exchange, keys } = chain;
  const [changed, burnt] = await Promise.all([
    client.getContractEvents({ ...range, ...at(exchange), eventName: "OrderStatusChanged" }),
    client.getContractEvents({ ...range, ...at(keys), eventName: "Transfer", args: { to: zeroAddress } }),
  ]);
  const numbers = [...changed.map(({ args }) => args.keyId), ...burnt.map(({ args }) => args.tokenId)];
  return [...new Set(numbers)].map((number) =>
    keyIds.serialize({ chainId: chain.id, ...splitTokenId(number) }),
  );
}

function at<const abi>({ address, abi }: { address: `0x${string}`; abi: abi }) {
  return { address, abi };
}

/** Compares those that are due. */
export async function reviewPayments(
  deps: Deps,
  attempt: (what: string, work: () => Promise<unknown>) => Promise<void>,
): Promise<void> {
  for (const payment of await dueReviews(deps.sql, BATCH)) {
    await attempt(`compare payment ${payment.id} with the chain`, () => review(deps, payment));
  }
}

async function review(deps: Deps, payment: Reviewed): Promise<void> {
  const { chain, sql } = deps;
  const reorg = await reorgOf(deps, payment);
  if (reorg === "unclear") return; // comes again
  if (reorg) {
    await move(sql, payment.id, "Unknown", { evidence: reorg });
    return keepLease(sql, payment.id, 0); // the reconciler goes on
  }
  const tokenId = joinTokenId(keyIds.parse(payment.keyId));
  const [{ status, toState }, head] = await Promise.all([
    stateOnChain(deps, payment, tokenId),
    chain.client.getBlockNumber(),
  ]);
  if (toState && toState !== payment.state) await follow(deps, payment, toState, tokenId);
  const isOpen = status === "Held" || status === "Disputed";
  const isBuried = payment.block !== undefined && head - payment.block.number > DEPTH;
  await reviewIn(sql, payment.id, isOpen ? OPEN_AGAIN : isBuried ? undefined : FRESH_AGAIN);
}

/**
 * What shows that the block with the key is gone, and the key with it. A missing receipt alone shows nothing: the node may be behind. Where
 * the transaction came back in another block, that is noted.
 */
async function reorgOf(
  { chain, sql }: Deps,
  { id, tx, block }: Reviewed,
): Promise<Step["evidence"] | "unclear" | undefined> {
  if (!tx || !block) return undefined;
  const receipt = await receiptNow(chain, tx);
  if (receipt?.status === "success") {
    if (receipt.blockHash !== block.hash)
      await noteBlock(sql, id, { number: receipt.blockNumber, hash: receipt.blockHash });
    return undefined;
  }
  const head = await chain.client.getBlockNumber();
  if (head < block.number) return "unclear";
  const there = await chain.client.getBlock({ blockNumber: block.number });
  if (there.hash === block.hash) return "unclear";
  return { reorg: true, tx, block_number: String(block.number), was: block.hash, now: there.hash };
}

/** `IOrders.OrderStatus`, by its number. */
const orderStatuses = ["None", "Held", "Disputed", "Released", "Refunded"] as const;
type OrderStatus = (typeof orderStatuses)[number];
type Followed = "EKIssued" | "AccessGranted" | "Disputed" | "Refunded";

/** Where the payment belongs by what the contracts say now; no state when it may stay. */
async function stateOnChain(
  { chain, sql }: Deps,
  payment: Reviewed,
  tokenId: bigint,
): Promise<{ status: OrderStatus; toState?: Followed }> {
  const [order, isLive] = await Promise.all([
    chain.exchange.read.orderOf([tokenId]).catch((error: unknown) => {
      if (revertOf(error)) return undefined; // a burnt key's order can't be read with its terms
      throw error;
    }),
    keyIsLive({ chain }, tokenId),
  ]);
  const status = order ? (orderStatuses[order.status] ?? "None") : "Refunded";
  // A chargeback burns the key also when the money was let go long ago.
  if (!isLive) return { status, toState: "Refunded" };
  if (status === "Disputed") return { status, toState: "Disputed" };
  if (payment.state !== "Disputed" && payment.state !== "Refunded") return { status };
  const [been] = await sql`
    select 1 from payment_transitions where payment_id = ${payment.id} and state = 'AccessGranted' limit 1`;
  return { status, toState: been ? "AccessGranted" : "EKIssued" };
}

async function keyIsLive({ chain }: Pick<Deps, "chain">, tokenId: bigint): Promise<boolean> {
  try {
    await chain.keys.read.ownerOf([tokenId]);
    return true;
  } catch (error) {
    if (revertOf(error)) return false;
    throw error;
  }
}

async function follow(deps: Deps, payment: Reviewed, to: Followed, tokenId: bigint): Promise<void> {
  const { chain, sql } = deps;
  const [last] = (
    await chain.client.getContractEvents({
      ...at(chain.exchange),
      ...{ eventName: "OrderStatusChanged", args: { keyId: tokenId }, strict: true },
      fromBlock: payment.block?.number ?? BigInt(chain.deployment.startBlock),
    })
  ).slice(-1);
  const shown: { tx?: Hash; to_buyer?: string } = last
    ? { tx: last.transactionHash, to_buyer: String(last.args.toBuyer) }
    : {};
  if (payment.state === "Refunded") {
    // The chain took the refund back: by the way of what is not known.
    await move(sql, payment.id, "Unknown", { evidence: { reorg: true, ...shown } });
    return keepLease(sql, payment.id, 0);
  }
  const payBack = to === "Refunded" ? rails.get(payment.rail)?.payBack : undefined;
  const paidBack = await payBack?.(deps, payment);
  if (payBack && !paidBack) return;
  await move(sql, payment.id, to, { evidence: { key_id: payment.keyId, ...shown, ...paidBack } });
}
