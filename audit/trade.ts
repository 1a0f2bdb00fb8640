/** One trade, verified from the chain alone: its receipt, its price, where the money went, its key. */
import {
  type Abi,
  type Address,
  getAbiItem,
  type Hex,
  keccak256,
  numberToHex,
  pad,
  parseEventLogs,
  toEventSelector,
} from "viem";
import { catalogAbi, exchangeAbi, experienceKeyAbi, pointsLedgerAbi } from "../sdk/abis/index.ts";
import type { Deployment } from "../sdk/deployment.ts";
import * as ids from "../sdk/ids.ts";
import { encodeHeader, encodeReceipt } from "../sdk/receipt-proof.ts";
import { proveIndex } from "../sdk/trie.ts";
import type { Terms } from "./books.ts";
import { BPS, lower } from "./context.ts";
import { show } from "./findings.ts";
import { AuditError, createNode, type Node, type ServedLog } from "./node.ts";
import { priceOf } from "./replay/catalog.ts";
import { TRANSFER_TOPIC } from "./vaults.ts";

/** One thing that was checked; `fault` is what is wrong with it. */
export type TradeCheck = { what: string; said: string; fault?: string };
export type TradeReport = { tradeId: string; checks: TradeCheck[] };

const ORDER_ENDS = ["none", "held", "disputed", "released", "refunded"];

type Look = { node: Node; deployment: Deployment; keyId: bigint };

/** `id` is an order's or a key's. Throws an AuditError when there is no such trade, or the node can't tell. */
export async function verifyTrade(rpcUrl: string, deployment: Deployment, id: string): Promise<TradeReport> {
  const codec = id.startsWith("key_") ? ids.keyId : ids.orderId;
  const ref = codec.parse(id);
  const node = createNode(rpcUrl);
  if (ref.chainId !== deployment.chainId || (await node.chainId()) !== deployment.chainId)
    throw new AuditError(`${id}, the deployment and the node are not of one chain.`);
  const look = { node, deployment, keyId: ids.joinTokenId(ref) };
  const checks: TradeCheck[] = [];
  const check = (what: string, said: unknown, holds: boolean, expected?: unknown) =>
    checks.push({ what, said: show(said), ...(!holds && { fault: `expected ${show(expected)}` }) });

  const sales = await eventsOf(look, {
    contract: deployment.contracts.Exchange,
    abi: exchangeAbi,
    name: "KeySold",
    topic: 3,
  });
  const [log] = sales;
  if (!log)
    throw new AuditError(`The chain has no sale of ${id}.`, {
      hint: "Is the deployment's start block right?",
    });
  check("sold once", sales.length, sales.length === 1, 1);
  const receipt = await proven(look, log, check);
  const [event] = parseEventLogs({ abi: exchangeAbi, eventName: "KeySold", logs: [asLog(log)] });
  const { sale, buyerId, ekId } = (event as NonNullable<typeof event>).args;

  const version = await versionOf(look, ekId, sale.version);
  const type = Object.entries(deployment.curves).find(
    ([, address]) => lower(address) === lower(version.terms.curve),
  )?.[0];
  const price = priceOf(type as never, version.terms.curveParams);
  const asked = price?.(sale.soldAfter - 1, receipt.time);
  const forPoints = sale.price === 0n && version.terms.pointsPrice !== 0;
  check(
    `price of key number ${sale.soldAfter}, by the ${type ?? "unknown"} curve`,
    sale.price,
    asked === sale.price || forPoints,
    asked,
  );
  check("seller", sale.sellerId, sale.sellerId === version.sellerId, version.sellerId);
  check("token", sale.token, lower(sale.token) === lower(version.terms.token), version.terms.token);
  const paid = receivedOf(receipt.logs, sale.token, deployment.contracts.Exchange);
  check("paid to the exchange in the same transaction", paid, paid >= sale.price, `${sale.price} at least`);
  await checkMoney(look, { sale, terms: version.terms, logs: receipt.logs }, check);
  await checkKey(look, { buyerId, logs: receipt.logs }, check);
  return { tradeId: id, checks };
}

type Check = (what: string, said: unknown, holds: boolean, expected?: unknown) => void;
type Wanted = { contract: Address; abi: Abi; name: string; topic: 1 | 2 | 3 };

/** All logs of one event that name the key. */
async function eventsOf(
  { node, deployment, keyId }: Look,
  { contract, abi, name, topic }: Wanted,
): Promise<ServedLog[]> {
  const item = abi.find((entry) => entry.type === "event" && entry.name === name) as never;
  const topics: (Hex | null)[] = [toEventSelector(item), null, null, null].slice(0, topic + 1);
  topics[topic] = pad(numberToHex(keyId));
  return node.logsOf({ address: [contract], topics }, BigInt(deployment.startBlock), await node.head());
}

const asLog = (log: ServedLog) =>
  ({ ...log, blockNumber: null, logIndex: null, transactionIndex: null, removed: false }) as never;

/** The transaction's logs, out of receipts that the block's header commits to. */
async function proven(
  { node }: Look,
  log: ServedLog,
  check: Check,
): Promise<{ logs: ServedLog[]; time: bigint }> {
  const number = BigInt(log.blockNumber);
  const header = await node.block(number);
  const receipts = await node.receiptsOf(header);
  const hash = keccak256(encodeHeader(header));
  check(`block ${number}`, header.hash, hash === header.hash && log.blockHash === header.hash, hash);
  const { root } = proveIndex(receipts.map(encodeReceipt), 0);
  check("its receipts", root, root === header.receiptsRoot, header.receiptsRoot);
  const own = receipts.find(({ transactionHash }) => transactionHash === log.transactionHash);
  const found = own?.logs.find(({ logIndex }) => logIndex === log.logIndex);
  const isSame = found?.data === log.data && found.topics.join() === log.topics.join();
  check(
    `the sale's log ${Number(log.logIndex)} in transaction`,
    log.transactionHash,
    isSame,
    "in the receipt",
  );
  const logs = (own?.logs ?? []).map((each) => ({ ...log, ...each, address: lower(each.address) }));
  return { logs, time: BigInt(header.timestamp) };
}

async function versionOf(
  { node, deployment }: Look,
  ekId: bigint,
  version: number,
): Promise<{ sellerId: bigint; terms: Terms }> {
  const topics = [
    toEventSelector(getAbiItem({ abi: catalogAbi, name: "ListingVersion" })),
    ...[pad(numberToHex(ekId)), null, pad(numberToHex(version))],
  ];
  const from = BigInt(deployment.startBlock);
  const logs = await node.logsOf(
    { address: [deployment.contracts.Catalog], topics },
    from,
    await node.head(),
  );
  const [log] = parseEventLogs({ abi: catalogAbi, eventName: "ListingVersion", logs: logs.map(asLog) });
  if (!log) throw new AuditError(`The chain has no version ${version} of listing ${ekId}.`);
  return { sellerId: log.args.sellerId, terms: log.args.terms };
}

/** What an account got of a token, net. */
function receivedOf(logs: readonly ServedLog[], token: Address, account: Address): bigint {
  const padded = pad(lower(account));
  return logs
    .filter(({ address, topics }) => address === lower(token) && topics[0] === TRANSFER_TOPIC)
    .reduce(
      (sum, { topics, data }) =>
        sum + (topics[2] === padded ? BigInt(data) : 0n) - (topics[1] === padded ? BigInt(data) : 0n),
      0n,
    );
}

type Sale = { price: bigint; releaseTime: number; feeBps: number; referrerId: bigint };

/** The split, at the sale or at the end of the order. */
async function checkMoney(
  look: Look,
  { sale, terms, logs }: { sale: Sale; terms: Terms; logs: ServedLog[] },
  check: Check,
): Promise<void> {
  const { deployment, keyId } = look;
  let amount = sale.price;
  let own = logs;
  if (sale.releaseTime !== 0) {
    const wanted = {
      contract: deployment.contracts.Exchange,
      abi: exchangeAbi,
      name: "OrderStatusChanged",
      topic: 1,
    } as const;
    const changes = await eventsOf(look, wanted);
    const states = parseEventLogs({
      abi: exchangeAbi,
      eventName: "OrderStatusChanged",
      logs: changes.map(asLog),
    });
    const end = states.at(-1)?.args;
    check("order", end ? ORDER_ENDS[end.status] : `held until ${sale.releaseTime}`, true);
    const last = changes.at(-1);
    if (!end || !last || end.status < 3) return;
    amount -= end.toBuyer;
    own = (await proven(look, last, check)).logs;
  }
  const booked = [
    ...parseEventLogs({ abi: exchangeAbi, eventName: ["Credited", "BountyFunded"], logs: own.map(asLog) }),
  ].filter(
    ({ args, address }) => args.keyId === keyId && lower(address) === lower(deployment.contracts.Exchange),
  );
  const parts = booked.filter((event) => event.eventName === "BountyFunded" || event.args.share !== 5);
  for (const event of parts) {
    const to = event.eventName === "BountyFunded" ? "the validators' bounty" : `agent ${event.args.agentId}`;
    const bps = bpsOf(event.eventName === "BountyFunded" ? 4 : event.args.share, sale, terms);
    const fits = bps === undefined || bps.some((each) => (amount * BigInt(each)) / BPS === event.args.amount);
    check(
      `to ${to}`,
      event.args.amount,
      fits,
      bps?.map((each) => (amount * BigInt(each)) / BPS),
    );
  }
  const sum = parts.reduce((total, { args }) => total + args.amount, 0n);
  check("the parts add up to", sum, sum === amount, amount);
}

/** The share's basis points; undefined for the seller, who gets the rest. */
function bpsOf(share: number, sale: Sale, terms: Terms): number[] | undefined {
  if (share === 1) return [sale.feeBps];
  if (share === 2) return terms.royalties.map(({ bps }) => bps);
  if (share === 3) return [terms.referralBps];
  return share === 4 ? [terms.bountyBps] : undefined;
}

async function checkKey(
  { node, deployment, keyId }: Look,
  { buyerId, logs }: { buyerId: bigint; logs: ServedLog[] },
  check: Check,
): Promise<void> {
  const keys = { address: deployment.contracts.ExperienceKey, abi: experienceKeyAbi } as const;
  const made = logs.filter(
    ({ address, topics }) =>
      address === lower(keys.address) && topics[0] === TRANSFER_TOPIC && BigInt(topics[3] ?? 0) === keyId,
  );
  check("keys made for it", made.length, made.length === 1, 1);
  const first = ids.splitTokenId(keyId).firstBuyer;
  check("buyer", buyerId, buyerId === first, first);
  const [points] = parseEventLogs({
    abi: pointsLedgerAbi,
    eventName: ["PointsAwarded", "PointsWithheld", "PointsSpent"],
    logs: logs.map(asLog),
  }).filter(({ args }) => args.keyId === keyId);
  if (points) check("points", `${points.eventName} ${show(points.args)}`, true);
  try {
    const { agentId } = await node.client.readContract({ ...keys, functionName: "keyInfo", args: [keyId] });
    check("held now by agent", agentId, true);
  } catch {
    check("held now by agent", "nobody: the key was burnt", true);
  }
}

export function tradeText({ tradeId, checks }: TradeReport): string {
  const lines = checks.map(
    ({ what, said, fault }) =>
      `${fault === undefined ? "ok    " : "BROKEN"} ${what}: ${said}${fault === undefined ? "" : ` (${fault})`}`,
  );
  const faults = checks.filter(({ fault }) => fault !== undefined).length;
  return [
    tradeId,
    ...lines,
    `${faults === 0 ? "PASSED" : "FAILED"}: ${checks.length} checks, ${faults} faults`,
  ].join("\n");
}
