/**
 * fetch
 * ├── given a token             fetches manifest and items from the gateway, with it, and checks every hash
 * ├── when a byte differs       HASH_MISMATCH, and nothing is handed out (T47)
 * ├── when there is too much    HASH_MISMATCH, without reading on (T48)
 * ├── when it breaks off        goes on where it was, of the same content alone
 * ├── when the item is in parts  fetches them as ranges, checks each, and reads a wrong one again (T47)
 * └── when the gateway is down  GATEWAY_UNREACHABLE, or what it says
 */
import type { IncomingHttpHeaders } from "node:http";
import { expect } from "chai";
import { sha256 } from "viem";
import { canonicalJson } from "../../sdk/canonical.ts";
import { createExchange } from "../../sdk/client.ts";
import { HashMismatchError } from "../../sdk/errors.ts";
import { type ContentManifest, hashManifest } from "../../sdk/manifest.ts";
import { PART_INDEX_TYPE } from "../../sdk/parts.ts";
import { countingWallet, signInRoutes } from "./support/exchange.ts";
import { failure } from "./support/failure.ts";
import { apiError, useServer } from "./support/server.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const contents: Record<string, Uint8Array> = {
  "answer.csv": encode("month,days\n11,18\n"),
  "big.bin": new Uint8Array(300_000).fill(7),
  "empty.txt": new Uint8Array(),
};
const manifest: ContentManifest = {
  manifest_version: "1.0",
  exp_id: "exp_rain",
  packaging: "bundle",
  items: Object.entries(contents).map(([id, bytes]) => ({
    id,
    role: "asset",
    media_type: "application/octet-stream",
    size_bytes: bytes.length,
    hash: { alg: "sha256", value: sha256(bytes).slice(2) },
    ref: { scheme: "es_gateway", uri: `items/${id}`, resolve: "gateway" },
  })),
  created_at: "2026-11-20T12:00:00Z",
};

describe("client: fetch", () => {
  const server = useServer();
  const gateway = useServer();
  const exchange = () => createExchange({ url: server.url, wallet: countingWallet() });

  const tokenFor = (hash: string) => ({
    ek_token: "ek.token",
    expires_at: new Date().toISOString(),
    gateway: `${gateway.url}/`,
    manifest_hash: hash,
    listing_id: "lst_31337_1_v1",
  });

  beforeEach(() => {
    server.routes = {
      ...signInRoutes(server),
      "POST /me/buy/token": () => ({ body: tokenFor(hashManifest(manifest)) }),
      "POST /me/validate/token": () => ({ body: tokenFor(hashManifest(manifest)) }),
    };
    gateway.routes = {
      "GET /exp/ek_31337_1/metadata": () => ({ bytes: canonicalJson(manifest) }),
      ...Object.fromEntries(
        Object.entries(contents).map(([id, bytes]) => [`GET /exp/ek_31337_1/items/${id}`, () => ({ bytes })]),
      ),
    };
  });

  it("hands out every item's bytes, from the gateway, by the token", async () => {
    const experience = await exchange().fetch("ek_31337_1");
    expect(experience.manifest).to.deep.equal(manifest);
    expect(experience).to.include({ ekId: "ek_31337_1", listingId: "lst_31337_1_v1" });
    for (const { item, bytes } of experience.items) expect(bytes).to.deep.equal(contents[item.id]);
    expect(experience.items).to.have.length(3);
    expect(gateway.received.map(({ headers }) => headers.authorization)).to.deep.equal(
      Array(4).fill("Bearer ek.token"),
    );
    expect(server.received.at(-1)).to.deep.include({ path: "/me/buy/token", body: { ek_id: "ek_31337_1" } });
  });

  const BIG = contents["big.bin"] as Uint8Array;
  const bigPath = "GET /exp/ek_31337_1/items/big.bin";
  /** What a gateway answers to a request for `bytes`, or a range of them; `breakOff` as the server has it. */
  const serve = (
    bytes: Uint8Array,
    etag: string,
    { range, "if-range": ifRange }: IncomingHttpHeaders,
    breakOff?: number,
  ) => {
    const [, first = "0", last = ""] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
    const partial = range !== undefined && (ifRange === undefined || ifRange === etag);
    const piece = partial
      ? bytes.subarray(Number(first), last === "" ? bytes.length : Number(last) + 1)
      : bytes;
    return {
      status: partial ? 206 : 200,
      headers: { etag },
      bytes: piece,
      ...(breakOff === undefined ? {} : { breakOff }),
    };
  };

  it("goes on where a transfer broke, as often as something comes", async () => {
    const breaks = [100_000, 50_000, undefined];
    gateway.routes[bigPath] = ({ headers }) => serve(BIG, '"v1"', headers, breaks.shift());
    const { bytes } = await exchange().fetchItem("ek_31337_1", "big.bin");
    expect(bytes).to.deep.equal(BIG);
    const asked = gateway.received.filter(({ path }) => path.endsWith("/big.bin"));
    expect(asked.map(({ headers }) => [headers.range, headers["if-range"]])).to.deep.equal([
      [undefined, undefined],
      ["bytes=100000-", '"v1"'],
      ["bytes=150000-", '"v1"'],
    ]);
  });

  it("begins anew when something else is there by then, and gives up when nothing more comes", async () => {
    let times = 0;
    const old = new Uint8Array(BIG.length).fill(9);
    gateway.routes[bigPath] = ({ headers }) =>
      times++ === 0 ? serve(old, '"v1"', headers, 100_000) : serve(BIG, '"v2"', headers);
    expect((await exchange().fetchItem("ek_31337_1", "big.bin")).bytes).to.deep.equal(BIG);
    times = 0;
    gateway.routes[bigPath] = ({ headers }) => serve(BIG, '"v1"', headers, times++ === 0 ? 100_000 : 0);
    expect((await failure(exchange().fetchItem("ek_31337_1", "big.bin"))).code).to.equal(
      "GATEWAY_UNREACHABLE",
    );
    expect(times, "the first, and one per pause").to.equal(4);
  });

  /** The big item in three parts of 100,000 bytes. */
  function inParts() {
    const size = 100_000;
    const parts = [0, 1, 2].map((i) => ({
      ...{ offset: i * size, size },
      sha256: sha256(BIG.subarray(i * size, (i + 1) * size)).slice(2),
    }));
    const index = encode(JSON.stringify({ index_version: "1.0", size_bytes: BIG.length, parts }));
    const items = manifest.items.map((item) =>
      item.id === "big.bin"
        ? {
            ...item,
            chunks: {
              ...{ enabled: true, strategy: "multipart" as const, chunk_size_bytes: size },
              manifest_ref: {
                scheme: "es_gateway" as const,
                uri: "big.parts.json",
                resolve: "gateway" as const,
              },
            },
          }
        : item,
    );
    const indexItem = {
      ...(manifest.items[0] as ContentManifest["items"][number]),
      ...{ id: "big.parts.json", media_type: PART_INDEX_TYPE, size_bytes: index.length },
      hash: { alg: "sha256" as const, value: sha256(index).slice(2) },
    };
    const whole = { ...manifest, items: [...items, indexItem] };
    server.routes["POST /me/buy/token"] = () => ({ body: tokenFor(hashManifest(whole)) });
    gateway.routes["GET /exp/ek_31337_1/metadata"] = () => ({ bytes: canonicalJson(whole) });
    gateway.routes["GET /exp/ek_31337_1/items/big.parts.json"] = () => ({ bytes: index });
  }

  it("T47 fetches an item in parts as ranges, each checked, a wrong or broken one alone again", async () => {
    inParts();
    const faults = new Set(["bytes=100000-199999", "bytes=200000-299999"]);
    gateway.routes[bigPath] = ({ headers }) => {
      const first = faults.delete(headers.range ?? "");
      const wrong = first && headers.range === "bytes=100000-199999";
      const answer = serve(wrong ? new Uint8Array(BIG.length) : BIG, '"v1"', headers);
      return first && !wrong ? { ...answer, breakOff: 40_000 } : answer;
    };
    const { bytes } = await exchange().fetchItem("ek_31337_1", "big.bin");
    expect(bytes).to.deep.equal(BIG);
    const ranges = gateway.received
      .filter(({ path }) => path.endsWith("/big.bin"))
      .map(({ headers }) => headers.range);
    expect(ranges.toSorted()).to.deep.equal([
      "bytes=0-99999",
      "bytes=100000-199999",
      "bytes=100000-199999",
      "bytes=200000-299999",
      "bytes=240000-299999",
    ]);
    gateway.routes[bigPath] = ({ headers }) => serve(new Uint8Array(BIG.length), '"v1"', headers);
    expect(await failure(exchange().fetchItem("ek_31337_1", "big.bin"))).to.be.instanceOf(HashMismatchError);
  });

  it("gives the session to the exchange alone, and the token to the gateway alone", async () => {
    await exchange().fetch("ek_31337_1");
    const told = (received: typeof server.received) => JSON.stringify(received.map(({ headers }) => headers));
    expect(told(gateway.received)).to.not.include("session-");
    expect(told(server.received)).to.not.include("ek.token");
  });

  it("uses a validator's token where it is given, and asks for no other", async () => {
    const client = exchange();
    const token = await client.validatorToken("ek_31337_1");
    await client.fetch("ek_31337_1", { token });
    expect((await client.fetchItem("ek_31337_1", "answer.csv", { token })).bytes).to.deep.equal(
      contents["answer.csv"],
    );
    expect(
      server.received.filter(({ path }) => path.endsWith("/token")).map(({ path }) => path),
    ).to.deep.equal(["/me/validate/token"]);
  });

  it("fetches one item, and no other", async () => {
    const { item, bytes } = await exchange().fetchItem("ek_31337_1", "answer.csv");
    expect(item).to.deep.equal(manifest.items[0]);
    expect(new TextDecoder().decode(bytes)).to.equal("month,days\n11,18\n");
    expect(gateway.received.map(({ path }) => path)).to.deep.equal([
      "/exp/ek_31337_1/metadata",
      "/exp/ek_31337_1/items/answer.csv",
    ]);
  });

  it("tells which items there are, when there is none of that name", async () => {
    const error = await failure(exchange().fetchItem("ek_31337_1", "../secret"));
    expect(error.code).to.equal("NOT_FOUND");
    expect(error.details.items).to.deep.equal(Object.keys(contents));
    expect(gateway.received).to.have.length(1);
  });

  it("T47 hands out nothing when one bit of one item differs", async () => {
    const flipped = contents["big.bin"]?.slice() ?? new Uint8Array();
    flipped[299_999] = 6;
    gateway.routes["GET /exp/ek_31337_1/items/big.bin"] = () => ({ bytes: flipped });
    const error = await failure(exchange().fetch("ek_31337_1"));
    expect(error).to.be.instanceOf(HashMismatchError);
    expect(error.message).to.include('"big.bin" hashes to');
  });

  it("T47 takes no other manifest than the one whose hash the exchange names", async () => {
    const other = { ...manifest, exp_id: "exp_other" };
    gateway.routes["GET /exp/ek_31337_1/metadata"] = () => ({ body: other });
    const error = await failure(exchange().fetch("ek_31337_1"));
    expect(error.code).to.equal("HASH_MISMATCH");
    expect(error.details).to.include({ expected: hashManifest(manifest), actual: hashManifest(other) });
    expect(gateway.received).to.have.length(1);
  });

  it("takes no manifest that is none", async () => {
    for (const bytes of ["", "<html>", "[]", '{"manifest_version":"1.0"}']) {
      gateway.routes["GET /exp/ek_31337_1/metadata"] = () => ({ bytes });
      expect((await failure(exchange().fetch("ek_31337_1"))).code).to.equal("MANIFEST_INVALID");
    }
  });

  it("T48 reads no more than an item's size, however much there is", async () => {
    gateway.routes["GET /exp/ek_31337_1/items/answer.csv"] = () => ({ bytes: new Uint8Array(50_000_000) });
    const error = await failure(exchange().fetchItem("ek_31337_1", "answer.csv"));
    expect(error.code).to.equal("HASH_MISMATCH");
    expect(error.message).to.equal('"answer.csv" is longer than the 17 bytes that it may have.');
  });

  it("takes no item that is cut short, whether or not the connection says so", async () => {
    gateway.routes["GET /exp/ek_31337_1/items/big.bin"] = () => ({
      bytes: contents["big.bin"] as Uint8Array,
      breakOff: 1_000,
    });
    expect((await failure(exchange().fetchItem("ek_31337_1", "big.bin"))).code).to.equal(
      "GATEWAY_UNREACHABLE",
    );
    gateway.routes["GET /exp/ek_31337_1/items/big.bin"] = () => ({ bytes: new Uint8Array(1_000).fill(7) });
    expect((await failure(exchange().fetchItem("ek_31337_1", "big.bin"))).code).to.equal("HASH_MISMATCH");
  });

  it("tells a gateway that is down apart from an exchange that is", async () => {
    const token = { ...tokenFor(hashManifest(manifest)), gateway: "http://127.0.0.1:1" };
    const error = await failure(exchange().fetch("ek_31337_1", { token }));
    expect(error).to.include({ code: "GATEWAY_UNREACHABLE" });
    expect(error.hint).to.include("Your key stays valid");
    gateway.routes["GET /exp/ek_31337_1/metadata"] = () => ({ status: 503, bytes: "" });
    expect((await failure(exchange().fetch("ek_31337_1"))).code).to.equal("GATEWAY_UNREACHABLE");
  });

  it("tells the gateway's own refusals as they are", async () => {
    gateway.routes["GET /exp/ek_31337_1/metadata"] = () =>
      apiError(401, "TOKEN_EXPIRED", { message: "It expired." });
    expect(await failure(exchange().fetch("ek_31337_1"))).to.include({
      code: "TOKEN_EXPIRED",
      message: "It expired.",
    });
  });
});
