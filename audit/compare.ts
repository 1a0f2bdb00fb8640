/** Holds rows that somebody serves against those that the chain makes. */
import { type Findings, show } from "./findings.ts";
import type { LawCode } from "./laws.ts";
import type { Row } from "./rows.ts";

export type RowLaws = { row: LawCode; missing: LawCode; invented: LawCode };
export type Comparison = {
  table: string;
  id: readonly string[];
  expected: Iterable<Row>;
  said: Iterable<Row>;
  laws: RowLaws;
};

/** A value as both sides write it: addresses and hashes in lower case, whole numbers in decimal. */
function written(value: unknown): string {
  const text = show(value);
  return text.startsWith("0x") ? text.toLowerCase() : text;
}

const nameOf = (table: string, id: readonly string[], row: Row) =>
  id.length === 0 ? table : `${table} ${id.map((column) => written(row[column])).join(" ")}`;

/** Each row that is wrong, missing or invented is a fault; `id` names rows, and all of the expected one's columns are compared. */
export function compareRows(findings: Findings, { table, id, expected, said, laws }: Comparison): void {
  const found = new Map<string, Row>();
  for (const row of said) {
    const subject = nameOf(table, id, row);
    findings.check(laws.invented, !found.has(subject), () => ({
      subject,
      expected: "one row",
      said: "two rows",
    }));
    found.set(subject, row);
  }
  for (const row of expected) {
    const subject = nameOf(table, id, row);
    const other = found.get(subject);
    found.delete(subject);
    findings.check(laws.missing, other !== undefined, () => ({ subject, expected: row, said: "no row" }));
    if (!other) continue;
    for (const [field, value] of Object.entries(row))
      findings.check(laws.row, written(value) === written(other[field]), () => ({
        subject,
        field,
        expected: value,
        said: other[field],
      }));
  }
  for (const [subject, row] of found)
    findings.check(laws.invented, false, () => ({ subject, expected: "no row", said: row }));
  findings.check(laws.invented, true, () => ({ subject: table, expected: "", said: "" }));
}
