import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import type { Health } from "../../gateway/health.ts";
import { acceptAll, startExchange, type TestExchange } from "./support/exchange.ts";
import { type GatewayProcess, raw, SELLER, startProcess, temporary, until } from "./support/gateway.ts";
import { publish } from "./support/store.ts";

/*
node gateway/server.ts
├── serves, reports, and is healthy
├── keeps its key and its kept keys over restarts, in files of its own
├── the exchange hangs or is down          buyers are served all the same
├── killed with -9 at any time             no event of an answered request is lost, the exchange sees each at least once
├── told to stop                           ends within 3 s, with 0, and records what it broke off
├── a store that is gone                   health is down
└── wrong settings, a port taken           one clear line each, and 1
*/
const script = fileURLToPath(new URL("../../gateway/server.ts", import.meta.url));

describe("gateway: process", function () {
  // Each test starts several processes, on a machine that may be busy.
  this.timeout(120_000);
  const ITEM = "/exp/ek_31337_1/items/a.txt";
  let dir: ReturnType<typeof temporary>;
  let exchange: TestExchange;
  let token: string;
  let hash: string;
  const processes: GatewayProcess[] = [];
  const start = async (env: Record<string, string> = {}) => {
    const STORE_DIR = join(dir.path, "store");
    const STATE_DIR = join(dir.path, "state");
    const gateway = await startProcess({ EXCHANGE_URL: exchange.url, STORE_DIR, STATE_DIR, ...env });
    processes.push(gateway);
    return gateway;
  };
  const health = async (gateway: GatewayProcess) => {
    const answer = await raw(gateway, "/health");
    return { http: answer.status, ...(JSON.parse(answer.body.toString()) as Health) };
  };
  const fetchItem = (gateway: GatewayProcess) => raw(gateway, ITEM, { token });
  /** Events by the request's size, since each request of these tests asks for a range of its own length. */
  const fetchBytes = async (gateway: GatewayProcess, bytes: number) => {
    const { status, body } = await raw(gateway, ITEM, { token, headers: { range: `bytes=0-${bytes - 1}` } });
    expect([status, body.length]).to.deep.equal([206, bytes]);
    return bytes;
  };
  const receivedBytes = () => new Set(exchange.received.map(({ bytes }) => bytes));

  beforeEach(async () => {
    dir = temporary();
    exchange = await startExchange();
    ({ hash } = publish(join(dir.path, "store"), { "a.txt": "x".repeat(5000) }));
    token = await exchange.token({ manifest_hash: hash });
  });
  afterEach(async () => {
    for (const gateway of processes.splice(0)) await gateway.kill("SIGKILL");
    await exchange.goDown();
    dir.remove();
  });

  it("serves, reports, and is healthy", async () => {
    const gateway = await start();
    exchange.gatewayKey = gateway.gatewayKey;
    expect((await fetchItem(gateway)).status).to.equal(200);
    await until(() => exchange.received.length === 1, "the event");
    expect(exchange.received[0]).to.deep.include({ bytes: 5000, result: "ok", seller_id: SELLER });
    await until(async () => (await health(gateway)).outbox.events === 0, "an empty outbox");
    const { keys_age_seconds, checks, ...report } = await health(gateway);
    expect(report).to.deep.equal({
      http: 200,
      status: "ok",
      seller: SELLER,
      gateway_key: gateway.gatewayKey,
      storage_type: "disk",
      outbox: { events: 0, bytes: 0, dropped: 0, full: false },
    });
    expect(keys_age_seconds).to.be.within(0, 60);
    expect(Object.values(checks).map(({ ok }) => ok)).to.deep.equal([true, true, true, true]);
    for (const line of gateway.output().trim().split("\n"))
      expect(JSON.parse(line)).to.include.keys("time", "level", "event");
    expect(gateway.output()).not.to.include(token.split(".")[1]);
  });

  it("keeps its key over restarts, in a folder for its owner alone", async () => {
    const first = await start();
    await first.kill("SIGKILL");
    const second = await start();
    expect(second.gatewayKey).to.equal(first.gatewayKey);
    const state = join(dir.path, "state");
    expect(statSync(state).mode & 0o777).to.equal(0o700);
    expect(statSync(join(state, "gateway-key.json")).mode & 0o777).to.equal(0o600);
    expect(second.output(), "the private part is nowhere in the log").not.to.include(
      JSON.parse(readFileSync(join(state, "gateway-key.json"), "utf8")).d,
    );
  });

  it("no answer waits for an exchange that hangs", async () => {
    const gateway = await start();
    expect((await fetchItem(gateway)).status).to.equal(200);
    await gateway.kill("SIGKILL");
    await exchange.goDown();
    // The same address, but nobody ever answers there: neither for keys nor for events.
    const silent = createServer().listen(Number(new URL(exchange.url).port), "127.0.0.1");
    await once(silent, "listening");
    const again = await start();
    for (let i = 0; i < 20; i++) expect((await fetchItem(again)).status).to.equal(200);
    expect((await health(again)).outbox.events).to.be.at.least(20);
    await again.kill("SIGKILL");
    silent.close();
  });

  it("with the exchange down: serves, is degraded, and after kill -9 and restart delivers everything once", async () => {
    const first = await start();
    await fetchBytes(first, 1);
    await until(() => exchange.received.length === 1, "the first event");
    await exchange.goDown();
    const sent: number[] = [1];
    for (let i = 2; i <= 30; i++) sent.push(await fetchBytes(first, i));
    await until(async () => (await health(first)).status === "degraded", "a degraded gateway");
    await first.kill("SIGKILL");
    const second = await start();
    for (let i = 31; i <= 40; i++) sent.push(await fetchBytes(second, i));
    await exchange.comeUp();
    await until(() => receivedBytes().size === 40, "all events");
    expect([...receivedBytes()]).to.have.members(sent);
    await until(async () => (await health(second)).status === "ok", "a healthy gateway");
    expect(
      new Set(exchange.received.map(({ event_id }) => event_id)).size,
      "one event for each request",
    ).to.equal(40);
    expect(exchange.received.length, "nothing was sent twice").to.equal(40);
  });

  it("killed with -9 while requests and events are under way: no event of an answered request is lost", async () => {
    const answered = new Set<number>();
    let next = 1;
    for (let round = 0; round < 4; round++) {
      // Sometimes the exchange takes a batch and its answer never arrives: the events are sent again.
      exchange.answer = (events) =>
        round % 2 === 0 ? acceptAll(events) : { status: 200, body: { accepted: [], rejected: [] } };
      const gateway = await start();
      const buyers = Array.from({ length: 4 }, async () => {
        for (;;) {
          const bytes = next++;
          answered.add(await fetchBytes(gateway, bytes));
        }
      });
      // Their connections will break with the process.
      const ended = Promise.allSettled(buyers);
      const enough = answered.size + 40 + round * 7;
      await until(() => answered.size >= enough, "some answers");
      await gateway.kill("SIGKILL");
      await ended;
    }
    exchange.answer = acceptAll;
    const last = await start();
    await until(async () => (await health(last)).outbox.events === 0, "an empty outbox");
    const events = new Map(exchange.received.map((event) => [event.event_id, event.bytes]));
    for (const bytes of answered) expect(receivedBytes(), `the request of ${bytes} bytes`).to.include(bytes);
    expect(new Set(events.values()).size, "each use has one event id, however often it was sent").to.equal(
      events.size,
    );
  });

  it("told to stop, it ends within 3 s with 0, and records what it had to break off", async () => {
    const large = publish(join(dir.path, "store"), { "a.txt": Buffer.alloc(64 * 1024 * 1024, 7) });
    const gateway = await start();
    const reader = (
      await fetch(`${gateway.url}${ITEM}`, {
        headers: { authorization: `Bearer ${await exchange.token({ manifest_hash: large.hash })}` },
      })
    ).body?.getReader();
    await reader?.read();
    // Had it taken 3 s, its own deadline would have ended it with 1.
    expect(await gateway.kill("SIGTERM")).to.equal(0);
    await reader?.cancel().catch(() => undefined);
    expect(readdirSync(join(dir.path, "state", "outbox")).length, "the record waits on disk").to.equal(1);
    await start();
    await until(() => exchange.received.length === 1, "the event");
    expect(exchange.received[0]).to.deep.include({ reason: "BUYER_LEFT", result: "ok" });

    const idle = await start({ STATE_DIR: join(dir.path, "other") });
    expect(await idle.kill("SIGINT")).to.equal(0);
  });

  it("a store that is gone is down, and said so without its path", async () => {
    const gateway = await start({ STORE_DIR: join(dir.path, "nowhere") });
    const report = await health(gateway);
    expect([report.http, report.status, report.checks.store.ok]).to.deep.equal([503, "down", false]);
    expect(JSON.stringify(report)).not.to.include(dir.path);
    mkdirSync(join(dir.path, "nowhere"));
    expect((await health(gateway)).http).to.equal(200);
  });

  it("wrong settings are named all at once, a port that is taken too", async () => {
    const run = (env: Record<string, string>) =>
      spawnSync(process.execPath, [script], { env: { PATH: process.env.PATH, ...env }, encoding: "utf8" });
    const bad = run({ EXCHANGE_URL: "ftp://x", SELLER: "me", GATEWAY_PORT: "99999", STATE_DIR: "" });
    expect(bad.status).to.equal(1);
    expect(bad.stdout).to.equal("");
    expect(bad.stderr).to.equal(
      [
        "The gateway can't start:",
        "EXCHANGE_URL: should be an http or https URL",
        "SELLER: should be an agent id like agt_31337_1, or an EOA: 0x and 40 hex digits",
        "STORE_DIR: should be a folder",
        "STATE_DIR: should be a folder",
        "GATEWAY_PORT: should be a port",
        "",
      ].join("\n"),
    );
    const good = { EXCHANGE_URL: exchange.url, STORE_DIR: dir.path, STATE_DIR: join(dir.path, "state") };
    const eoa = run({ ...good, SELLER: `0x${"11".repeat(20)}` });
    expect(eoa.stderr).to.equal(
      "The gateway can't start:\nRPC_URL: should be an http or https URL, since SELLER is an EOA\nDEPLOYMENT_FILE: should be a file, since SELLER is an EOA\n",
    );
    const taken = run({ ...good, SELLER, GATEWAY_PORT: new URL(exchange.url).port });
    expect([taken.status, taken.stderr]).to.deep.equal([
      1,
      `The gateway can't start: listen EADDRINUSE: address already in use 127.0.0.1:${new URL(exchange.url).port}. Set another GATEWAY_PORT or METRICS_PORT.\n`,
    ]);
  });
});
