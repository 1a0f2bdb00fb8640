import { expect } from "chai";
import { keccak256, stringToBytes } from "viem";
import { errorCodes } from "../../sdk/errors.ts";
import { startExchange, type TestExchange } from "./support/exchange.ts";
import {
  type Answer,
  errorOf,
  raw,
  startGateway,
  type TestGateway,
  temporary,
  wire,
} from "./support/gateway.ts";
import { itemOf, publish, sha256 } from "./support/store.ts";

/*
GET /exp/:ek/metadata     the manifest, whose keccak256 is the hash on chain
GET /exp/:ek/items/:item
├── the bytes, with headers by which they can be checked, kept and never shown in place
├── a range, 416 with the size, If-Range; HEAD; If-None-Match; If-Match
├── purpose=download needs its own scope
├── an item that is kept elsewhere, or with a hash that can't be checked
└── every use is recorded, with its bytes and its result
every answer             has a request id, every error the one shape
*/
describe("gateway: metadata and items", () => {
  const CSV = "year,co2\n1960,316.9\n1961,317.6\n";
  const dir = temporary();
  let exchange: TestExchange;
  let gateway: TestGateway;
  let hash: `0x${string}`;
  let token: string;

  before(async () => {
    exchange = await startExchange();
    ({ hash } = publish(
      `${dir.path}/store`,
      { "data.csv": CSV, empty: "", "page.html": "<script>alert(1)</script>" },
      [
        itemOf("data.csv", CSV, { media_type: "text/csv; charset=utf-8" }),
        itemOf("empty", ""),
        itemOf("page.html", "<script>alert(1)</script>", { media_type: "text/html;é=\u0001" }),
        itemOf("gone.bin", "x"),
        itemOf("far.bin", "x", {
          ref: { scheme: "https", uri: "https://example.com/far.bin", resolve: "direct" },
        }),
        itemOf("old.bin", "x", { hash: { alg: "sha1", value: "a".repeat(40) } }),
      ],
    ));
    gateway = await startGateway({
      exchangeUrl: exchange.url,
      storeDir: `${dir.path}/store`,
      stateDir: dir.path,
    });
    token = await exchange.token({ manifest_hash: hash });
  });
  after(async () => {
    await gateway.stop();
    await exchange.goDown();
    dir.remove();
  });
  beforeEach(() => gateway.uses.splice(0));

  const get = (path: string, headers: Record<string, string> = {}, method = "GET") =>
    raw(gateway, `/exp/ek_31337_1/${path}`, { token, headers, method });

  const expectError = (answer: Answer, code: keyof typeof errorCodes, status: number = errorCodes[code]) => {
    expect(answer.status, answer.body.toString()).to.equal(status);
    const error = errorOf(answer);
    expect(Object.keys(error)).to.have.members(["code", "message", "request_id", "details"]);
    expect(error.code).to.equal(code);
    expect(error.request_id).to.equal(answer.headers["x-request-id"]);
    expect(error.details.hint).to.be.a("string");
    expect(answer.headers["content-type"]).to.equal("application/json");
    return error;
  };

  it("metadata is the manifest, byte for byte what the hash on chain is of", async () => {
    const { status, headers, body } = await get("metadata");
    expect(status).to.equal(200);
    expect(keccak256(body)).to.equal(hash);
    expect(keccak256(stringToBytes(body.toString()))).to.equal(hash);
    expect(headers.etag).to.equal(`"${hash}"`);
    expect(headers["cache-control"]).to.match(/^private/);
    expect((await get("metadata", { "if-none-match": `"${hash}"` })).status).to.equal(304);
    expect(gateway.uses.map(({ result, bytes, exp_id }) => ({ result, bytes, exp_id }))).to.deep.equal([
      { result: "ok", bytes: body.length, exp_id: "exp-test" },
      { result: "ok", bytes: 0, exp_id: "exp-test" },
    ]);
  });

  it("an item comes with what is needed to check and keep it", async () => {
    const { status, headers, body } = await get("items/data.csv");
    expect(status).to.equal(200);
    expect(body.toString()).to.equal(CSV);
    const digest = Buffer.from(sha256(CSV), "hex").toString("base64");
    expect(headers).to.include({
      "content-type": "text/csv; charset=utf-8",
      "content-length": String(CSV.length),
      "content-disposition": 'attachment; filename="data.csv"',
      "accept-ranges": "bytes",
      etag: `"${sha256(CSV)}"`,
      "repr-digest": `sha-256=:${digest}:`,
      "cache-control": "private, no-transform",
      vary: "Authorization",
      "x-content-type-options": "nosniff",
      "content-security-policy": "default-src 'none'; sandbox",
    });
    expect(headers["x-request-id"]).to.match(/^[0-9a-f-]{36}$/);
    expect(headers).not.to.have.property("x-powered-by");
  });

  it("a media type that HTTP can't carry loses its parameters, and stays an attachment", async () => {
    const { status, headers } = await get("items/page.html");
    expect(status).to.equal(200);
    expect(headers).to.include({
      "content-type": "text/html",
      "content-disposition": 'attachment; filename="page.html"',
    });
  });

  it("an empty item is served", async () => {
    const { status, headers, body } = await get("items/empty");
    expect([status, headers["content-length"], body.length]).to.deep.equal([200, "0", 0]);
  });

  it("ranges: 206 and 416", async () => {
    const part = await get("items/data.csv", { range: "bytes=5-7" });
    expect([part.status, part.body.toString(), part.headers["content-length"]]).to.deep.equal([
      206,
      "co2",
      "3",
    ]);
    expect(part.headers["content-range"]).to.equal(`bytes 5-7/${CSV.length}`);
    expect(part.headers["repr-digest"], "of the whole item").to.be.a("string");
    expect((await get("items/data.csv", { range: "bytes=-4" })).body.toString()).to.equal("7.6\n");
    expect((await get("items/data.csv", { range: "bytes=0-1,3-4" })).status, "several ranges").to.equal(200);

    const none = await get("items/data.csv", { range: `bytes=${CSV.length}-` });
    expect(expectError(none, "INVALID_REQUEST", 416).details.size_bytes).to.equal(CSV.length);
    expect(none.headers["content-range"]).to.equal(`bytes */${CSV.length}`);
  });

  it("If-Range gives the part for the same item and the whole for another", async () => {
    const range = "bytes=0-3";
    const status = async (ifRange: string) =>
      (await get("items/data.csv", { range, "if-range": ifRange })).status;
    expect(await status(`"${sha256(CSV)}"`)).to.equal(206);
    expect(await status(`W/"${sha256(CSV)}"`)).to.equal(200);
    expect(await status('"other"')).to.equal(200);
    expect(await status("Sat, 01 Nov 2036 00:00:00 GMT")).to.equal(200);
  });

  it("HEAD has the headers of GET, no body, and no ranges", async () => {
    const { status, headers, body } = await get("items/data.csv", { range: "bytes=0-3" }, "HEAD");
    expect([status, headers["content-length"], body.length]).to.deep.equal([200, String(CSV.length), 0]);
    expect((await get("metadata", {}, "HEAD")).body.length).to.equal(0);
    expect((await get("items/nothing", {}, "HEAD")).status).to.equal(404);
    expect(gateway.uses.map(({ bytes }) => bytes)).to.deep.equal([0, 0, 0]);
  });

  it("If-None-Match answers 304, If-Match of another item 412", async () => {
    const etag = `"${sha256(CSV)}"`;
    const same = await get("items/data.csv", { "if-none-match": etag });
    expect([same.status, same.body.length, same.headers.etag]).to.deep.equal([304, 0, etag]);
    expect((await get("items/data.csv", { "if-match": etag })).status).to.equal(200);
    for (const path of ["items/data.csv", "metadata"])
      expectError(await get(path, { "if-match": '"other"' }), "INVALID_REQUEST", 412);
  });

  it("purpose=download needs the download scope, reading the read scope", async () => {
    const path = "/exp/ek_31337_1/items/data.csv";
    const reader = await exchange.token({ manifest_hash: hash, scopes: ["read"] });
    expect((await raw(gateway, path, { token: reader })).status).to.equal(200);
    const denied = await raw(gateway, `${path}?purpose=download`, { token: reader });
    expect(expectError(denied, "SCOPE_DENIED").details).to.deep.include({
      needed: "download",
      scopes: ["read"],
    });
    expect(denied.headers["www-authenticate"]).to.include('error="insufficient_scope", scope="download"');
    expect((await raw(gateway, `${path}?purpose=download`, { token })).status).to.equal(200);
    const quoter = await exchange.token({ manifest_hash: hash, scopes: ["quote"] });
    expectError(await raw(gateway, path, { token: quoter }), "SCOPE_DENIED");
    expectError(await raw(gateway, "/exp/ek_31337_1/metadata", { token: quoter }), "SCOPE_DENIED");
    expectError(await raw(gateway, `${path}?purpose=resale`, { token }), "INVALID_REQUEST");
    expect(gateway.uses.map(({ action, result, reason }) => [action, result, reason])).to.deep.equal([
      ["fetch", "ok", undefined],
      ["download", "denied", "SCOPE_DENIED"],
      ["download", "ok", undefined],
      ["fetch", "denied", "SCOPE_DENIED"],
      ["fetch", "denied", "SCOPE_DENIED"],
      ["fetch", "denied", "INVALID_REQUEST"],
    ]);
  });

  it("unknown items and manifests, missing bytes, items kept elsewhere, hashes that can't be checked", async () => {
    expectError(await get("items/nothing.csv"), "EK_NOT_FOUND");
    expectError(await get("items/far.bin"), "EK_NOT_FOUND");
    expectError(await get("items/gone.bin"), "STORE_DOWN");
    expectError(await get("items/old.bin"), "MANIFEST_INVALID", 501);
    for (const manifest_hash of [`0x${"11".repeat(32)}`, "0x", `../store/${hash}`, `0x${"AA".repeat(32)}`]) {
      const other = await exchange.token({ manifest_hash });
      const answer = await raw(gateway, "/exp/ek_31337_1/items/data.csv", { token: other });
      expectError(answer, "EK_NOT_FOUND");
    }
    expect(
      gateway.uses
        .slice(0, 4)
        .map(({ event_type, result, reason, item_id }) => [event_type, result, reason, item_id]),
    ).to.deep.equal([
      ["ErrorEvent", "denied", "EK_NOT_FOUND", undefined],
      ["ErrorEvent", "denied", "EK_NOT_FOUND", "far.bin"],
      ["ErrorEvent", "error", "STORE_DOWN", "gone.bin"],
      ["ErrorEvent", "error", "MANIFEST_INVALID", "old.bin"],
    ]);
  });

  it("a use says who, what, how much and how it went", async () => {
    await get("items/data.csv", { range: "bytes=0-3" });
    const [{ latency_ms, event_id, receipt, ...use } = expect.fail("no use")] = gateway.uses;
    expect(latency_ms).to.be.a("number");
    expect(event_id).to.match(/^[0-9a-f-]{36}$/);
    expect(receipt).to.include({ chain: "key_31337_1_2_0", response_hash: `sha256:${sha256("year")}` });
    expect(use).to.deep.equal({
      event_type: "UsageEvent",
      ek_id: "ek_31337_1",
      exp_id: "exp-test",
      seller_id: "agt_31337_1",
      buyer_agent_id: "agt_31337_2",
      action: "fetch",
      item_id: "data.csv",
      bytes: 4,
      result: "ok",
    });
  });

  it("other paths are 404, other methods 405, before any token is looked at", async () => {
    for (const path of [
      "/",
      "/exp",
      "/exp/ek_31337_1",
      "/exp/ek_31337_1/items/",
      "/favicon.ico",
      "/../health",
    ])
      expectError(await raw(gateway, path, { token }), "NOT_FOUND");
    for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"]) {
      const answer = await raw(gateway, "/exp/ek_31337_1/items/data.csv", { method });
      expectError(answer, "METHOD_NOT_ALLOWED");
      expect(answer.headers.allow).to.equal("GET, HEAD");
    }
    expect(gateway.uses).to.deep.equal([]);
  });

  it("T48 request bodies are refused unread", async () => {
    const target = "/exp/ek_31337_1/items/data.csv HTTP/1.1\r\nHost: x\r\n";
    const announced = await wire(
      gateway.port,
      `GET ${target}Content-Length: 1000000000000\r\n\r\n${"x".repeat(4096)}`,
    );
    expect(announced).to.match(/^HTTP\/1\.1 413 /);
    expect(announced).to.include('"PAYLOAD_TOO_LARGE"');
    const chunked = await wire(
      gateway.port,
      `GET ${target}Transfer-Encoding: chunked\r\n\r\nfffffff\r\n${"x".repeat(4096)}`,
    );
    expect(chunked).to.match(/^HTTP\/1\.1 413 /);
    const posted = await wire(
      gateway.port,
      `POST ${target}Content-Length: 1000000000000\r\n\r\n${"x".repeat(4096)}`,
    );
    expect(posted).to.match(/^HTTP\/1\.1 405 /);
    // An exact length of zero is no body.
    expect((await get("items/data.csv", { "content-length": "0" })).status).to.equal(200);
  });

  it("what is not HTTP still gets the one error shape", async () => {
    for (const [bytes, status] of [
      ["NONSENSE\r\n\r\n", 400],
      [`GET /health HTTP/1.1\r\nHost: x\r\nX: ${"y".repeat(20_000)}\r\n\r\n`, 431],
      ["GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400],
    ] as const) {
      const answer = await wire(gateway.port, bytes);
      expect(answer).to.match(new RegExp(`^HTTP/1\\.1 ${status} `));
      const { request_id } = JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4));
      expect(answer).to.include(`x-request-id: ${request_id}`);
    }
  });

  it("T54 the log holds no token, wherever the buyer put it", async () => {
    await raw(gateway, `/exp/ek_31337_1/items/data.csv?access_token=${token}`);
    await raw(gateway, `/exp/${token}/metadata`, { token });
    await raw(gateway, `/exp/ek_31337_1/items/${token}`, { token });
    await raw(gateway, `/${token}`);
    const log = gateway.lines.join("");
    expect(log).to.include("[token]");
    expect(log, "a query").not.to.include("access_token");
    expect(log).not.to.include(token.split(".")[1]);
    for (const line of gateway.lines) expect(JSON.parse(line)).to.include.keys("time", "level", "event");
  });
});
