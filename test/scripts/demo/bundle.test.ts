/**
 * What the demo sells, and what its validator finds out
 * ├── bundle     its manifest describes its files; a store has them where a gateway looks
 * ├── a stranger's query   reads the table, and can do nothing else
 * └── examine    finds what it should in the bundle, and refuses to vouch for a changed one
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { PNG } from "pngjs";
import { items, makeBundle, storeBundle } from "../../../scripts/demo/bundle.ts";
import { examine } from "../../../scripts/demo/examine.ts";
import { formatCsv, parseCsv, runQuery, type Table } from "../../../scripts/demo/table.ts";
import { ExchangeError } from "../../../sdk/errors.ts";
import { hashManifest, type ManifestItem, parseManifest, verifyItem } from "../../../sdk/manifest.ts";

const bundle = makeBundle();
const text = (id: string) => new TextDecoder().decode(bundle.files.get(id));

/** The bundle as a validator fetched it, with some items' texts replaced. */
function fetched(changes: Record<string, string> = {}) {
  return {
    ekId: "ek_31337_1",
    listingId: "lst_31337_1_v1",
    manifest: bundle.manifest,
    items: bundle.manifest.items.map((item) => ({
      item,
      bytes:
        item.id in changes
          ? new TextEncoder().encode(changes[item.id])
          : (bundle.files.get(item.id) as Uint8Array),
    })),
  };
}

describe("demo bundle", () => {
  it("has a manifest that describes its files", () => {
    expect(bundle.manifest.items.map(({ id }) => id).sort()).to.deep.equal(Object.values(items).sort());
    for (const item of bundle.manifest.items) {
      const bytes = bundle.files.get(item.id) as Uint8Array;
      verifyItem(item, bytes);
      expect(item.size_bytes).to.equal(bytes.length);
    }
  });

  it("stands in a store under its manifest's hash", () => {
    const store = mkdtempSync(join(tmpdir(), "moa-bundle-"));
    try {
      storeBundle(bundle, store);
      const folder = join(store, hashManifest(bundle.manifest));
      const manifest = parseManifest(JSON.parse(readFileSync(join(folder, "manifest.json"), "utf8")));
      expect(hashManifest(manifest)).to.equal(hashManifest(bundle.manifest));
      for (const item of manifest.items) verifyItem(item, readFileSync(join(folder, "items", item.id)));
    } finally {
      rmSync(store, { recursive: true });
    }
  });

  it("is the published data: four years, every day once", () => {
    const { rows } = parseCsv(text(items.data));
    expect(rows).to.have.length(365 * 4 + 1);
    expect([rows[0]?.[0], rows.at(-1)?.[0]]).to.deep.equal(["2012-01-01", "2015-12-31"]);
  });

  it("has the right answer: November, by a sum of its own", () => {
    const sums = new Map<string, number>();
    for (const [date = "", millimetres] of parseCsv(text(items.data)).rows) {
      const month = date.slice(5, 7);
      sums.set(month, (sums.get(month) ?? 0) + Number(millimetres));
    }
    const order = [...sums].sort(([, a], [, b]) => b - a).map(([month]) => month);
    const answer = parseCsv(text(items.answer));
    expect(answer.rows.map(([month]) => month)).to.deep.equal(order);
    for (const [month = "", , millimetres] of answer.rows) {
      expect(Number(millimetres)).to.be.closeTo((sums.get(month) ?? 0) / 4, 0.51);
    }
    expect(text(items.readme)).to.include(`**Answer.** Nov: ${answer.rows[0]?.[2]} mm`);
  });

  it("has a preview picture that any PNG reader reads", () => {
    const { width, height } = PNG.sync.read(Buffer.from(bundle.files.get(items.preview) as Uint8Array));
    expect([width, height]).to.deep.equal([480, 270]);
  });
});

describe("a stranger's query", () => {
  const table: Table = { columns: ["date", "precipitation_mm"], rows: [["2012-01-01", "1.5"]] };
  const folder = mkdtempSync(join(tmpdir(), "moa-query-"));
  after(() => rmSync(folder, { recursive: true }));

  it("reads and computes", () => {
    const { columns, rows } = runQuery(table, "SELECT count(*) AS n, sum(precipitation_mm) FROM weather");
    expect(columns[0]).to.equal("n");
    expect(rows).to.deep.equal([["1", "1.5"]]);
    expect(formatCsv(parseCsv(formatCsv(table)))).to.equal(formatCsv(table));
  });

  const harm = [
    `ATTACH DATABASE '${join(folder, "stolen.db")}' AS x`,
    `VACUUM INTO '${join(folder, "stolen.db")}'`,
    "DELETE FROM weather",
    "INSERT INTO weather VALUES ('x', 'y')",
    "DROP TABLE weather",
    "CREATE TABLE x (y)",
    "PRAGMA journal_mode = WAL",
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "SELECT load_extension('/lib/x86_64-linux-gnu/libc.so.6')",
    "SELECT readfile('/etc/passwd')",
    `SELECT writefile('${join(folder, "x")}', 'x')`,
  ];
  for (const sql of harm) {
    it(`can't ${sql.slice(0, 40).replace(folder, "…")}`, () => {
      expect(() => runQuery(table, sql)).to.throw();
      expect(execFileSync("ls", ["-A", folder]).toString()).to.equal("");
    });
  }
});

describe("the demo's validator", () => {
  it("finds data, query and answer as they should be", () => {
    expect(examine(fetched())).to.equal(
      [
        "lst_31337_1_v1: all 6 items have the sha256 that the manifest names.",
        "All 1461 rows of seattle-weather.csv are those of vega-datasets' seattle-weather.csv (NOAA).",
        "answer.sql, run over seattle-weather.csv, gave the 12 rows of answer.csv byte for byte.",
      ].join("\n"),
    );
  });

  const lies: [what: string, changes: Record<string, string>, message: string][] = [
    [
      "a changed day",
      { [items.data]: text(items.data).replace("2012-01-02,10.9", "2012-01-02,10.8") },
      "is not the data set that was published",
    ],
    [
      "a missing day",
      { [items.data]: text(items.data).replace(/^2012-01-02.*\n/m, "") },
      "is not the data set that was published",
    ],
    [
      "a changed answer",
      { [items.answer]: text(items.answer).replace("161", "162") },
      "does not give answer.csv",
    ],
    ["another query", { [items.query]: "SELECT * FROM weather" }, "does not give answer.csv"],
  ];
  for (const [what, changes, message] of lies) {
    it(`does not vouch for ${what}`, () => {
      expect(() => examine(fetched(changes)))
        .to.throw(ExchangeError, message)
        .with.property("code", "VALIDATION_INVALID");
    });
  }

  it("does not vouch for a bundle without an answer", () => {
    const whole = fetched();
    const items_ = whole.items.filter(({ item }: { item: ManifestItem }) => item.id !== items.answer);
    expect(() => examine({ ...whole, items: items_ })).to.throw(ExchangeError, "It has no answer.csv");
  });
});
