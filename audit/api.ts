/** Holds what the exchange's API says against the chain, page by page. It asks only for what anybody may read. */

import type { z } from "zod";
import { fromBits, labels as labelRecord, scopes, scoreNames } from "../sdk/records.ts";
import type { EKSummary } from "../sdk/wire/listing.ts";
import type { activityResponseSchema, pointsPolicySchema, publicStatsSchema } from "../sdk/wire/public.ts";
import type { Listing } from "./books.ts";
import { compareRows } from "./compare.ts";
import { type Context, namesOf } from "./context.ts";
import { AuditError, each, type Node, reasonOf } from "./node.ts";
import { aggregateOf } from "./replay/labels.ts";
import { type Row, totalsOf } from "./rows.ts";

const PAGE = 200;
const AT_ONCE = 8;
const TRIES = 5;
const laws = { row: "API_ROW", missing: "API_MISSING", invented: "API_INVENTED" } as const;
const listingStatuses = ["none", "active", "paused", "archived"];

type Answer<T> = { status: number; body: T };
type Ask = <T>(path: string) => Promise<Answer<T>>;

/** Waits when it is told to. Throws an AuditError when there is no answer. */
function asker(url: string): Ask {
  const base = url.replace(/\/$/, "");
  return async <T>(path: string): Promise<Answer<T>> => {
    for (let left = TRIES; ; left--) {
      try {
        const response = await fetch(base + path, { headers: { accept: "application/json" } });
        if (response.status !== 429 || left === 0)
          return { status: response.status, body: (await response.json()) as T };
        const seconds = Number(response.headers.get("retry-after")) || 1;
        await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      } catch (error) {
        if (left === 0)
          throw new AuditError(`The API at ${base} gives no answer to ${path}: ${reasonOf(error)}`, {
            cause: error,
          });
      }
    }
  };
}

/** Compares everything. `block` is the last one that was replayed: what the API has of later ones is left alone. */
export async function compareApi(url: string, node: Node, c: Context, block: bigint): Promise<void> {
  const ask = asker(url);
  await compareStats(ask, c);
  await comparePolicy(ask, c);
  const shown = await compareListings(ask, c);
  await compareActivity(ask, { node, c, block, shown });
}

function expectOk<T>({ status, body }: Answer<T>, path: string): T {
  if (status === 200) return body;
  throw new AuditError(`The API answers ${path} with ${status}.`, {
    hint: "Is it up, and does its health say ok?",
  });
}

async function compareStats(ask: Ask, { books, findings }: Context): Promise<void> {
  const said = expectOk(await ask<z.infer<typeof publicStatsSchema>>("/public/stats"), "/public/stats");
  const totals = totalsOf(books);
  const expected = {
    ...{ exp_total: totals.listings, ek_trades_total: totals.sales, active_agents: totals.active_agents },
    ...{ sellers: totals.sellers, buyers: totals.buyers, validators: totals.validators },
  };
  const flat = { ...said, ...said.active_agents, active_agents: said.active_agents.total };
  compareRows(findings, { table: "/public/stats", id: [], expected: [expected], said: [flat], laws });
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
  compareRows(findings, { table: path, id: [], expected: [expected], said: [said], laws });
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
    compareRows(findings, { table: "/listings", id: ["ek_id"], expected: [expected], said: [said], laws });
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
type Feed = { node: Node; c: Context; block: bigint; shown: ReadonlySet<string> };

async function compareActivity(ask: Ask, feed: Feed): Promise<void> {
  const items: Activity[] = [];
  for (let cursor: string | undefined = ""; cursor !== undefined; ) {
    const path: string = `/public/activity?limit=${PAGE}${cursor && `&cursor=${encodeURIComponent(cursor)}`}`;
    const page = expectOk(await ask<z.infer<typeof activityResponseSchema>>(path), path);
    items.push(...page.items);
    cursor = page.cursor_next;
  }
  const expected = numbered(expectedFeed(feed));
  const known = new Set(feed.c.books.deeds.map(({ place }) => place.tx as string));
  const unknown = new Set(items.map(({ tx }) => tx.toLowerCase()).filter((tx) => !known.has(tx)));
  const later = await laterThan(feed, unknown);
  const said = numbered(items.filter(({ tx }) => !later.has(tx.toLowerCase())).map(rowOf));
  const id = ["type", "tx", "ek_id", "agent_id", "n"];
  compareRows(feed.c.findings, { table: "/public/activity", id, expected, said, laws });
}

/** Which transactions are in blocks after the last one that was replayed. */
async function laterThan({ node, block }: Feed, txs: ReadonlySet<string>): Promise<Set<string>> {
  const later = new Set<string>();
  await each([...txs], AT_ONCE, async (tx) => {
    const receipt = await node.receiptOrNothing(tx as `0x${string}`);
    if (receipt && BigInt(receipt.blockNumber) > block) later.add(tx);
  });
  return later;
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

const isoOf = (time: bigint) => new Date(Number(time) * 1000).toISOString().replace(".000Z", "Z");
const sameTime = (text: string) => isoOf(BigInt(Math.floor(Date.parse(text) / 1000)));

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
