/**
 * ids
 * ├── a well-formed id             parses, and serializes to itself
 * ├── a reference                  serializes, and parses to itself
 * ├── a number beyond its field    is no id: on chain it would be another's number
 * └── anything else                throws InvalidIdError
 */
import { expect } from "chai";
import fc from "fast-check";
import { InvalidIdError } from "../../sdk/errors.ts";
import * as ids from "../../sdk/ids.ts";

const uint = (bits: number) => fc.bigInt({ min: 0n, max: 2n ** BigInt(bits) - 1n });
const chainId = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const ek = fc.record({ chainId, ekId: uint(64) });
const key = fc.record({ chainId, ekId: uint(64), firstBuyer: uint(64), n: uint(32) });

// biome-ignore-start lint/suspicious/noExplicitAny: each codec has its own reference type
const codecs: Record<
  string,
  { codec: { parse(id: string): any; serialize(ref: any): string }; refs: fc.Arbitrary<any> }
> = {
  ek: { codec: ids.ekId, refs: ek },
  lst: {
    codec: ids.listingId,
    refs: fc.record({ chainId, ekId: uint(64), version: fc.integer({ min: 0, max: 2 ** 32 - 1 }) }),
  },
  agt: { codec: ids.agentId, refs: fc.record({ chainId, agentId: uint(64) }) },
  key: { codec: ids.keyId, refs: key },
  ord: { codec: ids.orderId, refs: key },
  lbl: { codec: ids.labelId, refs: fc.record({ chainId, ekId: uint(64), validatorId: uint(64) }) },
};
// biome-ignore-end lint/suspicious/noExplicitAny: as above

describe("ids", () => {
  for (const [prefix, { codec, refs }] of Object.entries(codecs)) {
    it(`${prefix}: a reference is what its id parses to`, () => {
      fc.assert(
        fc.property(refs, (ref) => {
          expect(codec.parse(codec.serialize(ref))).to.deep.equal(ref);
        }),
      );
    });

    it(`${prefix}: what parses is written as it was read, and nothing else throws but InvalidIdError`, () => {
      const digits = fc.stringMatching(/^[0-9]{1,22}$/);
      const near = fc
        .array(
          fc.oneof(
            digits,
            digits.map((d) => `v${d}`),
          ),
          { minLength: 1, maxLength: 5 },
        )
        .map((parts) => `${prefix}_${parts.join("_")}`);
      const id = fc.oneof(
        fc.string(),
        near,
        near.map((n) => `${n}\n`),
        refs.map((ref) => codec.serialize(ref)),
      );
      fc.assert(
        fc.property(id, (text) => {
          try {
            expect(codec.serialize(codec.parse(text))).to.equal(text);
          } catch (error) {
            if (!(error instanceof InvalidIdError)) throw error;
            expect(error.code).to.equal("INVALID_REQUEST");
            expect(error.message).to.include(`an id like ${prefix}_`);
          }
        }),
        { numRuns: 2_000 },
      );
    });
  }

  const refused = [
    "",
    "ek_31337",
    "ek_31337_",
    "ek_31337_12_1",
    "ek_31337_012",
    "ek_31337_-1",
    "ek_31337_1.0",
    "ek_31337_0x1",
    " ek_31337_12",
    "ek_31337_12\n",
    "EK_31337_12",
    "lst_31337_12",
    "ek_31337_１２", // full-width digits
    "ek_9007199254740993_1", // a chain id that no JavaScript number holds
    "ek_31337_18446744073709551616", // 2^64
    "key_31337_1_18446744073709551616_0",
    "key_31337_1_7_4294967296", // 2^32
    "lst_31337_12_v4294967296",
  ];
  for (const id of refused) {
    it(`refuses ${JSON.stringify(id)}`, () => {
      const codec = codecs[id.split("_")[0] ?? ""]?.codec ?? ids.ekId;
      expect(() => codec.parse(id)).to.throw(InvalidIdError);
    });
  }

  it("cuts a long wrong id short in its message", () => {
    expect(() => ids.ekId.parse("x".repeat(10_000)))
      .to.throw(InvalidIdError)
      .with.property("message")
      .with.length.below(200);
  });
});

describe("token ids", () => {
  it("split into what they were joined from", () => {
    fc.assert(
      fc.property(uint(64), uint(64), uint(32), (ekId, firstBuyer, n) => {
        expect(ids.splitTokenId(ids.joinTokenId({ ekId, firstBuyer, n }))).to.deep.equal({
          ekId,
          firstBuyer,
          n,
        });
      }),
    );
  });

  it("are never another key's: a part beyond its field is refused", () => {
    for (const part of [{ ekId: 2n ** 64n }, { firstBuyer: 2n ** 64n }, { n: 2n ** 32n }, { n: -1n }]) {
      expect(() => ids.joinTokenId({ ekId: 1n, firstBuyer: 1n, n: 0n, ...part })).to.throw(RangeError);
    }
  });
});
