/**
 * Invariant 26 in small: after any sequence of calls the tables say what the contracts' storage says. Random calls by seed; what a call
 * refuses is no event and is counted apart.
 */
import { expect } from "chai";
import * as tables from "../../indexer/ponder.schema.ts";
import { CALLS, everythingPlayed, SEED } from "../support/everything.ts";
import { expectRollups } from "../support/expect-rollups.ts";
import { expectOneStory } from "../support/order-story.ts";
import { modelOfRows, readRows } from "../support/rows-model.ts";
import { modelOfStorage } from "../support/storage-model.ts";
import { useMarket } from "../support/use-market.ts";

describe("indexer: the tables are the storage", () => {
  const shared = useMarket();

  it(`invariant 26: after ${CALLS} random calls (seed ${SEED}) every row equals what the contracts store`, async function () {
    this.timeout(600_000); // it compares all that the whole run has put on the chain
    const { market, index } = shared;
    await everythingPlayed(market);
    await index.caughtUp();
    const rows = await readRows(index);
    const { timestamp } = await market.client.getBlock();
    const [tablesSay, storageSays] = [modelOfRows(rows, timestamp), await modelOfStorage(market, rows)];
    for (const group of Object.keys(storageSays) as (keyof typeof storageSays)[]) {
      expect(tablesSay[group], group).to.deep.equal(storageSays[group]);
    }
  });

  it("orders and disputes tell the same story", async () => {
    expect(await expectOneStory(shared.index)).to.be.greaterThan(0);
  });

  it("invariant 26 E34 E35: facts and roll-ups are what the chain's log comes to, scores what anybody replays from it", async () => {
    const { sellers, validators } = await expectRollups(shared.run, shared.index);
    const some = <T>(rows: T[], of: (row: T) => number | bigint) => rows.some((row) => BigInt(of(row)) > 0n);
    expect(some(sellers, ({ tradeWeight }) => tradeWeight)).to.equal(true);
    expect(some(sellers, ({ relatedTrades }) => relatedTrades)).to.equal(true);
    expect(some(sellers, ({ complaintWeight }) => complaintWeight)).to.equal(true);
    expect(some(sellers, ({ judged }) => judged)).to.equal(true);
    expect(some(validators, ({ coverage }) => coverage)).to.equal(true);
    expect(some(validators, ({ struck }) => struck)).to.equal(true);
  });

  it("invariant 26: the totals, which no contract keeps, are the sums of the rows", async () => {
    const { db, caughtUp } = shared.index;
    await caughtUp();
    const listings = await db.select().from(tables.listing);
    const agents = await db.select().from(tables.agent);
    const sales = await db.select().from(tables.sale).orderBy(tables.sale.number);
    const labels = await db.select().from(tables.label);
    const live = labels.filter(({ status }) => status === "live");
    const open = listings.filter(({ status, indexable }) => status === "active" && indexable);
    const count = <T>(members: T[], test: (member: T) => boolean) => members.filter(test).length;
    expect(await db.select().from(tables.protocol)).to.deep.equal([
      {
        chainId: 31337,
        agents: agents.length,
        sellers: count(agents, ({ listed }) => listed > 0),
        buyers: count(agents, ({ bought }) => bought > 0),
        validators: count(agents, ({ validated }) => validated > 0),
        activeAgents: count(agents, ({ listed, bought, validated }) => listed + bought + validated > 0),
        listings: listings.length,
        openListings: open.length,
        sales: sales.length,
        soldListings: new Set(sales.map(({ ekId }) => ekId)).size,
        repeatSales: sales.length - new Set(sales.map(({ buyerId }) => buyerId)).size,
        labels: live.length,
      },
    ]);
    expect(sales.map(({ number }) => number)).to.deep.equal(sales.map((_, i) => i + 1));
    for (const { id, listed, sold, bought, validated } of agents) {
      expect({ listed, sold, bought, validated }, id).to.deep.equal({
        listed: count(listings, ({ sellerId }) => sellerId === id),
        sold: count(sales, ({ sellerId }) => sellerId === id),
        bought: count(sales, ({ buyerId }) => buyerId === id),
        validated: count(labels, ({ validatorId }) => validatorId === id),
      });
    }
    const domains = new Map(
      (await db.select().from(tables.domainCount)).map((row) => [row.domain, row.listings]),
    );
    for (const [domain, number] of domains) {
      expect(number, domain).to.equal(count(open, (listing) => listing.domain === domain));
    }
    for (const { modality, listings: number } of await db.select().from(tables.modalityCount)) {
      expect(number, modality).to.equal(
        count(open, (listing) => listing.modality?.includes(modality) ?? false),
      );
    }
    for (const { id, labelTypeCounts } of listings) {
      const own = live.filter(({ ekId }) => ekId === id);
      expect(labelTypeCounts, id).to.deep.equal(
        labelTypeCounts.map((_, bit) => count(own, ({ types }) => (types & (1 << bit)) !== 0)),
      );
    }
    const activities = await db.select().from(tables.activity);
    expect(activities.length).to.equal(listings.length + sales.length + labels.length);
  });
});
