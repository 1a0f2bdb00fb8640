import { expect } from "chai";
import { curves } from "../../sdk/curves.ts";
import { type EKSummary, searchResponseSchema } from "../../sdk/wire/listing.ts";
import { createIndexReader, type IndexReader } from "../support/index-reader.ts";
import { summaryText } from "../support/market.ts";
import { expectError } from "./support/api.ts";
import { useApi } from "./support/use-api.ts";

const BOND = 100_000_000n;

/*
GET /search
├── filters        each keeps what it says, and counts agree with what is shown
├── sorts          each in its order, page by page
├── trust          bonded before verified before unlabelled before disputed, whatever the words; it follows the chain at once
├── words          accents don't matter; a typo is told, and mended where nothing fits
├── attacks        no text breaks it, no cursor of another search is taken
└── change         pages hold what has not moved exactly once, while the market goes on
*/
describe("api: searching", () => {
  const shared = useApi();
  /** Only this run's listings have it. */
  const domain = `found-${Date.now()}`;
  let index: IndexReader;
  let numbers: Record<string, bigint>;
  let seller: Awaited<ReturnType<typeof shared.api.market.join>>;

  type Changes = Parameters<typeof summaryText>[0];
  const list = async (title: string, price: bigint, changes: Changes = {}, terms = {}) => {
    const { market } = shared.api;
    const curveParams = curves.fixed.encode({ price });
    const text = summaryText({ domain, title, ...changes });
    return market.list(seller.account, { curveParams, ...terms }, text);
  };
  const label = async (number: bigint, types: number, bond = 0n) => {
    const { market } = shared.api;
    const validator = await market.join();
    if (bond > 0n) {
      const { usdc, bonds } = market.contracts;
      await market.send(validator.account, usdc, "approve", [bonds.address, bond]);
      await market.send(validator.account, bonds, "bond", [validator.agentId, bond]);
    }
    await market.send(validator.account, market.contracts.labels, "label", [
      validator.agentId,
      market.labelInput(number, { types }),
    ]);
    return validator;
  };
  const search = async (query: Record<string, string | number>) => {
    const text = Object.entries({ domain, ...query }).map(([name, value]): [string, string] => [
      name,
      String(value),
    ]);
    return searchResponseSchema.parse(await shared.api.get(`/search?${new URLSearchParams(text)}`));
  };
  const titles = (items: readonly EKSummary[]) => items.map(({ title }) => title);
  const found = async (query: Record<string, string | number>) => titles((await search(query)).items);
  const walk = async (query: Record<string, string | number>, onPage = async () => {}) => {
    const items: EKSummary[] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await search({ ...query, ...(cursor === undefined ? {} : { cursor }) });
      items.push(...page.items);
      cursor = page.cursor_next;
      if (cursor === undefined) return items;
      await onPage();
    }
  };

  before(async () => {
    index = createIndexReader(shared.api.run);
    seller = await shared.api.market.join();
    numbers = {
      cheap: await list("Cheap quokka", 10_000n, { license: "MIT", output_artifacts: ["quokka.csv"] }),
      dear: await list("Dear quokka", 900_000_000n, {}, { scopes: 0b100 }),
      free: await list("Free quokka", 0n, { task_type: "counting", modality: ["audio"] }),
      old: await list("Old quokka", 20_000n, {
        freshness: { created_at: "2024-01-01T00:00:00Z", recommended_ttl_days: 30 },
      }),
      bad: await list("Bad quokka", 30_000n),
      good: await list("Good quokka", 40_000n),
      bonded: await list("Bonded quokka", 50_000n),
    };
    await label(numbers.bad as bigint, 0b100000);
    await label(numbers.good as bigint, 0b1);
    await label(numbers.good as bigint, 0b1);
    await label(numbers.bonded as bigint, 0b1, BOND);
    await shared.api.market.buy(await shared.api.market.newcomer(), numbers.old as bigint);
    await index.caughtUp();
  });
  after(() => index.end());

  it("keeps what each filter says, alone and together", async () => {
    const of = async (query: Record<string, string | number>) =>
      (await found(query)).map((t) => t.split(" ")[0]).sort();
    expect(await of({ license: "MIT" })).to.deep.equal(["Cheap"]);
    expect(await of({ artifact: "quokka.csv" })).to.deep.equal(["Cheap"]);
    expect(await of({ scope: "execute" })).to.deep.equal(["Dear"]);
    expect(await of({ free: "true" })).to.deep.equal(["Free"]);
    expect(await of({ task_type: "counting", modality: "audio" })).to.deep.equal(["Free"]);
    expect(await of({ price_min: 0.03, price_max: 0.05 })).to.deep.equal(["Bad", "Bonded", "Good"]);
    expect(await of({ price_max: 0 })).to.deep.equal(["Free"]);
    expect(await of({ price_min: 900 })).to.deep.equal(["Dear"]);
    expect(await of({ price_min: 2, price_max: 1 })).to.deep.equal([]);
    expect(await of({ label: "suspected-fraud" })).to.deep.equal(["Bad"]);
    expect(await of({ validation: "verified" })).to.deep.equal(["Bonded", "Good"]);
    expect(await of({ validation: "disputed" })).to.deep.equal(["Bad"]);
    expect(await of({ validation: "verified", label: "suspected-fraud" })).to.deep.equal([]);
    expect(await of({ fresh: "true" })).not.to.include("Old");
    expect(await of({ max_age_days: 400 })).not.to.include("Old");
    expect(await of({ max_age_days: 3_000 })).to.include("Old");
    expect(await of({ license: "no such" })).to.deep.equal([]);
    expect(await of({ seller: `agt_31337_${seller.agentId}` })).to.have.length(7);
  });

  it("shows what it filters by, and counts it", async () => {
    const { items, facets } = await search({ facets: "true", limit: 200 });
    const counts: Record<string, number> = {};
    for (const { validation_snapshot: shown } of items)
      counts[shown.status] = (counts[shown.status] ?? 0) + 1;
    expect(facets).to.include({ counted: 7, approximate: false });
    expect(
      Object.fromEntries(facets?.validation.map(({ value, count }) => [value, count]) ?? []),
    ).to.deep.equal(counts);
    expect(facets?.modality.find(({ value }) => value === "audio")).to.deep.equal({
      value: "audio",
      count: 1,
    });
    const all = searchResponseSchema.parse(await shared.api.get("/search?facets=true&limit=1")).facets;
    expect(all?.approximate).to.equal(false);
    expect(all?.validation.reduce((sum, { count }) => sum + count, 0)).to.equal(all?.counted);
    expect(all?.domain.find(({ value }) => value === domain)?.count ?? 7).to.equal(7);
  });

  it("sorts, and pages in every order", async () => {
    const prices = async (sort: string) =>
      (await walk({ sort, limit: 2 })).map(({ pricing }) => pricing.current_price);
    const ascending = [0, 0.01, 0.02, 0.03, 0.04, 0.05, 900];
    expect(await prices("price_asc")).to.deep.equal(ascending);
    expect(await prices("price_desc")).to.deep.equal(ascending.toReversed());
    expect((await walk({ sort: "sold", limit: 3 })).map(({ metrics }) => metrics.sold_count)).to.deep.equal([
      ...[1, 0, 0, 0, 0, 0, 0],
    ]);
    expect((await walk({ sort: "newest", limit: 3 })).map(({ ek_id }) => ek_id)).to.deep.equal(
      Object.values(numbers).toReversed().map(shared.api.ekIdOf),
    );
    const scores = (await walk({ sort: "score", limit: 2 })).map(
      ({ validation_snapshot: { score } }) => score,
    );
    expect(scores).to.deep.equal([70, 70, 70, 0, 0, 0, 0]);
  });

  it("puts bonded first and disputed last, and no repetition of words above it", async () => {
    const stuffed = await list(`quokka `.repeat(28).trim(), 10_000n, {
      summary: "quokka ".repeat(280).trim(),
    });
    await index.caughtUp();
    const [first, second, ...rest] = await found({ q: "quokka" });
    expect([first, second]).to.deep.equal(["Bonded quokka", "Good quokka"]);
    expect(rest[0], "best of the unlabelled").to.match(/^quokka quokka/);
    expect(rest.at(-1)).to.equal("Bad quokka");
    expect((await found({})).slice(0, 2)).to.deep.equal(["Bonded quokka", "Good quokka"]);
    const { market } = shared.api;
    await market.send(seller.account, market.contracts.catalog, "setStatus", [stuffed, 2]);
    await index.caughtUp();
    expect(await found({ q: "quokka" }), "paused").to.have.length(7);
    await market.send(seller.account, market.contracts.catalog, "setStatus", [stuffed, 3]);
    await index.caughtUp();
    expect(await found({ sort: "newest" }), "archived").to.have.length(7);
  });

  it("T37 lets no number of labels without a bond move what bonded validators vouch for", async () => {
    const before = (await found({})).filter((title) => title !== "Good quokka");
    const [bonded, good] = [numbers.bonded as bigint, numbers.good as bigint];
    for (let i = 0; i < 8; i++) await label(i % 2 ? bonded : good, i % 2 ? 0b110000 : 0b111);
    await index.caughtUp();
    expect((await found({}))[0]).to.equal("Bonded quokka");
    expect((await found({})).filter((title) => title !== "Good quokka")).to.deep.equal(before);
  });

  it("follows what validators do at once", async () => {
    const { market } = shared.api;
    const number = await list("Fickle numbat", 10_000n);
    const validator = await label(number, 0b1, BOND);
    await index.caughtUp();
    expect((await found({}))[0]).to.be.oneOf(["Fickle numbat", "Bonded quokka"]);
    expect(await found({ validation: "verified", q: "numbat" })).to.have.length(1);
    const second = await list("Steady numbat", 10_000n);
    await label(second, 0b1);
    await index.caughtUp();
    expect(await found({ q: "numbat" })).to.deep.equal(["Fickle numbat", "Steady numbat"]);
    await market.send(validator.account, market.contracts.bonds, "unbond", [validator.agentId, BOND]);
    await index.caughtUp();
    expect(await found({ q: "numbat" }), "without its bond, the newer one").to.deep.equal([
      ...["Steady numbat", "Fickle numbat"],
    ]);
    await market.send(validator.account, market.contracts.labels, "withdraw", [validator.agentId, number]);
    await index.caughtUp();
    expect(await found({ q: "numbat", validation: "unverified" })).to.deep.equal(["Fickle numbat"]);
    for (const one of [number, second]) {
      await market.send(seller.account, market.contracts.catalog, "setStatus", [one, 3]);
    }
    await index.caughtUp();
  });

  it("finds words in spite of accents and typos, and says so", async () => {
    const number = await list("Café crème brûlée thermodynamics", 10_000n, {
      summary: "naïve Bayes über alles",
    });
    await index.caughtUp();
    const ids = async (q: string) => (await search({ q })).items.map(({ ek_id }) => ek_id);
    for (const q of ["cafe", "CAFÉ", "creme brulee", '"café crème"', "naive uber"]) {
      expect(await ids(q), q).to.deep.equal([shared.api.ekIdOf(number)]);
    }
    const mended = await search({ q: "thermodinamics -rain" });
    expect(titles(mended.items)).to.deep.equal(["Café crème brûlée thermodynamics"]);
    expect(mended).to.deep.include({
      did_you_mean: "thermodynamics -rain",
      searched_for: "thermodynamics -rain",
    });
    const pages = await search({ q: "quokkka", limit: 2 });
    expect(pages.searched_for).to.equal("quokka");
    const next = await search({ q: "quokkka", limit: 2, cursor: pages.cursor_next ?? "" });
    expect(next.searched_for).to.equal("quokka");
    expect(next.items).to.have.length(2);
    expect(titles(next.items)).not.to.have.members(titles(pages.items));
    expect(await search({ q: "quokka" })).not.to.have.property("did_you_mean");
    await shared.api.market.send(seller.account, shared.api.market.contracts.catalog, "setStatus", [
      number,
      3,
    ]);
    await index.caughtUp();
  });

  it("stands any text, and refuses what can be none", async () => {
    const texts = [
      ...[
        "'",
        '"',
        "\\",
        "'; drop table search_listings; --",
        "' or 1=1",
        "a & b | !c <-> d",
        ":*",
        "quokka:*",
        "()",
        "!!",
      ],
      ...[
        "-",
        "--",
        "-quokka -table",
        "or or or",
        "OR",
        '"'.repeat(199),
        "-".repeat(200),
        "a ".repeat(100),
        "a".repeat(200),
      ],
      ...[
        "%",
        "_%_%",
        "\u202equokka",
        "👩‍👩‍👧‍👦".repeat(10),
        "q\u0301".repeat(60),
        "ﷺ".repeat(200),
        "\ud7ff\ufffd",
        "\r\n\t\u00a0",
      ],
      ...[
        '"a" "b" '.repeat(25),
        "a-b-".repeat(50),
        "http://x/?".repeat(20),
        ...["- ".repeat(100), '-""'.repeat(66), "-a ".repeat(66), "-.".repeat(100), "--a".repeat(66)],
        "1e308 0x00 -1",
        "<b>quokka</b>",
        "$1 {{q}}",
      ],
    ];
    const sorts = ["best", "newest", "price_asc"];
    await Promise.all(
      texts.map(async (q, i) => {
        const began = performance.now();
        const { items } = await search({ q, sort: sorts[i % sorts.length] as string, facets: "true" });
        expect(items.length, q).to.be.at.most(50);
        expect(performance.now() - began, q).to.be.below(5_000);
      }),
    );
    const wrong = [
      "q=%00",
      "domain=a%00b",
      `q=${"a".repeat(201)}`,
      "price_min=-1",
      "price_max=NaN",
      "price_min=1e999",
    ];
    wrong.push(
      "sort=rank%20desc",
      "free=1",
      "scope=admin",
      "label=best",
      "validation=yes",
      "max_age_days=0",
      "seller=me",
    );
    for (const query of wrong) expectError(await shared.api.ask(`/search?${query}`), "INVALID_REQUEST", 400);
  });

  it("takes no cursor that is not of this search", async () => {
    const cursorOf = async (query: Record<string, string>) =>
      (await search({ ...query, limit: 2 })).cursor_next ?? "";
    const [best, words, price] = [
      await cursorOf({}),
      await cursorOf({ q: "quokka" }),
      await cursorOf({ sort: "price_asc" }),
    ];
    const refused = async (cursor: string, query: Record<string, string> = {}) => {
      const text = new URLSearchParams({ domain, cursor, ...query });
      expectError(await shared.api.ask(`/search?${text}`), "INVALID_REQUEST", 400);
    };
    await refused(best, { sort: "newest" });
    await refused(best, { q: "quokka" });
    await refused(best, { license: "MIT" });
    await refused(words);
    await refused(words, { q: "numbat" });
    await refused(price, { sort: "price_desc" });
    const read = (cursor: string) => JSON.parse(Buffer.from(cursor, "base64url").toString());
    const forge = (cursor: string, change: Record<string, unknown>) => {
      const body = read(cursor);
      return Buffer.from(JSON.stringify({ ...body, at: { ...body.at, ...change } })).toString("base64url");
    };
    const bad: Record<string, unknown>[] = [
      ...[
        { key: "1; drop table search_listings" },
        { key: -1 },
        { key: "9".repeat(30) },
        { key: "1.5" },
        { key: "NaN" },
      ],
      ...[{ number: "x" }, { number: "9223372036854775808" }, { number: null }, { extra: 1 }, { score: 1 }],
    ];
    for (const change of bad) await refused(forge(best, change));
    await refused(forge(words, { score: 2 ** 31 }), { q: "quokka" });
    await refused(forge(words, { below: "-1" }), { q: "quokka" });
    await refused(`${best}AAAA`);
    expect((await search({ limit: 2, cursor: best })).items).to.have.length(2);
  });

  it("pages through a market that goes on: what has not moved comes once", async () => {
    const still = new Set((await found({ q: "quokka" })).filter((title) => title !== "Cheap quokka"));
    const added: bigint[] = [];
    let turn = 0;
    for (const query of [{ q: "quokka" }, { sort: "price_asc" }, {}] as Record<string, string>[]) {
      const seen = await walk({ ...query, limit: 2 }, async () => {
        added.push(await list(`Another quokka ${turn}`, 10_000n + BigInt(turn)));
        if (turn === 0) await label(numbers.cheap as bigint, 0b1); // it moves to the front
        turn++;
        await index.caughtUp();
      });
      const counts = new Map<string, number>();
      for (const title of titles(seen)) counts.set(title, (counts.get(title) ?? 0) + 1);
      for (const title of still) expect(counts.get(title), `${title}, ${JSON.stringify(query)}`).to.equal(1);
    }
    const { market } = shared.api;
    for (const one of added)
      await market.send(seller.account, market.contracts.catalog, "setStatus", [one, 3]);
  });
});
