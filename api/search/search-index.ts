/** The search: its tables, and what keeps them up with the indexer. */
import postgres from "postgres";
import { ExchangeError } from "../../sdk/errors.ts";
import type { Deps } from "../deps.ts";
import { databaseCodeOf, isDatabaseDown, type Sql, schemaOf } from "../store/database.ts";
import { createFollower, type Follower } from "./follow.ts";

/** Milliseconds that a statement may take. Searches take some; whatever takes longer was made to. */
const STATEMENT_TIMEOUT = 2_000;
/** Codes for tables and views that are missing, and for a statement that took too long. */
const missing = new Set(["42P01", "3F000"]);
const TOO_LONG = "57014";

export type SearchIndex = {
  /** Names the deployment, as in the names of schemas. */
  tag: string;
  follower: Follower;
  /** Runs a search. Throws SERVICE_UNAVAILABLE when the tables are not there, can't be reached, or it takes too long. */
  read<T>(search: (sql: Sql) => Promise<T>): Promise<T>;
  close(): Promise<void>;
};

export function openSearch(options: {
  databaseUrl: string;
  tag: string;
  deps: Pick<Deps, "chain" | "index">;
}): SearchIndex {
  const { databaseUrl, tag, deps } = options;
  const common = { connect_timeout: 5, onnotice: () => {} };
  const sql = postgres(databaseUrl, {
    ...{ ...common, max: 6 },
    connection: {
      ...{
        search_path: schemaOf(tag),
        application_name: "moa-api-search",
        default_transaction_read_only: true,
      },
      // How each search runs is decided by `find.ts`: plans are made for its very values, and never read the whole table.
      ...{ statement_timeout: STATEMENT_TIMEOUT, plan_cache_mode: "force_custom_plan" },
      ...{ enable_seqscan: "off", jit: "off", work_mem: "16MB" },
    },
  });
  const writer = postgres(databaseUrl, {
    ...{ ...common, max: 2 },
    connection: { search_path: schemaOf(tag), application_name: "moa-api-search-writer", jit: "off" },
  });
  const follower = createFollower({ sql: writer, tag, deps });
  return {
    tag,
    follower,
    async read(search) {
      try {
        return await search(sql);
      } catch (error) {
        const code = databaseCodeOf(error) ?? "";
        if (code === TOO_LONG) throw tooLong(error);
        if (!isDatabaseDown(error) && !missing.has(code)) throw error;
        throw unavailable(error);
      }
    },
    async close() {
      await follower.stop();
      await Promise.all([sql.end({ timeout: 1 }), writer.end({ timeout: 1 })]);
    },
  };
}

/** The search can't be asked now. */
export function unavailable(cause?: unknown): ExchangeError {
  return new ExchangeError("SERVICE_UNAVAILABLE", "The index of listings can't be searched now.", {
    hint: "Try again in a minute. Quotes, payments and tokens need no index: they work.",
    details: { check: "indexer" },
    cause,
  });
}

function tooLong(cause: unknown): ExchangeError {
  return new ExchangeError("SERVICE_UNAVAILABLE", `The search took longer than ${STATEMENT_TIMEOUT} ms.`, {
    hint: "Ask for fewer words, or for another sort.",
    details: { check: "search" },
    cause,
  });
}
