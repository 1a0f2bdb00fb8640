/** Holds the index's own tables against the chain: for operators, who have the database. Reads only. */
import postgres from "postgres";
import { compareRows } from "./compare.ts";
import type { Findings } from "./findings.ts";
import { AuditError, reasonOf } from "./node.ts";
import type { Row, Table } from "./rows.ts";

/** Rows that are read at a time. */
const CHUNK = 5000;
const laws = { row: "DB_ROW", missing: "DB_MISSING", invented: "DB_INVENTED" } as const;

/** `schema` holds the tables, or views of them. Throws an AuditError when the database can't be read. */
export async function compareDatabase(
  { url, schema, chainId }: { url: string; schema: string; chainId: number },
  tables: readonly Table[],
  findings: Findings,
): Promise<void> {
  const sql = postgres(url, { max: 1, onnotice: () => {} });
  try {
    for (const { name, id, rows } of tables) {
      const expected = [...rows];
      const columns = new Set([...id, ...expected.flatMap((row) => Object.keys(row))]);
      const said = await read(sql, `${schema}.${name}`, [...columns], chainId);
      compareRows(findings, { table: name, id, expected, said, laws });
    }
  } catch (error) {
    throw new AuditError(`The database can't be read: ${reasonOf(error)}`, { cause: error });
  } finally {
    await sql.end({ timeout: 5 });
  }
}

/** All rows of one chain. An empty table may have no row to tell which columns are wanted: then its ids are read. */
async function read(
  sql: postgres.Sql,
  table: string,
  columns: readonly string[],
  chainId: number,
): Promise<Row[]> {
  const rows: Row[] = [];
  const query = sql`select ${sql(columns)} from ${sql(table)} where chain_id = ${chainId}`;
  for await (const chunk of query.cursor(CHUNK)) rows.push(...chunk);
  return rows;
}
