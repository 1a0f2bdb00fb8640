import { join } from "node:path";
import { expect } from "chai";
import { createPresigner } from "../../gateway/presign.ts";
import { startExchange, type TestExchange } from "./support/exchange.ts";
import { raw, startGateway, type TestGateway, temporary } from "./support/gateway.ts";
import { publish } from "./support/store.ts";

/*
POST /exp/:ek/presign     a URL for one item, without a header
├── works as often as it says, and costs the key's quota
├── for its range alone
└── changed, of another gateway, for another item or too late   refused
*/
describe("gateway: presigned URLs", () => {
  const dir = temporary();
  let exchange: TestExchange;
  let gateway: TestGateway;
  let hash: `0x${string}`;

  before(async () => {
    exchange = await startExchange();
    ({ hash } = publish(join(dir.path, "store"), { "a.txt": "0123456789", "b.txt": "b" }));
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

  const tokenOf = (over: Parameters<TestExchange["claims"]>[0] = {}) =>
    exchange.token({ manifest_hash: hash, rate_limit_key: crypto.randomUUID(), ...over });
  const presign = (token: string, body: unknown) =>
    fetch(`${gateway.url}/exp/ek_31337_1/presign`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
  const urlFor = async (token: string, body: unknown) => {
    const response = await presign(token, body);
    const answer = (await response.json()) as { url: string; expires_at: string };
    expect(response.status, JSON.stringify(answer)).to.equal(200);
    return answer;
  };
  const get = (url: string, headers: Record<string, string> = {}) => raw(gateway, url, { headers });

  it("works without a header, as often as it says", async () => {
    const { url, expires_at } = await urlFor(await tokenOf(), { item: "a.txt", uses: 2 });
    expect(Date.parse(expires_at)).to.be.at.most(Date.now() + 300_000);
    for (const status of [200, 200, 429]) expect((await get(url)).status).to.equal(status);
    expect((await get(url, { range: "bytes=0-1" })).status, "a new download").to.equal(429);
  });

  it("T50 fifty at once of a URL for one use: one", async () => {
    const { url } = await urlFor(await tokenOf(), { item: "a.txt" });
    const answers = await Promise.all(Array.from({ length: 50 }, () => get(url)));
    expect(answers.filter(({ status }) => status === 200)).to.have.length(1);
  });

  it("the pieces of one download are one use", async () => {
    const { url } = await urlFor(await tokenOf(), { item: "a.txt" });
    for (let i = 0; i < 10; i++) expect((await get(url, { range: `bytes=${i}-${i}` })).status).to.equal(206);
    expect((await get(url)).status).to.equal(429);
  });

  it("costs the quota of the key, not less", async () => {
    const token = await tokenOf({ quota: { daily_quota: 2 } });
    const { url } = await urlFor(token, { item: "a.txt", uses: 10 });
    for (const status of [200, 200, 429]) expect((await get(url)).status).to.equal(status);
    expect((await raw(gateway, "/exp/ek_31337_1/items/a.txt", { token })).status).to.equal(429);
  });

  it("gives its range and no other", async () => {
    const { url } = await urlFor(await tokenOf(), { item: "a.txt", uses: 9, range: { first: 2, last: 5 } });
    const all = await get(url);
    expect([all.status, all.body.toString()]).to.deep.equal([206, "2345"]);
    expect((await get(url, { range: "bytes=3-4" })).body.toString()).to.equal("34");
    for (const range of ["bytes=0-3", "bytes=4-9", "bytes=-1"])
      expect((await get(url, { range })).status).to.equal(403);
  });

  it("T40 refuses what it did not sign, and what it signed for something else", async () => {
    const { url } = await urlFor(await tokenOf(), { item: "a.txt", uses: 99 });
    const signed = new URL(url, gateway.url).searchParams.get("signed") ?? "";
    const [body = "", mac] = signed.split(".");
    const grant = JSON.parse(Buffer.from(body, "base64url").toString());
    const longer = Buffer.from(JSON.stringify({ ...grant, until: grant.until + 9999 })).toString("base64url");
    const foreign = createPresigner(new Uint8Array(32)).sign(grant);
    const item = "/exp/ek_31337_1/items/a.txt";
    for (const text of [`${longer}.${mac}`, `${body}.${"A".repeat(43)}`, body, "", "..", foreign])
      expect((await get(`${item}?signed=${text}`)).status, text.slice(-20)).to.equal(401);
    expect((await get(`/exp/ek_31337_1/items/b.txt?signed=${signed}`)).status).to.equal(403);
    expect((await get(`/exp/ek_31337_2/items/a.txt?signed=${signed}`)).status).to.equal(403);
    expect((await get(`${item}?purpose=download&signed=${signed}`)).status).to.equal(403);
    expect((await get(`${item}?signed=${signed}`)).status).to.equal(200);
    expect(gateway.lines.join("")).not.to.include(signed);
  });

  it("ends after five minutes, and with its token", () => {
    let now = Date.now();
    const presigner = createPresigner(new Uint8Array(32).fill(7), () => now);
    const grant = { id: crypto.randomUUID(), item: "a.txt", download: false, uses: 1 };
    const until = Math.floor(now / 1000) + 300;
    const signed = presigner.sign({ ...grant, claims: exchange.claims(), until });
    expect(presigner.open(signed).item).to.equal("a.txt");
    now += 301_000;
    expect(() => presigner.open(signed)).to.throw(/expired/);
  });

  it("refuses a wish that it can't grant, and T48 a body that is too large", async () => {
    const token = await tokenOf();
    for (const body of [
      {},
      { item: "a.txt", ttl_seconds: 301 },
      { item: "a.txt", range: { first: 3, last: 1 } },
    ])
      expect((await presign(token, body)).status).to.equal(400);
    expect((await presign(token, { item: "none" })).status).to.equal(404);
    expect((await presign(token, "x".repeat(1024 * 1024 + 1))).status).to.equal(413);
    expect((await presign("junk", { item: "a.txt" })).status).to.equal(401);
  });
});
