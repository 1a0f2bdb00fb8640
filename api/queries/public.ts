/** What anybody may see of the market: its totals and its feed. */
import { and, asc, desc, eq, gt, inArray, sql } from "drizzle-orm";
import { z } from "zod";
import { bucketSeconds, bucketStart } from "../../sdk/buckets.ts";
import type { pageQuerySchema } from "../../sdk/wire/common.ts";
import type { activityItemSchema, activityResponseSchema, PublicStats } from "../../sdk/wire/public.ts";
import type { Deps } from "../deps.ts";
import { activeOf, activesOf, marketOf, namesOf, rate, topTraded, volumesOf } from "./analytics.ts";
import { cursorOf, paged } from "./cursor.ts";
import { type IndexDatabase, views } from "./index-database.ts";
import { toValidationRecord } from "./labels.ts";
import type { Span } from "./span.ts";
import { isShowable, type ListingRow, type ShowableRow, toSummaries } from "./summaries.ts";
import { isoTime } from "./time.ts";

const TOP = 10;
const HOURS = 24n;
const DAYS = 7n;

/** All of it from totals and roll-ups. */
export async function publicStats(deps: Deps): Promise<PublicStats> {
  const { protocol } = views;
  const chainId = deps.chain.id;
  const now = BigInt(Math.floor(Date.now() / 1000));
  const [hour, today] = [bucketStart("hour", now), bucketStart("day", now)];
  const day: Span = { size: "hour", from: hour - (HOURS - 1n) * bucketSeconds.hour, to: hour };
  const [[totals], hours, volumes, [active], listed, traded] = await deps.index.read((db) =>
    Promise.all([
      db.select().from(protocol).where(eq(protocol.chainId, chainId)),
      marketOf(db, chainId, day),
      volumesOf(db, chainId, day),
      activesOf(db, chainId, { from: today, to: today }),
      topListed(db, chainId),
      tradedOf(db, chainId, {
        last_24h: day,
        last_7d: { size: "day", from: today - (DAYS - 1n) * bucketSeconds.day },
      }),
    ]),
  );
  const { listings = 0, sales = 0, soldListings = 0, repeatSales = 0 } = totals ?? {};
  return {
    exp_total: listings,
    ek_listings_total: totals?.openListings ?? 0,
    ek_trades_total: sales,
    ek_trades_24h: hours.reduce((sum, { trades }) => sum + trades, 0),
    active_agents: {
      total: totals?.activeAgents ?? 0,
      sellers: totals?.sellers ?? 0,
      buyers: totals?.buyers ?? 0,
      validators: totals?.validators ?? 0,
    },
    ...listed,
    top_traded: traded,
    volume_24h: [...Map.groupBy(volumes, ({ token }) => token)].map(([token, of]) => ({
      ...namesOf(deps, token),
      paid: String(of.reduce((sum, { paid }) => sum + paid, 0n)),
    })),
    active_today: activeOf(active),
    bootstrap: {
      ...{ experiences: listings, trades: sales },
      ...{ reuse_rate: rate(soldListings, listings), repeat_rate: rate(repeatSales, sales) },
    },
  };
}

async function topListed(db: IndexDatabase, chainId: number) {
  const { domainCount, modalityCount } = views;
  const [top_domains, top_modalities] = await Promise.all([
    db
      .select({ domain: domainCount.domain, count: domainCount.listings })
      .from(domainCount)
      .where(and(eq(domainCount.chainId, chainId), gt(domainCount.listings, 0)))
      .orderBy(desc(domainCount.listings), asc(domainCount.domain))
      .limit(TOP),
    db
      .select({ modality: modalityCount.modality, count: modalityCount.listings })
      .from(modalityCount)
      .where(and(eq(modalityCount.chainId, chainId), gt(modalityCount.listings, 0)))
      .orderBy(desc(modalityCount.listings), asc(modalityCount.modality))
      .limit(TOP),
  ]);
  return { top_domains, top_modalities };
}

type Since = Pick<Span, "size" | "from">;

async function tradedOf(db: IndexDatabase, chainId: number, spans: Record<"last_24h" | "last_7d", Since>) {
  const of = async ({ size, from: since }: Since) => {
    const [domains, modalities] = await Promise.all([
      topTraded(db, chainId, { kind: "domain", size, since, limit: TOP }),
      topTraded(db, chainId, { kind: "modality", size, since, limit: TOP }),
    ]);
    return { domains, modalities };
  };
  const [last_24h, last_7d] = await Promise.all([of(spans.last_24h), of(spans.last_7d)]);
  return { last_24h, last_7d };
}

type ActivityItem = z.infer<typeof activityItemSchema>;
type ActivityRow = typeof views.activity.$inferSelect;

/** Block and place in it. */
const cursor = cursorOf(z.tuple([z.string().regex(/^[0-9]{1,20}$/), z.int()]));

/** The feed, newest first. What is about a listing that can't be shown is left out. */
export async function publicActivity(
  deps: Deps,
  query: z.output<typeof pageQuerySchema>,
): Promise<z.infer<typeof activityResponseSchema>> {
  const { activity } = views;
  const before = cursor.read(query.cursor);
  const rows = await deps.index.read((db) =>
    db
      .select()
      .from(activity)
      .where(
        and(
          eq(activity.chainId, deps.chain.id),
          before &&
            sql`(${activity.blockNumber}, ${activity.logIndex}) < (${before[0]}::numeric, ${before[1]}::int)`,
        ),
      )
      .orderBy(desc(activity.blockNumber), desc(activity.logIndex))
      .limit(query.limit + 1),
  );
  const { items, ...next } = paged(rows, query.limit, (row) =>
    cursor.write([String(row.blockNumber), row.logIndex]),
  );
  const shown = (await activityItems(deps, items)).filter((item) => item !== undefined);
  return { items: shown, ...next };
}

/** The rows as the wire has them, in their order; undefined for what can't be shown. */
export async function activityItems(
  deps: Deps,
  rows: readonly Pick<ActivityRow, "type" | "ekId" | "agentId" | "refId" | "tx" | "at">[],
): Promise<(ActivityItem | undefined)[]> {
  const [listings, labels] = await Promise.all([
    readListings(
      deps,
      rows.filter(({ type }) => type !== "validation").map((row) => row.ekId),
    ),
    readLabels(
      deps,
      rows.filter(({ type }) => type === "validation").map((row) => row.refId),
    ),
  ]);
  const showable = listings.filter((row): row is ShowableRow => isShowable(deps, row));
  const summaries = new Map((await toSummaries(deps, showable)).map((summary) => [summary.ek_id, summary]));
  const records = new Map(labels.map((row) => [row.label.id, toValidationRecord(row.label, row.agent)]));
  return rows.map((row): ActivityItem | undefined => {
    const common = { timestamp: isoTime(row.at), tx: row.tx };
    if (row.type === "validation") {
      const record = records.get(row.refId);
      return record && { type: "validation", ...common, ek_id: row.ekId, label: record };
    }
    const summary = summaries.get(row.ekId);
    if (!summary) return undefined;
    return row.type === "exp_listed"
      ? { type: "exp_listed", ...common, ek_summary: summary }
      : { type: "ek_trade", ...common, ek_summary: summary, buyer: { agent_id: row.agentId } };
  });
}

async function readListings(deps: Deps, ekIds: readonly string[]): Promise<ListingRow[]> {
  if (ekIds.length === 0) return [];
  const { listing } = views;
  return deps.index.read((db) =>
    db
      .select()
      .from(listing)
      .where(inArray(listing.id, [...new Set(ekIds)])),
  );
}

async function readLabels(deps: Deps, ids: readonly string[]) {
  if (ids.length === 0) return [];
  const { label, agent } = views;
  return deps.index.read((db) =>
    db
      .select({ label, agent })
      .from(label)
      .innerJoin(agent, eq(agent.id, label.validatorId))
      .where(and(inArray(label.id, [...ids]), eq(label.status, "live"))),
  );
}
