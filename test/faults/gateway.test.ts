/**
 * kill -9 at every marked point of a download, at two gateways that share a ledger
 * ├── before and after each statement and commit: quota, receipt, "it is in the outbox"
 * ├── at the first byte, in the middle, at the last
 * └── after the exchange took the events, before the gateway knows
 *
 * Then: the buyer has the item's bytes, by any gateway; each use that gave bytes was counted, and once; receipts are numbered without a gap;
 * whoever has all bytes has a receipt; each receipt reached the exchange as one event. Some points here; `npm run faults` has them all, and
 * random ones.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import postgres from "postgres";
import type { UsageEvent } from "../../sdk/wire/public.ts";
import { acceptAll, startExchange, type TestExchange } from "../gateway/support/exchange.ts";
import { temporary, until } from "../gateway/support/gateway.ts";
import { publish, sha256 } from "../gateway/support/store.ts";
import { createRandom } from "../support/random.ts";
import { useSystem } from "../support/system.ts";
import { type Fetched, fetchFrom, type Gateways, openGateways } from "./support/gateways.ts";
import type { Crossing } from "./support/taps.ts";

/** More than what the kernel takes from a process that is about to die. */
const SIZE = 16 * 1024 * 1024;
const ITEM = "/exp/ek_31337_1/items/a.bin";
const KILLS = Number(process.env.FAULT_GATEWAY_KILLS ?? 0);
const SEED = Number(process.env.FAULT_SEED ?? 20_261_130);
const isWhole = process.env.FAULT_POINTS === "all";
/** How long a buyer tries. */
const PATIENCE_MS = 60_000;

type Point = { name: string; often?: true } & (
  | { on: readonly string[]; way: Crossing["way"] }
  | { atByte: number }
  | { at: "events" }
);

const both = (name: string, on: readonly string[], often?: true): Point[] =>
  (["out", "back"] as const).map((way) => ({
    ...{ name: `${way === "out" ? "before" : "after"} ${name}`, on, way },
    ...(often && { often }),
  }));

const points: Point[] = [
  ...both("the quota is counted", ["sql insert counters"]),
  ...both("the quota's commit", ["sql insert counters", "sql commit"], true),
  { name: "at the first byte", atByte: 1 },
  { name: "in the middle", atByte: SIZE / 2, often: true },
  ...both("the receipt", ["sql insert receipts"]),
  ...both("the receipt's commit", ["sql insert receipts", "sql commit"], true),
  ...both("the receipt is noted as queued", ["sql update receipts"]),
  { name: "at the last byte", atByte: SIZE, often: true },
  { name: "after the exchange took the events", at: "events", often: true },
];

/** A buyer's way to the whole item, by however many requests. */
type Download = { key: string; fetched: Fetched[]; bytes: Buffer };

describe("faults: gateways", () => {
  const shared = useSystem();
  const dir = temporary();
  const content = Buffer.alloc(SIZE);
  let exchange: TestExchange;
  let gateways: Gateways;
  let hash: `0x${string}`;
  let sql: postgres.Sql;

  before(async function () {
    this.timeout(60_000);
    const random = createRandom(7);
    for (let i = 0; i < SIZE; i += 4) content.writeUInt32LE(random.int(2 ** 32), i);
    exchange = await startExchange();
    const storeDir = join(dir.path, "store");
    mkdirSync(storeDir);
    ({ hash } = publish(storeDir, { "a.bin": content }));
    const { databaseUrl } = shared.system.run;
    sql = postgres(databaseUrl, { max: 2, connection: { search_path: "moa_gateway" }, onnotice: () => {} });
    gateways = await openGateways({ exchange, databaseUrl, dir: dir.path, storeDir });
  });
  after(async () => {
    await gateways?.close();
    await exchange?.goDown();
    await sql?.end();
    dir.remove();
  });

  /** Each download is by a key of its own. */
  const keyOf = (i: number) => `key_31337_1_2_${1_000 + i}`;

  /** Fetches until it has all, by one gateway and the other in turn, beginning with `first`; and goes on where it was broken off. */
  async function download(i: number, first: number, passing: (bytes: number) => Promise<void> | void) {
    const key = keyOf(i);
    const token = await exchange.token({
      ...{ manifest_hash: hash, key_id: key, rate_limit_key: key, quota: { daily_quota: 100 } },
      sub: `agt_31337_${1_000 + i}`,
    });
    const keep: Buffer[] = [];
    const done: Download = { key, fetched: [], bytes: Buffer.alloc(0) };
    for (const end = performance.now() + PATIENCE_MS; ; ) {
      const from = keep.reduce((sum, { length }) => sum + length, 0);
      if (from >= SIZE) return { ...done, bytes: Buffer.concat(keep) };
      if (performance.now() > end) throw new Error(`${key}: ${from} bytes after ${PATIENCE_MS} ms.`);
      const machine = first + done.fetched.length;
      const port = await gateways.portOf(machine);
      done.fetched.push(await fetchFrom(port, { path: ITEM, token, from, keep }, passing));
    }
  }

  /** Kills the machine at the point, on the way of a download that begins there. */
  async function killed(i: number, point: Point): Promise<Download> {
    let dead: Promise<void> | undefined;
    if ("on" in point) {
      let seen = 0;
      dead = gateways.killAt(i, ({ name, way }) => {
        if (name !== point.on[seen]) return false;
        if (seen === point.on.length - 1) return way === point.way;
        if (way === "out") seen++;
        return false;
      });
    }
    if ("at" in point) {
      exchange.answer = (events) => {
        // Others' events come in the same batches, and later ones by themselves.
        if (!dead && events.some(({ buyer_agent_id }) => buyer_agent_id === `agt_31337_${1_000 + i}`))
          dead = gateways.kill(i);
        return acceptAll(events);
      };
    }
    const done = await download(i, i, async (bytes) => {
      if (!("atByte" in point) || dead || bytes < point.atByte) return;
      dead = gateways.kill(i);
      await dead;
    });
    if ("at" in point) await until(() => dead !== undefined, "the events");
    if (!dead) throw new Error(`${point.name}: nothing was killed.`);
    const late = new Promise<never>((_, reject) =>
      setTimeout(reject, PATIENCE_MS, new Error(`${point.name}: not on the way.`)).unref(),
    );
    await Promise.race([dead, late]);
    exchange.answer = acceptAll;
    return done;
  }

  /** What the exchange has of a key's uses: one event per id, however often it was sent. */
  const eventsOf = (key: string) =>
    new Map(
      exchange.received
        .filter(({ receipt }) => receipt?.key_id === key)
        .map((event) => [event.event_id, event] as const),
    );
  const numberOf = ({ receipt }: UsageEvent) => receipt?.number;

  async function judge({ key, fetched, bytes }: Download): Promise<void> {
    expect(sha256(bytes), "the bytes").to.equal(sha256(content));
    const receipts = await sql<{ id: string; number: string }[]>`
      select id, number from receipts where chain = ${key} order by number`;
    expect(receipts.map(({ number }) => Number(number))).to.deep.equal(receipts.map((_, i) => i + 1));
    const given = new Set(receipts.map(({ id }) => id));
    for (const { isComplete, receiptId } of fetched)
      if (isComplete && receiptId) expect(given, "all bytes, and no receipt").to.include(receiptId);
    const [counter] = await sql<{ used: string }[]>`
      select used from counters where name like ${`%${key}%`} and name like '%day%'`;
    const used = Number(counter?.used ?? 0);
    // The ranges that follow share a use.
    const [wholes, parts] = [200, 206].map((s) =>
      fetched.filter(({ status, bytes }) => status === s && bytes > 0),
    );
    const asked = fetched.length;
    expect(used).to.be.at.least(
      (wholes?.length ?? 0) + Math.min(1, parts?.length ?? 0),
      "uses that gave bytes",
    );
    expect(used, "no use is counted twice").to.be.at.most(asked);
    await until(() => eventsOf(key).size >= receipts.length, `the events of ${key}`);
    const told = [...eventsOf(key).values()];
    expect(told.map(({ event_id }) => event_id)).to.have.members([...given]);
    expect(told.map(numberOf)).to.have.members(receipts.map(({ number }) => Number(number)));
  }

  async function judgeAll(all: readonly { what: string; done: Download }[]): Promise<void> {
    const faults: string[] = [];
    for (const { what, done } of all)
      await judge(done).catch((error: unknown) => faults.push(`${what}: ${error}`));
    expect(faults).to.deep.equal([]);
  }

  const chosen = points.filter(({ often }) => isWhole || often);
  it(`T50 T51 killed at ${chosen.length} points of a download: all bytes, each use counted once, a receipt and one event for each`, async function () {
    this.timeout(chosen.length * 30_000 + 120_000);
    const all = [];
    for (const [i, point] of chosen.entries()) all.push({ what: point.name, done: await killed(i, point) });
    await judgeAll(all);
  });

  if (KILLS > 0) {
    it(`T50 T51 survives ${KILLS} kills at random (seed ${SEED})`, async function () {
      this.timeout(KILLS * 30_000 + 120_000);
      const random = createRandom(SEED);
      const all = [];
      for (let k = 0; k < KILLS; k++) {
        const i = 100 + k;
        // Another buyer is served by the other machine meanwhile.
        const other = download(10_000 + i, i + 1, () => {});
        let dead: Promise<void> | undefined;
        const at = random.chance(0.5) ? 1 + random.int(SIZE) : undefined;
        const crossing = 1 + random.int(24);
        let count = 0;
        if (at === undefined) dead = gateways.killAt(i, () => ++count === crossing);
        const done = await download(i, i, async (bytes) => {
          if (at === undefined || dead || bytes < at) return;
          dead = gateways.kill(i);
          await dead;
        });
        if (at === undefined && count < crossing)
          await gateways.kill(i); // the way was shorter
        else await dead;
        const what = at === undefined ? `kill ${k} at crossing ${crossing}` : `kill ${k} at byte ${at}`;
        all.push({ what, done }, { what: `beside ${what}`, done: await other });
      }
      await judgeAll(all);
    });
  }
});
