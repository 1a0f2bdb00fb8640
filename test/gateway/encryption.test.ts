import { chmodSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { encrypt, withDecryption } from "../../gateway/encryption.ts";
import { createKeyFile } from "../../gateway/item-keys.ts";
import { openedSize, SEGMENT_BYTES, sealedSize } from "../../gateway/sealed.ts";
import { CHUNK_BYTES } from "../../gateway/store.ts";
import { createDiskStore } from "../../gateway/stores/disk.ts";
import { createDiskShelf } from "../../gateway/stores/disk-shelf.ts";
import { canonicalJson } from "../../sdk/canonical.ts";
import { hashManifest, type ManifestItem } from "../../sdk/manifest.ts";
import { startExchange, type TestExchange } from "./support/exchange.ts";
import { errorOf, raw, startGateway, type TestGateway, temporary } from "./support/gateway.ts";
import { itemOf, manifestOf } from "./support/store.ts";
import { collect } from "./support/store-contract.ts";

/*
an encrypted item, of either method
├── is kept as bytes that show nothing, and served as what was sold, whole and in parts
├── T47 with any bit flipped, a segment left out, swapped, cut off or put to another item: no forged byte
└── without its key: not served
*/
const PLAIN = Buffer.alloc(2 * CHUNK_BYTES + 100, "the plain text of what is sold. ");

describe("gateway: encryption", function () {
  this.timeout(30_000);
  const dir = temporary();
  const root = join(dir.path, "store");
  const keyFile = join(dir.path, "item-keys.json");
  const keys = createKeyFile(keyFile);
  const shelf = createDiskShelf(root);
  const store = withDecryption(createDiskStore(root), keys);
  let exchange: TestExchange;
  let gateway: TestGateway;
  before(async () => {
    await keys.create("k1");
    await shelf.prepare();
    exchange = await startExchange();
    gateway = await startGateway(
      { exchangeUrl: exchange.url, storeDir: root, stateDir: dir.path },
      { store },
    );
  });
  after(async () => {
    await gateway.stop();
    await exchange.goDown();
    dir.remove();
  });

  const put = async (method: "aes-256-gcm" | "kms-envelope", plain: Buffer, id = "item.bin") => {
    const item: ManifestItem = itemOf(id, plain, {
      encryption: { enabled: true, method, key_ref: "k1" },
      annotations: { salt: Math.random() },
    });
    const manifest = manifestOf([item]);
    const hash = hashManifest(manifest);
    const kept = await encrypt(
      item,
      {
        size: plain.length,
        bytes: async function* () {
          yield plain;
        },
      },
      keys,
    );
    await shelf.put({ hash, json: canonicalJson(manifest), items: [{ item, ...kept }] });
    return { hash, item, path: join(root, hash, "items", id), kept };
  };
  /** What breaks before its first piece is through has no answer at all: for the buyer that is no byte, and a broken connection. */
  const fetchItem = async (hash: string, headers: Record<string, string> = {}) =>
    raw(gateway, "/exp/ek_31337_1/items/item.bin", {
      headers,
      token: await exchange.token({ manifest_hash: hash }),
    }).catch((error: Error) => {
      if (error.message !== "socket hang up") throw error;
      return { status: 200, headers: {}, body: Buffer.alloc(0), broken: true };
    });

  for (const method of ["aes-256-gcm", "kms-envelope"] as const) {
    it(`${method}: shows nothing in the store, and everything to the buyer`, async () => {
      const { hash, item, path, kept } = await put(method, PLAIN);
      const stored = readFileSync(path);
      expect(stored.length).to.equal(kept.size);
      expect(stored.includes("plain text")).to.equal(false);
      expect(canonicalJson(item)).not.to.include(readFileSync(keyFile, "utf8").slice(30, 60));
      expect((await fetchItem(hash)).body.equals(PLAIN)).to.equal(true);
      const part = await fetchItem(hash, { range: `bytes=${CHUNK_BYTES - 70}-${CHUNK_BYTES + 5}` });
      expect([
        part.status,
        part.body.equals(PLAIN.subarray(CHUNK_BYTES - 70, CHUNK_BYTES + 6)),
      ]).to.deep.equal([206, true]);
    });

    it(`${method}: items of any length, any part of them`, async () => {
      for (const size of [
        0,
        1,
        SEGMENT_BYTES - 57,
        SEGMENT_BYTES - 56,
        SEGMENT_BYTES - 55,
        2 * SEGMENT_BYTES - 72,
      ]) {
        const plain = PLAIN.subarray(0, size);
        const { hash, item } = await put(method, plain);
        const stored = await store.open(hash, item.id, item);
        expect(stored?.size).to.equal(size);
        expect(
          Buffer.concat(await collect((stored as NonNullable<typeof stored>).stream())).equals(plain),
          `${size}`,
        ).to.equal(true);
        await stored?.close();
      }
      const { hash, item } = await put(method, PLAIN);
      const stored = (await store.open(hash, item.id, item)) as NonNullable<
        Awaited<ReturnType<typeof store.open>>
      >;
      const edge = fc.constantFrom(
        0,
        SEGMENT_BYTES - 57,
        SEGMENT_BYTES - 56,
        SEGMENT_BYTES - 55,
        2 * SEGMENT_BYTES - 72,
        PLAIN.length - 1,
      );
      const place = fc.oneof(edge, fc.nat(PLAIN.length - 1));
      await fc.assert(
        fc.asyncProperty(place, place, async (a, b) => {
          const [first, last] = [Math.min(a, b), Math.max(a, b)];
          const part = Buffer.concat(await collect(stored.stream({ first, last })));
          return part.equals(PLAIN.subarray(first, last + 1));
        }),
        { numRuns: 15 },
      );
      await stored.close();
    });

    it(`T47 ${method}: one bit flipped at the edge of any segment gives no forged byte`, async () => {
      const { hash, path } = await put(method, PLAIN);
      const good = readFileSync(path);
      const edges = [
        0,
        4,
        20,
        45,
        100,
        ...[1, 2].flatMap((n) => [n * SEGMENT_BYTES - 1, n * SEGMENT_BYTES, n * SEGMENT_BYTES + 1]),
        good.length - 1,
      ];
      for (const at of edges) {
        const bad = Buffer.from(good);
        bad[at] = (bad[at] ?? 0) ^ 1;
        writeFileSync(path, bad);
        const answer = await fetchItem(hash);
        expect(answer.status === 502 || answer.broken, `bit at ${at}: ${answer.status}`).to.equal(true);
        if (answer.status === 502) expect(errorOf(answer).code).to.equal("HASH_MISMATCH");
        else expect(PLAIN.subarray(0, answer.body.length).equals(answer.body), `bit at ${at}`).to.equal(true);
        const part = await fetchItem(hash, { range: "bytes=0-9" });
        expect([part.status, errorOf(part).code], `range with bit at ${at}`).to.deep.equal([
          502,
          "HASH_MISMATCH",
        ]);
      }
    });
  }

  it("T47 segments can't be swapped, repeated, left out or cut off, nor an item put in another's place", async () => {
    const { hash, path } = await put("aes-256-gcm", PLAIN);
    const good = readFileSync(path);
    const [a, b, c] = [0, 1, 2].map((i) => good.subarray(i * SEGMENT_BYTES, (i + 1) * SEGMENT_BYTES)) as [
      Buffer,
      Buffer,
      Buffer,
    ];
    const other = await put("aes-256-gcm", PLAIN, "other.bin");
    for (const forged of [
      Buffer.concat([b, a, c]),
      Buffer.concat([a, a, c]),
      Buffer.concat([a, c]),
      Buffer.concat([a, b]),
      Buffer.concat([a, b.subarray(0, 500)]),
      Buffer.concat([a, b, c, c]),
      a.subarray(0, 30),
      readFileSync(other.path),
    ]) {
      writeFileSync(path, forged);
      const answer = await fetchItem(hash);
      expect(answer.status === 502 || answer.broken).to.equal(true);
      if (answer.status === 200)
        expect(PLAIN.subarray(0, answer.body.length).equals(answer.body)).to.equal(true);
    }
  });

  it("without its key it is not served, and the log says which", async () => {
    const { hash } = await put("kms-envelope", Buffer.from("secret"));
    const text = readFileSync(keyFile, "utf8");
    writeFileSync(keyFile, JSON.stringify({ keys: {} }), { mode: 0o600 });
    const answer = await fetchItem(hash);
    expect(answer.status).to.be.oneOf([502, 503]);
    expect(answer.body.toString()).not.to.include(dir.path);
    expect(gateway.lines.join("")).to.include('has no key \\"k1\\"');
    writeFileSync(keyFile, text);
    expect((await fetchItem(hash)).body.toString()).to.equal("secret");
  });

  it("keeps keys to itself: a file that others can read is refused, a handle keeps its key", async () => {
    expect(statSync(keyFile).mode & 0o777).to.equal(0o600);
    const before = Buffer.from(await keys.key("k1"));
    expect(await keys.create("k1")).to.equal("kept");
    expect(before.equals(Buffer.from(await keys.key("k1")))).to.equal(true);
    chmodSync(keyFile, 0o644);
    expect(String(await keys.key("k1").catch((error: Error) => error))).to.include("chmod 600");
    chmodSync(keyFile, 0o600);
    const wrapped = await keys.wrap("k1", Buffer.alloc(32, 7));
    await keys.create("k2");
    expect(await keys.unwrap("k2", wrapped).catch(() => "refused"), "another key").to.equal("refused");
  });

  it("the size of what is sealed can be told from either side", () => {
    fc.assert(
      fc.property(
        fc.maxSafeNat().map((n) => n % 2 ** 42),
        (size) => openedSize(sealedSize(size)) === size,
      ),
    );
  });
});
