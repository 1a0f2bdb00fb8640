/** The API's own tables, in a Postgres schema that is named after the deployment. */
import postgres from "postgres";

export type Sql = postgres.Sql;
/** A connection pool, or a transaction in it. */
export type Queryable = postgres.ISql<Record<never, never>>;

export type Store = {
  sql: Sql;
  /** One connection, for what must be done by one at a time, whatever the number of APIs. */
  lock: Sql;
  close(): Promise<void>;
};

/** Seconds that a connection may take to be made. */
const CONNECT_TIMEOUT = 5;

export function openStore({ databaseUrl, tag }: { databaseUrl: string; tag: string }): Store {
  const options = {
    connect_timeout: CONNECT_TIMEOUT,
    onnotice: () => {},
    connection: { search_path: schemaOf(tag), application_name: "moa-api" },
  };
  const sql = postgres(databaseUrl, { ...options, max: 10 });
  const lock = postgres(databaseUrl, { ...options, max: 1 });
  return {
    sql,
    lock,
    async close() {
      await Promise.all([sql.end({ timeout: 1 }), lock.end({ timeout: 1 })]);
    },
  };
}

export function schemaOf(tag: string): string {
  return `exchange_${tag}`;
}

/** Codes by which postgres.js and Postgres itself say that the database is out of reach, not that a statement was wrong. */
const unreachable = new Set([
  ...["ECONNREFUSED", "ECONNRESET", "ENOTFOUND", "EPIPE", "ETIMEDOUT", "CONNECT_TIMEOUT"],
  ...["CONNECTION_CLOSED", "CONNECTION_ENDED", "CONNECTION_DESTROYED"],
  ...["57P01", "57P02", "57P03", "53300", "08006", "08001"],
]);

/** The code by which a database error is known; undefined for any other error. */
export function databaseCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return undefined;
  return error.code;
}

/** Whether the error says that the database can't be reached. */
export function isDatabaseDown(error: unknown): boolean {
  const code = databaseCodeOf(error);
  return code !== undefined && unreachable.has(code);
}
