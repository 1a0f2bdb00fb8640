/**
 * The examples of ContentManifest v1, and its JSON Schema
 * ├── examples   each is one, by our reader and by the schema; hashes of what is here are right; together they use all that there is
 * └── schema     says of any manifest what the reader says, but for what it can't; the committed one is the present one
 */
import { readdirSync, readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect } from "chai";
import fc from "fast-check";
import { sha256 } from "viem";
import { hashManifest, manifestItemSchema, parseManifest, verifyItem } from "../../sdk/manifest.ts";
import { manifestJsonSchema } from "../../sdk/manifest-schema.ts";

const folder = new URL("../../examples/manifests/", import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, folder), "utf8"));
/** The schema as another reader of it has it. */
const bySchema = new Ajv2020({ validateFormats: false, strictTypes: false }).compile(manifestJsonSchema());

describe("examples of manifests", () => {
  it("are twenty", () => expect(names).to.have.length(20));

  for (const name of names) {
    it(`${name} is one, and its hashes are those of what is here`, () => {
      const manifest = parseManifest(read(name));
      expect(bySchema(read(name)), JSON.stringify(bySchema.errors)).to.equal(true);
      expect(hashManifest(manifest)).to.match(/^0x[0-9a-f]{64}$/);
      for (const item of manifest.items) {
        const bytes = bytesOf(item.ref.uri, item.hash.value);
        if (bytes) verifyItem(item, bytes);
        if (bytes && item.size_bytes !== undefined) expect(bytes.length).to.equal(item.size_bytes);
      }
    });
  }

  /** Of inline items, and of what lies beside the manifests. */
  function bytesOf(uri: string, hash: string): Uint8Array | undefined {
    const inline = /^data:[^,]*;base64,(.*)$/.exec(uri)?.[1];
    if (inline !== undefined) return Buffer.from(inline, "base64");
    return files.get(hash);
  }
  const files = new Map(
    ["embeddings", "video-prompt"]
      .flatMap((dir) => readdirSync(new URL(`../${dir}/`, folder)).map((name) => `../${dir}/${name}`))
      .map((path) => readFileSync(new URL(path, folder)))
      .map((bytes) => [sha256(bytes).slice(2), bytes] as const),
  );

  it("use every role, packaging, scheme, way, algorithm, cipher and chunking that there is", () => {
    const text = names.map((name) => JSON.stringify(read(name))).join();
    const { role, ref, hash, encryption, chunks } = manifestItemSchema.shape;
    const values = [
      ...role.options,
      ...ref.shape.scheme.options,
      ...ref.shape.resolve.options,
      ...hash.shape.alg.options,
      ...encryption.unwrap().shape.method.options,
      ...chunks.unwrap().shape.strategy.options,
      ...["single", "multipart", "bundle", "dataset", "workflow"],
    ];
    expect(values.filter((value) => !text.includes(`"${value}"`))).to.deep.equal([]);
  });
});

describe("the manifest's JSON Schema", () => {
  it("is committed as it is served", () => {
    const committed = readFileSync(
      new URL("../../docs/schemas/content-manifest-v1.json", import.meta.url),
      "utf8",
    );
    expect(JSON.parse(committed)).to.deep.equal(manifestJsonSchema());
  });

  it("judges a mangled manifest as the reader does, but for ids and the form as a whole", () => {
    const any = fc.constantFrom(...names).map(read);
    const mangled = fc.tuple(any, fc.jsonValue({ maxDepth: 1 }), fc.nat(60)).map(([value, junk, at]) => {
      let n = 0;
      return JSON.parse(JSON.stringify(value), (_, v: unknown) => (n++ === at ? junk : v)) as unknown;
    });
    fc.assert(
      fc.property(mangled, (value) => {
        const ours = faultsOf(value);
        const beyond = ours.filter((message) => /used twice|names no item|canonical/.test(message));
        if (ours.length > beyond.length) expect(bySchema(value)).to.equal(false);
        else expect(bySchema(value), JSON.stringify(bySchema.errors)).to.equal(true);
      }),
      { numRuns: 500 },
    );
  });

  for (const [what, change] of [
    ["an id with ..", { id: "a..b" }],
    ["a hash that is too short", { hash: { alg: "sha256", value: "a".repeat(40) } }],
    ["a sha1 that is too long", { hash: { alg: "sha1", value: "a".repeat(64) } }],
    ["a member that there is not", { sha256: "x" }],
  ] as const) {
    it(`refuses ${what}`, () => {
      const manifest = parseManifest(read(names[0] as string));
      const changed = { ...manifest, items: [{ ...manifest.items[0], ...change }] };
      expect(faultsOf(changed)).to.have.length.at.least(1);
      expect(bySchema(changed)).to.equal(false);
    });
  }
});

function faultsOf(value: unknown): string[] {
  try {
    parseManifest(value);
    return [];
  } catch (error) {
    return (error as { details: { faults: { message: string }[] } }).details.faults.map(
      ({ message }) => message,
    );
  }
}
