/*
the log of events beside the indexer's tables (tables like the indexer's, in a schema of their own; the API's own code on a real database)
├── new rows            logged once, in the chain's order, by however many processes
├── a row that went     retracted once, when the indexer has come to its block again; its successor is told after it
├── the indexer reads the chain anew after a crash      nothing is retracted that only is not there yet
└── places              in the order of their making, whatever commits late
*/
import { expect } from "chai";
import type postgres from "postgres";
import { createChain } from "../../api/chain/client.ts";
import type { Deps } from "../../api/deps.ts";
import { openIndex } from "../../api/queries/index-database.ts";
import { openStore, type Store } from "../../api/store/database.ts";
import { lockLog, placeWaiting, readLog, tellAgent } from "../../api/store/events.ts";
import { migrate } from "../../api/store/migrate.ts";
import { followIndex } from "../../api/streams/follow.ts";
import { deploymentTag } from "../../sdk/deployment.ts";
import { createIndexReader } from "../support/index-reader.ts";
import { useApi } from "./support/use-api.ts";

const TAG = "feedf00d";
const VIEWS = `live_${TAG}`;
const tx = (n: number) => `0x${n.toString(16).padStart(64, "0")}`;

describe("api: the log of events", function () {
  this.timeout(60_000);
  const shared = useApi();
  let store: Store;
  let sql: postgres.Sql;
  let real: Store;
  let deps: Deps;
  let ek: string;
  let agent: string;
  const now = Math.floor(Date.now() / 1000);

  before(async () => {
    const { run, market } = shared.api;
    const { databaseUrl, deployment } = run;
    const tag = deploymentTag(deployment);
    const { account, agentId } = await market.join();
    [ek, agent] = [shared.api.ekIdOf(await market.list(account)), `agt_31337_${agentId}`];
    const reader = createIndexReader(run);
    await reader.caughtUp();
    await reader.end();
    store = openStore({ databaseUrl, tag: TAG });
    sql = store.sql;
    await migrate(store, TAG);
    real = openStore({ databaseUrl, tag });
    deps = {
      ...{ chain: createChain(run), sql: real.sql, publicUrl: run.apiUrl },
      index: openIndex({ databaseUrl, tag }),
    } as Deps; // what the log needs of it
    await sql.unsafe(`
      create schema ${VIEWS};
      create table ${VIEWS}.activity as table live_${tag}.activity with no data;
      create table ${VIEWS}.notice as table live_${tag}.notice with no data;
      create view ${VIEWS}.listing as table live_${tag}.listing;
      create table ${VIEWS}._ponder_meta as table live_${tag}._ponder_meta;
      create table ${VIEWS}._ponder_checkpoint as table live_${tag}._ponder_checkpoint;`);
    await head(1_000);
  });
  after(async () => {
    await sql?.unsafe(`drop schema ${VIEWS} cascade; drop schema exchange_${TAG} cascade`);
    await Promise.all([store?.close(), real?.close(), deps?.index.close()]);
  });

  /** How far the indexer says that it is. */
  const head = (block: number, ready = 1) =>
    sql.unsafe(`
      update ${VIEWS}._ponder_checkpoint set latest_checkpoint =
        overlay(latest_checkpoint placing '${String(block).padStart(16, "0")}' from 27 for 16);
      update ${VIEWS}._ponder_meta set value = jsonb_set(value::jsonb, '{is_ready}', '${ready}') where key = 'app'`);
  const listed = (block: number, logIndex: number, n: number) =>
    sql.unsafe(`
      insert into ${VIEWS}.activity (chain_id, type, ek_id, agent_id, ref_id, tx, block_number, log_index, at)
      values (31337, 'exp_listed', '${ek}', '${agent}', 'lst_31337_1_v1', '${tx(n)}', ${block}, ${logIndex}, ${now})`);
  const noticed = (block: number, logIndex: number, n: number) =>
    sql.unsafe(`
      insert into ${VIEWS}.notice (chain_id, agent_id, kind, ek_id, ref_id, tx, block_number, log_index, at)
      values (31337, '${agent}', 'sale', '${ek}', 'ord_31337_1_1_0', '${tx(n)}', ${block}, ${logIndex}, ${now})`);
  const gone = (table: string, n: number) =>
    sql.unsafe(`delete from ${VIEWS}.${table} where tx = '${tx(n)}'`);
  /** As several processes do at once. */
  const follow = () => Promise.all([1, 2, 3].map(() => followIndex(deps, sql, VIEWS)));
  let seen = 0;
  /** What was logged since. */
  async function next() {
    const events = await readLog(sql, { after: seen, limit: 100 });
    seen = events.at(-1)?.seq ?? seen;
    return events.map(({ kind, payload, audience }) => [kind, Number(payload.tx), audience]);
  }

  it("logs what is new once, in the chain's order", async () => {
    await listed(1_000, 3, 3);
    await listed(999, 1, 1);
    await noticed(1_000, 2, 2);
    await follow();
    expect(await next()).to.deep.equal([
      ["exp_listed", 1, "public"],
      ["sale", 2, agent],
      ["exp_listed", 3, "public"],
    ]);
    await follow();
    expect(await next()).to.deep.equal([]);
  });

  it("T22 retracts what a reorg took, once, and tells what came in its place after it", async () => {
    const before = await readLog(sql, { after: 0, limit: 100 });
    await gone("activity", 3);
    await gone("notice", 2);
    await listed(1_000, 2, 4);
    await follow();
    expect(await next()).to.deep.equal([
      ["retracted", 3, "public"],
      ["retracted", 2, agent],
      ["exp_listed", 4, "public"],
    ]);
    const [retracted] = await readLog(sql, { after: before.at(-1)?.seq ?? 0, limit: 1 });
    expect(retracted?.payload).to.deep.include({ kind: "exp_listed", seq: before.at(-1)?.seq, ek_id: ek });
    // The transaction came into another block; the block that it was in has not been seen again.
    await gone("activity", 4);
    await listed(998, 0, 4);
    await head(998);
    await follow();
    expect(await next()).to.deep.equal([
      ["retracted", 4, "public"],
      ["exp_listed", 4, "public"],
    ]);
    await head(1_000);
    await listed(1_000, 3, 3);
    await follow();
    expect(await next(), "back again").to.deep.equal([["exp_listed", 3, "public"]]);
  });

  it("T22 retracts nothing while the indexer reads the chain anew", async () => {
    await gone("activity", 3);
    await head(1_000, 0); // after a crash the rows are gone before the checkpoint is
    await follow();
    expect(await next()).to.deep.equal([]);
    await head(999, 1);
    await follow();
    expect(await next(), "not come to its block again").to.deep.equal([]);
    await listed(1_000, 3, 3);
    await head(1_000);
    await follow();
    expect(await next()).to.deep.equal([]);
  });

  it("gives places when rows are there: who commits late is told later, not left out", async () => {
    const place = () =>
      sql.begin(async (begun) => {
        await lockLog(begun);
        await placeWaiting(begun);
      });
    const tell = (by: Parameters<typeof tellAgent>[0], n: number) =>
      tellAgent(by, { audience: agent, kind: "usage", origin: `test:${n}`, payload: { tx: String(n) } });
    await sql.begin(async (late) => {
      await tell(late, 101);
      await tell(sql, 102);
      await place();
      expect(await next()).to.deep.equal([["usage", 102, agent]]);
    });
    await tell(sql, 102);
    await Promise.all([place(), place()]);
    expect(await next()).to.deep.equal([["usage", 101, agent]]);
  });
});
