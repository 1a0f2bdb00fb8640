/** What dashboards read: counts and sums by hours and days of UTC, of the market and of each agent. */
import {
  activeDay,
  agentDay,
  agentMoney,
  agentMoneyDay,
  buyerWeek,
  cohortWeek,
  marketBucket,
  priceBucket,
  topicBucket,
  volumeBucket,
} from "ponder:schema";
import type { Hex } from "viem";
import { bucketSizes, bucketStart, weekStart } from "../../sdk/buckets.ts";
import type { Db } from "./event.ts";

/** The chain, and the block's time in Unix seconds. */
export type Moment = { chainId: number; at: bigint };

const NO_MARKET = { agents: 0, listings: 0, trades: 0, repeats: 0, labels: 0, refunds: 0, disputes: 0 };
const NO_VOLUME = { paid: 0n, refunded: 0n };
const NO_DEEDS = { listed: 0, sold: 0, bought: 0, labelled: 0 };
const NO_FLOWS = { sold: 0n, refunded: 0n, earned: 0n, withdrawn: 0n, spent: 0n, returned: 0n };
const NO_STATE = { soldAtOnce: 0n, held: 0n, disputed: 0n, released: 0n, bounties: 0n };
const NO_ACTIVE = { agents: 0, sellers: 0, buyers: 0, validators: 0 };

/** The columns that `by` names, with it added. */
function plus(row: Record<string, unknown>, by: Partial<Record<string, number | bigint>>) {
  return Object.fromEntries(
    Object.entries(by).map(([name, n]) => {
      const before = row[name];
      // A column is of one kind: bigint amounts, counts of type number.
      return [name, typeof before === "bigint" ? before + BigInt(n ?? 0) : Number(before) + Number(n)];
    }),
  );
}

export async function countMarket(db: Db, { chainId, at }: Moment, by: Partial<typeof NO_MARKET>) {
  for (const size of bucketSizes) {
    await db
      .insert(marketBucket)
      .values({ chainId, size, start: bucketStart(size, at), ...NO_MARKET, ...by })
      .onConflictDoUpdate((row) => plus(row, by));
  }
}

export async function countVolume(
  db: Db,
  { chainId, at }: Moment,
  token: Hex,
  by: Partial<typeof NO_VOLUME>,
) {
  if (!by.paid && !by.refunded) return;
  for (const size of bucketSizes) {
    await db
      .insert(volumeBucket)
      .values({ chainId, size, start: bucketStart(size, at), token, ...NO_VOLUME, ...by })
      .onConflictDoUpdate((row) => plus(row, by));
  }
}

type Sold = { ekId: string; token: Hex; price: bigint; domain: string | null; modality: string[] | null };

/** A key was sold: the listing's prices, and the trades of what it is about. A key for nothing or for points has no price. */
export async function countSale(db: Db, { chainId, at }: Moment, { ekId, token, price, ...about }: Sold) {
  const prices = price === 0n ? {} : { open: price, high: price, low: price, close: price };
  const topics = [
    ...(about.domain === null ? [] : [{ kind: "domain" as const, name: about.domain }]),
    ...[...new Set(about.modality)].map((name) => ({ kind: "modality" as const, name })),
  ];
  for (const size of bucketSizes) {
    const bucket = { chainId, size, start: bucketStart(size, at) };
    await db
      .insert(priceBucket)
      .values({ ...bucket, ekId, token, trades: 1, paid: price, ...prices })
      .onConflictDoUpdate((row) => ({
        trades: row.trades + 1,
        paid: row.paid + price,
        ...(price === 0n
          ? {}
          : {
              open: row.open ?? price,
              high: row.high === null || row.high < price ? price : row.high,
              low: row.low === null || row.low > price ? price : row.low,
              close: price,
            }),
      }));
    for (const topic of topics) {
      await db
        .insert(topicBucket)
        .values({ ...bucket, ...topic, trades: 1 })
        .onConflictDoUpdate((row) => ({ trades: row.trades + 1 }));
    }
  }
}

/** As what an agent that did this is counted among the day's active ones. */
const roles = { listed: "sellers", sold: "sellers", bought: "buyers", labelled: "validators" } as const;

/** Counts what an agent did, and the agent itself when it is its first deed of the day, or its first in that role. */
export async function countDay(
  db: Db,
  { chainId, at }: Moment,
  agentId: string,
  deed: keyof typeof NO_DEEDS,
) {
  const start = bucketStart("day", at);
  const row = await db
    .insert(agentDay)
    .values({ agentId, start, chainId, ...NO_DEEDS, [deed]: 1 })
    .onConflictDoUpdate((day) => ({ [deed]: day[deed] + 1 }));
  const role = roles[deed];
  const inRole = role === "sellers" ? row.listed + row.sold : row[deed];
  if (inRole !== 1) return;
  const isFirst = row.listed + row.sold + row.bought + row.labelled === 1;
  const by = { [role]: 1, agents: isFirst ? 1 : 0 };
  await db
    .insert(activeDay)
    .values({ chainId, start, ...NO_ACTIVE, ...by })
    .onConflictDoUpdate((day) => plus(day, by));
}

/** Counts a purchase in its buyer's cohort. Whether it had bought something before. */
export async function countPurchase(db: Db, { chainId, at }: Moment, agentId: string): Promise<boolean> {
  const week = weekStart(at);
  const row = await db.find(buyerWeek, { agentId });
  if (row === null) await db.insert(buyerWeek).values({ agentId, chainId, first: week, last: week });
  else if (row.last === week) return true;
  else await db.update(buyerWeek, { agentId }).set({ last: week });
  await db
    .insert(cohortWeek)
    .values({ chainId, cohort: row?.first ?? week, week, buyers: 1 })
    .onConflictDoUpdate((cohort) => ({ buyers: cohort.buyers + 1 }));
  return row !== null;
}

type Money = typeof NO_FLOWS & typeof NO_STATE;

/** Adds to an agent's money in a token, ever and by days. */
export async function countMoney(
  db: Db,
  { chainId, at }: Moment,
  { agentId, token }: { agentId: string; token: Hex },
  by: Partial<Money>,
) {
  const changes = Object.entries(by).filter(([, amount]) => amount !== 0n);
  if (changes.length === 0) return;
  const all = Object.fromEntries(changes) as Partial<Money>;
  await db
    .insert(agentMoney)
    .values({ agentId, token, chainId, ...NO_FLOWS, ...NO_STATE, ...all })
    .onConflictDoUpdate((row) => plus(row, all));
  const flows = Object.fromEntries(changes.filter(([name]) => name in NO_FLOWS)) as Partial<typeof NO_FLOWS>;
  if (Object.keys(flows).length === 0) return;
  await db
    .insert(agentMoneyDay)
    .values({ agentId, start: bucketStart("day", at), token, chainId, ...NO_FLOWS, ...flows })
    .onConflictDoUpdate((row) => plus(row, flows));
}
