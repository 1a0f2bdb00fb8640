/**
 * What the demo's seller sells: an Experience made from real public data. A question about Seattle's weather, the cleaned data, the SQL
 * that answers it, and the answer, which is computed here by running that SQL.
 */
import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { canonicalJson } from "../../sdk/canonical.ts";
import { type ContentManifest, hashManifest, type ManifestItem, parseManifest } from "../../sdk/manifest.ts";
import { drawBars } from "./chart.ts";
import { formatCsv, parseCsv, runQuery, type Table } from "./table.ts";

/** The data set as it was published. The package exports its own loader alone, not its files. */
export const source = new URL("../../node_modules/vega-datasets/data/seattle-weather.csv", import.meta.url);

/** The bundle's items, by what they are for. */
export const items = {
  data: "seattle-weather.csv",
  query: "answer.sql",
  answer: "answer.csv",
  readme: "README.md",
  license: "LICENSE.txt",
  preview: "preview.png",
} as const;

const QUERY = `-- Which months are Seattle's wettest? Yearly means over all days in weather(date, precipitation_mm, temp_max_c, …).
-- Sums are of whole tenths, so that every SQLite gives the same digits.
WITH day AS (
  SELECT
    substr(date, 1, 4) AS year,
    substr(date, 6, 2) AS month,
    CAST(round(precipitation_mm * 10) AS INTEGER) AS tenths_mm,
    CAST(round(temp_max_c * 10) AS INTEGER) AS tenths_c
  FROM weather
)
SELECT
  month,
  printf('%.1f', 100.0 * sum(tenths_mm > 0) / count(*)) AS rainy_days_percent,
  printf('%.0f', sum(tenths_mm) / 10.0 / count(DISTINCT year)) AS precipitation_mm_per_year,
  printf('%.1f', sum(tenths_c) / 10.0 / count(*)) AS mean_high_c
FROM day
GROUP BY month
ORDER BY sum(tenths_mm) DESC
`;

const LICENSE = `Data: daily weather at Seattle, 2012 to 2015, by NOAA's National Climatic Data Center. A work of the United States government, in the
public domain (https://www.usa.gov/government-works). Taken from the npm package vega-datasets, where the column "weather" was derived
from several of NOAA's.

Query, answer, chart and text: CC0 1.0 (https://creativecommons.org/publicdomain/zero/1.0/).
`;

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

export type Bundle = { manifest: ContentManifest; files: ReadonlyMap<string, Uint8Array> };

/** Makes the bundle from the data set that comes with vega-datasets. */
export function makeBundle(): Bundle {
  const data = clean(parseCsv(readFileSync(source, "utf8")));
  const answer = runQuery(data, QUERY);
  const texts = {
    [items.data]: formatCsv(data),
    [items.query]: QUERY,
    [items.answer]: formatCsv(answer),
    [items.readme]: readme(data, answer),
    [items.license]: LICENSE,
  };
  const files = new Map<string, Uint8Array>(
    Object.entries(texts).map(([id, text]) => [id, new TextEncoder().encode(text)]),
  );
  files.set(items.preview, drawBars(monthly(answer)));
  return { manifest: describe(files), files };
}

/** Puts the bundle where a gateway with this disk store finds it. */
export function storeBundle({ manifest, files }: Bundle, storeDir: string): void {
  const folder = join(storeDir, hashManifest(manifest));
  mkdirSync(join(folder, "items"), { recursive: true });
  for (const [id, bytes] of files) writeFileSync(join(folder, "items", id), bytes);
  writeFileSync(join(folder, "manifest.json"), canonicalJson(manifest));
}

/** Units in the columns' names, days in order, each once, none missing, no impossible value. Throws where the source breaks that. */
function clean({ columns, rows }: Table): Table {
  const expected = "date,precipitation,temp_max,temp_min,wind,weather";
  if (columns.join(",") !== expected)
    throw new Error(`The source has the columns ${columns}, not ${expected}.`);
  const sorted = rows
    .map((row) => row.map((field) => field.trim()))
    .sort((a, b) => ((a[0] ?? "") < (b[0] ?? "") ? -1 : 1));
  sorted.forEach(([date = "", precipitation, high, low], i) => {
    const previous = sorted[i - 1]?.[0];
    const follows = previous === undefined || Date.parse(date) - Date.parse(previous) === 86_400_000;
    if (!follows || !(Number(precipitation) >= 0) || !(Number(low) <= Number(high))) {
      throw new Error(`The source's day ${date} does not follow ${previous} or has impossible values.`);
    }
  });
  return {
    columns: ["date", "precipitation_mm", "temp_max_c", "temp_min_c", "wind", "weather"],
    rows: sorted,
  };
}

function monthly(answer: Table): { label: string; value: number }[] {
  return answer.rows
    .map(([month, , millimetres]) => ({ month: Number(month), value: Number(millimetres) }))
    .sort((a, b) => a.month - b.month)
    .map(({ month, value }) => ({ label: MONTHS[month - 1] ?? "", value }));
}

function readme(data: Table, answer: Table): string {
  const [wettest] = answer.rows;
  const days = `${data.rows[0]?.[0]} to ${data.rows.at(-1)?.[0]}`;
  return `# Seattle's wettest months

**Question.** In which months does most rain fall in Seattle, and on how many days?

**Answer.** ${MONTHS[Number(wettest?.[0]) - 1]}: ${wettest?.[2]} mm in a mean year, with rain on ${wettest?.[1]} % of its days. All months are in \`${items.answer}\`.

- \`${items.data}\`: ${data.rows.length} days, ${days}, one line each, none missing. Millimetres, degrees Celsius; the unit of \`wind\` is not known for sure.
- \`${items.query}\`: the query, for SQLite.
- \`${items.preview}\`: millimetres per month, January to December.
- \`${items.license}\`: where it comes from, and what you may do with it.

To have the answer again:

    sqlite3 :memory: ".import --csv ${items.data} weather" ".mode csv" ".headers on" ".read ${items.query}"
`;
}

function describe(files: ReadonlyMap<string, Uint8Array>): ContentManifest {
  const kinds: Record<string, Pick<ManifestItem, "role" | "media_type" | "format">> = {
    [items.data]: { role: "primary", media_type: "text/csv", format: "csv" },
    [items.query]: { role: "asset", media_type: "application/sql", format: "sqlite" },
    [items.answer]: { role: "eval", media_type: "text/csv", format: "csv" },
    [items.readme]: { role: "readme", media_type: "text/markdown" },
    [items.license]: { role: "license", media_type: "text/plain" },
    [items.preview]: { role: "preview", media_type: "image/png" },
  };
  return parseManifest({
    manifest_version: "1.0",
    exp_id: `exp_${randomUUID()}`,
    packaging: "bundle",
    items: [...files].map(([id, bytes]) => ({
      id,
      ...kinds[id],
      size_bytes: bytes.length,
      hash: { alg: "sha256", value: createHash("sha256").update(bytes).digest("hex") },
      ref: { scheme: "es_gateway", uri: `items/${id}`, resolve: "gateway" },
    })),
    default_entrypoint: items.readme,
    created_at: new Date().toISOString(),
  });
}
