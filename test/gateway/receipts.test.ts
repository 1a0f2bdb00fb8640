import { join } from "node:path";
import { expect } from "chai";
import { queueReceipts } from "../../gateway/usage.ts";
import { countersign } from "../../sdk/countersignature.ts";
import { createDpopKey, type DpopKey, signDpopProof } from "../../sdk/dpop.ts";
import { ExchangeError } from "../../sdk/errors.ts";
import { fetchItemBytes } from "../../sdk/experience.ts";
import { type Access, ask } from "../../sdk/gateway-access.ts";
import { receiptTree } from "../../sdk/receipt-tree.ts";
import { hashRequest, leafOf, missingNumbers, verifyReceipt } from "../../sdk/receipts.ts";
import { watermarkText } from "../../sdk/watermark.ts";
import { startExchange, type TestExchange } from "./support/exchange.ts";
import { startWholeGateway, type WholeGateway } from "./support/fetching.ts";
import { errorOf, raw, temporary, until } from "./support/gateway.ts";
import { itemOf, publish, sha256 } from "./support/store.ts";

/*
a use                      gives a receipt, signed, before the last byte
├── numbers                per key from 1, without a gap, whatever comes in parallel
├── hashes                 of what was asked and of what came; none of what did not all come (T16)
├── GET /receipts/:id      to its buyer alone
├── countersigned          by the token's key, once
├── disputed               becomes a DisputeEvent
├── kept from the outbox   follows later
└── a day's root           is that of all its receipts
a watermark                is told with every delivery, and written where the item declares a place for it
the wrong bytes            leave the SDK with the gateway's own receipt of them (T47)
*/
describe("gateway: receipts", () => {
  const dir = temporary();
  const MIB = 1024 * 1024;
  const TEXT = "hello receipts";
  const FIELD = { offset: 4, length: 24 };
  const MARKED = `mark${"0".repeat(24)}end`;
  let exchange: TestExchange;
  let gateway: WholeGateway;
  let hash: `0x${string}`;
  let key: DpopKey;
  let pathOf: (id: string) => string;

  before(async () => {
    exchange = await startExchange();
    const content = { "a.txt": TEXT, "big.bin": Buffer.alloc(4 * MIB, 1), "marked.txt": MARKED };
    const items = [
      itemOf("a.txt", TEXT),
      itemOf("big.bin", content["big.bin"]),
      itemOf("marked.txt", MARKED, { annotations: { watermark: FIELD } }),
    ];
    ({ hash, pathOf } = publish(join(dir.path, "store"), content, items));
    gateway = await startWholeGateway({
      exchangeUrl: exchange.url,
      storeDir: join(dir.path, "store"),
      stateDir: dir.path,
    });
    key = await createDpopKey();
  });
  after(async () => {
    await gateway.stop();
    await exchange.goDown();
    dir.remove();
  });

  const freshKey = () => `key_31337_1_${Math.floor(Math.random() * 1e9)}_0`;
  const tokenOf = (over: Parameters<TestExchange["claims"]>[0] = {}) =>
    exchange.token({ manifest_hash: hash, key_id: freshKey(), ...over });
  const get = (token: string, item = "a.txt", headers: Record<string, string> = {}) =>
    raw(gateway, `/exp/ek_31337_1/items/${item}`, { token, headers });
  const receiptOf = async (token: string, id: unknown) => {
    const { status, body } = await raw(gateway, `/receipts/${id}`, { token });
    expect(status, body.toString()).to.equal(200);
    const { receipt } = JSON.parse(body.toString());
    return { jws: receipt as string, event: await verifyReceipt(receipt, gateway.key.x) };
  };

  it("says what was asked, what came, and which use of the key it was", async () => {
    const token = await tokenOf();
    const answer = await get(token);
    const { event } = await receiptOf(token, answer.headers["receipt-id"]);
    expect(event).to.include({ ek_id: "ek_31337_1", result: "ok", bytes: TEXT.length, item_id: "a.txt" });
    expect(event.receipt).to.include({
      number: 1,
      request_hash: hashRequest({
        method: "GET",
        target: "/exp/ek_31337_1/items/a.txt",
        range: null,
        body: null,
      }),
      response_hash: `sha256:${sha256(TEXT)}`,
    });
    const part = await get(token, "a.txt", { range: "bytes=0-4" });
    const second = await receiptOf(token, part.headers["receipt-id"]);
    expect(second.event.receipt).to.include({ number: 2, response_hash: `sha256:${sha256("hello")}` });
    await until(() => exchange.received.some(({ event_id }) => event_id === event.event_id), "the event");
  });

  it("numbers the uses of a key without a gap, also in parallel", async () => {
    const token = await tokenOf();
    const answers = await Promise.all(Array.from({ length: 60 }, () => get(token)));
    const receipts = await Promise.all(answers.map(({ headers }) => receiptOf(token, headers["receipt-id"])));
    const numbers = receipts.map(({ event }) => event.receipt.number).sort((a, b) => a - b);
    expect(numbers).to.deep.equal(Array.from({ length: 60 }, (_, i) => i + 1));
    expect(missingNumbers(receipts.map(({ event }) => event))).to.deep.equal([]);
  });

  it("T16 broken off at byte 0, 1, in the middle and at the last: a receipt of just that, and no hash", async () => {
    for (const wanted of [0, 1, 2 * MIB, 4 * MIB - 1]) {
      const token = await tokenOf();
      const giveUp = new AbortController();
      const url = `${gateway.url}/exp/ek_31337_1/items/big.bin`;
      const response = await fetch(url, {
        headers: { authorization: `Bearer ${token}` },
        signal: giveUp.signal,
      });
      const reader = response.body?.getReader();
      for (let had = 0; had < wanted; ) had += (await reader?.read())?.value?.length ?? wanted;
      giveUp.abort();
      const id = response.headers.get("receipt-id");
      await until(
        async () => (await raw(gateway, `/receipts/${id}`, { token })).status === 200,
        "the receipt",
      );
      const { event } = await receiptOf(token, id);
      expect(event.receipt.number).to.equal(1);
      // What is in the sockets' buffers has gone out; at the last byte that may be all.
      if (event.reason === "BUYER_LEFT") {
        expect(event.bytes).to.be.below(4 * MIB);
        expect(event.receipt).not.to.have.property("response_hash");
      } else expect(event.bytes).to.equal(4 * MIB);
    }
  });

  it("T16 not a byte, and no receipt, without a right to it", async () => {
    for (const [token, path] of [
      ["junk", "a.txt"],
      [await tokenOf({ scopes: ["quote"] }), "a.txt"],
      [await tokenOf({ ek_id: "ek_31337_2" }), "a.txt"],
      [
        await tokenOf({ exp: Math.floor(Date.now() / 1000) - 60, iat: Math.floor(Date.now() / 1000) - 90 }),
        "a.txt",
      ],
    ] as const) {
      const answer = await get(token, path);
      expect(answer.status).to.be.within(401, 403);
      expect(answer.body.includes(TEXT)).to.equal(false);
      expect(answer.headers).not.to.have.property("receipt-id");
    }
  });

  it("T44 is for its buyer alone", async () => {
    const { headers } = await get(await tokenOf());
    const stranger = await tokenOf({ sub: "agt_31337_99" });
    const answer = await raw(gateway, `/receipts/${headers["receipt-id"]}`, { token: stranger });
    expect([answer.status, errorOf(answer).code]).to.deep.equal([404, "EK_NOT_FOUND"]);
    expect((await raw(gateway, `/receipts/${headers["receipt-id"]}`)).status).to.equal(401);
  });

  const accessOf = (token: string): Access => ({
    gateway: { url: gateway.url, fetch: globalThis.fetch, unreachable: "GATEWAY_UNREACHABLE" },
    ekId: "ek_31337_1",
    token,
    dpop: key,
    gatewayKey: gateway.key.x,
  });
  const boundToken = () => tokenOf({ cnf: { jkt: key.jkt } });

  it("is kept and countersigned by the SDK, without a wallet; by another key or for another receipt never", async () => {
    const access = accessOf(await boundToken());
    const { bytes, receipt } = await fetchItemBytes(access, itemOf("a.txt", TEXT));
    expect(Buffer.from(bytes).toString()).to.equal(TEXT);
    if (!receipt) throw new Error("no receipt");
    expect(receipt.countersigned).to.equal(true);
    const stored = await gateway.receipts.find(receipt.event.event_id);
    expect(stored?.countersignature).to.be.a("string");
    const other = await createDpopKey();
    const forged = await countersign(other, {
      receipt: receipt.event,
      jws: receipt.jws,
      verdict: "received",
    });
    const mine = await fetchItemBytes(access, itemOf("a.txt", TEXT));
    const wrong = await countersign(key, {
      receipt: receipt.event,
      jws: String(mine.receipt?.jws),
      verdict: "received",
    });
    for (const countersignature of [forged, wrong, "junk"]) {
      const path = `/receipts/${receipt.event.event_id}/countersignature`;
      const refused = await ask(
        access,
        { method: "POST", path, body: { countersignature } },
        AbortSignal.timeout(9e3),
      ).then(
        () => "taken",
        (error) => error.code,
      );
      expect(refused).to.equal("INVALID_SIGNATURE");
    }
  });

  it("T47 wrong bytes: the SDK hands out none, and keeps the gateway's own receipt of them", async () => {
    const access = accessOf(await boundToken());
    // A gateway that was told to sell something else than this item's hash.
    const sold = { ...itemOf("a.txt", "what was sold!"), size_bytes: TEXT.length };
    const error = await fetchItemBytes(access, sold).then(
      () => expect.fail("handed out"),
      (thrown) => thrown,
    );
    expect(error).to.be.instanceOf(ExchangeError);
    expect(error.code).to.equal("HASH_MISMATCH");
    const { receipt, receipt_id } = error.details.evidence;
    const event = await verifyReceipt(receipt, gateway.key.x);
    expect(event.receipt.response_hash).to.equal(`sha256:${error.details.actual}`);
    const path = `/receipts/${receipt_id}/dispute`;
    await ask(
      access,
      { method: "POST", path, body: { reason: "not what was sold" } },
      AbortSignal.timeout(9e3),
    );
    await until(() => exchange.received.some(({ disputed }) => disputed === receipt_id), "the DisputeEvent");
  });

  it("a day's root is that of all its receipts", async () => {
    const token = await tokenOf();
    const { event, jws } = await receiptOf(token, (await get(token)).headers["receipt-id"]);
    const day = event.timestamp.slice(0, 10);
    const leaves = await gateway.receipts.day(day);
    expect(leaves).to.include(leafOf(jws));
    const { body } = await raw(gateway, `/receipts/days/${day}`);
    expect(JSON.parse(body.toString())).to.deep.equal({
      gateway_id: gateway.key.kid,
      day,
      root: receiptTree(leaves).root,
      count: leaves.length,
      open: true,
    });
  });

  it("what a crash kept from the outbox follows", async () => {
    const { event_id, ...claims } = { event_id: crypto.randomUUID(), ...exchange.claims() };
    const chain = freshKey();
    await gateway.receipts.issue({
      event_id,
      event_type: "UsageEvent",
      ...{ ek_id: claims.ek_id, exp_id: "", seller_id: claims.aud, buyer_agent_id: claims.sub },
      ...{ action: "fetch", result: "ok" },
      receipt: {
        listing_id: claims.listing_id,
        chain,
        jti: claims.jti,
        request_hash: `sha256:${"0".repeat(64)}`,
      },
    });
    await gateway.ledger.query("update receipts set at_ms = 0 where id = $1", [event_id]);
    await queueReceipts(gateway);
    await until(() => exchange.received.some((event) => event.event_id === event_id), "the receipt");
    expect(await gateway.receipts.unqueued()).to.deep.equal([]);
  });

  it("a quote is a use, and a QuoteEvent", async () => {
    const token = await tokenOf({ scopes: ["quote"] });
    const response = await fetch(`${gateway.url}/exp/ek_31337_1/quote`, {
      method: "POST",
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify({ work: "A report on rain" }),
    });
    expect(response.status).to.equal(200);
    const { event } = await receiptOf(token, response.headers.get("receipt-id"));
    expect(event).to.include({ event_type: "QuoteEvent", action: "quote", reason: "A report on rain" });
  });

  it("a leak is traced by its handle; only a declared field is ever changed", async () => {
    const handle = "wm_0123456789abcdef";
    const token = await tokenOf({ watermark_id: handle, sub: "agt_31337_7" });
    const plain = await get(token);
    expect([plain.body.toString(), plain.headers.watermark]).to.deep.equal([TEXT, handle]);
    const marked = await get(token, "marked.txt");
    const text = Buffer.from(watermarkText(handle, FIELD)).toString();
    expect(marked.body.toString()).to.equal(`mark${text}end`);
    expect(marked.headers).not.to.have.property("repr-digest");
    const part = await get(token, "marked.txt", { range: "bytes=6-9" });
    expect(part.body.toString()).to.equal(marked.body.toString().slice(6, 10));
    const { bytes } = await fetchItemBytes(
      { ...accessOf(token), dpop: undefined },
      itemOf("marked.txt", MARKED, { annotations: { watermark: FIELD } }),
    );
    const leaked = Buffer.from(bytes)
      .toString()
      .slice(4, 4 + handle.length);
    const found = await gateway.receipts.trace(leaked);
    expect(new Set(found.map(({ buyer }) => buyer))).to.deep.equal(new Set(["agt_31337_7"]));
    expect(found).to.have.length(4);
    expect(pathOf("marked.txt")).to.be.a("string");
  });

  it("a proof for one address is none for a receipt", async () => {
    const access = accessOf(await boundToken());
    const proof = await signDpopProof(key, { htm: "GET", htu: gateway.url, accessToken: access.token });
    const headers = { authorization: `DPoP ${access.token}`, dpop: proof };
    expect((await raw(gateway, `/receipts/${crypto.randomUUID()}`, { headers })).status).to.equal(401);
  });
});
