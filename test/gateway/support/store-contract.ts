/** What every kind of store has to do, as one suite: a new store hands in a harness and inherits it. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect } from "chai";
import fc from "fast-check";
import type { Hash } from "viem";
import type { Shelf } from "../../../gateway/shelf.ts";
import { CHUNK_BYTES, free, type Store } from "../../../gateway/store.ts";
import { canonicalJson } from "../../../sdk/canonical.ts";
import { hashManifest, type ManifestItem } from "../../../sdk/manifest.ts";
import { startExchange, type TestExchange } from "./exchange.ts";
import { errorOf, raw, startGateway, type TestGateway, temporary } from "./gateway.ts";
import { itemOf, manifestOf } from "./store.ts";

export type Harness = {
  store: Store;
  /** Puts bytes in as the seller does, under a manifest with `items`, which may lie. Gives the items as they are listed. */
  put(
    content: ReadonlyMap<string, Uint8Array>,
    items: ManifestItem[],
  ): Promise<{ hash: Hash; items: ManifestItem[] }>;
  /** Puts a manifest's text in as it is. */
  putManifest(hash: Hash, text: string): Promise<void>;
  /** Other bytes of the same length in place of an item's, by whatever way the seller has. */
  replace(hash: Hash, item: ManifestItem, bytes: Uint8Array): Promise<ManifestItem>;
  /** Takes the store away. Called last. */
  breakDown(): Promise<void>;
  end(): Promise<void>;
  /** Names of what lies just outside of the store, which no item id may lead to. */
  outside?: { ids: string[]; text: string };
};

export type Traits = {
  /** Bytes that the store takes; any when left out. */
  bytes?: (size: number, seed: number) => Buffer;
  /** The item for them, where it matters. */
  item?: (id: string, bytes: Uint8Array) => ManifestItem;
  /** Another byte at this place, where it can be had; null where the store refuses what it would make. */
  flip?: (bytes: Buffer, at: number) => Buffer | null;
  /** False for a store that has an item whole in memory; then it must have a limit of its own. */
  streams?: boolean;
};

/** Bytes that repeat only after an odd length, so that no two pieces are alike. */
const anyBytes = (size: number, seed: number) => {
  const block = Buffer.alloc(65_521);
  for (let i = 0; i < block.length; i++) block[i] = (Math.imul(i + 1, 2654435761) >>> 24) ^ seed;
  return size === 0 ? Buffer.alloc(0) : Buffer.alloc(size, block);
};
const flipBit = (bytes: Buffer, at: number): Buffer => {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
};
const EDGES = [0, CHUNK_BYTES - 1, CHUNK_BYTES, 2 * CHUNK_BYTES - 1, 2 * CHUNK_BYTES, 2 * CHUNK_BYTES + 4];
const MB = 1_000_000;

/** Declares the suite. `start` makes a store with nothing in it. */
export function describeStore(name: string, start: () => Promise<Harness>, traits: Traits = {}): void {
  const { bytes: bytesOf = anyBytes, item: makeItem = itemOf, flip = flipBit, streams = true } = traits;

  describe(`gateway: store: ${name}`, function () {
    this.timeout(60_000);
    const dir = temporary();
    let harness: Harness;
    let exchange: TestExchange;
    let gateway: TestGateway;

    before(async () => {
      harness = await start();
      exchange = await startExchange();
      gateway = await startGateway(
        { exchangeUrl: exchange.url, storeDir: dir.path, stateDir: dir.path },
        { store: harness.store },
      );
    });
    after(async () => {
      await gateway.stop();
      await exchange.goDown();
      await harness.end();
      dir.remove();
    });

    /** Puts one item in; what the manifest says may be about other bytes than those that are kept. */
    const putOne = async (bytes: Buffer, listed = bytes, id = "item.bin") => {
      const { hash, items } = await harness.put(new Map([[id, bytes]]), [makeItem(id, listed)]);
      return { hash, item: items[0] as ManifestItem };
    };
    const opened = async (hash: Hash, item: ManifestItem) => {
      const stored = await harness.store.open(hash, item.id, item);
      if (stored === null) throw new Error(`${item.id} is not there.`);
      return stored;
    };
    const fetchItem = async (hash: string, item: string, headers: Record<string, string> = {}) =>
      raw(gateway, `/exp/ek_31337_1/items/${item}`, {
        headers,
        token: await exchange.token({ manifest_hash: hash }),
      });

    it("finds a manifest as it was put in, and null where there is none", async () => {
      const { hash, item } = await putOne(bytesOf(100, 1));
      const text = await harness.store.manifest(hash);
      expect(hashManifest(JSON.parse(text ?? ""))).to.equal(hash);
      expect(text).to.equal(canonicalJson(manifestOf([item])));
      expect(await harness.store.manifest(`0x${"ab".repeat(32)}`)).to.equal(null);
      await harness.store.check();
    });

    it("T48 refuses to read a manifest that is too large", async () => {
      const hash: Hash = `0x${"cd".repeat(32)}`;
      await harness.putManifest(hash, `"${"x".repeat(8 * 1024 * 1024)}"`);
      const error = await harness.store.manifest(hash).catch((thrown: Error) => thrown);
      expect(String(error)).to.match(/has \d+ bytes, more than 8388608/);
    });

    it("gives items of any length, in pieces of at most a MiB", async () => {
      for (const size of [0, 1, 1000, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 2 * CHUNK_BYTES + 3]) {
        const bytes = bytesOf(size, size);
        const { hash, item } = await putOne(bytes);
        const stored = await opened(hash, item);
        expect(stored.size).to.equal(size);
        const pieces = await collect(stored.stream());
        expect(Buffer.concat(pieces).equals(bytes), `${size} bytes`).to.equal(true);
        for (const { length } of pieces) expect(length).to.be.within(1, CHUNK_BYTES);
        await stored.close();
        expect(
          await harness.store.open(hash, "absent.bin", {
            ...item,
            ref: { ...item.ref, scheme: "es_gateway" },
          }),
        ).to.equal(null);
      }
    });

    it("gives any part of an item", async () => {
      const size = 2 * CHUNK_BYTES + 777;
      const bytes = bytesOf(size, 5);
      const { hash, item } = await putOne(bytes);
      const stored = await opened(hash, item);
      const near = fc.constantFrom(
        ...[0, 1, 2].flatMap((n) => [-1, 0, 1].map((d) => n * CHUNK_BYTES + d)),
        size - 1,
      );
      const place = fc.oneof(near, fc.nat(size - 1)).map((n) => Math.min(Math.max(0, n), size - 1));
      await fc.assert(
        fc.asyncProperty(place, place, async (a, b) => {
          const [first, last] = [Math.min(a, b), Math.max(a, b)];
          const part = Buffer.concat(await collect(stored.stream({ first, last })));
          return part.equals(bytes.subarray(first, last + 1));
        }),
        { numRuns: 20 },
      );
      await stored.close();
    });

    it("names other bytes by another version", async () => {
      const bytes = bytesOf(CHUNK_BYTES + 10, 7);
      const { hash, item } = await putOne(bytes);
      const versionOf = async (listed: ManifestItem) => {
        const stored = await opened(hash, listed);
        await stored.close();
        return stored.version;
      };
      const before = await versionOf(item);
      const replaced = await harness.replace(hash, item, bytesOf(CHUNK_BYTES + 10, 8));
      const after = await versionOf(replaced);
      // Null is a store that does not know yet: nothing is remembered by it.
      if (after !== null) expect(after).not.to.equal(before);
      const stored = await opened(hash, replaced);
      expect(Buffer.concat(await collect(stored.stream())).equals(bytesOf(CHUNK_BYTES + 10, 8))).to.equal(
        true,
      );
      await stored.close();
    });

    it("streams several at once, and goes on after some were left midway", async () => {
      const bytes = bytesOf(2 * CHUNK_BYTES + 9, 9);
      const { hash, item } = await putOne(bytes);
      const one = await opened(hash, item);
      const [left, ...all] = await Promise.all([
        leaveMidway(one.stream()),
        ...Array.from({ length: 4 }, async () => Buffer.concat(await collect(one.stream()))),
        ...Array.from({ length: 4 }, async () => {
          const own = await opened(hash, item);
          const read = Buffer.concat(await collect(own.stream()));
          await own.close();
          return read;
        }),
      ]);
      expect(left).to.be.greaterThan(0);
      for (const read of all) expect((read as Buffer).equals(bytes)).to.equal(true);
      await one.close();
      const midway = await opened(hash, item);
      const reader = midway.stream().getReader();
      await reader.read();
      await reader.cancel();
      await midway.close();
      expect((await fetchItem(hash, item.id)).body.equals(bytes)).to.equal(true);
    });

    it("T46 no name leads out of it", async () => {
      const { hash, item } = await putOne(bytesOf(100, 11));
      const { ids = [], text = "canary" } = harness.outside ?? {};
      const up = ["../", "../../", "../../../", "/", "%2e%2e/", "..\\", "./../"];
      const names = [
        ...ids,
        "canary.txt",
        "etc/passwd",
        "manifest.json",
        "'; drop table items; --",
        "a\0b",
        "--help",
      ];
      for (const id of names.flatMap((name) => [name, ...up.map((prefix) => prefix + name)])) {
        const found = await harness.store
          .open(hash, id, { ...item, id, ref: { ...item.ref, uri: id } })
          .catch(() => null);
        if (found === null) continue;
        const bytes = Buffer.concat(await collect(found.stream()));
        await found.close();
        expect(bytes.includes(text), `${JSON.stringify(id)} leads outside`).to.equal(false);
        expect(bytes.includes("root:x:0"), `${JSON.stringify(id)} leads to a system's file`).to.equal(false);
      }
      expect((await fetchItem(hash, item.id)).status).to.equal(200);
    });

    it("T47 one bit flipped at the edge of any piece: never complete, and no part of it", async () => {
      const right = bytesOf(2 * CHUNK_BYTES + 5, 13);
      let tried = 0;
      for (const at of EDGES) {
        const wrong = flip(right, at);
        if (wrong === null) continue;
        tried += 1;
        const { hash } = await putOne(wrong, right, `edge-${at}.bin`);
        const answer = await fetchItem(hash, `edge-${at}.bin`);
        expect([answer.status, answer.broken], `bit at ${at}`).to.deep.equal([200, true]);
        const part = await fetchItem(hash, `edge-${at}.bin`, { range: "bytes=50-99" });
        expect([part.status, errorOf(part).code], `bit at ${at}`).to.deep.equal([502, "HASH_MISMATCH"]);
      }
      expect(tried).to.be.greaterThan(3);
    });

    const streaming = async () => {
      const { hash, item } = await putOne(bytesOf(16 * CHUNK_BYTES, 15));
      const stored = await opened(hash, item);
      const before = retained();
      let most = 0;
      let read = 0;
      for await (const piece of stored.stream()) {
        read += piece.length;
        free(piece);
        if (read % (4 * CHUNK_BYTES) < CHUNK_BYTES) most = Math.max(most, retained() - before);
      }
      await stored.close();
      expect(read).to.equal(16 * CHUNK_BYTES);
      expect(most / MB, "MB held on the way").to.be.below(12);
    };
    if (streams) it("T48 streams in constant memory", streaming);

    it("is down when it can't be read: 503 STORE_DOWN, and no byte", async () => {
      const { hash, item } = await putOne(bytesOf(1000, 17));
      expect((await fetchItem(hash, item.id)).status).to.equal(200);
      await harness.breakDown();
      expect(await harness.store.check().catch((thrown: unknown) => thrown), "check").to.be.instanceOf(Error);
      const answer = await fetchItem(hash, item.id);
      expect([answer.status, errorOf(answer).code]).to.deep.equal([503, "STORE_DOWN"]);
    });
  });
}

/** Puts through a shelf, as the command line does. */
export function putVia(shelf: Shelf): Harness["put"] {
  return async (content, items) => {
    const manifest = manifestOf(items);
    const kept = items.flatMap((item) => {
      const bytes = content.get(item.id);
      return bytes
        ? [
            {
              item,
              size: bytes.length,
              bytes: async function* () {
                yield bytes;
              },
            },
          ]
        : [];
    });
    const hash = hashManifest(manifest);
    await shelf.put({ hash, json: canonicalJson(manifest), items: kept });
    return { hash, items };
  };
}

export async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return pieces;
}

async function leaveMidway(stream: ReadableStream<Uint8Array>): Promise<number> {
  const reader = stream.getReader();
  const { value } = await reader.read();
  await reader.cancel();
  return value?.length ?? 0;
}

/** Bytes that are still held after a garbage collection. */
function retained(): number {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
