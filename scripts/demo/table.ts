/** Small tables: CSV in and out, and SQL over them, in SQLite in memory. */
import { constants, DatabaseSync } from "node:sqlite";

export type Table = { columns: string[]; rows: string[][] };

/** Reads a CSV without quoted fields, which is all that the demo has. Throws for anything else. */
export function parseCsv(text: string): Table {
  const [head = "", ...lines] = text.trimEnd().split(/\r?\n/);
  const columns = head.split(",");
  const rows = lines.map((line, i) => {
    const row = line.split(",");
    if (line.includes('"') || row.length !== columns.length) {
      throw new Error(`Line ${i + 2} is not ${columns.length} plain fields: ${line.slice(0, 80)}`);
    }
    return row;
  });
  return { columns, rows };
}

export function formatCsv({ columns, rows }: Table): string {
  return `${[columns, ...rows].map((row) => row.join(",")).join("\n")}\n`;
}

/**
 * Runs one query over the table `weather`, whose columns are all TEXT, as `sqlite3`'s own `.import --csv` makes them. The query may be a
 * stranger's: it can read that table and compute, and nothing else.
 */
export function runQuery(table: Table, sql: string): Table {
  const db = new DatabaseSync(":memory:");
  try {
    db.exec(
      `CREATE TABLE weather (${table.columns.map((name) => `"${name.replaceAll('"', '""')}" TEXT`).join(", ")})`,
    );
    const insert = db.prepare(`INSERT INTO weather VALUES (${table.columns.map(() => "?").join(", ")})`);
    db.exec("BEGIN");
    for (const row of table.rows) insert.run(...row);
    db.exec("COMMIT");
    const allowed: number[] = [constants.SQLITE_SELECT, constants.SQLITE_READ, constants.SQLITE_FUNCTION];
    db.setAuthorizer((action) => (allowed.includes(action) ? constants.SQLITE_OK : constants.SQLITE_DENY));
    const query = db.prepare(sql);
    const columns = query.columns().map(({ name }) => name);
    const rows = query.all().map((row) => columns.map((name) => String(row[name] ?? "")));
    return { columns, rows };
  } finally {
    db.close();
  }
}
