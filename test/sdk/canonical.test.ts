/** Canonical JSON: the vectors of RFC 8785, and what must hold for any value. */
import { expect } from "chai";
import fc from "fast-check";
import { canonicalHash, canonicalJson } from "../../sdk/canonical.ts";
import { ExchangeError } from "../../sdk/errors.ts";

/** RFC 8785, appendix B: an IEEE 754 double in hex, and how it is written. */
const numbers: [hex: string, text: string][] = [
  ["0000000000000000", "0"],
  ["8000000000000000", "0"],
  ["0000000000000001", "5e-324"],
  ["8000000000000001", "-5e-324"],
  ["7fefffffffffffff", "1.7976931348623157e+308"],
  ["ffefffffffffffff", "-1.7976931348623157e+308"],
  ["4340000000000000", "9007199254740992"],
  ["c340000000000000", "-9007199254740992"],
  ["4430000000000000", "295147905179352830000"],
  ["44b52d02c7e14af5", "9.999999999999997e+22"],
  ["44b52d02c7e14af6", "1e+23"],
  ["44b52d02c7e14af7", "1.0000000000000001e+23"],
  ["444b1ae4d6e2ef4e", "999999999999999700000"],
  ["444b1ae4d6e2ef4f", "999999999999999900000"],
  ["444b1ae4d6e2ef50", "1e+21"],
  ["3eb0c6f7a0b5ed8c", "9.999999999999997e-7"],
  ["3eb0c6f7a0b5ed8d", "0.000001"],
  ["41b3de4355555553", "333333333.3333332"],
  ["41b3de4355555554", "333333333.33333325"],
  ["41b3de4355555555", "333333333.3333333"],
  ["41b3de4355555556", "333333333.3333334"],
  ["41b3de4355555557", "333333333.33333343"],
  ["becbf647612f3696", "-0.0000033333333333333333"],
  ["43143ff3c1cb0959", "1424953923781206.2"],
];

function double(hex: string): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt(`0x${hex}`));
  return view.getFloat64(0);
}

describe("canonical JSON (RFC 8785)", () => {
  for (const [hex, text] of numbers) {
    it(`appendix B: ${hex} is ${text}`, () => expect(canonicalJson(double(hex))).to.equal(text));
  }

  it("section 3.2.2: literals, numbers and strings", () => {
    const input = String.raw`{
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]
    }`;
    expect(canonicalJson(JSON.parse(input))).to.equal(
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    );
  });

  it("section 3.2.4: its bytes are UTF-8", () => {
    const value = {
      literals: [null, true, false],
      numbers: [Number("333333333.33333329"), 1e30, 4.5, 2e-3, 1e-27],
    };
    const string = '\u20ac$\u000f\nA\'B"\\\\"/';
    const bytes = Buffer.from(canonicalJson({ ...value, string }), "utf8").toString("hex");
    expect(bytes).to.equal(
      "7b226c69746572616c73223a5b6e756c6c2c747275652c66616c73655d2c226e756d62657273223a5b3333333333333333332e33333333333333" +
        "2c31652b33302c342e352c302e3030322c31652d32375d2c22737472696e67223a22e282ac245c75303030665c6e4127425c225c5c5c5c5c222f227d",
    );
  });

  it("section 3.2.3: names in the order of their UTF-16 code units", () => {
    const input = String.raw`{
      "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh", "1": "One",
      "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control", "\u00f6": "Latin Small Letter O With Diaeresis"
    }`;
    expect(Object.values(JSON.parse(canonicalJson(JSON.parse(input))) as object)).to.deep.equal([
      // JSON.parse puts the integer-like name first by itself; the rest stands as it was written.
      "One",
      "Carriage Return",
      "Control",
      "Latin Small Letter O With Diaeresis",
      "Euro Sign",
      "Emoji: Grinning Face",
      "Hebrew Letter Dalet With Dagesh",
    ]);
    expect(canonicalJson(JSON.parse(input)).indexOf('"\\r"')).to.be.below(
      canonicalJson(JSON.parse(input)).indexOf('"1"'),
    );
  });

  it("reads back as the same value, and writes that the same again", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4, noUnicodeString: false, stringUnit: "binary" }), (value) => {
        fc.pre(JSON.stringify(value).isWellFormed());
        const wellFormed = JSON.parse(JSON.stringify(value)) as unknown;
        let text: string;
        try {
          text = canonicalJson(wellFormed);
        } catch (error) {
          expect(error).to.be.instanceOf(ExchangeError);
          return;
        }
        // -0 is written 0: RFC 8785 has one zero.
        expect(JSON.stringify(JSON.parse(text))).to.have.length(JSON.stringify(wellFormed).length);
        expect(canonicalJson(JSON.parse(text))).to.equal(text);
      }),
    );
  });

  it("does not depend on the order in which members were added", () => {
    const entries = fc.uniqueArray(fc.tuple(fc.string(), fc.jsonValue({ maxDepth: 2 })), {
      selector: ([k]) => k,
    });
    fc.assert(
      fc.property(entries, (list) => {
        const forward = Object.fromEntries(list);
        const backward = Object.fromEntries([...list].reverse());
        expect(canonicalJson(forward)).to.equal(canonicalJson(backward));
        expect(canonicalHash(forward)).to.equal(canonicalHash(backward));
      }),
    );
  });

  it("takes deep values without running out of stack", () => {
    const deep = JSON.parse(`${"[".repeat(5_000)}${"]".repeat(5_000)}`) as unknown;
    expect(canonicalJson(deep)).to.have.length(10_000);
  });

  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, 1n, undefined, () => 1, Symbol("x"), "\ud800"]) {
    it(`refuses ${typeof value} ${String(value)}`, () =>
      expect(() => canonicalJson(value)).to.throw(ExchangeError, "no canonical JSON form"));
  }

  it("refuses what JSON can't hold inside a value, too", () => {
    for (const value of [{ a: Number.NaN }, [1n], { "\ud800": 1 }])
      expect(() => canonicalJson(value)).to.throw(ExchangeError);
  });

  it('hashes UTF-8: keccak256 of {"a":"é"}', () => {
    expect(canonicalHash({ a: "é" })).to.equal(canonicalHash(JSON.parse('{"a":"\\u00e9"}')));
    expect(canonicalHash({})).to.equal("0xb48d38f93eaa084033fc5970bf96e559c33c4cdc07d889ab00b4d63f9590739d");
  });
});
