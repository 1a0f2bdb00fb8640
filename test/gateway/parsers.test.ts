import { expect } from "chai";
import fc from "fast-check";
import { isNotModified, rangeApplies } from "../../gateway/conditions.ts";
import { resolveRange } from "../../gateway/range.ts";
import { parseTarget } from "../../gateway/route.ts";
import type { ExchangeError } from "../../sdk/errors.ts";
import { itemIdSchema } from "../../sdk/manifest.ts";

/*
parseTarget
├── reads health, metadata and items, in origin-form and absolute-form
├── decodes an id exactly once, and keeps all of the path after items/
└── never throws, and names nothing for any other path
resolveRange
├── follows RFC 9110 for fixed cases
└── never leaves the item, and agrees with a slice of it
conditions
└── compare tags strongly for If-Match and If-Range, weakly for If-None-Match
*/
describe("gateway: parsers", () => {
  describe("parseTarget", () => {
    const item = (id: string, purpose: string | null = null) => ({
      kind: "item",
      ek: "ek_1_1",
      item: id,
      purpose,
      signed: null,
    });

    it("reads what the gateway has", () => {
      expect(parseTarget("/health")).to.deep.equal({ kind: "health" });
      expect(parseTarget("/health?x=1")).to.deep.equal({ kind: "health" });
      expect(parseTarget("/exp/ek_1_1/metadata")).to.deep.equal({ kind: "metadata", ek: "ek_1_1" });
      expect(parseTarget("/exp/ek_1_1/items/a.csv")).to.deep.equal(item("a.csv"));
      expect(parseTarget("/exp/ek_1_1/items/a.csv?purpose=download")).to.deep.equal(
        item("a.csv", "download"),
      );
      expect(parseTarget("http://h:1/exp/ek_1_1/items/a.csv?purpose=")).to.deep.equal(item("a.csv", ""));
    });

    it("T46 decodes once and hands over what is no id as it is", () => {
      const cases: [string, string][] = [
        ["..", ".."],
        ["../../etc/passwd", "../../etc/passwd"],
        ["%2e%2e", ".."],
        ["..%2f..%2fetc", "../../etc"],
        ["%252e%252e", "%2e%2e"],
        ["a%00.csv", "a\0.csv"],
        ["%", "%"],
        ["%c0%ae%c0%ae", "%c0%ae%c0%ae"],
        ["a\nb", "a\nb"],
      ];
      for (const [path, id] of cases)
        expect(parseTarget(`/exp/ek_1_1/items/${path}`)).to.deep.equal(item(id));
      for (const [, id] of cases) expect(itemIdSchema.safeParse(id).success, id).to.equal(false);
    });

    it("names nothing for other paths", () => {
      for (const path of [
        "",
        "/",
        "*",
        "/exp",
        "/exp//metadata",
        "/exp/ek_1_1",
        "/exp/ek_1_1/items/",
        "/exp/../health",
      ])
        expect(parseTarget(path), path).to.equal(null);
      for (const path of ["/health/", "/exp/ek_1_1/metadata/", "//h/health", "/x/exp/ek_1_1/metadata"])
        expect(parseTarget(path), path).to.equal(null);
    });

    it("T46 survives any text, and gives back any id that was encoded", () => {
      fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void parseTarget(text)));
      fc.assert(fc.property(fc.string(), (text) => void parseTarget(`/exp/ek_1_1/items/${text}`)));
      const wellFormed = fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => text.isWellFormed());
      fc.assert(
        fc.property(wellFormed, (id) => {
          expect(parseTarget(`/exp/ek_1_1/items/${encodeURIComponent(id)}`)).to.deep.equal(item(id));
        }),
      );
    });
  });

  describe("resolveRange", () => {
    it("follows RFC 9110", () => {
      const cases: [string | null, number, ReturnType<typeof resolveRange>][] = [
        [null, 10, "whole"],
        ["bytes=0-0", 10, { first: 0, last: 0 }],
        ["bytes=2-5", 10, { first: 2, last: 5 }],
        ["bytes=2-", 10, { first: 2, last: 9 }],
        ["bytes=2-99", 10, { first: 2, last: 9 }],
        ["bytes=-3", 10, { first: 7, last: 9 }],
        ["bytes=-99", 10, { first: 0, last: 9 }],
        ["Bytes= 0-1 ", 10, { first: 0, last: 1 }],
        ["bytes=10-", 10, "unsatisfiable"],
        ["bytes=-0", 10, "unsatisfiable"],
        ["bytes=0-", 0, "unsatisfiable"],
        ["bytes=-5", 0, "whole"],
        ["bytes=5-2", 10, "whole"],
        ["bytes=-", 10, "whole"],
        ["bytes=", 10, "whole"],
        ["bytes=0-1,3-4", 10, "whole"],
        ["items=0-1", 10, "whole"],
        ["bytes=0x1-2", 10, "whole"],
        ["bytes=1.5-2", 10, "whole"],
        ["bytes=--1", 10, "whole"],
        [`bytes=0-${"9".repeat(400)}`, 10, { first: 0, last: 9 }],
        [`bytes=${"9".repeat(400)}-`, 10, "unsatisfiable"],
        [`bytes=-${"9".repeat(400)}`, 10, { first: 0, last: 9 }],
      ];
      for (const [header, size, expected] of cases)
        expect(resolveRange(header, size), `${header?.slice(0, 30)} of ${size}`).to.deep.equal(expected);
    });

    it("never leaves the item, and agrees with a slice of it", () => {
      const bound = fc.option(fc.nat(40), { nil: undefined });
      fc.assert(
        fc.property(bound, bound, fc.nat(32), (from, to, size) => {
          const range = resolveRange(`bytes=${from ?? ""}-${to ?? ""}`, size);
          const all = Array.from({ length: size }, (_, i) => i);
          const wanted =
            from === undefined
              ? all.slice(size - Math.min(to ?? 0, size))
              : all.slice(from, (to ?? size) + 1);
          if (typeof range === "string") {
            // Nothing was selected, or the header was no range at all.
            expect(wanted).to.deep.equal([]);
            return;
          }
          expect(range.first).to.be.within(0, range.last);
          expect(range.last).to.be.below(size);
          expect(all.slice(range.first, range.last + 1)).to.deep.equal(wanted);
        }),
      );
    });

    it("survives any text", () => {
      fc.assert(
        fc.property(fc.string(), fc.nat(), (text, size) => {
          for (const header of [text, `bytes=${text}`]) {
            const range = resolveRange(header, size);
            if (typeof range !== "string")
              expect(range.first <= range.last && range.last < size).to.equal(true);
          }
        }),
      );
    });
  });

  it("conditions compare tags as RFC 9110 wants", () => {
    const status = (name: string, value: string) => {
      try {
        return isNotModified(new Headers({ [name]: value }), '"a"') ? 304 : 200;
      } catch (error) {
        return (error as ExchangeError).status;
      }
    };
    expect(isNotModified(new Headers(), '"a"')).to.equal(false);
    for (const value of ['"a"', 'W/"a"', '"b", "a"', "*"])
      expect(status("if-none-match", value), value).to.equal(304);
    for (const value of ['"b"', "a", ""]) expect(status("if-none-match", value), value).to.equal(200);
    for (const value of ['"a"', '"b","a"', "*"]) expect(status("if-match", value), value).to.equal(200);
    for (const value of ['W/"a"', '"b"', ""]) expect(status("if-match", value), value).to.equal(412);
    const applies = (value: string) => rangeApplies(new Headers({ "if-range": value }), '"a"');
    expect(rangeApplies(new Headers(), '"a"')).to.equal(true);
    expect(applies('"a"')).to.equal(true);
    for (const value of ['W/"a"', '"b"', "Sat, 01 Nov 2026 00:00:00 GMT"])
      expect(applies(value), value).to.equal(false);
  });
});
