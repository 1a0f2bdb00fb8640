/** A ledger in a SQLite file, for the gateways of one machine. SQLite's own lock makes them take turns. */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Ledger, Row, Statements, Value } from "../ledger.ts";
import { tables } from "./tables.ts";

/** Time in ms to wait for another process's transaction. */
const BUSY_MS = 10_000;

export async function openSqliteLedger(file: string): Promise<Ledger> {
  const db = new DatabaseSync(file, { timeout: BUSY_MS });
  // What was promised to a buyer survives a power cut.
  db.exec("pragma journal_mode = wal; pragma synchronous = full");
  // Processes that start at once make the tables one after the other.
  db.exec("begin immediate");
  for (const table of tables) db.exec(table);
  db.exec("commit");
  const prepared = new Map<string, StatementSync>();
  const inside: Statements = {
    async query<R extends Row>(sql: string, values: readonly Value[] = []) {
      let statement = prepared.get(sql);
      if (!statement) {
        statement = db.prepare(sql.replace(/\$(\d+)/g, "?$1"));
        prepared.set(sql, statement);
      }
      return statement.all(...values) as R[];
    },
  };
  // One connection has one transaction: everything else of this process waits for its end.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work);
    last = turn.catch(() => undefined); // told to whoever asked for it
    return turn;
  };
  return {
    query: (sql, values) => inTurn(() => inside.query(sql, values)),
    alone: (_name, work) =>
      inTurn(async () => {
        db.exec("begin immediate");
        try {
          const result = await work(inside);
          db.exec("commit");
          return result;
        } catch (error) {
          db.exec("rollback");
          throw error;
        }
      }),
    close: () => inTurn(async () => db.close()),
  };
}
