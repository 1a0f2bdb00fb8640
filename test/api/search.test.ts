import { expect } from "chai";
import { curves } from "../../sdk/curves.ts";
import type { AgentProfile } from "../../sdk/wire/agent.ts";
import { type EKSummary, ekSummarySchema, searchResponseSchema } from "../../sdk/wire/listing.ts";
import { pointsLedgerResponseSchema } from "../../sdk/wire/points.ts";
import { activityResponseSchema, pointsPolicySchema, publicStatsSchema } from "../../sdk/wire/public.ts";
import { createIndexReader, type IndexReader } from "../support/index-reader.ts";
import { summaryText } from "../support/market.ts";
import { expectError } from "./support/api.ts";
import { useApi } from "./support/use-api.ts";

/*
GET /listings/{ek_id}, /search, /public/*, /me/points/ledger
├── a listing      as its seller wrote it, at its present price, with its labels and sales
├── the search     words, filters, verified first, page by page without gap or repetition
├── the feed       listed, sold, labelled: newest first, page by page
├── totals         what happened
└── points         trade by trade
*/
describe("api: finding", () => {
  const shared = useApi();
  /** Only this run's listings have it. */
  const domain = `domain-${Date.now()}`;
  let index: IndexReader;

  before(() => {
    index = createIndexReader(shared.api.run);
  });
  after(() => index.end());

  const text = (changes: Record<string, unknown> = {}) => summaryText({ domain, ...changes });
  const search = async (query: Record<string, string>) =>
    searchResponseSchema.parse(await shared.api.get(`/search?${new URLSearchParams({ domain, ...query })}`));

  it("shows a listing as it is", async () => {
    const { market, ekIdOf } = shared.api;
    const seller = await market.join();
    const validator = await market.join();
    const number = await market.list(
      seller.account,
      {
        curve: shared.api.run.deployment.curves.linear,
        curveParams: curves.linear.encode({ base: 100_000n, slope: 50_000n, max: 1_000_000n }),
        supplyCap: 10,
        scopes: 0b11,
      },
      text({ title: "Shown" }),
    );
    await market.buy(await market.newcomer(), number);
    await market.send(validator.account, market.contracts.labels, "label", [
      validator.agentId,
      market.labelInput(number),
    ]);
    await index.caughtUp();
    const shown = ekSummarySchema.parse(await shared.api.get(`/listings/${ekIdOf(number)}`));
    expect(shown).to.deep.include({
      ek_id: ekIdOf(number),
      listing_id: `lst_31337_${number}_v1`,
      status: "active",
      title: "Shown",
      domain,
      access_scopes: ["read", "download"],
      pricing: { mode: "crypto", current_price: 0.15, current_price_units: "150000", currency: "tUSDC" },
      pricing_policy: {
        curve_type: "linear",
        base_price: 0.1,
        min_price: 0.1,
        max_price: 1,
        params: { base: "100000", slope: "50000", max: "1000000" },
        supply_cap: 10,
        ...{ refund_window_seconds: 0, refund_terms: "none", bounty_bps: 0, referral_bps: 0, resale_bps: 0 },
        royalties: [],
      },
      seller: {
        agent_id: `agt_31337_${seller.agentId}`,
        eoa: seller.account.address,
        score: 1, // one buyer
      },
      metrics: { sold_count: 1, usage_count: 0, quote_count: 0, dispute_rate: 0 },
    });
    const of = async (agentId: bigint) =>
      (await search({ seller: `agt_31337_${agentId}` })).items.map(({ ek_id }) => ek_id);
    expect(await of(seller.agentId), "what this agent sells").to.deep.equal([ekIdOf(number)]);
    expect(await of(validator.agentId)).to.deep.equal([]);
    expect(shown.validation_snapshot).to.deep.equal({
      status: "verified",
      top_labels: ["Verified-Real", "Reproducible"],
      score: 70,
      validators: [{ agent_id: `agt_31337_${validator.agentId}`, score: 0 }], // without a bond it risks nothing
    });
    const quote = await shared.api.quote(ekIdOf(number), seller.account.address);
    expect(quote.price.amount, "the index's price is the chain's").to.equal(
      shown.pricing.current_price_units,
    );
  });

  it("shows nothing that it can't read", async () => {
    const { market, ekIdOf, ask } = shared.api;
    const { account } = await market.join();
    const odd = await market.list(account, {}, '{"title":"half"}');
    await index.caughtUp();
    expectError(await ask(`/listings/${ekIdOf(odd)}`), "EK_NOT_FOUND", 404);
    expectError(await ask("/listings/ek_31337_999999"), "EK_NOT_FOUND", 404);
    expectError(await ask("/listings/ek_1_1"), "EK_NOT_FOUND", 404);
    expectError(await ask("/listings/half"), "INVALID_REQUEST", 400);
  });

  it("finds words and filters, verified first, page by page", async () => {
    const { market, ekIdOf } = shared.api;
    const { account } = await market.join();
    const topics = ["alpha", "beta", "gamma", "delta", "epsilon"];
    const numbers: bigint[] = [];
    for (const topic of topics) {
      const task = topic === "beta" ? "sql_query" : "other";
      numbers.push(
        await market.list(
          account,
          {},
          text({ title: `Zebra counts ${topic}`, task_type: task, modality: [topic, "text"] }),
        ),
      );
    }
    const [, , gamma, delta] = numbers as [bigint, bigint, bigint, bigint];
    for (const [number, validators] of [
      [gamma, 2],
      [delta, 1],
    ] as const) {
      for (let i = 0; i < validators; i++) {
        const validator = await market.join();
        await market.send(validator.account, market.contracts.labels, "label", [
          validator.agentId,
          market.labelInput(number),
        ]);
      }
    }
    const paused = await market.list(account, {}, text({ title: "Zebra, paused" }));
    await market.send(account, market.contracts.catalog, "setStatus", [paused, 2]);
    await index.caughtUp();
    const titles = (items: EKSummary[]) => items.map(({ title }) => title.split(" ").at(-1));
    expect(titles((await search({ q: "zebras" })).items)).to.deep.equal([
      "gamma",
      "delta",
      "epsilon",
      "beta",
      "alpha",
    ]);
    expect(titles((await search({ q: "zebra -gamma alpha" })).items)).to.deep.equal(["alpha"]);
    expect(titles((await search({ task_type: "sql_query" })).items)).to.deep.equal(["beta"]);
    expect(titles((await search({ modality: "epsilon" })).items)).to.deep.equal(["epsilon"]);
    expect((await search({ q: "no such thing" })).items).to.deep.equal([]);
    expect((await search({ q: "'; drop table listing; --" })).items).to.deep.equal([]);
    const pages: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await search({ q: "zebra", limit: "2", ...(cursor === undefined ? {} : { cursor }) });
      expect(page.items.length).to.be.at.most(2);
      pages.push(...page.items.map(({ ek_id }) => ek_id));
      cursor = page.cursor_next;
    } while (cursor !== undefined);
    const order = [2, 3, 4, 1, 0].map((i) => ekIdOf(numbers[i] as bigint));
    expect(pages).to.deep.equal(order);
  });

  it("refuses what is no cursor and no limit", async () => {
    for (const query of [
      "cursor=nonsense",
      "limit=0",
      "limit=201",
      "limit=many",
      `cursor=${btoa('["x","y",1]')}`,
    ]) {
      expectError(await shared.api.ask(`/search?${query}`), "INVALID_REQUEST", 400);
      expectError(await shared.api.ask(`/public/activity?${query}`), "INVALID_REQUEST", 400);
    }
  });

  it("feeds what happened, newest first, page by page, and counts it", async () => {
    const { market, ekIdOf, get } = shared.api;
    const before = publicStatsSchema.parse(await get("/public/stats"));
    const seller = await market.join();
    const number = await market.list(seller.account, {}, text({ title: "Fed" }));
    const buyer = await market.join();
    const { receipt } = await market.buy(buyer.account, number);
    const validator = await market.join();
    await market.send(validator.account, market.contracts.labels, "label", [
      validator.agentId,
      market.labelInput(number, { evidenceKind: 1, evidence: "0x65763a2f2f31" }),
    ]);
    await index.caughtUp();
    const first = activityResponseSchema.parse(await get("/public/activity?limit=2"));
    const rest = activityResponseSchema.parse(
      await get(`/public/activity?limit=1&cursor=${first.cursor_next}`),
    );
    const [labelled, traded, listed] = [...first.items, ...rest.items];
    expect(labelled).to.deep.include({ type: "validation", ek_id: ekIdOf(number) });
    if (labelled?.type !== "validation") throw new Error("The newest is no label.");
    expect(labelled.label).to.deep.include({
      label_id: `lbl_31337_${number}_${validator.agentId}`,
      labels: ["verified-real", "reproducible"],
      scores: { authenticity: 90, utility: 80, reproducibility: 70, freshness: 60, safety: 50 },
      tags: ["rain"],
      evidence: { type: "link", value: "ev://1" },
      version: "1",
    });
    expect(traded).to.deep.include({
      type: "ek_trade",
      buyer: { agent_id: `agt_31337_${buyer.agentId}` },
      tx: receipt.transactionHash,
    });
    expect(listed).to.include({ type: "exp_listed" });
    const stats = publicStatsSchema.parse(await get("/public/stats"));
    expect(stats.exp_total - before.exp_total).to.equal(1);
    expect(stats.ek_trades_total - before.ek_trades_total).to.equal(1);
    expect(stats.ek_trades_24h - before.ek_trades_24h).to.equal(1);
    expect(stats.active_agents.validators - before.active_agents.validators).to.equal(1);
    expect(stats.top_domains.length).to.be.within(1, 10);
    const volume = (of: typeof stats) => BigInt(of.volume_24h[0]?.paid ?? 0);
    expect(volume(stats) - volume(before)).to.equal(250_000n);
    expect(stats.bootstrap.experiences - before.bootstrap.experiences).to.equal(1);
    expect(stats.active_today.total - before.active_today.total).to.equal(3);
    expect(stats.top_traded.last_7d.modalities.map(({ name }) => name)).to.include("table");
    for (const { trades } of stats.top_traded.last_24h.domains) expect(trades).to.be.greaterThan(0);
  });

  it("T44 shows each agent its own points, and its roles", async () => {
    const { market, ekIdOf, get, signIn } = shared.api;
    const seller = await market.join();
    const number = await market.list(seller.account, {}, text());
    const buyer = await market.join();
    for (let i = 0; i < 3; i++) await market.buy(buyer.account, number);
    await index.caughtUp();
    const token = await signIn(buyer.account);
    const me = await get<AgentProfile>("/me", { token });
    expect(me).to.deep.include({ roles: ["buyer"], points: { balance: 3, lifetime: 3 } });
    const first = pointsLedgerResponseSchema.parse(await get("/me/points/ledger?limit=2", { token }));
    const rest = pointsLedgerResponseSchema.parse(
      await get(`/me/points/ledger?limit=2&cursor=${first.cursor_next}`, { token }),
    );
    const entries = [...first.items, ...rest.items];
    expect(entries.map(({ entry_id }) => entry_id.split("_").at(-1))).to.deep.equal(["2", "1", "0"]);
    for (const entry of entries) {
      expect(entry).to.deep.include({
        ek_id: ekIdOf(number),
        seller: { agent_id: `agt_31337_${seller.agentId}`, delta: 2 },
        buyer: { agent_id: `agt_31337_${buyer.agentId}`, delta: 1 },
      });
    }
    expect(rest).not.to.have.property("cursor_next");
    const stranger = await signIn(await market.newcomer());
    expect(await get("/me/points/ledger", { token: stranger })).to.deep.equal({ items: [] });
  });

  it("tells the points policy as it is on chain", async () => {
    const { market, get } = shared.api;
    const { points } = market.contracts;
    const first = await market.client.readContract({ ...points, functionName: "policy" });
    expect(await get("/public/points/policy")).to.deep.equal({
      phase: "bootstrap_free",
      award: { seller: 2, buyer: 1 },
      anti_gaming: {
        ...{ self_trade_block: true, related_party_block: true, wash_cap_per_day: 5, agent_cap_per_day: 100 },
        unendorsed_weight: { after_sales: 5, weight: 0.5 },
      },
    });
    await market.send(market.admin, points, "setPolicy", [{ ...first, sellerAward: 3, pairTradesPerDay: 4 }]);
    const changed = await get("/public/points/policy")
      .then(pointsPolicySchema.parse)
      // The chain is everybody's: what others earn must not depend on how this test ends.
      .finally(() => market.send(market.admin, points, "setPolicy", [first]));
    expect(changed.award).to.deep.equal({ seller: 3, buyer: 1 });
    expect(changed.anti_gaming.wash_cap_per_day).to.equal(4);
  });

  it("T31 shows what an order did not earn, and why, and what was spent", async () => {
    const { market, get, signIn } = shared.api;
    const seller = await market.join();
    const number = await market.list(seller.account, {}, text());
    const buyer = await market.join();
    await market.buy(seller.account, number);
    for (let i = 0; i < 6; i++) await market.buy(buyer.account, number);
    const { exchange, points } = market.contracts;
    await market.client.request({
      method: "hardhat_impersonateAccount",
      params: [exchange.address],
    } as never);
    await market.giveEther(exchange.address);
    await market.send(exchange.address, points, "spend", [buyer.agentId, 125n, number, 1n]);
    await index.caughtUp();
    const token = await signIn(seller.account);
    const { items } = pointsLedgerResponseSchema.parse(await get("/me/points/ledger", { token }));
    expect(items.map((item) => [item.seller.delta, item.buyer.delta, item.cut_by])).to.deep.equal([
      [0, 0, ["pair-cap"]],
      [1, 0.5, ["unendorsed"]],
      ...[1, 2, 3, 4].map(() => [2, 1, undefined]),
      [0, 0, ["self-trade"]],
    ]);
    const buyerToken = await signIn(buyer.account);
    const mine = pointsLedgerResponseSchema.parse(
      await get("/me/points/ledger?limit=1", { token: buyerToken }),
    );
    expect(mine.items[0]).to.deep.include({
      reason: "points_spent",
      seller: { agent_id: `agt_31337_${seller.agentId}`, delta: 0 },
      buyer: { agent_id: `agt_31337_${buyer.agentId}`, delta: -1.25 },
    });
    expect((await get<AgentProfile>("/me", { token: buyerToken })).points).to.deep.equal({
      ...{ balance: 3.25, lifetime: 4.5 },
    });
  });
});
