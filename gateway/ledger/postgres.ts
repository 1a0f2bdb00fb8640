/** A ledger in a Postgres, for gateways on several machines. Work of one name is put in order by an advisory lock. */
import postgres from "postgres";
import type { Ledger, Row, Statements, Value } from "../ledger.ts";
import { tables } from "./tables.ts";

/** Seconds that a connection may take to be made. */
const CONNECT_TIMEOUT = 5;
/** Counters and Unix times are far below 2^53: plain numbers, as SQLite gives them. */
const bigint = { to: 20, from: [20], parse: Number, serialize: String };

export async function openPostgresLedger({
  databaseUrl,
  schema,
}: {
  databaseUrl: string;
  schema: string;
}): Promise<Ledger> {
  const sql = postgres(databaseUrl, {
    connect_timeout: CONNECT_TIMEOUT,
    max: 10,
    onnotice: () => {},
    types: { bigint },
    connection: { search_path: schema, application_name: "moa-gateway" },
  });
  const lock = (inside: postgres.TransactionSql, name: string) =>
    inside`select pg_advisory_xact_lock(hashtextextended(${`${schema} ${name}`}, 0))`;
  await sql.begin(async (inside) => {
    await lock(inside, "tables");
    await inside`create schema if not exists ${inside(schema)}`;
    for (const table of tables) await inside.unsafe(table);
  });
  return {
    ...statements(sql),
    alone: async <T>(name: string, work: (inside: Statements) => Promise<T>) =>
      (await sql.begin(async (inside) => {
        await lock(inside, name);
        return work(statements(inside));
      })) as T,
    close: () => sql.end({ timeout: 1 }),
  };
}

function statements(sql: postgres.ISql<{ bigint: number }>): Statements {
  return {
    query: async <R extends Row>(text: string, values: readonly Value[] = []) => [
      ...(await sql.unsafe<R[]>(text, [...values])),
    ],
  };
}
