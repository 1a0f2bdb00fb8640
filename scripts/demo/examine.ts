/** What the demo's validator does before it says anything: compares the data with its public source, and runs the query. */
import { readFileSync } from "node:fs";
import type { Experience } from "../../sdk/client.ts";
import { ExchangeError } from "../../sdk/errors.ts";
import { items, source } from "./bundle.ts";
import { formatCsv, parseCsv, runQuery, type Table } from "./table.ts";

/** What was found, in words that can stand as a label's evidence. Throws VALIDATION_INVALID when the bundle is not what it claims. */
export function examine({ items: fetched, listingId }: Experience): string {
  const textOf = (id: string): string => {
    const found = fetched.find(({ item }) => item.id === id);
    if (!found) throw untrue(`It has no ${id}.`);
    return new TextDecoder().decode(found.bytes);
  };
  const data = parseCsv(textOf(items.data));
  const published = parseCsv(readFileSync(source, "utf8"));
  if (!isDeepEqual(data.rows, published.rows)) {
    throw untrue(`${items.data} is not the data set that was published.`);
  }
  const answer = runQuery(data, textOf(items.query));
  if (formatCsv(answer) !== textOf(items.answer)) {
    throw untrue(`${items.query} over ${items.data} does not give ${items.answer}.`);
  }
  return [
    `${listingId}: all ${fetched.length} items have the sha256 that the manifest names.`,
    `All ${data.rows.length} rows of ${items.data} are those of vega-datasets' seattle-weather.csv (NOAA).`,
    `${items.query}, run over ${items.data}, gave the ${answer.rows.length} rows of ${items.answer} byte for byte.`,
  ].join("\n");
}

function isDeepEqual(a: Table["rows"], b: Table["rows"]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function untrue(message: string): ExchangeError {
  return new ExchangeError("VALIDATION_INVALID", message, {
    hint: "The validator does not label it: it is not what the seller says.",
  });
}
