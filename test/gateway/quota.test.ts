import { join } from "node:path";
import { expect } from "chai";
import { openLedger } from "../../gateway/ledger.ts";
import { createMeter, type Limit } from "../../gateway/meter.ts";
import { startExchange, type TestExchange } from "./support/exchange.ts";
import {
  errorOf,
  type GatewayProcess,
  raw,
  startGateway,
  startProcess,
  type TestGateway,
  temporary,
} from "./support/gateway.ts";
import { publish } from "./support/store.ts";

/*
quota                     the token's rpm and daily_quota, counted for its rate_limit_key
├── within it             what is left is told
├── past it               429 QUOTA_EXCEEDED with Retry-After; no byte, no receipt
├── what costs no use     metadata, HEAD, 304, a refused request
├── ranges                one download is one use, however many its pieces; fetched again it is another
├── two limits            both are taken, or neither
├── windows               begin anew; a clock that goes back opens none
└── two processes         500 in parallel, quota 100: exactly 100
*/
describe("gateway: quota", function () {
  this.timeout(60_000);
  const dir = temporary();
  const ITEM = "/exp/ek_31337_1/items/a.bin";
  const BYTES = 1000;
  let exchange: TestExchange;
  let gateway: TestGateway;
  let hash: `0x${string}`;

  before(async () => {
    exchange = await startExchange();
    ({ hash } = publish(join(dir.path, "store"), { "a.bin": "x".repeat(BYTES), "b.bin": "y" }));
    gateway = await startGateway({
      exchangeUrl: exchange.url,
      storeDir: join(dir.path, "store"),
      stateDir: dir.path,
    });
  });
  after(async () => {
    await gateway.stop();
    await exchange.goDown();
    dir.remove();
  });

  const tokenOf = (quota: { rpm?: number; daily_quota?: number }, key: string = crypto.randomUUID()) =>
    exchange.token({ manifest_hash: hash, quota, rate_limit_key: key });
  const status = async (token: string, headers: Record<string, string> = {}, path = ITEM, method = "GET") =>
    (await raw(gateway, path, { token, headers, method })).status;

  it("tells what is left, and refuses what is past it", async () => {
    const token = await tokenOf({ rpm: 60, daily_quota: 2 });
    const first = await raw(gateway, ITEM, { token });
    expect(first.headers["ratelimit-policy"]).to.equal('"minute";q=60;w=60, "day";q=2;w=86400');
    expect(first.headers.ratelimit).to.match(/^"minute";r=59;t=\d+, "day";r=1;t=\d+$/);
    expect((await raw(gateway, ITEM, { token })).headers.ratelimit).to.match(/"day";r=0;t=/);
    gateway.uses.splice(0);
    const refused = await raw(gateway, ITEM, { token });
    expect(refused.status).to.equal(429);
    const { code, details } = errorOf(refused);
    expect(code).to.equal("QUOTA_EXCEEDED");
    expect(details).to.include({ limit: "day", quota: 2 });
    expect(Number(refused.headers["retry-after"])).to.be.within(1, 86_400);
    expect(refused.body.includes("xxx")).to.equal(false);
    expect(gateway.uses).to.have.length(1);
    expect(gateway.uses[0]).to.include({ event_type: "ErrorEvent", result: "denied", bytes: 0 });
    expect(gateway.uses[0]).not.to.have.property("receipt");
  });

  it("counts the key, not the token", async () => {
    const key = crypto.randomUUID();
    expect(await status(await tokenOf({ daily_quota: 1 }, key))).to.equal(200);
    expect(await status(await tokenOf({ daily_quota: 1 }, key))).to.equal(429);
    expect(await status(await tokenOf({ daily_quota: 1 }))).to.equal(200);
  });

  it("metadata, HEAD, 304 and what is refused cost no use", async () => {
    const token = await tokenOf({ daily_quota: 1 });
    expect(await status(token, {}, "/exp/ek_31337_1/metadata")).to.equal(200);
    expect(await status(token, {}, ITEM, "HEAD")).to.equal(200);
    const { headers } = await raw(gateway, ITEM, { token, method: "HEAD" });
    expect(await status(token, { "if-none-match": String(headers.etag) })).to.equal(304);
    expect(await status(token, { range: "bytes=5000-" })).to.equal(416);
    expect(await status(token, {}, "/exp/ek_31337_1/items/none")).to.equal(404);
    expect(await status(token)).to.equal(200);
    expect(await status(token)).to.equal(429);
  });

  it("T50 the pieces of one download are one use, a second download is another", async () => {
    const token = await tokenOf({ daily_quota: 2 });
    const piece = (first: number) => status(token, { range: `bytes=${first}-${first + 99}` });
    for (let at = 0; at < BYTES; at += 100) expect(await piece(at)).to.equal(206);
    // As many bytes again as the item has, for players that go back; then it is another use.
    expect(await piece(0)).to.equal(206);
    expect(await status(token, {}, "/exp/ek_31337_1/items/b.bin")).to.equal(200);
    expect(await status(token), "all of it is always a use").to.equal(429);
    const results = await Promise.all(Array.from({ length: 40 }, () => piece(0)));
    expect(results.filter((one) => one === 206).length, "what the first use had left").to.be.at.most(9);
  });

  it("takes from both limits or from neither; windows begin anew; time does not go back", async () => {
    const ledger = await openLedger({ file: ":memory:" });
    let now = Date.UTC(2026, 10, 30, 12, 0, 0);
    const meter = createMeter(ledger, () => now);
    const limits = (rpm: number, day: number): Limit[] => [
      { name: "minute", key: "k", quota: rpm, seconds: 60 },
      { name: "day", key: "k", quota: day, seconds: 86_400 },
    ];
    const take = async (rpm: number, day: number) =>
      (await meter.take(limits(rpm, day), "k")).map(({ left }) => left);
    const refused = async (rpm: number, day: number) => {
      const error = await take(rpm, day).then(
        () => expect.fail("taken"),
        (thrown) => thrown,
      );
      return error.details.limit;
    };
    expect(await take(2, 3)).to.deep.equal([1, 2]);
    expect(await take(2, 3)).to.deep.equal([0, 1]);
    expect(await refused(2, 3)).to.equal("minute");
    now += 60_000;
    expect(await take(2, 3), "the refused one took nothing").to.deep.equal([1, 0]);
    expect(await refused(2, 3)).to.equal("day");
    now -= 120_000;
    expect(await refused(1, 9), "an earlier minute").to.equal("minute");
    now += 86_400_000 + 120_000;
    expect(await take(2, 3)).to.deep.equal([1, 2]);
    expect(await refused(0, 3)).to.equal("minute");
    await ledger.close();
  });

  it("T50 500 requests over two processes, quota 100: exactly 100", async () => {
    const env = {
      EXCHANGE_URL: exchange.url,
      STORE_DIR: join(dir.path, "store"),
      STATE_DIR: join(dir.path, "state"),
    };
    const processes: GatewayProcess[] = [];
    try {
      for (let i = 0; i < 2; i++) processes.push(await startProcess(env));
      const token = await tokenOf({ daily_quota: 100, rpm: 1000 });
      const answers = await Promise.all(
        Array.from({ length: 500 }, (_, i) => raw(processes[i % 2] as GatewayProcess, ITEM, { token })),
      );
      const count = (wanted: number) => answers.filter((answer) => answer.status === wanted).length;
      expect([count(200), count(429)]).to.deep.equal([100, 400]);
    } finally {
      for (const one of processes) await one.kill("SIGKILL");
    }
  });
});
