/**
 * ContentManifest v1
 * ├── parse   a good one is kept whole, so that its hash is the hash of what was sent
 * │           a bad one throws MANIFEST_INVALID with an RFC 6901 pointer to each fault
 * └── verify  bytes that hash to it pass; one flipped bit anywhere does not
 */
import { expect } from "chai";
import fc from "fast-check";
import { sha256 } from "viem";
import { canonicalHash } from "../../sdk/canonical.ts";
import { HashMismatchError, ManifestInvalidError } from "../../sdk/errors.ts";
import { hashManifest, type ManifestItem, parseManifest, verifyItem } from "../../sdk/manifest.ts";

const item = {
  id: "answer.csv",
  role: "primary",
  media_type: "text/csv",
  size_bytes: 3,
  hash: { alg: "sha256", value: "a".repeat(64) },
  ref: { scheme: "es_gateway", uri: "items/answer.csv", resolve: "gateway" },
};
const manifest = {
  manifest_version: "1.0",
  exp_id: "exp_1",
  packaging: "bundle",
  items: [item],
  default_entrypoint: "answer.csv",
  created_at: "2026-11-20T12:00:00Z",
};

const idChars = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_-]{0,20}$/);
const hex64 = fc.stringMatching(/^[0-9a-f]{64}$/);
const goodItem = fc.record(
  {
    role: fc.constantFrom("primary", "asset", "preview", "readme", "license"),
    media_type: fc.constantFrom("text/csv", "image/png", "text/plain;charset=utf-8"),
    hash: fc.oneof(
      fc.record({ alg: fc.constantFrom("sha256", "blake3"), value: hex64 }),
      fc.record({ alg: fc.constant("sha1"), value: fc.stringMatching(/^[0-9a-f]{40}$/) }),
    ),
    ref: fc.record({
      scheme: fc.constantFrom("es_gateway", "https", "ipfs"),
      uri: fc.string({ maxLength: 100 }),
      resolve: fc.constantFrom("gateway", "direct"),
    }),
    size_bytes: fc.nat(),
    format: fc.string({ maxLength: 64 }),
    annotations: fc.dictionary(
      fc.string().filter((name) => name !== "__proto__"),
      fc.jsonValue({ maxDepth: 3 }),
    ),
  },
  { requiredKeys: ["role", "media_type", "hash", "ref"] },
);
const goodManifest = fc
  .uniqueArray(idChars, { minLength: 1, maxLength: 4 })
  .chain((ids) => fc.tuple(...ids.map((id) => goodItem.map((rest) => ({ id, ...rest })))))
  .map((items) => ({ ...manifest, default_entrypoint: items[0]?.id, items }));

/** The faults that parsing finds. */
function faultsOf(value: unknown): { pointer: string; message: string }[] {
  try {
    parseManifest(value);
  } catch (error) {
    if (error instanceof ManifestInvalidError) {
      return error.details.faults as { pointer: string; message: string }[];
    }
    throw error;
  }
  throw new Error("It was taken.");
}

describe("content manifest", () => {
  it("keeps a good one whole: its hash is the hash of what was sent", () => {
    fc.assert(
      fc.property(goodManifest, (value) => {
        const sent = JSON.parse(JSON.stringify(value)) as unknown;
        expect(hashManifest(parseManifest(sent))).to.equal(canonicalHash(sent));
      }),
    );
  });

  it("refuses members that it does not know, instead of dropping them from the hash", () => {
    expect(faultsOf({ ...manifest, note: 1 })[0]?.pointer).to.equal("/note");
    expect(faultsOf({ ...manifest, items: [{ ...item, sha256: "x" }] })[0]?.pointer).to.equal(
      "/items/0/sha256",
    );
  });

  const bad: [what: string, value: unknown, pointer: string][] = [
    ["no object", "x", ""],
    ["null", null, ""],
    ["another version", { ...manifest, manifest_version: "2.0" }, "/manifest_version"],
    ["no items", { ...manifest, items: [] }, "/items"],
    ["an id used twice", { ...manifest, items: [item, item] }, "/items/1/id"],
    ["an entry point that is no item", { ...manifest, default_entrypoint: "b" }, "/default_entrypoint"],
    ["a time without zone", { ...manifest, created_at: "2026-11-20T12:00:00" }, "/created_at"],
    ["T46 an id with ..", { ...manifest, items: [{ ...item, id: "a..b" }] }, "/items/0/id"],
    ["T46 an id with a slash", { ...manifest, items: [{ ...item, id: "a/b" }] }, "/items/0/id"],
    ["T46 an id that begins with a dot", { ...manifest, items: [{ ...item, id: ".env" }] }, "/items/0/id"],
    ["T46 an id with a null byte", { ...manifest, items: [{ ...item, id: "a\0" }] }, "/items/0/id"],
    [
      "an upper-case hash",
      { ...manifest, items: [{ ...item, hash: { alg: "sha256", value: "A".repeat(64) } }] },
      "/items/0/hash/value",
    ],
    [
      "a sha1 of sha256's length",
      { ...manifest, items: [{ ...item, hash: { alg: "sha1", value: "a".repeat(64) } }] },
      "/items/0/hash/value",
    ],
    ["half a surrogate pair", { ...manifest, exp_id: "exp\ud800" }, ""],
    [
      "a number beyond JSON's",
      { ...manifest, items: [{ ...item, annotations: JSON.parse('{"x":1e400}') as object }] },
      "",
    ],
    ["a negative size", { ...manifest, items: [{ ...item, size_bytes: -1 }] }, "/items/0/size_bytes"],
    [
      "a size that no number holds",
      { ...manifest, items: [{ ...item, size_bytes: 2 ** 53 }] },
      "/items/0/size_bytes",
    ],
  ];
  for (const [what, value, pointer] of bad) {
    it(`points to ${what}: "${pointer}"`, () => {
      expect(faultsOf(value).map((fault) => fault.pointer)).to.include(pointer);
    });
  }

  it("escapes names in pointers (RFC 6901)", () => {
    expect(faultsOf({ ...manifest, "a/b~c": 1 })[0]?.pointer).to.equal("/a~1b~0c");
  });

  it("names every fault at once", () => {
    const pointers = faultsOf({ ...manifest, exp_id: "", items: [{ ...item, role: "boss", hash: {} }] }).map(
      (f) => f.pointer,
    );
    expect(pointers).to.include.members([
      "/exp_id",
      "/items/0/role",
      "/items/0/hash/alg",
      "/items/0/hash/value",
    ]);
  });

  it("throws nothing but MANIFEST_INVALID, whatever it is given", () => {
    const mangled = fc.tuple(goodManifest, fc.jsonValue(), fc.nat(20)).map(([value, junk, at]) => {
      let n = 0;
      return JSON.parse(JSON.stringify(value), (_, v: unknown) => (n++ === at ? junk : v)) as unknown;
    });
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.jsonValue(), mangled), (value) => {
        try {
          hashManifest(parseManifest(value));
        } catch (error) {
          expect(error).to.be.instanceOf(ManifestInvalidError);
          for (const { pointer } of (error as ManifestInvalidError).details.faults as { pointer: string }[]) {
            expect(pointer).to.match(/^(\/([^~]|~0|~1)*)?$/s);
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe("verifyItem", () => {
  const itemOf = (bytes: Uint8Array): ManifestItem => ({
    ...(item as ManifestItem),
    hash: { alg: "sha256", value: sha256(bytes).slice(2) },
  });

  it("T47 takes the item's bytes and refuses them with any one bit flipped", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.nat(), (bytes, at) => {
        verifyItem(itemOf(bytes), bytes);
        const flipped = bytes.slice();
        const index = at % bytes.length;
        flipped[index] = (flipped[index] ?? 0) ^ (1 << (at % 8));
        expect(() => verifyItem(itemOf(bytes), flipped)).to.throw(HashMismatchError, item.id);
      }),
    );
  });

  it("takes an empty item", () => verifyItem(itemOf(new Uint8Array()), new Uint8Array()));

  it("never takes bytes unchecked: a hash that it can't compute is refused", () => {
    const unchecked = { ...(item as ManifestItem), hash: { alg: "blake3" as const, value: "0".repeat(64) } };
    expect(() => verifyItem(unchecked, new Uint8Array())).to.throw(ManifestInvalidError, "blake3");
  });
});
