import { expect } from "chai";
import postgres from "postgres";
import { createChain } from "../../api/chain/client.ts";
import { type Index, openIndex } from "../../api/queries/index-database.ts";
import { type Sort, sorts, ways } from "../../api/search/find.ts";
import { createFollower } from "../../api/search/follow.ts";
import { project } from "../../api/search/project.ts";
import { resolve } from "../../api/search/resolve.ts";
import { openStore, type Store } from "../../api/store/database.ts";
import { migrate } from "../../api/store/migrate.ts";
import { fill, vocabulary } from "../../scripts/bench/search/fill.ts";
import { createRandom } from "../../scripts/bench/search/texts.ts";
import { deploymentTag } from "../../sdk/deployment.ts";
import { searchQuerySchema } from "../../sdk/wire/listing.ts";
import { useSystem } from "../support/system.ts";

const TAG = "5ea2c4ab";
const COUNT = 400;

/*
what the search reads, as the indexer's tables change under it
├── at first                  every open listing is there, and every count is what counting gives
├── after any changes         the same as built anew
├── after a reorg             as before what was undone: no event tells of it
├── while tables are built    as it was; afterwards only what they hold
├── on whichever way          a search finds what looking at every row finds
├── two at once               neither does the other's work again, nor undoes it
└── a run cut in two          nothing else changes
*/
describe("api: the search's tables", () => {
  const shared = useSystem();
  let sql: postgres.Sql;
  let store: Store;
  let index: Index;
  let deps: Parameters<typeof project>[0]["deps"];
  let block = 100;

  const live = (name: string) => sql(`live_${TAG}.${name}`);
  /** The indexer has come to a block, of which those 30 below can't be undone any more. */
  const commit = async (at: number, fork = 0) => {
    const checkpoint = (number: number) =>
      `1700000000${"31337".padStart(16, "0")}${String(number).padStart(16, "0")}`.padEnd(75, String(fork));
    await sql`update ${live("_ponder_checkpoint")} set
      latest_checkpoint = ${checkpoint(at)}, finalized_checkpoint = ${checkpoint(Math.max(0, at - 30))}`;
  };
  const run = async () => {
    const one = await sql.reserve();
    try {
      return await project({ tag: TAG, sql: one, deps });
    } finally {
      one.release();
    }
  };
  const rows = () =>
    sql`select ek_id, number, print, changed_in, place, sold, score, price, tags, doc::text from search_listings order by number`;
  /** Everything that is counted, counted again. */
  const audit = async () => {
    const [wrong] = await sql`
      with tags as (select id, count(*) as n from search_listings, unnest(tags) t (id) group by id),
      words as (select word, count(*) as n from search_texts, unnest(words) w (word) group by word)
      select
        (select count(*)::int from search_tags left join tags using (id) where search_tags.n <> coalesce(tags.n, 0)) as tags,
        (select count(*)::int from search_words left join words using (word) where search_words.n <> coalesce(words.n, 0)) as words,
        (select count(*)::int from search_listings l where not l.tags @> array(
          select tag from search_slices where low <= l.place order by low desc limit 1)) as slices,
        (select count(*)::int from search_listings full join search_texts using (ek_id)
          where search_listings.number is null or search_texts.words is null) as texts,
        (select count(*)::int from search_listings full join
          (select id from ${live("listing")} where status = 'active' and indexable) l on l.id = ek_id
          where l.id is null or ek_id is null) as listings`;
    expect(wrong).to.deep.equal({ tags: 0, words: 0, slices: 0, texts: 0, listings: 0 });
  };

  before(async () => {
    const { databaseUrl, deployment, rpcUrl } = shared.system.run;
    store = openStore({ databaseUrl, tag: TAG });
    await migrate(store, TAG);
    sql = postgres(databaseUrl, {
      max: 4,
      onnotice: () => {},
      connection: { search_path: `exchange_${TAG}` },
    });
    const real = deploymentTag(deployment);
    await sql`create schema ${sql(`live_${TAG}`)}`;
    for (const table of [
      "listing",
      "label",
      "agent",
      "validator_bond",
      "consensus_policy",
      "_ponder_checkpoint",
    ]) {
      await sql`create table ${live(table)} (like ${sql(`live_${real}.${table}`)})`;
    }
    await sql`insert into ${live("_ponder_checkpoint")} (chain_name, chain_id, safe_checkpoint, latest_checkpoint, finalized_checkpoint)
      values ('local', 31337, '', '', '')`;
    await fill(sql, { schema: `live_${TAG}`, deployment, count: COUNT });
    index = openIndex({ databaseUrl, tag: TAG });
    deps = { chain: createChain({ rpcUrl, deployment }), index };
    await commit(block);
  });
  after(async () => {
    const { databaseUrl, deployment } = shared.system.run;
    await sql.unsafe(`drop schema live_${TAG} cascade; drop schema exchange_${TAG} cascade`);
    await Promise.all([index.close(), store.close(), sql.end({ timeout: 1 })]);
    // The views' names are the process's: the shared deployment's again.
    await openIndex({ databaseUrl, tag: deploymentTag(deployment) }).close();
  });

  /** Some of what the market does, at random. */
  async function churn(seed: number): Promise<void> {
    const random = createRandom(seed);
    const pick = () => `ek_31337_${1 + Math.floor(random() * COUNT)}`;
    block++;
    for (let i = 0; i < 25; i++) {
      const changed = sql`changed_in = ${block}`;
      const status = ["active", "paused", "archived"][Math.floor(random() * 3)] as string;
      await sql`update ${live("listing")} set sold = sold + 1, ${changed} where id = ${pick()}`;
      await sql`update ${live("listing")} set status = ${status}, ${changed} where id = ${pick()}`;
      await sql`update ${live("listing")} set title = title || ' marmot', domain = 'burrows',
        summary_hash = ${`0x${String(seed * 100 + i).padStart(64, "a")}`}, ${changed} where id = ${pick()}`;
      await sql`update ${live("validator_bond")} set bonded = bonded + ${random() < 0.5 ? -1e12 : 1e12}, ${changed}
        where validator_id = ${`agt_31337_${9_000_001 + 5 * Math.floor(random() * 100)}`}`;
    }
    await commit(block);
  }

  it("has every open listing, counted rightly", async () => {
    expect(await run()).to.be.greaterThan(COUNT * 0.9);
    await audit();
    expect(await run(), "nothing is left to do").to.equal(0);
  });

  it("is after any changes what it would be if it were built anew", async () => {
    for (let seed = 1; seed <= 5; seed++) {
      await churn(seed);
      expect(await run()).to.be.greaterThan(0);
      await audit();
    }
    const kept = await rows();
    await sql`select search_apply('[]', array(select ek_id from search_listings))`;
    await sql`delete from search_state`;
    expect(await sql`select 1 from search_listings`).to.have.length(0);
    await run();
    await audit();
    expect(await rows()).to.deep.equal(kept);
  });

  it("T22 goes back with a reorg, of which no row tells", async () => {
    const before = await rows();
    for (const table of ["listing", "validator_bond"]) {
      await sql`create table ${live(`${table}_before`)} as select * from ${live(table)}`;
    }
    await churn(6);
    await churn(7);
    const added = `ek_31337_${COUNT + 1}`;
    await sql`insert into ${live("listing")} select (jsonb_populate_record(l, jsonb_build_object('id', ${added}::text,
      'status', 'active', 'changed_in', ${block}::int))).* from ${live("listing")} l where id = 'ek_31337_1'`;
    await commit(block, 1);
    await run();
    expect(await rows()).not.to.deep.equal(before);
    expect((await rows()).at(-1)?.ek_id).to.equal(added);
    for (const table of ["listing", "validator_bond"]) {
      await sql`delete from ${live(table)}`;
      await sql`insert into ${live(table)} select * from ${live(`${table}_before`)}`;
    }
    await commit(block - 1, 2);
    await run();
    await audit();
    expect(await rows()).to.deep.equal(before);
  });

  it("keeps what it has while the indexer builds its tables anew, and takes what they hold then", async () => {
    const before = await rows();
    await sql`alter table ${live("listing")} rename to other`;
    await commit(block + 1);
    expect(await run()).to.equal(0);
    expect(await rows()).to.deep.equal(before);
    await sql`create table ${live("listing")} as select * from ${live("other")} where id <> ${before[0]?.ek_id}`;
    await run();
    await audit();
    expect(await rows()).to.deep.equal(before.slice(1));
  });

  it("finds the same on every way as by looking at every row", async () => {
    const word = vocabulary[3] as string;
    const queries = [
      ...[
        {},
        { q: word },
        { domain: "domain_1" },
        { q: `${word} OR ${vocabulary[40]}`, modality: "table" },
        { validation: "disputed" },
      ],
      ...[
        { price_min: "1", price_max: "20" },
        { q: `-${word}`, license: "MIT", fresh: "true" },
        { max_age_days: "60", scope: "read" },
      ],
      { free: "true", label: "reproducible" },
    ];
    // As the API's own connection: a way must not depend on what Postgres would rather do.
    await sql`select search_split(id) from search_tags where kind = 'slice' and n > 100`;
    for (const query of queries) {
      const parsed = searchQuerySchema.parse(query);
      const what = await resolve(sql, TAG, parsed);
      if (!what) throw new Error("There is no search yet.");
      for (const sort of Object.keys(sorts) as Sort[]) {
        const { key, ascending } = sorts[sort];
        const all = (
          await sql<
            Record<string, unknown>[]
          >`select l.*, l.tags::text[] as ids, l.doc @@ ${what.text ?? ""}::tsquery as said from search_listings l`
        )
          .filter((row) =>
            what.tags.every((group) => group.some((id) => (row.ids as string[]).includes(String(id)))),
          )
          .filter((row) => what.text === null || row.said)
          .filter(
            (row) =>
              Number(row.price) >= (what.priceMin ?? 0) && Number(row.price) <= (what.priceMax ?? 1e99),
          )
          .filter((row) => what.contentFrom === null || BigInt(row.content_at as string) >= what.contentFrom)
          .sort((a, b) => {
            const [x, y] = [Number(a[key]) - Number(b[key]), Number(a.number) - Number(b.number)];
            return (ascending ? 1 : -1) * (x || y);
          });
        const numbers = all.map((row) => row.number);
        for (const [name, way] of Object.entries(ways)) {
          if (name === "gatherByRuns" && sort !== "best") continue;
          const first = await way(sql, what, { sort, after: undefined, count: 7 });
          const rest = first.length < 7 ? [] : await way(sql, what, { sort, after: first[6], count: 1_000 });
          const found = [...first, ...rest].map(({ number }) => number);
          expect(found, `${name} ${sort} ${JSON.stringify(query)}`).to.deep.equal(numbers);
        }
      }
    }
  });

  it("is kept by several at once", async () => {
    const followers = [1, 2, 3].map(() => createFollower({ sql, tag: TAG, deps }));
    for (let seed = 8; seed <= 10; seed++) {
      await churn(seed);
      await Promise.all(followers.map((follower) => follower.settle()));
    }
    await run();
    await audit();
    await Promise.all(followers.map((follower) => follower.stop()));
  });

  it("loses nothing when a run is cut in two", async () => {
    const order = sql`select ek_id from search_listings order by place desc`;
    const before = await order;
    for (let cut = 0; cut < 3; cut++) {
      await sql`select search_split(id) from search_tags where kind = 'slice' and n > 20 order by n desc limit 1`;
    }
    expect((await sql`select 1 from search_slices`).length).to.be.greaterThan(3);
    await audit();
    expect(await sql`select ek_id from search_listings order by place desc`).to.deep.equal(before);
  });
});
