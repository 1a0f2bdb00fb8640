/** The indexer's views, read only. They can be thrown away and rebuilt: what is not there is "not now", never "no". */
import { setDatabaseSchema } from "@ponder/client";
import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import * as schema from "../../indexer/ponder.schema.ts";
import { ExchangeError } from "../../sdk/errors.ts";
import { databaseCodeOf, isDatabaseDown } from "../store/database.ts";

/** The views, by table name. */
export const views = schema;

function connect(databaseUrl: string) {
  const client = postgres(databaseUrl, {
    max: 6,
    connect_timeout: 5,
    onnotice: () => {},
    connection: { application_name: "moa-api-views", default_transaction_read_only: true },
  });
  return { client, db: drizzle(client, { schema, casing: "snake_case" }) };
}

export type IndexDatabase = ReturnType<typeof connect>["db"];

export type Index = {
  /** Runs a query. Throws SERVICE_UNAVAILABLE when the views are not there or can't be reached. */
  read<T>(query: (db: IndexDatabase) => Promise<T>): Promise<T>;
  close(): Promise<void>;
};

/** Codes for a view, a schema or a column that is missing: the indexer has not built them, or builds them anew. */
const missing = new Set(["42P01", "3F000", "42703"]);

export function openIndex({ databaseUrl, tag }: { databaseUrl: string; tag: string }): Index {
  setDatabaseSchema(schema, `live_${tag}`);
  const { client, db } = connect(databaseUrl);
  return {
    async read(query) {
      try {
        return await query(db);
      } catch (error) {
        if (!isDatabaseDown(error) && !missing.has(databaseCodeOf(error) ?? "")) throw error;
        throw new ExchangeError("SERVICE_UNAVAILABLE", "The index of listings can't be read now.", {
          hint: "Try again in a minute. Quotes, payments and tokens need no index: they work.",
          details: { check: "indexer" },
          cause: error,
        });
      }
    },
    close: () => client.end({ timeout: 1 }),
  };
}
