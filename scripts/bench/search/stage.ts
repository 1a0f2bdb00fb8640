/** Two markets of made-up listings in a real Postgres, each with what the API searches them by. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { createChain } from "../../../api/chain/client.ts";
import type { Deps } from "../../../api/deps.ts";
import { openIndex } from "../../../api/queries/index-database.ts";
import { project } from "../../../api/search/project.ts";
import { openSearch } from "../../../api/search/search-index.ts";
import { openStore, schemaOf } from "../../../api/store/database.ts";
import { migrate } from "../../../api/store/migrate.ts";
import { deploymentTag } from "../../../sdk/deployment.ts";
import type { RunInfo } from "../../system/run-info.ts";
import { type System, startSystem } from "../../system/system.ts";
import { fill } from "./fill.ts";
import { multiply } from "./multiply.ts";

export type SearchMarket = { name: string; count: number; deps: Deps; sql: postgres.Sql };
export type SearchStage = { markets: SearchMarket[]; close(): Promise<void> };

/** So many listings are read and weighed one by one; more of them are copies. */
const ORIGINALS = 100_000;

/** Indexes that are made after the rows, which is faster. */
const late = [
  "create unique index search_listings_place on search_listings (place) include (tags)",
  "create unique index search_listings_number on search_listings (number) include (tags)",
  "create index search_listings_match on search_listings using gin (tags, doc)",
  "create index search_listings_price on search_listings (price, number) include (tags)",
  "create index search_listings_sold on search_listings (sold, number) include (tags)",
  "create index search_listings_score on search_listings (score, number) include (tags)",
  "create index search_listings_changed_in on search_listings (changed_in)",
  "create index search_words_like on search_words using gin (word public.gin_trgm_ops)",
];

/** Starts chain, Postgres and indexer, stops the indexer again once its tables are there, and fills a copy of them per size. */
export async function openSearchStage(
  sizes: readonly number[],
  { say, signal }: { say: (line: string) => void; signal: AbortSignal },
): Promise<SearchStage> {
  const dataDir = mkdtempSync(join(tmpdir(), "moa-bench-search-"));
  chmodSync(dataDir, 0o711); // Postgres does not run as root, and has to pass through
  let system: System | undefined;
  const closers: (() => Promise<void>)[] = [];
  const close = async () => {
    for (const one of closers.reverse()) await one();
    await system?.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    system = await startSystem({ dataDir, only: ["indexer"], log: say, signal });
    await system.kill("indexer", "SIGINT");
    const markets: SearchMarket[] = [];
    for (const count of sizes) {
      signal.throwIfAborted();
      const market = await openMarket(system.run, count, say);
      closers.push(market.close);
      markets.push(market);
    }
    return { markets, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openMarket(run: RunInfo, count: number, say: (line: string) => void) {
  const name = `listings_${count}`;
  const admin = postgres(new URL("/template1", run.databaseUrl).href, { max: 1, onnotice: () => {} });
  await admin.unsafe(`create database ${name} template postgres`);
  await admin.end();
  const databaseUrl = new URL(`/${name}`, run.databaseUrl).href;
  const tag = deploymentTag(run.deployment);
  const sql = postgres(databaseUrl, {
    max: 2,
    onnotice: () => {},
    connection: { search_path: schemaOf(tag) },
  });
  const since = performance.now();
  const tell = (what: string) =>
    say(`${count}: ${what} after ${((performance.now() - since) / 1000).toFixed(0)} s`);
  const schema = `index_${tag}`;
  const copies = Math.max(1, Math.round(count / ORIGINALS));
  const step = Math.ceil(count / copies);
  await fill(sql, { schema, deployment: run.deployment, count: step });
  tell("listings written");
  const store = openStore({ databaseUrl, tag });
  await migrate(store, tag);
  const index = openIndex({ databaseUrl, tag });
  const chain = createChain({ rpcUrl: run.rpcUrl, deployment: run.deployment });
  const search = openSearch({ databaseUrl, tag, deps: { chain, index } });
  const one = await sql.reserve();
  await project({ tag, sql: one, deps: { chain, index } });
  one.release();
  tell("search tables made");
  for (const statement of late)
    await sql.unsafe(`drop index ${/search_listings_\w+|search_words_like/.exec(statement)?.[0]}`);
  if (copies > 1) await multiply(sql, { schema, copies, step });
  tell("copies made");
  for (const statement of late) await sql.unsafe(statement);
  for (const table of ["search_listings", "search_tags", "search_words", "search_slices"]) {
    await sql.unsafe(`vacuum analyze ${table}`);
  }
  await sql.unsafe(`vacuum analyze "${schema}".listing`);
  tell("indexes made");
  const deps = { chain, index, search, sql: store.sql } as Deps; // what the search needs of it
  return {
    ...{ name, count, deps, sql },
    async close() {
      await Promise.all([search.close(), index.close(), store.close(), sql.end({ timeout: 1 })]);
    },
  };
}
