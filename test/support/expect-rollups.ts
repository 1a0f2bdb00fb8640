/** Holds the index's facts and roll-ups against what the chain's own log comes to. */
import { expect } from "chai";
import * as tables from "../../indexer/ponder.schema.ts";
import type { RunInfo } from "../../scripts/system/run-info.ts";
import { agentId as agentIds } from "../../sdk/ids.ts";
import { createReputationReplay } from "../../sdk/reputation/replay.ts";
import { sellerReputation, toSellerFacts } from "../../sdk/reputation/seller.ts";
import { toValidatorFacts, validatorReputation } from "../../sdk/reputation/validator.ts";
import { readChainEvents, type TimedEvent } from "./chain-events.ts";
import type { IndexReader } from "./index-reader.ts";
import { modelOfEvents } from "./rollup-model.ts";

type Numbers = Record<string, number | bigint>;

/** Rows by their keys, in the keys' order, without zeros: both sides leave out what never was. */
function shape(rows: Iterable<readonly [string, Numbers]>): Record<string, Numbers> {
  return Object.fromEntries(
    [...rows]
      .map(
        ([key, row]) =>
          [key, Object.fromEntries(Object.entries(row).filter(([, n]) => BigInt(n) !== 0n))] as const,
      )
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

/** A table's rows by the columns in `keys`, with the numbers in the others, but for those that say where the row is from. */
function rowsOf(rows: readonly object[], keys: readonly string[], leaveOut: readonly string[] = []) {
  const ignored = new Set([...keys, ...leaveOut, "chainId"]);
  return shape(
    rows.map((row) => [
      keys.map((key) => String((row as Record<string, unknown>)[key]).toLowerCase()).join(" "),
      Object.fromEntries(Object.entries(row).filter(([name]) => !ignored.has(name))) as Numbers,
    ]),
  );
}

const modelled = (sums: Iterable<readonly [string, Numbers]>) =>
  shape([...sums].map(([key, row]) => [key.toLowerCase(), row] as const));

/** Returns the rows that reputation is computed from. */
export async function expectRollups(run: RunInfo, index: IndexReader) {
  const { db, caughtUp } = index;
  await caughtUp();
  const events = await readChainEvents(run);
  const versions = new Map((await db.select().from(tables.listingVersion)).map((row) => [row.id, row]));
  const model = modelOfEvents(events, run.chainId, (id) => {
    const row = versions.get(id);
    return row?.indexable ? JSON.parse(row.summaryJson) : null;
  });
  const { market, volume, topics, deeds, actives, cohorts, money, moneyDays, listings, sellers } = model;
  const start = ["size", "start"];
  const all = {
    market: [rowsOf(await db.select().from(tables.marketBucket), start), market],
    volume: [rowsOf(await db.select().from(tables.volumeBucket), [...start, "token"]), volume],
    topics: [rowsOf(await db.select().from(tables.topicBucket), [...start, "kind", "name"]), topics],
    deeds: [rowsOf(await db.select().from(tables.agentDay), ["agentId", "start"]), deeds],
    actives: [rowsOf(await db.select().from(tables.activeDay), ["start"]), actives],
    cohorts: [rowsOf(await db.select().from(tables.cohortWeek), ["cohort", "week"]), cohorts],
    money: [rowsOf(await db.select().from(tables.agentMoney), ["agentId", "token"]), money],
    moneyDays: [
      rowsOf(await db.select().from(tables.agentMoneyDay), ["agentId", "start", "token"]),
      moneyDays,
    ],
    listings: [
      rowsOf(
        await db.select().from(tables.listingFacts),
        ["ekId"],
        ["sellerId", "seats", "status", "vouched"],
      ),
      listings,
    ],
    sellers: [rowsOf((await db.select().from(tables.sellerFacts)).map(countsOf), ["agentId"]), sellers],
  } as const;
  for (const [name, [rows, sums]] of Object.entries(all)) {
    expect(rows, name).to.deep.equal(modelled(sums));
    expect(Object.keys(rows).length, name).to.be.greaterThan(0);
  }
  await expectPrices(index, model.prices);
  const [totals] = await db.select().from(tables.protocol);
  expect(totals?.repeatSales).to.equal(model.repeatSales);
  expect(totals?.soldListings).to.equal([...listings.values()].filter(({ sales }) => sales !== 0).length);
  return expectReputation(index, events, run.chainId);
}

const countsOf = ({
  agentId,
  sales,
  trades,
  relatedTrades,
  troubled,
}: typeof tables.sellerFacts.$inferSelect) => ({
  ...{ agentId, sales, trades, relatedTrades, troubled },
});

async function expectPrices({ db }: IndexReader, model: ReturnType<typeof modelOfEvents>["prices"]) {
  const rows = await db.select().from(tables.priceBucket);
  expect(rows.length).to.equal(model.size);
  for (const { ekId, size, start, token, trades, paid, ...price } of rows) {
    const key = `${ekId} ${size} ${start} ${token.toLowerCase()}`;
    const expected = model.get(key);
    expect({ trades, paid }, key).to.deep.equal({ trades: expected?.trades, paid: expected?.paid });
    const prices = expected?.prices ?? [];
    const sorted = [...prices].sort((a, b) => Number(a - b));
    expect({ open: price.open, high: price.high, low: price.low, close: price.close }, key).to.deep.equal({
      open: prices[0] ?? null,
      high: sorted.at(-1) ?? null,
      low: sorted[0] ?? null,
      close: prices.at(-1) ?? null,
    });
  }
}

/** Scores are what anybody gets who replays the chain. */
async function expectReputation({ db }: IndexReader, events: readonly TimedEvent[], chainId: number) {
  const replay = createReputationReplay();
  for (const event of events) replay.apply(event);
  const id = (agentId: bigint) => agentIds.serialize({ chainId, agentId });
  const sellers = await db.select().from(tables.sellerFacts);
  const validators = await db.select().from(tables.validatorFacts);
  const byId = <T extends object>(facts: ReadonlyMap<bigint, T>) =>
    Object.fromEntries([...facts].map(([agentId, of]) => [id(agentId), of]));
  expect(Object.fromEntries(sellers.map((row) => [row.agentId, toSellerFacts(row)]))).to.deep.equal(
    byId(replay.sellers),
  );
  expect(Object.fromEntries(validators.map((row) => [row.agentId, toValidatorFacts(row)]))).to.deep.equal(
    byId(replay.validators),
  );
  for (const row of sellers) {
    expect(row.chainScore, row.agentId).to.equal(sellerReputation(toSellerFacts(row)).chainScore);
  }
  for (const row of validators) {
    expect(row.chainScore, row.agentId).to.equal(validatorReputation(toValidatorFacts(row)).chainScore);
  }
  const shown = new Map((await db.select().from(tables.agent)).map((row) => [row.id, row.validatorScore]));
  for (const row of validators) expect(shown.get(row.agentId), row.agentId).to.equal(row.chainScore);
  for (const [role, rows] of [
    ["seller", sellers],
    ["validator", validators],
  ] as const) {
    const counts = (await db.select().from(tables.scoreCount)).filter((row) => row.role === role);
    for (const { score, agents } of counts) {
      expect(agents, `${role}s of ${score}`).to.equal(
        rows.filter(({ chainScore }) => chainScore === score).length,
      );
    }
    expect(
      counts.reduce((sum, { agents }) => sum + agents, 0),
      role,
    ).to.equal(rows.length);
  }
  return { sellers, validators };
}
