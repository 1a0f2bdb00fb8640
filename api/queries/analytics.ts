/** What happened over time. All of it is read from roll-ups: what an answer costs depends on its span, not on what was ever sold. */
import { and, asc, between, desc, eq, gte, sql } from "drizzle-orm";
import { getAddress, type Hex } from "viem";
import { type BucketSize, weekStart } from "../../sdk/buckets.ts";
import type { Analytics, PriceHistory, SpanQuery } from "../../sdk/wire/analytics.ts";
import { ekNumber } from "../chain/listings.ts";
import type { Deps } from "../deps.ts";
import { usageByDay } from "../store/usage.ts";
import { type IndexDatabase, views } from "./index-database.ts";
import { type Span, spanOf } from "./span.ts";
import { isoTime } from "./time.ts";

/** The market in buckets, and how many of its buyers came back. */
export async function analytics(deps: Deps, query: SpanQuery): Promise<Analytics> {
  const span = spanOf(query);
  const chainId = deps.chain.id;
  const usage =
    span.size === "day"
      ? await usageByDay(deps.sql, { from: toDate(span.from), to: toDate(span.to) })
      : undefined;
  const [market, volumes, actives, cohorts] = await deps.index.read((db) =>
    Promise.all([
      marketOf(db, chainId, span),
      volumesOf(db, chainId, span),
      span.size === "day" ? activesOf(db, chainId, span) : [],
      cohortsOf(db, chainId, span),
    ]),
  );
  const starts = new Set([...market, ...volumes, ...actives].map(({ start }) => start));
  for (const day of usage?.keys() ?? []) starts.add(BigInt(Date.parse(`${day}T00:00:00Z`) / 1000));
  return {
    ...{ bucket: span.size, from: isoTime(span.from), to: isoTime(span.to) },
    buckets: [...starts]
      .sort((a, b) => Number(a - b))
      .map((start) => {
        const row = market.find((bucket) => bucket.start === start);
        const active = actives.find((day) => day.start === start);
        const used = usage?.get(isoTime(start).slice(0, 10));
        return {
          start: isoTime(start),
          ...countsOf(row),
          volume: volumes
            .filter((volume) => volume.start === start)
            .map(({ token, paid, refunded }) => ({
              ...namesOf(deps, token),
              ...{ paid: String(paid), refunded: String(refunded) },
            })),
          ...(span.size === "day" && {
            active: activeOf(active),
            ...{ uses: used?.usage ?? 0, quotes: used?.quotes ?? 0 },
          }),
        };
      }),
    retention: toRetention(cohorts),
  };
}

export const marketOf = (db: IndexDatabase, chainId: number, { size, from, to }: Span) => {
  const { marketBucket: bucket } = views;
  return db
    .select()
    .from(bucket)
    .where(and(eq(bucket.chainId, chainId), eq(bucket.size, size), between(bucket.start, from, to)));
};

export const volumesOf = (db: IndexDatabase, chainId: number, { size, from, to }: Span) => {
  const { volumeBucket: bucket } = views;
  return db
    .select()
    .from(bucket)
    .where(and(eq(bucket.chainId, chainId), eq(bucket.size, size), between(bucket.start, from, to)))
    .orderBy(asc(bucket.start), asc(bucket.token));
};

export const activesOf = (db: IndexDatabase, chainId: number, { from, to }: Pick<Span, "from" | "to">) => {
  const { activeDay: day } = views;
  return db
    .select()
    .from(day)
    .where(and(eq(day.chainId, chainId), between(day.start, from, to)));
};

/** Cohorts that began within the span, with all weeks since. */
const cohortsOf = (db: IndexDatabase, chainId: number, { from, to }: Span) => {
  const { cohortWeek: cohort } = views;
  return db
    .select()
    .from(cohort)
    .where(and(eq(cohort.chainId, chainId), between(cohort.cohort, weekStart(from), to)))
    .orderBy(asc(cohort.cohort), asc(cohort.week));
};

function countsOf(row: typeof views.marketBucket.$inferSelect | undefined) {
  return {
    new_agents: row?.agents ?? 0,
    experiences: row?.listings ?? 0,
    trades: row?.trades ?? 0,
    repeat_trades: row?.repeats ?? 0,
    labels: row?.labels ?? 0,
    refunds: row?.refunds ?? 0,
    disputes: row?.disputes ?? 0,
  };
}

export function activeOf(row: typeof views.activeDay.$inferSelect | undefined) {
  const { agents = 0, sellers = 0, buyers = 0, validators = 0 } = row ?? {};
  return { total: agents, sellers, buyers, validators };
}

const WEEK = 7n * 86_400n;

function toRetention(rows: (typeof views.cohortWeek.$inferSelect)[]): Analytics["retention"] {
  const cohorts = Map.groupBy(rows, ({ cohort }) => cohort);
  return [...cohorts].map(([cohort, weeks]) => {
    const all = weeks.find(({ week }) => week === cohort)?.buyers ?? 0; // it is there: they bought in it
    return {
      cohort: isoTime(cohort),
      buyers: all,
      weeks: weeks.map(({ week, buyers }) => ({
        week: Number((week - cohort) / WEEK),
        buyers,
        rate: rate(buyers, all),
      })),
    };
  });
}

/** To four decimals; 0 of nothing. */
export function rate(part: number, whole: number): number {
  return whole === 0 ? 0 : Math.round((10_000 * part) / whole) / 10_000;
}

/** A token as people and programs know it. */
export function namesOf({ chain }: Deps, token: Hex) {
  const known = chain.deployment.tokens.find(({ address }) => address.toLowerCase() === token.toLowerCase());
  return { token: getAddress(token), currency: known?.symbol ?? getAddress(token) };
}

const toDate = (seconds: bigint) => new Date(Number(seconds) * 1000);

/** What a listing's keys were sold for. Throws EK_NOT_FOUND for an id of another chain; an unknown listing was never sold. */
export async function priceHistory(deps: Deps, ekId: string, query: SpanQuery): Promise<PriceHistory> {
  ekNumber(deps.chain, ekId);
  const { size, from, to } = spanOf(query);
  const { priceBucket: bucket } = views;
  const rows = await deps.index.read((db) =>
    db
      .select()
      .from(bucket)
      .where(and(eq(bucket.ekId, ekId), eq(bucket.size, size), between(bucket.start, from, to)))
      .orderBy(asc(bucket.start), asc(bucket.token)),
  );
  const price = (name: string, units: bigint | null) => (units === null ? {} : { [name]: String(units) });
  return {
    ek_id: ekId,
    bucket: size,
    buckets: rows.map((row) => ({
      start: isoTime(row.start),
      ...namesOf(deps, row.token),
      ...{ trades: row.trades, paid: String(row.paid) },
      ...price("open", row.open),
      ...price("high", row.high),
      ...price("low", row.low),
      ...price("close", row.close),
    })),
  };
}

/** The most traded names, by buckets that begin at `since` or later. */
export function topTraded(
  db: IndexDatabase,
  chainId: number,
  {
    kind,
    size,
    since,
    limit,
  }: { kind: "domain" | "modality"; size: BucketSize; since: bigint; limit: number },
): Promise<{ name: string; trades: number }[]> {
  const { topicBucket: bucket } = views;
  const trades = sql<number>`sum(${bucket.trades})::int`;
  return db
    .select({ name: bucket.name, trades })
    .from(bucket)
    .where(
      and(
        ...[eq(bucket.chainId, chainId), eq(bucket.kind, kind), eq(bucket.size, size)],
        gte(bucket.start, since),
      ),
    )
    .groupBy(bucket.name)
    .orderBy(desc(trades), asc(bucket.name))
    .limit(limit);
}
