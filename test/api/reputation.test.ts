/*
GET /agents/{id}/reputation, /public/analytics, /listings/{id}/price-history, /me/analytics, and what of it others show
├── a seller        sales, complaints, its rank; the dispute rate of listing and seller
├── a validator     right before the others: accuracy, and a listing that bonded validators verified
├── over time       trades, volume, prices, actives, cohorts; an agent's own money
├── refused         no agent, no span
└── query plans     of dashboards touch facts and roll-ups alone, by their indexes
*/
import { expect } from "chai";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import type { Deps } from "../../api/deps.ts";
import { analytics, priceHistory } from "../../api/queries/analytics.ts";
import { myAnalytics, totalsOf } from "../../api/queries/my-analytics.ts";
import { publicStats } from "../../api/queries/public.ts";
import { reputationOf, sellerReputations } from "../../api/queries/reputation.ts";
import { openStore } from "../../api/store/database.ts";
import { bucketStart } from "../../sdk/buckets.ts";
import { createExchange } from "../../sdk/client.ts";
import { deploymentTag } from "../../sdk/deployment.ts";
import { REPUTATION_VERSION } from "../../sdk/reputation/score.ts";
import type { EKSummary } from "../../sdk/wire/listing.ts";
import { type PublicStats, publicStatsSchema } from "../../sdk/wire/public.ts";
import { createIndexReader, type IndexReader } from "../support/index-reader.ts";
import { summaryText } from "../support/market.ts";
import { expectError } from "./support/api.ts";
import { useApi } from "./support/use-api.ts";

const PRICE = 250_000n;
const BOND = 50_000_000n;

describe("api: reputation and analytics", () => {
  const shared = useApi();
  const domain = `traded-${Date.now()}`;
  let index: IndexReader;

  before(() => {
    index = createIndexReader(shared.api.run);
  });
  after(() => index.end());

  const clientOf = (wallet = privateKeyToAccount(generatePrivateKey())) =>
    createExchange({ url: shared.api.run.apiUrl, wallet });
  const idOf = (agentId: bigint) => `agt_31337_${agentId}`;
  const stats = async () => publicStatsSchema.parse(await shared.api.get<PublicStats>("/public/stats"));

  it("E34 E40 tells a seller's score, part by part, and how much of what it sold was taken back", async () => {
    const { market, ekIdOf, get } = shared.api;
    const [seller, friend] = [await market.join(), await market.join()];
    const [first, second] = [await market.join(), await market.join()];
    const terms = { refundWindow: 3_600, refundTerms: 2 };
    const number = await market.list(seller.account, terms, summaryText({ domain }));
    const keys = [];
    for (const buyer of [first, first, second, second]) {
      keys.push({ buyer, ...(await market.buy(buyer.account, number)) });
    }
    await market.send(seller.account, market.contracts.registry, "grant", [
      friend.account.address,
      1n,
      4_000_000_000n,
    ]);
    keys.push({ buyer: friend, ...(await market.buy(friend.account, number)) });
    const { exchange } = market.contracts;
    await market.send(first.account, exchange, "refund", [keys[0]?.keyId as bigint]);
    for (const { buyer, keyId } of keys.slice(1))
      await market.send(buyer.account, exchange, "accept", [keyId]);
    await index.caughtUp();
    const { seller: role, version, validator } = await clientOf().reputation(idOf(seller.agentId));
    expect({ version, validator }).to.deep.equal({ version: REPUTATION_VERSION, validator: undefined });
    expect(role?.facts.chain).to.include({
      ...{ sales: 5, trades: 3, related_trades: 1, troubled: 1, buyers: 2, returning: 1 },
      // First: one trade. Second: one, and half of one. A refund that was the buyer's first complaint.
      ...{ trade_weight: 2_500, complaint_weight: 250, judged: 0, verified: 0 },
    });
    expect(role?.components.map(({ name, contribution }) => [name, contribution])).to.deep.equal([
      ["sales", 3.88],
      ["verified", 0],
      ["repurchase", 1.42],
      ["disputes", -12.62],
      ["usage", 0],
      ["reviews", 0],
    ]);
    expect(role).to.include({ score: 0, chain_score: 0, dispute_rate: 0.2 });
    expect(role?.rank).to.be.within(1, role?.of ?? 0);
    expect(role?.percentile).to.equal(0);
    const shown = await get<EKSummary>(`/listings/${ekIdOf(number)}`);
    expect(shown.metrics).to.include({ sold_count: 4, dispute_rate: 0.2 });
    expect(shown.seller.score).to.equal(0);
  });

  it("E32 E35 rewards a validator who was right before the others, and a seller whom they verified", async () => {
    const { market, ekIdOf, get, signIn } = shared.api;
    const seller = await market.join();
    const { labels, bonds, consensus, usdc } = market.contracts;
    const validators = [await market.join(), await market.join(), await market.join(), await market.join()];
    for (const { account, agentId } of validators) {
      await market.send(account, usdc, "approve", [bonds.address, 2n ** 255n]);
      await market.send(account, bonds, "bond", [agentId, BOND]);
    }
    const numbers = [await market.list(seller.account), await market.list(seller.account)];
    for (const [i, number] of numbers.entries()) {
      for (const { account, agentId } of validators) {
        const types = i === 0 ? 0b1 : 0b10_0000;
        await market.send(account, labels, "label", [agentId, market.labelInput(number, { types })]);
        await market.send(account, consensus, "seat", [number, agentId]);
      }
    }
    await index.caughtUp();
    const [early, , , late] = validators.map(({ agentId }) => idOf(agentId));
    const { validator } = await clientOf().reputation(early as string);
    // The second label on the same seller weighs half.
    expect(validator?.facts.chain).to.include({ seated: 2, coverage: 1_500, good_good: 1_000, bad_bad: 500 });
    const value = Object.fromEntries(validator?.components.map((part) => [part.name, part.value_bps]) ?? []);
    expect(value).to.deep.equal({ accuracy: 2_307, coverage: 697, contradiction: 0, abuse: 0, bias: 0 });
    expect(validator).to.include({ score: 18, chain_score: 18 });
    expect(validator).not.to.have.property("dispute_rate");
    expect((await clientOf().reputation(late as string)).validator?.score, "they had decided").to.equal(0);
    const { seller: role } = await clientOf().reputation(idOf(seller.agentId));
    expect(role?.facts.chain).to.include({ judged: 2, verified: 1 });
    expect(role?.components.find(({ name }) => name === "verified")?.contribution).to.equal(6.25);
    const shown = await get<EKSummary>(`/listings/${ekIdOf(numbers[0] as bigint)}`);
    expect(shown.seller.score).to.equal(6);
    expect(shown.validation_snapshot.validators[0], "the best first").to.deep.equal({
      agent_id: early,
      score: 18,
    });
    const token = await signIn(validators[0]?.account as never);
    expect((await get<{ reputation: object }>("/me", { token })).reputation).to.deep.equal({
      ...{ seller: 0, validator: 18 },
    });
  });

  it("shows what was traded and paid over time, and to each agent its own money", async () => {
    const { market, ekIdOf } = shared.api;
    const before = await stats();
    const [seller, buyer] = [await market.join(), await market.join()];
    const name = `over-time-${Date.now()}`;
    const terms = { refundWindow: 3_600, refundTerms: 2 };
    const number = await market.list(seller.account, terms, summaryText({ domain: name, modality: [name] }));
    const held = await market.buy(buyer.account, number);
    const released = await market.buy(buyer.account, number);
    await market.send(buyer.account, market.contracts.exchange, "accept", [released.keyId]);
    await market.send(buyer.account, market.contracts.exchange, "refund", [held.keyId]);
    await market.buy(buyer.account, number);
    await index.caughtUp();
    const { timestamp } = await market.client.getBlock();
    const start = new Date(Number(bucketStart("day", timestamp)) * 1000).toISOString();
    const span = { from: start, to: new Date(Number(timestamp) * 1000).toISOString() };

    const after = await stats();
    expect(after.bootstrap.trades - before.bootstrap.trades).to.equal(3);
    expect(after.bootstrap.reuse_rate).to.be.within(0.0001, 1);
    expect(after.bootstrap.repeat_rate).to.be.within(0.0001, 1);
    const { buckets, retention } = await clientOf().analytics(span);
    const today = buckets.find((bucket) => bucket.start === start);
    expect(today?.trades).to.be.at.least(3);
    expect(today?.repeat_trades).to.be.at.least(2);
    expect(today?.refunds).to.be.at.least(1);
    expect(today?.active?.buyers).to.be.at.least(1);
    expect(BigInt(today?.volume[0]?.paid ?? 0) >= 3n * PRICE, "the day's volume").to.equal(true);
    expect(retention.at(-1)?.weeks[0]).to.include({ week: 0, rate: 1 });

    const prices = await clientOf().priceHistory(ekIdOf(number), { ...span, bucket: "hour" });
    expect(prices.buckets.reduce((sum, { trades }) => sum + trades, 0)).to.equal(3);
    const { token, currency, ...bucket } = prices.buckets.at(-1) as (typeof prices.buckets)[number];
    expect({ token: token.toLowerCase(), currency }).to.deep.equal({
      token: market.token.toLowerCase(),
      currency: "tUSDC",
    });
    expect(bucket).to.include({ open: "250000", high: "250000", low: "250000", close: "250000" });

    const [sold] = (await clientOf(seller.account).myAnalytics(span)).seller.totals;
    expect(sold).to.include({
      ...{ sold: String(3n * PRICE), refunded: String(PRICE), held: String(PRICE), disputed: "0" },
      ...{ earned: String(PRICE), withdrawn: "0" },
    });
    const bought = (await clientOf(buyer.account).myAnalytics(span)).buyer;
    expect(bought.totals).to.have.length(1);
    expect(bought.totals[0]).to.include({ spent: String(3n * PRICE), returned: String(PRICE) });
    expect(bought.days.reduce((sum, { bought: keys }) => sum + keys, 0)).to.equal(3);
    expect(bought.days.at(-1)?.money[0]).to.include({ spent: String(3n * PRICE) });
  });

  it("refuses agents that there are not, and spans that are none or too long", async () => {
    const { ask, ekIdOf } = shared.api;
    expectError(await ask("/agents/agt_31337_999999/reputation"), "NOT_FOUND", 404);
    expectError(await ask("/agents/agt_1_1/reputation"), "NOT_FOUND", 404);
    expectError(await ask("/agents/nobody/reputation"), "INVALID_REQUEST", 400);
    expectError(await ask(`/listings/ek_1_1/price-history`), "EK_NOT_FOUND", 404);
    for (const query of [
      "from=yesterday",
      "bucket=week",
      "from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z",
      "from=2026-01-01T00:00:00Z&to=2026-06-01T00:00:00Z&bucket=hour",
      "from=1960-01-01T00:00:00Z&to=1960-01-02T00:00:00Z",
    ]) {
      expectError(await ask(`/public/analytics?${query}`), "INVALID_REQUEST", 400);
      expectError(await ask(`/listings/${ekIdOf(1n)}/price-history?${query}`), "INVALID_REQUEST", 400);
    }
  });

  it("E34 reads dashboards from facts and roll-ups alone, each by an index", async () => {
    const { run, market } = shared.api;
    const tag = deploymentTag(run.deployment);
    const asked: { query: string; params: unknown[] }[] = [];
    const client = postgres(run.databaseUrl, {
      max: 1,
      // However few rows there are now: a table that has no index for the question shows all the same.
      connection: { search_path: `live_${tag}`, enable_seqscan: "off" } as never,
    });
    const db = drizzle(client, {
      casing: "snake_case",
      logger: { logQuery: (query, params) => asked.push({ query, params }) },
    });
    const store = openStore({ databaseUrl: run.databaseUrl, tag });
    const deps = {
      chain: { id: run.chainId, deployment: run.deployment },
      index: { read: (query: (on: typeof db) => unknown) => query(db) },
      sql: store.sql,
    } as unknown as Deps;
    const agentId = (await market.join()).agentId;
    try {
      await publicStats(deps);
      await analytics(deps, { bucket: "day" });
      await priceHistory(deps, "ek_31337_1", { bucket: "hour" });
      await myAnalytics(deps, { agentId } as never, {});
      await sellerReputations(deps, [idOf(1n), idOf(2n)]);
      await totalsOf(db as never, idOf(1n));
      const known = await index.db.execute<{ agent_id: string }>("select agent_id from seller_facts limit 1");
      await reputationOf(deps, known[0]?.agent_id as string);
      const plans = [];
      for (const { query, params } of asked) {
        plans.push(await client.unsafe(`explain (format json) ${query}`, params as never[]));
      }
      const text = JSON.stringify(plans);
      const touched = [...text.matchAll(/"Relation Name":"(\w+)"/g)].map(([, name]) => name as string);
      expect([...new Set(touched)].sort()).to.deep.equal([
        ...["active_day", "agent", "agent_day", "agent_money", "agent_money_day", "cohort_week"],
        ...["domain_count", "market_bucket", "modality_count", "price_bucket", "protocol", "score_count"],
        ...["seller_facts", "topic_bucket", "validator_facts", "volume_bucket"],
      ]);
      expect(text).not.to.include("Seq Scan");
      expect(plans.length).to.be.greaterThan(15);
    } finally {
      await Promise.all([client.end({ timeout: 1 }), store.close()]);
    }
  });
});
