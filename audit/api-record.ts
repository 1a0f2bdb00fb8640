/** Holds the market's record, as the API tells it, against the chain: every trade and dispute, keys, agents with their points. */
import { fromBits, scopes } from "../sdk/records.ts";
import type { AgentProfile } from "../sdk/wire/agent.ts";
import type { Disputes, Key, Trade } from "../sdk/wire/market.ts";
import { type Ask, allPages, apiLaws, expectOk, type Followed, isoOf, laterThan, sameTime } from "./ask.ts";
import { compareRows } from "./compare.ts";
import { namesOf } from "./context.ts";
import { each } from "./node.ts";
import type { Row } from "./rows.ts";

/** How many keys and agents are asked for one by one at most, the newest first. */
const ONE_BY_ONE = 1000;
const AT_ONCE = 8;
const orderStatuses = ["none", "held", "disputed", "released", "refunded"];
const disputeStatuses = ["none", "opened", "answered", "submitted", "closed"];
const UNITS_PER_POINT = 100;

/** An API of an earlier version has none of it: that is noted. */
export async function compareRecord(ask: Ask, place: Followed): Promise<void> {
  const trades = await allPages<Trade>(ask, "/trades");
  if (!trades) {
    place.c.findings.note(
      "the API has no /trades: trades, keys, agents and disputes were not compared one by one",
    );
    return;
  }
  await compareTrades(trades, place);
  await compareKeys(ask, place);
  await compareAgents(ask, place);
  await compareDisputes(ask, place);
}

async function compareTrades(trades: readonly Trade[], { node, c, block }: Followed): Promise<void> {
  const { books, findings } = c;
  const name = namesOf(c.constants.chainId);
  const expected = books.trades.map(
    (trade): Row => ({
      ...{ trade_id: name.ord(trade.keyId), ek_id: name.ek(trade.ekId), key_id: name.key(trade.keyId) },
      ...{ listing_id: name.lst(trade.ekId, trade.version), seller_id: name.agt(trade.sellerId) },
      ...{ buyer_id: name.agt(trade.buyerId), payer: trade.payer, amount: trade.price, token: trade.token },
      ...{ status: orderStatuses[books.orders.get(trade.keyId)?.status ?? 0], fee_bps: trade.feeBps },
      ...(trade.releaseTime === 0n && { status: "settled" }),
      ...{ timestamp: isoOf(trade.time), tx: trade.place.tx },
      ...{ block_number: trade.place.block, log_index: trade.place.logIndex },
    }),
  );
  const known = new Set(books.trades.map(({ place }) => place.tx as string));
  const later = await laterThan(
    { node, block },
    new Set(trades.map(({ tx }) => tx).filter((tx) => !known.has(tx))),
  );
  const said = trades
    .filter(({ tx }) => !later.has(tx))
    .map((trade) => ({ ...trade, ...trade.price, timestamp: sameTime(trade.timestamp) }));
  compareRows(findings, { table: "/trades", id: ["trade_id"], expected, said, laws: apiLaws });
}

async function compareKeys(ask: Ask, { c }: Followed): Promise<void> {
  const name = namesOf(c.constants.chainId);
  const keys = [...c.books.keys.values()].slice(-ONE_BY_ONE);
  if (keys.length < c.books.keys.size)
    c.findings.note("keys were compared with the API for the newest thousand only");
  const now = BigInt(Math.floor(Date.now() / 1000));
  await each(keys, AT_ONCE, async (key) => {
    const id = name.key(key.keyId);
    const answer = await ask<Key>(`/keys/${id}`);
    const isOver = key.expiry !== 0n && key.expiry <= now;
    const expected = {
      ...{
        key_id: id,
        ek_id: name.ek(key.keyId >> 96n),
        listing_id: name.lst(key.keyId >> 96n, key.version),
      },
      ...{ state: key.burnt ? "burnt" : isOver ? "expired" : "live", started_at: isoOf(key.startTime) },
      expires_at: key.expiry === 0n ? undefined : isoOf(key.expiry),
      scopes: fromBits(scopes, key.scopes),
      // Who held a key when it was burnt is no fact of the chain any more.
      ...(!key.burnt && { holder_id: name.agt(key.holderId) }),
    };
    const said = answer.status === 404 ? [] : [timed(expectOk(answer, `/keys/${id}`))];
    compareRows(c.findings, { table: "/keys", id: ["key_id"], expected: [expected], said, laws: apiLaws });
  });
}

const timed = (key: Key): Row => ({
  ...key,
  started_at: sameTime(key.started_at),
  expires_at: key.expires_at === undefined ? undefined : sameTime(key.expires_at),
});

async function compareAgents(ask: Ask, { c }: Followed): Promise<void> {
  const name = namesOf(c.constants.chainId);
  const agents = [...c.books.agents].slice(-ONE_BY_ONE);
  if (agents.length < c.books.agents.size)
    c.findings.note("agents were compared with the API for the newest thousand only");
  await each(agents, AT_ONCE, async ([agentId, { eoa }]) => {
    const id = name.agt(agentId);
    const answer = await ask<AgentProfile>(`/agents/${id}`);
    const points = c.books.points.get(agentId);
    const expected = {
      ...{ agent_id: id, eoa },
      balance: Number(points?.balance ?? 0n) / UNITS_PER_POINT,
      lifetime: Number(points?.lifetime ?? 0n) / UNITS_PER_POINT,
    };
    const profile = answer.status === 404 ? undefined : expectOk(answer, `/agents/${id}`);
    const said = profile ? [{ ...profile, ...profile.points }] : [];
    compareRows(c.findings, {
      table: "/agents",
      id: ["agent_id"],
      expected: [expected],
      said,
      laws: apiLaws,
    });
  });
}

async function compareDisputes(ask: Ask, { c }: Followed): Promise<void> {
  const { books, findings } = c;
  const name = namesOf(c.constants.chainId);
  const expected = [...books.disputes].map(
    ([keyId, d]): Row => ({
      ...{ order_id: name.ord(keyId), buyer_id: name.agt(d.buyerId), seller_id: name.agt(d.sellerId) },
      ...{ status: disputeStatuses[d.status], deadline: isoOf(d.deadline), appeals: d.appeals },
      ...{ buyer: d.buyerFee, seller: d.sellerFee, spent: d.spent },
    }),
  );
  const disputes = (await allPages<Disputes["items"][number]>(ask, "/disputes")) ?? [];
  const said = disputes.map((d) => ({ ...d, ...d.fees, deadline: sameTime(d.deadline) }));
  compareRows(findings, { table: "/disputes", id: ["order_id"], expected, said, laws: apiLaws });
}
