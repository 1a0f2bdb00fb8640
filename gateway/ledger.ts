/**
 * What a gateway must not forget, and must count right whatever the number of its processes: uses of a quota, proofs that were seen,
 * receipts, paid calls. Several processes share one ledger: a SQLite file on one machine, or a Postgres.
 *
 * The statements are the same for both: parameters are `$1`, `$2` …; columns are texts and whole numbers, nothing else.
 */
import { openSqliteLedger } from "./ledger/sqlite.ts";

export type Value = string | number | null;
export type Row = Record<string, Value>;

export type Statements = {
  /** One statement; the rows that it returns. */
  query<R extends Row>(sql: string, values?: readonly Value[]): Promise<R[]>;
};

export type Ledger = Statements & {
  /**
   * Does `work` as one transaction, alone among all work under the same name, in all processes. When it rejects nothing of it remains.
   * Only what it is handed may be used inside.
   */
  alone<T>(name: string, work: (inside: Statements) => Promise<T>): Promise<T>;
  close(): Promise<void>;
};

/** Where a ledger is. `file` may be `:memory:`, for tests. */
export type LedgerPlace = { file: string } | { databaseUrl: string; schema: string };

/** Opens the ledger, and makes its tables the first time. Rejects when the place can't be used. */
export async function openLedger(place: LedgerPlace): Promise<Ledger> {
  if ("file" in place) return openSqliteLedger(place.file);
  // The driver is memory that a gateway with a file has no use for.
  const { openPostgresLedger } = await import("./ledger/postgres.ts");
  return openPostgresLedger(place);
}

/** Forgets what is of no use any more. To be called now and then. */
export async function sweepLedger(ledger: Ledger, now: Date): Promise<void> {
  const seconds = Math.floor(now.getTime() / 1000);
  for (const table of ["counters", "openings", "proofs"])
    await ledger.query(`delete from ${table} where until < $1`, [seconds]);
}
