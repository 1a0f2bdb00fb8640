import { once } from "node:events";
import { closeSync, openSync, readFileSync, statSync, utimesSync, writeFileSync, writeSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { deliver } from "../../gateway/delivery.ts";
import { CHUNK_BYTES, type Store } from "../../gateway/store.ts";
import { createDiskStore } from "../../gateway/stores/disk.ts";
import { startExchange, type TestExchange } from "./support/exchange.ts";
import { errorOf, raw, startGateway, type TestGateway, temporary, until } from "./support/gateway.ts";
import { backdate, itemOf, publish, sha256 } from "./support/store.ts";

/*
an item whose bytes are not the manifest's
├── T47 in one piece                          502 HASH_MISMATCH, no byte of it
├── T47 in several pieces, a bit flipped at each edge of each   never complete: the connection breaks before the last piece
├── T47 the second time, or as a range        502 HASH_MISMATCH, no byte of it
├── of another length                         502 HASH_MISMATCH, no byte of it
└── is recorded as an ErrorEvent
a check is remembered
├── for the version of the file, and no longer
└── not at all for a file that may still be changing
deliver
└── records once, before the last piece
*/
type Published = ReturnType<typeof publish>;

const flip = (path: string, at: number) => {
  const byte = readFileSync(path)[at] ?? 0;
  const fd = openSync(path, "r+");
  writeSync(fd, Buffer.from([byte ^ 1]), 0, 1, at);
  closeSync(fd);
};
const bytesOf = (size: number, seed: number) => {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i += 4096)
    bytes.writeUInt32LE((seed * 2654435761 + i) >>> 0, Math.min(i, size - 4));
  return bytes;
};

describe("gateway: integrity", () => {
  const dir = temporary();
  const root = `${dir.path}/store`;
  let exchange: TestExchange;
  let gateway: TestGateway;
  /** Items of two pieces, old enough for the store to trust their time stamps. */
  const old = [77, 79, 80].map((seed) => publish(root, { "item.bin": bytesOf(2 * CHUNK_BYTES, seed) }));
  const [oldWrong, oldChanged, oldQuiet] = old as [Published, Published, Published];

  before(async () => {
    flip(oldWrong.pathOf("item.bin"), 0);
    await sleep(
      Math.max(...old.map(({ pathOf }) => statSync(pathOf("item.bin")).ctimeMs)) + 2100 - Date.now(),
    );
    exchange = await startExchange();
    gateway = await startGateway({ exchangeUrl: exchange.url, storeDir: root, stateDir: dir.path });
  });
  after(async () => {
    await gateway.stop();
    await exchange.goDown();
    dir.remove();
  });
  beforeEach(() => gateway.uses.splice(0));

  const fetchItem = async (hash: string, headers: Record<string, string> = {}) =>
    raw(gateway, "/exp/ek_31337_1/items/item.bin", {
      headers,
      token: await exchange.token({ manifest_hash: hash }),
    });

  it("T47 a small item with one wrong bit is refused before its first byte", async () => {
    for (const at of [0, 500, 999]) {
      const { hash, pathOf } = publish(root, { "item.bin": bytesOf(1000, at) });
      flip(pathOf("item.bin"), at);
      const answer = await fetchItem(hash);
      expect([answer.status, errorOf(answer).code]).to.deep.equal([502, "HASH_MISMATCH"]);
      expect(errorOf(answer).details).to.include({ actual: sha256(readFileSync(pathOf("item.bin"))) });
    }
    expect(gateway.uses[0]).to.deep.include({
      event_type: "ErrorEvent",
      result: "error",
      reason: "HASH_MISMATCH",
      bytes: 0,
      item_id: "item.bin",
    });
  });

  it("T47 a large item with one bit flipped at any edge of any piece is never complete", async () => {
    const size = 3 * CHUNK_BYTES + 5;
    const edges = [
      0,
      CHUNK_BYTES - 1,
      CHUNK_BYTES,
      2 * CHUNK_BYTES - 1,
      2 * CHUNK_BYTES,
      3 * CHUNK_BYTES - 1,
      3 * CHUNK_BYTES,
      size - 1,
    ];
    for (const at of edges) {
      const { hash, pathOf } = publish(root, { "item.bin": bytesOf(size, at + 1) });
      flip(pathOf("item.bin"), at);
      const answer = await fetchItem(hash);
      expect([answer.status, answer.broken], `bit at ${at}`).to.deep.equal([200, true]);
      expect(answer.body.length, `bit at ${at}`).to.be.at.most(3 * CHUNK_BYTES);
      expect(gateway.uses.at(-1)).to.deep.include({
        event_type: "ErrorEvent",
        result: "error",
        reason: "HASH_MISMATCH",
      });
      // A part of it is refused outright, also when the wrong bit is elsewhere.
      const part = await fetchItem(hash, { range: at === 0 ? "bytes=100-199" : "bytes=0-0" });
      expect([part.status, errorOf(part).code], `range with bit at ${at}`).to.deep.equal([
        502,
        "HASH_MISMATCH",
      ]);
    }
    expect(gateway.uses).to.have.length(2 * edges.length);
  });

  it("T47 what was found wrong is refused at once the next time", async () => {
    const { hash } = oldWrong;
    expect((await fetchItem(hash)).broken).to.equal(true);
    const again = await fetchItem(hash);
    expect([again.status, errorOf(again).code]).to.deep.equal([502, "HASH_MISMATCH"]);
  });

  it("an item of another length is refused before its first byte", async () => {
    const bytes = bytesOf(2 * CHUNK_BYTES, 78);
    const { hash, pathOf } = publish(root, { "item.bin": bytes });
    writeFileSync(pathOf("item.bin"), bytes.subarray(1));
    const answer = await fetchItem(hash);
    expect(errorOf(answer)).to.deep.include({ code: "HASH_MISMATCH" });
    expect(errorOf(answer).details).to.include({
      expected_bytes: bytes.length,
      actual_bytes: bytes.length - 1,
    });
  });

  it("a check is remembered for the version of the file and no longer", async () => {
    const bytes = bytesOf(2 * CHUNK_BYTES, 79);
    const { hash, pathOf } = oldChanged;
    const path = pathOf("item.bin");
    for (let i = 0; i < 2; i++) expect(sha256((await fetchItem(hash)).body)).to.equal(sha256(bytes));
    expect((await fetchItem(hash, { range: "bytes=1-3" })).body).to.deep.equal(bytes.subarray(1, 4));
    const { atime, mtime } = statSync(path);
    flip(path, CHUNK_BYTES);
    utimesSync(path, atime, mtime);
    expect(statSync(path).mtimeMs, "the old time stamp is back").to.equal(mtime.getTime());
    expect((await fetchItem(hash, { range: "bytes=1-3" })).status).to.equal(502);
    expect((await fetchItem(hash)).broken || (await fetchItem(hash)).status === 502).to.equal(true);
  });

  it("a version is not trusted while the file may still be changing", async () => {
    const fresh = publish(root, { "item.bin": bytesOf(10, 80) });
    const store = createDiskStore(root);
    const version = async ({ hash }: Published) => {
      const stored = await store.open(hash, "item.bin");
      await stored?.close();
      return stored?.version;
    };
    expect(await version(oldQuiet)).to.match(/^\d+(:\d+){4}$/);
    expect(await version(fresh)).to.equal(null);
    backdate(fresh.pathOf("item.bin"));
    expect(await version(fresh), "an old mtime proves nothing, it can be set").to.equal(null);
  });

  it("an item that shrinks while it is delivered breaks the connection", async () => {
    let pulls = 0;
    const source = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulls += 1;
        if (pulls > 2) throw new Error("The file ended.");
        controller.enqueue(new Uint8Array(10));
      },
    });
    const ends: unknown[] = [];
    const body = deliver(source, { ended: async (end) => void ends.push(end) });
    const failure = await new Response(body).arrayBuffer().catch((error: Error) => error.message);
    expect(failure).to.equal("The file ended.");
    expect(ends).to.have.length(1);
    expect(ends[0]).to.deep.include({ bytes: 10 });
  });

  it("a delivery is recorded once, and its last piece waits for that", async () => {
    const pieces = [1, 2, 3].map((n) => new Uint8Array([n]));
    const start = () => {
      const ends: { bytes: number; aborted?: true }[] = [];
      const { promise: onDisk, resolve: reachDisk } = Promise.withResolvers<void>();
      const source = ReadableStream.from(pieces) as ReadableStream<Uint8Array>;
      const ended = (end: { bytes: number; aborted?: true }) => {
        ends.push(end);
        return onDisk;
      };
      return { reader: deliver(source, { ended }).getReader(), ends, reachDisk };
    };

    const whole = start();
    expect((await whole.reader.read()).value).to.deep.equal(pieces[0]);
    expect((await whole.reader.read()).value).to.deep.equal(pieces[1]);
    expect(whole.ends, "not yet").to.deep.equal([]);
    let last: Uint8Array | undefined;
    const reading = whole.reader.read().then(({ value }) => {
      last = value;
    });
    await until(() => whole.ends.length > 0, "the record");
    await sleep(10);
    expect(last, "before the record is on disk").to.equal(undefined);
    whole.reachDisk();
    await reading;
    expect(last).to.deep.equal(pieces[2]);
    expect((await whole.reader.read()).done).to.equal(true);
    expect(whole.ends).to.deep.equal([{ bytes: 3 }]);

    const left = start();
    left.reachDisk();
    await left.reader.read();
    await left.reader.cancel();
    expect(left.ends).to.deep.equal([{ bytes: 1, aborted: true }]);

    const late = start();
    await late.reader.read();
    await late.reader.read();
    const never = late.reader.read();
    await until(() => late.ends.length > 0, "the record");
    const leaving = late.reader.cancel();
    late.reachDisk();
    await Promise.all([never, leaving]);
    expect(late.ends, "once, although the buyer left while it was made").to.deep.equal([{ bytes: 3 }]);
  });

  it("a buyer who leaves in the middle is recorded with what was sent", async () => {
    const { hash } = publish(root, { "item.bin": bytesOf(32 * CHUNK_BYTES, 81) });
    const leaving = new AbortController();
    const response = await fetch(`${gateway.url}/exp/ek_31337_1/items/item.bin`, {
      headers: { authorization: `Bearer ${await exchange.token({ manifest_hash: hash })}` },
      signal: leaving.signal,
    });
    await response.body?.getReader().read();
    leaving.abort();
    await until(() => gateway.uses.length > 0, "the record of a delivery that was broken off");
    expect(gateway.uses).to.have.length(1);
    expect(gateway.uses[0]).to.deep.include({ event_type: "UsageEvent", result: "ok", reason: "BUYER_LEFT" });
    expect(gateway.uses[0]?.bytes).to.be.within(1, 31 * CHUNK_BYTES);
  });

  it("buyers who leave at once leave nothing behind", async () => {
    const { hash } = publish(root, { "item.bin": bytesOf(4 * CHUNK_BYTES, 83) });
    const one = await startGateway(
      { exchangeUrl: exchange.url, storeDir: root, stateDir: dir.path },
      { maxDeliveries: 1 },
    );
    const token = await exchange.token({ manifest_hash: hash });
    const head = `GET /exp/ek_31337_1/items/item.bin HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`;
    for (let i = 1; i <= 20; i++) {
      const socket = connect(one.port, "127.0.0.1");
      await new Promise((resolve) => socket.write(head, resolve));
      // Some while the token is checked, some while the item is opened, some with the first bytes on their way.
      for (let turns = 0; turns < i; turns++) await new Promise((resolve) => setImmediate(resolve));
      socket.destroy();
      await until(() => one.uses.length === i, `the record of request ${i}`);
    }
    expect(
      (await raw(one, "/exp/ek_31337_1/items/item.bin", { token })).status,
      "the one place is free",
    ).to.equal(200);
    await one.stop();
  });

  it("a buyer who pipelines requests and leaves leaves nothing behind", async () => {
    const { hash } = publish(root, { "item.bin": bytesOf(32 * CHUNK_BYTES, 84) });
    const token = await exchange.token({ manifest_hash: hash });
    const head = `GET /exp/ek_31337_1/items/item.bin HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`;
    const socket = connect(gateway.port, "127.0.0.1");
    socket.write(head.repeat(3));
    await once(socket, "data");
    socket.pause();
    await sleep(100);
    socket.destroy();
    await until(() => gateway.uses.length === 3, "a record of each");
    for (const use of gateway.uses) expect(use).to.deep.include({ reason: "BUYER_LEFT" });
  });

  it("a buyer who leaves while the store is slow does not wait for it", async () => {
    const { hash, manifest } = publish(root, { "item.bin": bytesOf(2 * CHUNK_BYTES, 85) });
    let closed = 0;
    const store: Store = {
      manifest: async () => JSON.stringify(manifest),
      open: async () => ({
        size: 2 * CHUNK_BYTES,
        version: null,
        stream: () => new ReadableStream({ pull: () => new Promise(() => undefined) }),
        close: async () => void closed++,
      }),
      check: async () => undefined,
    };
    const slow = await startGateway(
      { exchangeUrl: exchange.url, storeDir: root, stateDir: dir.path },
      { store },
    );
    const leaving = new AbortController();
    const headers = { authorization: `Bearer ${await exchange.token({ manifest_hash: hash })}` };
    const request = { headers, signal: leaving.signal };
    const answer = fetch(`${slow.url}/exp/ek_31337_1/items/item.bin`, request).catch(() => null);
    await sleep(100);
    leaving.abort();
    await answer;
    await until(() => slow.uses.length > 0, "the record");
    expect(slow.uses[0]).to.deep.include({ bytes: 0, reason: "BUYER_LEFT" });
    expect(closed).to.equal(1);
    await slow.stop();
  });

  it("no more deliveries at a time than there is memory for", async () => {
    const { hash } = publish(root, { "item.bin": bytesOf(32 * CHUNK_BYTES, 82) }, [
      itemOf("item.bin", bytesOf(32 * CHUNK_BYTES, 82)),
    ]);
    const narrow = await startGateway(
      { exchangeUrl: exchange.url, storeDir: root, stateDir: dir.path },
      { maxDeliveries: 2 },
    );
    const headers = { authorization: `Bearer ${await exchange.token({ manifest_hash: hash })}` };
    const start = () => fetch(`${narrow.url}/exp/ek_31337_1/items/item.bin`, { headers });
    const [first, second] = [await start(), await start()];
    const third = await start();
    expect([first.status, second.status, third.status, third.headers.get("retry-after")]).to.deep.equal([
      200,
      200,
      503,
      "5",
    ]);
    await first.body?.cancel();
    await until(() => narrow.uses.some(({ reason }) => reason === "BUYER_LEFT"), "the first to leave");
    const fourth = await start();
    expect(fourth.status).to.equal(200);
    await Promise.all([second.body?.cancel(), fourth.body?.cancel()]);
    await narrow.stop();
  });
});
