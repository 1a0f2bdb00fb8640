import { appendFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { type Courier, createCourier } from "../../gateway/courier.ts";
import { openLedger } from "../../gateway/ledger.ts";
import type { Log } from "../../gateway/log.ts";
import { type Outbox, openOutbox } from "../../gateway/outbox.ts";
import { createReceipts, type Receipts } from "../../gateway/receipts.ts";
import { openRejects } from "../../gateway/rejects.ts";
import { SEGMENT_LINES } from "../../gateway/segment.ts";
import { loadSigningKey, type SigningKey } from "../../gateway/signing-key.ts";
import { createUsageRecorder, type UsageRecorder, type Use } from "../../gateway/usage.ts";
import { acceptAll, startExchange, type TestExchange } from "./support/exchange.ts";
import { temporary, until } from "./support/gateway.ts";
import { backdate } from "./support/store.ts";

/*
the outbox
├── gives events oldest first, and forgets what is settled
├── keeps what is not settled, behind the others
├── survives the death of its writer in the middle of a line
├── promises nothing before it is on disk, and loses nothing under many appends
├── can be shared by processes that take each other's segments
└── full: keeps the old, drops the new, says so once
the courier
├── brings every event once when all is well
├── waits for an exchange that is down, and then brings all
├── sets aside what is refused, alone out of a whole batch
├── sends again what was neither accepted nor refused, without hammering
└── believes no answer that is not the exchange's
*/
const silent: Log = () => undefined;
const event = (n: number) => ({ id: `event-${n}`, jws: `aaaa.${"b".repeat(40)}${n}.cccc` });
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => event(from + i));

/** Backdates a segment unless it has just been renamed. */
const age = (path: string) => {
  try {
    backdate(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
};

describe("gateway: outbox", () => {
  let dir: ReturnType<typeof temporary>;
  const opened: Outbox[] = [];
  const open = async (over: { maxBytes?: number; log?: Log } = {}) => {
    const outbox = await openOutbox({ dir: dir.path, maxBytes: 1 << 20, log: silent, ...over });
    opened.push(outbox);
    return outbox;
  };
  /** Everything in the outbox, settled as it is read. */
  const drain = async (outbox: Outbox) => {
    const all: string[] = [];
    for (let batch = await outbox.next(); batch && batch !== "busy"; batch = await outbox.next()) {
      expect(batch.events.length).to.be.within(1, SEGMENT_LINES);
      all.push(...batch.events.map(({ id }) => id));
      await batch.settle([]);
    }
    return all;
  };
  const ids = (events: { id: string }[]) => events.map(({ id }) => id);

  beforeEach(() => {
    dir = temporary();
  });
  afterEach(async () => {
    for (const outbox of opened.splice(0)) await outbox.close();
    dir.remove();
  });

  it("gives events oldest first, and forgets what is settled", async () => {
    const outbox = await open();
    for (const each of range(0, 3)) expect(await outbox.append(each)).to.equal(true);
    expect(outbox.status()).to.deep.include({ events: 3, dropped: 0, full: false });
    const again = await open();
    expect(again.status(), "as another process finds it").to.deep.equal(outbox.status());
    expect(await drain(outbox)).to.deep.equal(ids(range(0, 3)));
    expect(outbox.status()).to.deep.include({ events: 0, bytes: 0 });
    expect(await outbox.next()).to.equal(null);
    expect(readdirSync(dir.path)).to.deep.equal([]);
  });

  it("keeps what is not settled, behind the others", async () => {
    const outbox = await open();
    for (const each of range(0, 3)) await outbox.append(each);
    const batch = await outbox.next();
    if (batch === null || batch === "busy") expect.fail(`there is no batch but ${batch}`);
    await outbox.append(event(3));
    await batch.settle([event(1)]);
    expect(outbox.status().events).to.equal(2);
    expect(await drain(outbox)).to.deep.equal(["event-3", "event-1"]);
    expect(outbox.status()).to.deep.include({ events: 0, bytes: 0 });
  });

  it("survives the death of its writer in the middle of a line", async () => {
    const outbox = await open();
    for (const each of range(0, 3)) await outbox.append(each);
    const [segment = ""] = readdirSync(dir.path);
    appendFileSync(join(dir.path, segment), "event-9 aaaa.bb");
    const after = await open();
    expect(after.status().events).to.equal(3);
    expect(await after.next(), "its writer may still live").to.equal("busy");
    backdate(join(dir.path, segment));
    expect(await drain(after)).to.deep.equal(ids(range(0, 3)));
    const torn = join(dir.path, "000000000000001-dead.open");
    writeFileSync(torn, "event-9 aaaa.bb");
    backdate(torn);
    expect(await drain(after), "nothing but half a line").to.deep.equal([]);
    expect(readdirSync(dir.path)).to.deep.equal([]);
  });

  it("is on disk before the promise resolves, and loses nothing under many appends at once", async () => {
    const outbox = await open({ maxBytes: 1 << 24 });
    const onDisk = () =>
      readdirSync(dir.path)
        .map((name) => readFileSync(join(dir.path, name), "utf8"))
        .join("");
    await Promise.all(
      range(0, 3 * SEGMENT_LINES + 7).map(async (each) => {
        await outbox.append(each);
        if (Number(each.id.slice(6)) % 100 === 0) expect(onDisk()).to.include(`${each.id} `);
      }),
    );
    expect(readdirSync(dir.path)).to.have.length(4);
    for (const name of readdirSync(dir.path))
      expect(statSync(join(dir.path, name)).mode & 0o777).to.equal(0o600);
    expect(await drain(outbox)).to.have.members(ids(range(0, 3 * SEGMENT_LINES + 7)));
  });

  it("loses nothing when another process takes the segment that is being written", async () => {
    const writer = await open();
    const taker = await open();
    const taken: string[] = [];
    let writing = true;
    const taking = (async () => {
      while (writing) {
        // As if the writer had not written for a while, at moments of the test's choice.
        for (const name of readdirSync(dir.path)) age(join(dir.path, name));
        taken.push(...(await drain(taker)));
        await new Promise((resolve) => setTimeout(resolve, 7));
      }
    })();
    for (const each of range(0, 300)) expect(await writer.append(each)).to.equal(true);
    writing = false;
    await taking;
    expect(taken, "some were taken from under the writer").not.to.have.length(0);
    taken.push(...(await drain(writer)));
    // At least once: a line that was taken while it was written may come twice.
    expect([...new Set(taken)]).to.have.members(ids(range(0, 300)));
    expect(writer.status()).to.deep.include({ events: 0, bytes: 0 });
  });

  it("full: keeps the old, drops the new, says so once, and goes on when there is room", async () => {
    const events: string[] = [];
    const outbox = await open({ maxBytes: 1000, log: (_level, name) => void events.push(name) });
    const kept: string[] = [];
    for (const each of range(0, 100)) if (await outbox.append(each)) kept.push(each.id);
    expect(kept).to.deep.equal(ids(range(0, kept.length)));
    expect(kept.length).to.be.within(5, 50);
    expect(outbox.status()).to.deep.include({ full: true, dropped: 100 - kept.length });
    const size = readdirSync(dir.path).reduce((sum, name) => sum + statSync(join(dir.path, name)).size, 0);
    expect(size).to.be.at.most(1000);
    expect(events).to.deep.equal(["outbox_full"]);
    expect(await drain(outbox)).to.deep.equal(kept);
    expect(await outbox.append(event(100))).to.equal(true);
    expect(events).to.deep.equal(["outbox_full", "outbox_has_room"]);
    expect(outbox.status().full).to.equal(false);
  });

  describe("the courier", () => {
    let exchange: TestExchange;
    let outbox: Outbox;
    let courier: Courier;
    let recorder: UsageRecorder;
    let receipts: Receipts;
    let key: SigningKey;
    let logged: string[];
    const use = (bytes: number): Use => ({
      event_type: "UsageEvent",
      ek_id: "ek_31337_1",
      exp_id: "exp-test",
      seller_id: "agt_31337_1",
      buyer_agent_id: "agt_31337_2",
      action: "fetch",
      item_id: "a.txt",
      bytes,
      latency_ms: 1,
      result: "ok",
    });
    const uses = async (count: number) => {
      for (let i = 0; i < count; i++) await recorder.record(use(i));
    };
    const emptied = () => until(() => outbox.status().events === 0, "an empty outbox");
    const receivedIds = () => exchange.received.map(({ event_id }) => event_id);

    beforeEach(async () => {
      exchange = await startExchange();
      logged = [];
      const log: Log = (_level, name) => void logged.push(name);
      outbox = await open();
      key = await loadSigningKey(join(dir.path, "key.json"));
      exchange.gatewayKey = key.x;
      receipts = createReceipts({ ledger: await openLedger({ file: ":memory:" }), key });
      courier = createCourier({
        outbox,
        rejects: await openRejects(dir.path, log),
        url: new URL(`${exchange.url}/gateway/events`),
        log,
        gatherMs: 5,
        pause: { first: 10, longest: 40 },
      });
      recorder = createUsageRecorder({ key, outbox, courier, receipts, log });
    });
    afterEach(async () => {
      await courier.stop();
      await exchange.goDown();
    });

    it("brings every event once, signed with the gateway's key", async () => {
      await uses(20);
      await emptied();
      expect(exchange.received.map(({ bytes }) => bytes)).to.have.members(
        Array.from({ length: 20 }, (_, i) => i),
      );
      expect(new Set(receivedIds()).size).to.equal(20);
      const [{ event_id, timestamp, ...rest } = expect.fail("nothing came")] = exchange.received;
      expect(rest).to.deep.equal(use(rest.bytes ?? -1));
      expect(event_id).to.match(/^[0-9a-f-]{36}$/);
      expect(new Date(timestamp).getTime()).to.be.closeTo(Date.now(), 60_000);
      expect(courier.trouble()).to.equal(null);
    });

    it("waits for an exchange that is down or failing, and then brings all", async () => {
      await exchange.goDown();
      await uses(5);
      await until(
        () => logged.filter((name) => name === "events_not_delivered").length >= 3,
        "three attempts",
      );
      expect(courier.trouble()).to.equal("The exchange can't be reached.");
      let failures = 0;
      exchange.answer = () => {
        failures += 1;
        return {
          status: [500, 503, 404, 429][failures % 4] ?? 500,
          body: { code: "INTERNAL_ERROR", message: "no" },
        };
      };
      await exchange.comeUp();
      await until(() => failures >= 4, "four failures");
      expect(outbox.status().events).to.equal(5);
      exchange.answer = acceptAll;
      await emptied();
      expect(new Set(receivedIds()).size).to.equal(5);
      expect(exchange.received).to.have.length(5);
      expect(logged).to.include("events_delivered_again");
      expect(courier.trouble()).to.equal(null);
    });

    it("sets aside what is refused, with the reason, and delivers the rest", async () => {
      exchange.answer = (events) => ({
        status: 200,
        body: {
          accepted: events.filter(({ bytes }) => bytes !== 2).map(({ event_id }) => event_id),
          rejected: events
            .filter(({ bytes }) => bytes === 2)
            .map(({ event_id }) => ({ event_id, reason: "the listing has another gateway_key" })),
        },
      });
      await uses(5);
      await emptied();
      const lines = readFileSync(join(dir.path, "rejected.jsonl"), "utf8").trim().split("\n");
      expect(lines).to.have.length(1);
      const { reason, event_id, jws } = JSON.parse(lines[0] ?? "");
      expect(reason).to.equal("the listing has another gateway_key");
      expect(receivedIds()).to.include(event_id);
      expect(JSON.parse(Buffer.from(jws.split(".")[1], "base64url").toString()).bytes).to.equal(2);
      expect(logged).to.include("event_rejected");
    });

    it("finds the one event that makes the exchange refuse a whole batch", async () => {
      exchange.answer = (events) =>
        events.some(({ bytes }) => bytes === 7)
          ? { status: 400, body: { code: "INVALID_REQUEST", message: "an event is not of the schema" } }
          : events.length > 4
            ? { status: 413, body: { code: "PAYLOAD_TOO_LARGE", message: "too much" } }
            : acceptAll(events);
      await uses(16);
      await emptied();
      expect(new Set(exchange.received.map(({ bytes }) => bytes)).size).to.equal(15);
      const { reason } = JSON.parse(readFileSync(join(dir.path, "rejected.jsonl"), "utf8"));
      expect(reason).to.equal("HTTP 400 INVALID_REQUEST an event is not of the schema");
    });

    it("sends again what was neither accepted nor refused, after a pause and behind what is newer", async () => {
      let stubborn = true;
      exchange.answer = (events) => ({
        status: 200,
        body: {
          accepted: events.filter(({ bytes }) => bytes !== 0 || !stubborn).map(({ event_id }) => event_id),
          rejected: [],
        },
      });
      await uses(3);
      await until(() => logged.includes("events_not_delivered"), "an attempt that settled nothing");
      await recorder.record(use(99));
      await until(() => exchange.received.some(({ bytes }) => bytes === 99), "the newer event");
      await until(() => outbox.status().events === 1, "the newer event to be settled");
      const { batches } = exchange;
      await new Promise((resolve) => setTimeout(resolve, 200));
      // Pauses are 5 to 40 ms here: 40 batches in 200 ms are already twice what they allow.
      expect(exchange.batches - batches).to.be.below(40);
      stubborn = false;
      await emptied();
    });

    it("believes no answer that is not the exchange's", async () => {
      const answers = [
        {},
        [],
        null,
        "ok",
        { accepted: [1], rejected: [] },
        { accepted: ["event-of-another"], rejected: [] },
      ];
      let asked = 0;
      exchange.answer = () => ({ status: 200, body: answers[asked++ % answers.length] });
      await uses(2);
      await until(() => asked > answers.length, "every wrong answer");
      expect(outbox.status().events).to.equal(2);
      exchange.answer = acceptAll;
      await emptied();
    });

    it("a use that can't be counted is said, and harms nobody", async () => {
      await recorder.record({ ...use(1), buyer_agent_id: "nobody" });
      expect(logged).to.deep.equal(["use_not_recorded"]);
      expect(outbox.status().events).to.equal(0);
    });
  });

  it("the gateway's key is made once, for its owner's eyes only", async () => {
    const path = join(dir.path, "key.json");
    const keys = await Promise.all([1, 2, 3].map(() => loadSigningKey(path)));
    expect(new Set(keys.map(({ x }) => x)).size, "even if several processes start at once").to.equal(1);
    expect(statSync(path).mode & 0o777).to.equal(0o600);
    expect(readdirSync(dir.path)).to.deep.equal(["key.json"]);
    writeFileSync(path, "{}");
    expect(await loadSigningKey(path).catch((error) => error.message)).to.include(
      "holds no Ed25519 private JWK",
    );
    expect(existsSync(path)).to.equal(true);
  });
});
