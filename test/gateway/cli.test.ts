import { execFile } from "node:child_process";
import * as fs from "node:fs";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import git from "isomorphic-git";
import { runCommand } from "../../gateway/command-line.ts";
import { ConfigError, readConfig } from "../../gateway/config.ts";
import { describeFiles } from "../../gateway/describe.ts";
import { examine, type Finding } from "../../gateway/doctor.ts";
import { readEnv } from "../../gateway/env.ts";
import { playlistFaults, playlistUris } from "../../gateway/hls.ts";
import { knownSeller } from "../../gateway/seller.ts";
import { createDiskShelf } from "../../gateway/stores/disk-shelf.ts";
import { canonicalJson } from "../../sdk/canonical.ts";
import { hashManifest, verifyItem } from "../../sdk/manifest.ts";
import { fetchParts, parsePartIndex, partIndexItem, type ReadRange, verifyPart } from "../../sdk/parts.ts";
import { createListingRequestSchema } from "../../sdk/wire/listing.ts";
import { startExchange } from "./support/exchange.ts";
import { startGateway, temporary } from "./support/gateway.ts";
import { itemOf, manifestOf } from "./support/store.ts";

/*
the command line
├── init, prepare, add, check     from nothing to a version in the store and a listing
├── check, doctor                 name each fault, say what to do, exit 1
└── a wrong setting               is named by its place in the file
*/
describe("gateway: command line", function () {
  this.timeout(60_000);
  const dir = temporary();
  after(() => dir.remove());

  /** Runs a command with the configuration in this folder; files are named with their folder. */
  const moa = async (shop: string, command = "", ...args: string[]) => {
    const out: string[] = [];
    const err: string[] = [];
    const terminal = {
      print: (text: string) => void out.push(`${text}\n`),
      say: (text: string) => void err.push(`${text}\n`),
    };
    const code = await runCommand([command, "--config", join(shop, "moa-gateway.json"), ...args], terminal);
    return { code, out: out.join(""), err: err.join("") };
  };
  const folder = (name: string) => {
    const path = join(dir.path, name);
    mkdirSync(path);
    return path;
  };

  it("goes from nothing to a version in the store and a listing to send", async () => {
    const shop = folder("shop");
    const init = await moa(
      shop,
      "init",
      "--exchange",
      "http://127.0.0.1:9",
      "--seller",
      "agt_31337_5",
      "--port",
      "18799",
    );
    expect(init.code, init.err).to.equal(0);
    const { gateway_key } = JSON.parse(init.out);
    expect(statSync(join(shop, "state/gateway-key.json")).mode & 0o777).to.equal(0o600);
    expect((await moa(shop, "init", "--exchange", "x", "--seller", "y")).err).to.include("is there already");
    expect((await moa(shop, "prepare")).err).to.include("There is the folder");

    writeFileSync(join(shop, "data.csv"), "a,b\n1,2\n");
    writeFileSync(join(shop, "README.md"), "# Data\n");
    const add = await moa(
      shop,
      "add",
      join(shop, "data.csv"),
      join(shop, "README.md"),
      "--title",
      "Data",
      "--price",
      "0.5",
      "--encrypt",
      "aes-256-gcm",
    );
    expect(add.code, add.err).to.equal(0);
    const listing = createListingRequestSchema.parse(JSON.parse(add.out));
    const hash = hashManifest(listing.content_manifest);
    expect(add.err).to.include(`Manifest ${hash}: put into the store.`);
    expect(listing.access_policy).to.deep.include({ gateway: "http://127.0.0.1:18799", gateway_key });
    expect(
      listing.content_manifest.items.map(({ id, role, media_type }) => [id, role, media_type]),
    ).to.deep.equal([
      ["data.csv", "primary", "text/csv"],
      ["README.md", "readme", "text/markdown"],
    ]);
    expect(add.out, "no key in what is listed").not.to.include(
      JSON.parse(readFileSync(join(shop, "state/item-keys.json"), "utf8")).keys["items-1"],
    );
    const kept = readFileSync(join(shop, "store", hash, "items/data.csv"));
    expect(kept.includes("1,2")).to.equal(false);

    const check = await moa(shop, "check");
    expect([check.code, check.err]).to.deep.equal([0, "1 versions, 0 with faults.\n"]);
    kept[60] = (kept[60] ?? 0) ^ 1;
    writeFileSync(join(shop, "store", hash, "items/data.csv"), kept);
    const broken = await moa(shop, "check");
    expect(broken.code).to.equal(1);
    expect(broken.out)
      .to.match(new RegExp(`^FAULT ${hash}`, "m"))
      .and.to.include('data.csv: "data.csv" is not what was encrypted');
    expect(readdirSync(join(shop, "store")), "nothing half made is left").to.deep.equal([hash]);
  });

  it("says what is wrong with a command, and leaves nothing behind", async () => {
    const shop = folder("wrong");
    expect(await moa(shop, "sell")).to.deep.include({ code: 1 });
    expect((await moa(shop, "help")).code).to.equal(0);
    expect((await moa(shop, "check")).err).to.match(/moa-gateway\.json can't be read.*moa-gateway init/);
    expect((await moa(shop, "init")).err).to.include("init needs --exchange");
    await moa(shop, "init", "--exchange", "http://127.0.0.1:9", "--seller", "agt_31337_5");
    expect((await moa(shop, "add")).err).to.include("add needs the files");
    expect((await moa(shop, "add", join(shop, "absent.csv"))).err).to.include("ENOENT");
    writeFileSync(join(shop, "a b.csv"), "x");
    expect((await moa(shop, "add", join(shop, "a b.csv"))).err).to.include("an item id has letters");
    writeFileSync(join(shop, "a.csv"), "x");
    expect((await moa(shop, "add", join(shop, "a.csv"), "--encrypt", "rot13")).err).to.include('not "rot13"');
    expect((await moa(shop, "add", join(shop, "a.csv"), "--price", "much")).err).to.include(
      "/pricing_policy/base_price",
    );
    expect(existsSync(join(shop, "store"))).to.equal(false);
  });

  it("takes a manifest whose items are in git, and only when they really are", async () => {
    const shop = folder("git");
    const repository = join(shop, "data");
    await git.init({ fs, dir: repository });
    writeFileSync(join(repository, "a.csv"), "a,b\n");
    await git.add({ fs, dir: repository, filepath: "a.csv" });
    const author = { name: "Seller", email: "seller@example.org" };
    const commit = await git.commit({ fs, dir: repository, message: "data", author });
    await moa(shop, "init", "--exchange", "http://127.0.0.1:9", "--seller", "agt_31337_5");
    await moa(shop, "prepare");
    const file = join(shop, "moa-gateway.json");
    const config = JSON.parse(readFileSync(file, "utf8"));
    writeFileSync(file, JSON.stringify({ ...config, refs: { git: { repository: "data" } } }));
    const add = (path: string) => {
      const ref = { scheme: "git", uri: `${commit}:${path}`, resolve: "gateway" } as const;
      writeFileSync(
        join(shop, "manifest.json"),
        JSON.stringify(manifestOf([itemOf("a.csv", "a,b\n", { ref })])),
      );
      return moa(shop, "add", "--manifest", join(shop, "manifest.json"), "--out", join(shop, "listing.json"));
    };
    expect((await add("a.csv")).code).to.equal(0);
    const absent = await add("b.csv");
    expect([absent.code, absent.err]).to.satisfy(
      ([code, err]: [number, string]) => code === 1 && err.includes("is not in the store"),
    );
    expect((await moa(shop, "check")).out).to.match(/^ok .* 1 items, 4 bytes$/m);
  });

  it("comes as a package of plain JavaScript, with the dependencies that it needs and no others", async () => {
    const target = join(dir.path, "package");
    const packer = fileURLToPath(new URL("../../scripts/pack-gateway.ts", import.meta.url));
    const run = (file: string, cwd: string, ...args: string[]) =>
      new Promise<{ code: number; out: string; err: string }>((resolve) => {
        execFile(
          process.execPath,
          [file, ...args],
          { cwd, env: { PATH: process.env.PATH } },
          (error, out, err) => resolve({ code: error ? 1 : 0, out, err }),
        );
      });
    const packed = await run(packer, dir.path, target);
    expect([packed.code, packed.out], packed.err).to.deep.equal([0, `${target}\n`]);
    const { bin, dependencies } = JSON.parse(readFileSync(join(target, "package.json"), "utf8"));
    expect(Object.keys(dependencies))
      .to.include.members(["express", "jose", "viem", "zod"])
      .and.not.include("hono");
    // Where npm would have put exactly those.
    for (const name of Object.keys(dependencies)) {
      mkdirSync(join(target, "node_modules", name, ".."), { recursive: true });
      symlinkSync(
        fileURLToPath(new URL(`../../node_modules/${name}`, import.meta.url)),
        join(target, "node_modules", name),
      );
    }
    const shop = folder("installed");
    const cliOf = join(target, bin["moa-gateway"]);
    const init = await run(
      cliOf,
      shop,
      "init",
      "--exchange",
      "http://127.0.0.1:9",
      "--seller",
      "agt_31337_5",
    );
    expect(init.code, init.err).to.equal(0);
    await run(cliOf, shop, "prepare");
    writeFileSync(join(shop, "a.txt"), "a");
    expect((await run(cliOf, shop, "add", "a.txt", "--out", "listing.json")).code).to.equal(0);
    expect((await run(cliOf, shop, "check")).err).to.include("1 versions, 0 with faults.");
  });

  it("names every fault of the configuration by its place", () => {
    const file = join(dir.path, "bad.json");
    const faultsOf = (value: unknown) => {
      writeFileSync(file, typeof value === "string" ? value : JSON.stringify(value));
      try {
        readConfig(file);
        return "";
      } catch (error) {
        expect(error).to.be.instanceOf(ConfigError);
        return (error as Error).message.replaceAll(`${file}: `, "");
      }
    };
    expect(faultsOf("{")).to.include("is no JSON");
    expect(
      faultsOf({ prot: 1, port: 70_000, store: { kind: "s3", endpoint: "ftp://x", bucket: "Ä" } }).split(
        "\n",
      ),
    ).to.have.length(4);
    expect(faultsOf({ store: { kind: "postgres", url: "postgres://x/y", schema: "a; drop" } })).to.include(
      "/store/schema",
    );
    expect(faultsOf({ refs: { https: { origins: [] } } })).to.include("/refs/https/origins");
    expect(faultsOf({ store: { kind: "tape" } })).to.include("/store/kind");
    writeFileSync(
      file,
      JSON.stringify({
        exchange_url: "https://x.example/",
        seller: "agt_31337_5",
        port: 1,
        store: { kind: "disk", dir: "data" },
      }),
    );
    const env = readEnv({ GATEWAY_CONFIG: file, GATEWAY_PORT: "2" });
    expect([env.exchangeUrl, env.port, env.stateDir]).to.deep.equal([
      "https://x.example",
      2,
      join(dir.path, "state"),
    ]);
    expect(env.store.store, "relative to the file").to.deep.equal({
      kind: "disk",
      dir: join(dir.path, "data"),
    });
  });

  it("the doctor finds what is wrong, and says what to do", async () => {
    const shop = folder("doctor");
    await moa(shop, "init", "--exchange", "http://127.0.0.1:9", "--seller", "agt_31337_5", "--port", "0");
    let skewMs = 0;
    const listing = { gateway: "http://elsewhere.example", gateway_key: "other" };
    const exchange = createServer((req, res) => {
      const path = req.url?.split("?")[0];
      res.setHeader("date", new Date(Date.now() + skewMs).toUTCString());
      res.setHeader("content-type", "application/json");
      if (path === "/health") return void res.end('{"status":"ok"}');
      if (path === "/.well-known/jwks.json")
        return void res.end('{"keys":[{"kid":"abcdefgh","crv":"Ed25519"}]}');
      res.end(JSON.stringify({ items: [summaryOf(listing)] }));
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => exchange.once("listening", resolve));
    const url = `http://127.0.0.1:${(exchange.address() as AddressInfo).port}`;
    const env = readEnv({ GATEWAY_CONFIG: join(shop, "moa-gateway.json"), EXCHANGE_URL: url });
    const look = async (over: Partial<Parameters<typeof examine>[0]> = {}) => {
      const all: Finding[] = [];
      const patient = {
        env,
        seller: knownSeller("agt_31337_5"),
        gatewayKey: "k",
        url: "http://here.example",
        ...over,
      };
      for await (const finding of examine(patient)) all.push(finding);
      return new Map(all.map((finding) => [finding.name.split(" ")[0], finding]));
    };
    const first = await look();
    for (const name of ["exchange", "keys", "clock", "seller", "state", "port", "listings"])
      expect(first.get(name)?.ok, name).to.equal(true);
    expect(first.get("store")?.fix, "no folder yet").to.include("moa-gateway prepare");
    await moa(shop, "prepare");
    expect((await look()).get("listing")?.detail).to.include("is not in the store");
    skewMs = 600_000;
    const { ok, detail } = (await look()).get("clock") ?? {};
    expect([ok, detail]).to.satisfy(
      ([good, text]: [boolean, string]) => !good && /is -(599|600) s off/.test(text),
    );
    const taken = await look({ env: { ...env, port: Number(new URL(url).port) } });
    expect(taken.get("port")?.detail).to.include("is taken by something else");
    expect((await look({ env: { ...env, stateDir: join(shop, "absent") } })).get("state")?.fix).to.include(
      "writable",
    );
    exchange.closeAllConnections();
    await new Promise((resolve) => exchange.close(resolve));
    const down = await look();
    for (const name of ["exchange", "keys", "clock", "listings"])
      expect(down.get(name), name).to.include({ ok: false });
    for (const { ok, fix } of down.values()) if (!ok) expect(fix).to.be.a("string");
  });
});

const NO_SHARES = {
  refund_window_seconds: 0,
  refund_terms: "none",
  bounty_bps: 0,
  referral_bps: 0,
  resale_bps: 0,
  royalties: [],
};

/** A listing as the exchange shows it. */
function summaryOf(access: { gateway: string; gateway_key: string }) {
  const empty = {
    title: "t",
    summary: "s",
    domain: "d",
    task_type: "t",
    modality: [],
    output_artifacts: [],
    content_preview: {},
    access_scopes: [],
  };
  return {
    ...empty,
    ek_id: "ek_31337_1",
    listing_id: "lst_31337_1_v1",
    status: "active",
    access_policy: { ...access, token_scheme: "jwt" },
    freshness: { created_at: "2026-01-01T00:00:00Z" },
    pricing: { mode: "free", current_price: 0, current_price_units: "0", currency: "x" },
    pricing_policy: {
      curve_type: "fixed",
      base_price: 0,
      min_price: 0,
      max_price: 0,
      params: {},
      ...NO_SHARES,
    },
    seller: { agent_id: "agt_31337_5", eoa: "0x", score: 0 },
    validation_snapshot: { status: "unverified", top_labels: [], score: 0, validators: [] },
    metrics: { sold_count: 0, usage_count: 0, quote_count: 0, dispute_rate: 0 },
    manifest_hash: `0x${"00".repeat(32)}`,
  };
}

/*
chunking
├── multipart     an index of parts, each checked on its own
└── hls           passes through: playlists name items, nothing else
*/
describe("gateway: chunking", () => {
  const dir = temporary();
  after(() => dir.remove());
  const write = (name: string, bytes: Uint8Array | string) => {
    writeFileSync(join(dir.path, name), bytes);
    return join(dir.path, name);
  };

  it("T47 multipart: parts in an index that the manifest vouches for, each wrong one known by itself", async () => {
    const bytes = Buffer.alloc(2_500_000, "parts of a whole ");
    const { manifest, bytes: kept } = await describeFiles([write("large.bin", bytes)], {
      expId: "e",
      partBytes: 700_000,
    });
    const item = manifest.items.find(({ id }) => id === "large.bin");
    if (!item) throw new Error("large.bin is missing.");
    const indexItem = partIndexItem(manifest, item);
    if (!indexItem) throw new Error("The index is missing.");
    const text: Uint8Array[] = [];
    for await (const piece of kept.get(indexItem.id)?.bytes() ?? []) text.push(piece);
    verifyItem(indexItem, Buffer.concat(text));
    const index = parsePartIndex(item, JSON.parse(Buffer.concat(text).toString()));
    expect(index.parts.map(({ size }) => size)).to.deep.equal([700_000, 700_000, 700_000, 400_000]);
    for (const part of index.parts) {
      const own = Buffer.from(bytes.subarray(part.offset, part.offset + part.size));
      verifyPart(item, part, own);
      for (const at of [0, own.length - 1]) {
        own[at] = (own[at] ?? 0) ^ 1;
        expect(() => verifyPart(item, part, own)).to.throw("hashes to");
        own[at] = (own[at] ?? 0) ^ 1;
      }
    }
    const gap = { ...index, parts: index.parts.slice(1) };
    expect(() => parsePartIndex(item, gap)).to.throw("fault(s)");
    expect(() => parsePartIndex(item, { ...index, size_bytes: 1 })).to.throw("fault(s)");
    const small = await describeFiles([write("small.bin", "x")], { expId: "e", partBytes: 700_000 });
    expect(small.manifest.items.map(({ chunks }) => chunks)).to.deep.equal([undefined]);
  });

  it("T47 multipart: parts fetched side by side from a gateway; a wrong one is read again, and refused the second time", async () => {
    const bytes = Buffer.alloc(2_500_000, "side by side ");
    const { manifest, bytes: kept } = await describeFiles([write("wide.bin", bytes)], {
      expId: "e",
      partBytes: 300_000,
    });
    const [item, indexItem] = manifest.items;
    if (!item || !indexItem) throw new Error("An item is missing.");
    const shelf = createDiskShelf(join(dir.path, "store"));
    await shelf.prepare();
    const hash = hashManifest(manifest);
    const items = manifest.items.flatMap((one) => {
      const plain = kept.get(one.id);
      return plain ? [{ item: one, ...plain }] : [];
    });
    await shelf.put({ hash, json: canonicalJson(manifest), items });
    const exchange = await startExchange();
    const gateway = await startGateway({
      exchangeUrl: exchange.url,
      storeDir: join(dir.path, "store"),
      stateDir: dir.path,
    });
    const headers = { authorization: `Bearer ${await exchange.token({ manifest_hash: hash })}` };
    const get = async (id: string, range = "bytes=0-") => {
      const answer = await fetch(`${gateway.url}/exp/ek_31337_1/items/${id}`, {
        headers: { ...headers, range },
      });
      return new Uint8Array(await answer.arrayBuffer());
    };
    const index = parsePartIndex(item, JSON.parse(Buffer.from(await get(indexItem.id)).toString()));
    let under = 0;
    let most = 0;
    let wrong = 1;
    const read: ReadRange = async ({ first, last }) => {
      most = Math.max(most, ++under);
      const part = await get(item.id, `bytes=${first}-${last}`).finally(() => under--);
      if (first === 600_000 && wrong-- > 0) part[0] = (part[0] ?? 0) ^ 1;
      return part;
    };
    expect(bytes.equals(await fetchParts(item, index, read))).to.equal(true);
    expect(most).to.be.within(2, 4);
    wrong = 2;
    const thrown = await fetchParts(item, index, read).catch((error: Error) => error);
    expect(String(thrown)).to.include('"wide.bin at 600000" hashes to');
    await gateway.stop();
    await exchange.goDown();
  });

  it("HLS: a playlist whose URIs are items passes, any other is refused", async () => {
    const media =
      '#EXTM3U\n#EXT-X-MAP:URI="init.mp4"\n#EXTINF:2,\nseg-0.m4s\n#EXTINF:2,\nseg-1.m4s\n#EXT-X-ENDLIST\n';
    expect(playlistUris(media)).to.deep.equal(["init.mp4", "seg-0.m4s", "seg-1.m4s"]);
    const ids = new Set(["init.mp4", "seg-0.m4s", "seg-1.m4s"]);
    expect(playlistFaults(media, ids)).to.deep.equal([]);
    for (const uri of ["https://cdn.example/a.ts", "../a.ts", "/a.ts", "a/b.ts", "//x/a.ts", "seg-9.m4s"])
      expect(playlistFaults(`#EXTM3U\n#EXTINF:2,\n${uri}\n`, ids), uri).to.have.length(1);
    const files = [write("main.m3u8", media), ...[...ids].map((id) => write(id, id))];
    const { manifest } = await describeFiles(files, { expId: "e" });
    expect(manifest.items[0]?.chunks).to.deep.equal({ enabled: true, strategy: "hls" });
    const thrown = await describeFiles(files.slice(0, 2), { expId: "e" }).catch((error: Error) => error);
    expect(String(thrown)).to.include('"seg-0.m4s" is not among the items');
  });
});
