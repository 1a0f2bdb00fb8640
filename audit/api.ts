/** Holds what the exchange's API says against the chain, page by page. It asks only for what anybody may read. */

import type { z } from "zod";
import { fromBits, labels as labelRecord, scopes, scoreNames } from "../sdk/records.ts";
import type { EKSummary } from "../sdk/wire/listing.ts";
import type { activityResponseSchema, pointsPolicySchema, publicStatsSchema } from "../sdk/wire/public.ts";
import { compareRecord } from "./api-record.ts";
import {
  type Ask,
  allPages,
  apiLaws,
  asker,
  expectOk,
  type Followed,
  isoOf,
  laterThan,
  sameTime,
} from "./ask.ts";
import type { Listing } from "./books.ts";
import { compareRows } from "./compare.ts";
import { type Context, namesOf } from "./context.ts";
import { AuditError, each, type Node } from "./node.ts";
import { aggregateOf } from "./replay/labels.ts";
import { type Row, totalsOf } from "./rows.ts";

const AT_ONCE = 8;
const listingStatuses = ["none", "active", "paused", "archived"];

/** Compares everything. `block` is the last one that was replayed: what the API has of later ones is left alone. */
export async function compareApi(url: string, node: Node, c: Context, block: bigint): Promise<void> {
  const ask = asker(url);
  await compareStats(ask, c);
  await comparePolicy(ask, c);
  const shown = await compareListings(ask, c);
  await compareActivity(ask, { node, c, block, shown });
  await compareRecord(ask, { node, c, block });
}

async function compareStats(ask: Ask, { books, findings }: Context): Promise<void> {
  const said = expectOk(await ask<z.infer<typeof publicStatsSchema>>("/public/stats"), "/public/stats");
  const totals = totalsOf(books);
  const expected = {
    ...{ exp_total: totals.listings, ek_trades_total: totals.sales, active_agents: totals.active_agents },
    ...{ sellers: totals.sellers, buyers: totals.buyers, validators: totals.validators },
  };
  const flat = { ...said, ...said.active_agents, active_agents: said.active_agents.total };
  compareRows(findings, {
    table: "/public/stats",
    id: [],
    expected: [expected],
    said: [flat],
    laws: apiLaws,
  });
}

async function comparePolicy(ask: Ask, { books, findings }: Context): Promise<void> {
  const path = "/public/points/policy";
  const { award, anti_gaming: rules } = expectOk(await ask<z.infer<typeof pointsPolicySchema>>(path), path);
  const policy = books.pointsPolicy;
  const expected = {
    ...{ seller: policy?.sellerAward, buyer: policy?.buyerAward, wash_cap_per_day: policy?.pairTradesPerDay },
    ...{ agent_cap_per_day: policy?.agentPointsPerDay, after_sales: policy?.handful },
    weight: (policy?.unendorsedPercent ?? 0) / 100,
  };
  const said = { ...award, ...rules, ...rules.unendorsed_weight };
  compareRows(findings, { table: path, id: [], expected: [expected], said: [said], laws: apiLaws });
}

/** Returns the ids of the listings that the API shows: some have a summary that can't be read. */
async function compareListings(ask: Ask, c: Context): Promise<Set<string>> {
  const { books, findings } = c;
  const name = namesOf(c.constants.chainId);
  const shown = new Set<string>();
  await each([...books.listings.values()], AT_ONCE, async (listing) => {
    const id = name.ek(listing.ekId);
    const { status, body } = await ask<EKSummary>(`/listings/${id}`);
    if (status === 404) {
      findings.note("listings that the API does not show");
      return;
    }
    const summary = expectOk({ status, body }, `/listings/${id}`);
    shown.add(id);
    const present = listing.versions.at(-1);
    const price = steadyPrice(c, listing.ekId);
    const expected = {
      ...{
        ek_id: id,
        listing_id: name.lst(listing.ekId, listing.versions.length),
        status: listingStatuses[listing.status],
      },
      ...{
        seller: name.agt(listing.sellerId),
        eoa: books.agents.get(listing.sellerId)?.eoa,
        sold_count: listing.sold,
      },
      ...{ manifest_hash: present?.manifestHash, validation_score: meanScore(listing) },
      access_scopes: fromBits(scopes, present?.terms.scopes ?? 0),
      ...(price !== undefined && { current_price_units: price }),
    };
    const said = {
      ...{ ...summary, ...summary.metrics, ...summary.pricing, seller: summary.seller.agent_id },
      ...{
        eoa: summary.seller.eoa,
        validation_score: summary.validation_snapshot.score,
        status: summary.status,
      },
    };
    compareRows(findings, {
      table: "/listings",
      id: ["ek_id"],
      expected: [expected],
      said: [said],
      laws: apiLaws,
    });
  });
  return shown;
}

/** The mean of all scores of the live labels, as the API shows it. */
function meanScore(listing: Listing): number {
  const { count, ...sums } = aggregateOf(listing);
  const sum = Object.values(sums).reduce((total, each) => total + each, 0);
  return count === 0 ? 0 : Math.round(sum / (scoreNames.length * count));
}

/** What the next key costs, where that does not change while the audit runs. */
function steadyPrice({ books }: Context, ekId: bigint): bigint | undefined {
  const listing = books.listings.get(ekId);
  const price = listing?.versions.at(-1)?.price;
  if (!listing || !price) return undefined;
  const now = BigInt(Math.floor(Date.now() / 1000));
  const prices = [now - 3600n, now, now + 3600n].map((time) => price(listing.sold, time));
  return prices.every((each) => each === prices[0]) ? prices[0] : undefined;
}

type Activity = z.infer<typeof activityResponseSchema>["items"][number];
type Feed = Followed & { shown: ReadonlySet<string> };

async function compareActivity(ask: Ask, feed: Feed): Promise<void> {
  const items = await allPages<Activity>(ask, "/public/activity");
  if (!items) throw new AuditError("The API has no /public/activity.");
  const expected = numbered(expectedFeed(feed));
  const known = new Set(feed.c.books.deeds.map(({ place }) => place.tx as string));
  const unknown = new Set(items.map(({ tx }) => tx.toLowerCase()).filter((tx) => !known.has(tx)));
  const later = await laterThan(feed, unknown);
  const said = numbered(items.filter(({ tx }) => !later.has(tx.toLowerCase())).map(rowOf));
  const id = ["type", "tx", "ek_id", "agent_id", "n"];
  compareRows(feed.c.findings, { table: "/public/activity", id, expected, said, laws: apiLaws });
}

/** What one transaction did several times is told apart by a number. */
function numbered(rows: Row[]): Row[] {
  const seen = new Map<string, number>();
  return rows.map((row) => {
    const name = `${row.type} ${row.tx} ${row.ek_id} ${row.agent_id}`;
    const n = (seen.get(name) ?? 0) + 1;
    seen.set(name, n);
    return { ...row, n };
  });
}

function expectedFeed({ c, shown }: Feed): Row[] {
  const name = namesOf(c.constants.chainId);
  return c.books.deeds.flatMap(({ kind, ekId, agentId, time, place }): Row[] => {
    const ek = name.ek(ekId);
    const row = { type: kind, tx: place.tx, ek_id: ek, timestamp: isoOf(time) };
    if (kind !== "validation") {
      if (!shown.has(ek)) return [];
      // A feed names no seller beside the listing.
      return [{ ...row, agent_id: kind === "ek_trade" ? name.agt(agentId) : "" }];
    }
    const label = c.books.listings.get(ekId)?.labels.get(agentId);
    if (!label?.live) return [];
    const scores = Object.fromEntries(scoreNames.map((score) => [score, label.scores[score]]));
    const said = {
      version: label.version,
      labels: fromBits(labelRecord, label.types),
      created_at: isoOf(label.createdAt),
    };
    return [{ ...row, agent_id: name.agt(agentId), label_id: name.lbl(ekId, agentId), ...said, ...scores }];
  });
}

function rowOf(item: Activity): Row {
  const common = { type: item.type, tx: item.tx.toLowerCase(), timestamp: sameTime(item.timestamp) };
  if (item.type !== "validation") {
    const agent = item.type === "ek_trade" ? item.buyer.agent_id : "";
    return { ...common, ek_id: item.ek_summary.ek_id, agent_id: agent };
  }
  const { label_id, validator, version, labels, scores, created_at } = item.label;
  const said = { label_id, version, labels, created_at: sameTime(created_at), ...scores };
  return { ...common, ek_id: item.ek_id, agent_id: validator.agent_id, ...said };
}
