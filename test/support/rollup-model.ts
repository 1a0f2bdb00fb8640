/** The roll-ups and counts that the chain's events come to, summed up from the whole list of them, in the shape of the tables' rows. */
import * as ids from "../../sdk/ids.ts";
import { RELATED } from "../../sdk/reputation/seller.ts";
import type { ListingSummary } from "../../sdk/wire/listing.ts";
import type { TimedEvent } from "./chain-events.ts";

/** By a key that names the row: its numbers. */
type Sums = Map<string, Record<string, number | bigint>>;

const SHARE_BOUNTY = 4;
const SHARE_REFUND = 5;
const [DISPUTED, RELEASED, REFUNDED] = [2, 3, 4];
const DAY = 86_400n;
const sizes = { hour: 3_600n, day: DAY } as const;
/** 1970-01-05, a Monday. */
const MONDAY = 345_600n;
const floor = (at: bigint, span: bigint, from = 0n) => from + ((at - from) / span) * span;

function add(sums: Sums, key: string, by: Record<string, number | bigint>) {
  const row = sums.get(key) ?? {};
  for (const [name, n] of Object.entries(by)) {
    const before = row[name];
    if (typeof n === "bigint") row[name] = ((before as bigint | undefined) ?? 0n) + n;
    else row[name] = ((before as number | undefined) ?? 0) + n;
  }
  sums.set(key, row);
}

/** `about`: what a version of a listing says that it is about; null where its summary can't be read. */
export function modelOfEvents(
  events: readonly TimedEvent[],
  chainId: number,
  about: (listingId: string) => Pick<ListingSummary, "domain" | "modality"> | null,
) {
  const agent = (agentId: bigint) => ids.agentId.serialize({ chainId, agentId });
  const ek = (ekId: bigint) => ids.ekId.serialize({ chainId, ekId });
  const of = (name: string) => events.filter(({ eventName }) => eventName === name);
  const market: Sums = new Map();
  const volume: Sums = new Map();
  const topics: Sums = new Map();
  const deeds: Sums = new Map();
  const money: Sums = new Map();
  const moneyDays: Sums = new Map();
  const listings: Sums = new Map();
  const sellers: Sums = new Map();
  const inBuckets = (sums: Sums, at: bigint, rest: string, by: Record<string, number | bigint>) => {
    for (const [size, span] of Object.entries(sizes)) add(sums, `${size} ${floor(at, span)}${rest}`, by);
  };
  const did = (at: bigint, agentId: bigint, deed: string) =>
    add(deeds, `${agent(agentId)} ${floor(at, DAY)}`, { [deed]: 1 });
  const flow = (at: bigint, agentId: bigint, token: string, by: Record<string, bigint>) => {
    if (Object.values(by).every((amount) => amount === 0n)) return;
    add(money, `${agent(agentId)} ${token.toLowerCase()}`, by);
    add(moneyDays, `${agent(agentId)} ${floor(at, DAY)} ${token.toLowerCase()}`, by);
  };
  const state = (agentId: bigint, token: string, by: Record<string, bigint>) =>
    Object.values(by).some((amount) => amount !== 0n) &&
    add(money, `${agent(agentId)} ${token.toLowerCase()}`, by);

  const sellerOf = new Map<bigint, bigint>();
  for (const { args, at } of of("Registered")) inBuckets(market, at, "", { agents: args.agentId ? 1 : 0 });
  for (const { args, at } of of("ListingVersion")) {
    if (sellerOf.has(args.ekId)) continue;
    sellerOf.set(args.ekId, args.sellerId);
    inBuckets(market, at, "", { listings: 1 });
    did(at, args.sellerId, "listed");
    add(listings, ek(args.ekId), { sales: 0 });
    add(sellers, agent(args.sellerId), { sales: 0 });
  }
  const labelled = new Set<string>();
  for (const { args, at } of of("Labelled")) {
    const name = `${args.ekId} ${args.validatorId}`;
    if (labelled.has(name)) continue;
    labelled.add(name);
    inBuckets(market, at, "", { labels: 1 });
    did(at, args.validatorId, "labelled");
  }

  const versions = new Map<bigint, number>();
  const prices = new Map<string, { trades: number; paid: bigint; prices: bigint[] }>();
  const weeks = new Map<string, bigint[]>();
  const orders = new Map<bigint, { args: TimedEvent["args"]; status: number }>();
  const repeats = { sales: 0 };
  for (const { eventName, args, at } of events) {
    if (eventName === "ListingVersion") versions.set(args.ekId, args.version);
    if (eventName !== "KeySold") continue;
    const { ekId, buyerId, keyId, sale } = args;
    const bought = weeks.get(agent(buyerId)) ?? [];
    const repeat = bought.length > 0 ? 1 : 0;
    weeks.set(agent(buyerId), [...bought, floor(at, 7n * DAY, MONDAY)]);
    repeats.sales += repeat;
    inBuckets(market, at, "", { trades: 1, repeats: repeat });
    did(at, sale.sellerId, "sold");
    did(at, buyerId, "bought");
    add(listings, ek(ekId), { sales: 1 });
    add(sellers, agent(sale.sellerId), { sales: 1 });
    if (sale.price > 0n) inBuckets(volume, at, ` ${sale.token.toLowerCase()}`, { paid: sale.price });
    flow(at, sale.sellerId, sale.token, { sold: sale.price });
    flow(at, sale.payerId, sale.token, { spent: sale.price });
    const isHeld = sale.releaseTime !== 0;
    state(sale.sellerId, sale.token, { [isHeld ? "held" : "soldAtOnce"]: sale.price });
    if (isHeld) orders.set(keyId, { args, status: 1 });
    for (const [size, span] of Object.entries(sizes)) {
      const key = `${ek(ekId)} ${size} ${floor(at, span)} ${sale.token.toLowerCase()}`;
      const row = prices.get(key) ?? { trades: 0, paid: 0n, prices: [] };
      if (sale.price > 0n) row.prices.push(sale.price);
      prices.set(key, { ...row, trades: row.trades + 1, paid: row.paid + sale.price });
    }
    const topic = about(ids.listingId.serialize({ chainId, ekId, version: versions.get(ekId) ?? 0 }));
    if (topic) inBuckets(topics, at, ` domain ${topic.domain}`, { trades: 1 });
    for (const name of new Set(topic?.modality)) inBuckets(topics, at, ` modality ${name}`, { trades: 1 });
  }

  const troubled = new Set<bigint>();
  for (const { eventName, args, at } of events) {
    const order = orders.get(args.keyId);
    if (eventName === "ChargeReversed" && order?.status === RELEASED) troubled.add(args.keyId);
    if (eventName !== "OrderStatusChanged" || !order) continue;
    const { sellerId, payerId, token } = order.args.sale;
    const [price, toBuyer] = [BigInt(order.args.sale.price), BigInt(args.toBuyer)];
    state(sellerId, token, { [order.status === DISPUTED ? "disputed" : "held"]: -price });
    if (args.status !== REFUNDED) {
      state(sellerId, token, { [args.status === DISPUTED ? "disputed" : "released"]: price - toBuyer });
    }
    flow(at, sellerId, token, { refunded: args.toBuyer });
    flow(at, payerId, token, { returned: args.toBuyer });
    if (args.toBuyer > 0n) inBuckets(volume, at, ` ${token.toLowerCase()}`, { refunded: args.toBuyer });
    if (args.status === REFUNDED) inBuckets(market, at, "", { refunds: 1 });
    if (args.status === DISPUTED) inBuckets(market, at, "", { disputes: 1 });
    if (args.status !== RELEASED) troubled.add(args.keyId);
    order.status = args.status;
  }
  for (const keyId of troubled) {
    add(listings, ek(keyId >> 96n), { troubled: 1 });
    add(sellers, agent(sellerOf.get(keyId >> 96n) as bigint), { troubled: 1 });
  }
  for (const { args } of [...of("PointsAwarded"), ...of("PointsWithheld")]) {
    const isRelated = (args.reasons & RELATED) !== 0;
    if (!isRelated) add(listings, ek(args.ekId), { trades: 1 });
    add(sellers, agent(args.sellerId), isRelated ? { relatedTrades: 1 } : { trades: 1 });
  }
  for (const { args, at } of of("KeyRenewed")) {
    if (args.price > 0n) inBuckets(volume, at, ` ${args.token.toLowerCase()}`, { paid: args.price });
    flow(at, args.payerId, args.token, { spent: args.price });
  }
  for (const { args, at, contract } of of("Credited")) {
    if (contract !== "Exchange") continue;
    if (args.share !== SHARE_REFUND) flow(at, args.agentId, args.token, { earned: args.amount });
    if (args.share !== SHARE_BOUNTY) continue;
    state(sellerOf.get(args.keyId >> 96n) as bigint, args.token, { bounties: -BigInt(args.amount) });
  }
  for (const { args } of of("BountyFunded")) {
    state(sellerOf.get(args.ekId) as bigint, args.token, { bounties: args.amount });
  }
  for (const { args, at, contract } of of("Withdrawn")) {
    if (contract === "Exchange") flow(at, args.agentId, args.token, { withdrawn: args.amount });
  }
  return {
    ...{ market, volume, topics, deeds, money, moneyDays, listings, sellers, prices },
    actives: activesOf(deeds),
    cohorts: cohortsOf(weeks),
    repeatSales: repeats.sales,
  };
}

function activesOf(deeds: Sums): Sums {
  const actives: Sums = new Map();
  for (const [key, row] of deeds) {
    add(actives, key.split(" ")[1] as string, {
      agents: 1,
      sellers: row.listed || row.sold ? 1 : 0,
      buyers: row.bought ? 1 : 0,
      validators: row.labelled ? 1 : 0,
    });
  }
  return actives;
}

function cohortsOf(weeks: ReadonlyMap<string, bigint[]>): Sums {
  const cohorts: Sums = new Map();
  for (const bought of weeks.values()) {
    for (const week of new Set(bought)) add(cohorts, `${bought[0]} ${week}`, { buyers: 1 });
  }
  return cohorts;
}
