/**
 * What the index should hold, row by row, from the auditor's books. Names of tables and columns are those of the index's database; only
 * columns that the chain's events tell are there. Where a column says null for none, so does the row.
 */
import { refundTerms } from "../sdk/records.ts";
import type { Books } from "./books.ts";
import { type Names, namesOf } from "./context.ts";
import { aggregateOf } from "./replay/labels.ts";
import { judgementTables, moneyTables } from "./rows-other.ts";

/** A column's value: compared as text, lists and nothing included. */
export type Row = Readonly<Record<string, unknown>>;
/** `id` are the columns that name a row. */
export type Table = { name: string; id: readonly string[]; rows: Iterable<Row> };

const listingStatuses = ["none", "active", "paused", "archived"];
const orderStatuses = ["none", "held", "disputed", "released", "refunded"];

export function tablesOf(books: Books, chainId: number): Table[] {
  const name = namesOf(chainId);
  return [
    ...agentTables(books, name),
    ...marketTables(books, name),
    ...judgementTables(books, name),
    ...moneyTables(books, name),
  ];
}

function agentTables(books: Books, name: Names): Table[] {
  const agents = [...books.agents].map(([agentId, agent]) => ({ agentId, ...agent, id: name.agt(agentId) }));
  return [
    {
      ...{ name: "agent", id: ["id"] },
      rows: agents.map(({ agentId, id, eoa, epoch, uri, joinedAt }) => ({
        ...{ id, eoa, epoch, agent_uri: uri.replaceAll("\0", "\ufffd"), joined_at: joinedAt },
        points_balance: books.points.get(agentId)?.balance ?? 0n,
        points_lifetime: books.points.get(agentId)?.lifetime ?? 0n,
      })),
    },
    {
      ...{ name: "agent_eoa", id: ["agent_id", "epoch"] },
      rows: agents.flatMap(({ id, past, eoa }) =>
        [...past, eoa].map((each, epoch) => ({ agent_id: id, epoch, eoa: each })),
      ),
    },
    {
      name: "binding",
      id: ["eoa"],
      rows: [...books.eoas].map(([eoa, agentId]) => ({ eoa, agent_id: name.agt(agentId) })),
    },
    {
      ...{ name: "operator_grant", id: ["agent_id", "operator"] },
      rows: agents.flatMap(({ id, grants }) =>
        [...grants].map(([operator, grant]) => ({ agent_id: id, operator, ...grant })),
      ),
    },
    {
      ...{ name: "receipt_anchor", id: ["agent_id", "gateway_id", "day"] },
      rows: [...books.anchors].map(([anchor, { root, count }]) => {
        const [agentId, gatewayId, day] = anchor.split(" ");
        return { agent_id: name.agt(BigInt(agentId as string)), gateway_id: gatewayId, day, root, count };
      }),
    },
  ];
}

function marketTables(books: Books, name: Names): Table[] {
  return [
    {
      name: "listing",
      id: ["id"],
      rows: [...books.listings.values()].map((listing) => listingRow(listing, name)),
    },
    {
      ...{ name: "listing_version", id: ["id"] },
      rows: [...books.listings.values()].flatMap(({ ekId, versions }) =>
        versions.map(({ terms, manifestHash, summaryHash, pointer }, i) => ({
          ...{ id: name.lst(ekId, i + 1), ek_id: name.ek(ekId), version: i + 1, pointer },
          ...{ manifest_hash: manifestHash, summary_hash: summaryHash, ...termsRow(terms) },
        })),
      ),
    },
    {
      ...{ name: "sale", id: ["id"] },
      rows: books.trades.map((trade) => ({
        ...{
          id: name.ord(trade.keyId),
          number: trade.number,
          ek_id: name.ek(trade.ekId),
          version: trade.version,
        },
        ...{
          key_id: name.key(trade.keyId),
          seller_id: name.agt(trade.sellerId),
          buyer_id: name.agt(trade.buyerId),
        },
        ...{ payer: trade.payer, payer_id: name.agt(trade.payerId), token: trade.token, price: trade.price },
        ...{
          release_time: trade.releaseTime,
          fee_bps: trade.feeBps,
          payment_ref: trade.paymentRef,
          by: trade.by,
        },
        referrer_id: trade.referrerId === 0n ? null : name.agt(trade.referrerId),
        ...{
          tx: trade.place.tx,
          block_number: trade.place.block,
          log_index: trade.place.logIndex,
          at: trade.time,
        },
      })),
    },
    {
      ...{ name: "orders", id: ["id"] },
      rows: [...books.orders].map(([keyId, order]) => ({
        ...{
          id: name.ord(keyId),
          payer_id: name.agt(order.payerId),
          amount: order.amount,
          accessed: order.accessed,
        },
        ...{ release_time: order.releaseTime, status: orderStatuses[order.status], to_buyer: order.toBuyer },
      })),
    },
    {
      ...{ name: "key", id: ["id"] },
      rows: [...books.keys.values()].map((key) => ({
        ...{
          id: name.key(key.keyId),
          ek_id: name.ek(key.keyId >> 96n),
          version: key.version,
          burnt: key.burnt,
        },
        ...{ started_at: key.startTime, expiry: key.expiry, scopes: key.scopes, flags: key.flags },
        // Who held a key when it was burnt is no fact of the chain any more.
        ...(!key.burnt && { holder_id: name.agt(key.holderId) }),
      })),
    },
    {
      ...{ name: "activity", id: ["block_number", "log_index"] },
      rows: books.deeds.map(({ kind, ekId, agentId, place, time }) => ({
        ...{ block_number: place.block, log_index: place.logIndex, tx: place.tx, at: time },
        ...{ type: kind, ek_id: name.ek(ekId), agent_id: name.agt(agentId) },
      })),
    },
    { name: "protocol", id: [], rows: [totalsOf(books)] },
  ];
}

export function totalsOf(books: Books) {
  const sellers = new Set([...books.listings.values()].map(({ sellerId }) => sellerId));
  const buyers = new Set(books.trades.map(({ buyerId }) => buyerId));
  const validators = new Set([...books.listings.values()].flatMap(({ labels }) => [...labels.keys()]));
  let labels = 0;
  for (const listing of books.listings.values()) labels += aggregateOf(listing).count;
  return {
    ...{ agents: books.agents.size, sellers: sellers.size, buyers: buyers.size, validators: validators.size },
    ...{ listings: books.listings.size, sales: books.trades.length, labels },
    active_agents: new Set([...sellers, ...buyers, ...validators]).size,
  };
}

type Listing = NonNullable<ReturnType<Books["listings"]["get"]>>;
type Terms = Listing["versions"][number]["terms"];

function termsRow(terms: Terms) {
  return {
    ...{
      token: terms.token,
      curve: terms.curve,
      curve_params: terms.curveParams,
      supply_cap: terms.supplyCap,
    },
    ...{ start_time: terms.startTime, end_time: terms.endTime, key_ttl: terms.keyTtl, scopes: terms.scopes },
    ...{
      flags: terms.flags,
      refund_window: terms.refundWindow,
      refund_terms: refundTerms[terms.refundTerms],
    },
    ...{ bounty_bps: terms.bountyBps, referral_bps: terms.referralBps, resale_bps: terms.resaleBps },
    ...{ points_price: terms.pointsPrice, requests_per_minute: terms.requestsPerMinute },
    requests_per_day: terms.requestsPerDay,
  };
}

function listingRow(listing: Listing, name: Names): Row {
  const present = listing.versions.at(-1) as Listing["versions"][number];
  const { count, ...sums } = aggregateOf(listing);
  return {
    ...{ id: name.ek(listing.ekId), seller_id: name.agt(listing.sellerId), version: listing.versions.length },
    ...{ status: listingStatuses[listing.status], sold: listing.sold, created_at: listing.createdAt },
    ...{ manifest_hash: present.manifestHash, summary_hash: present.summaryHash, ...termsRow(present.terms) },
    ...{ label_count: count, ...sums },
  };
}
