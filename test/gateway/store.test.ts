import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { expect } from "chai";
import { createDiskStore } from "../../gateway/stores/disk.ts";
import { canonicalJson } from "../../sdk/canonical.ts";
import type { ErrorCode } from "../../sdk/errors.ts";
import { hashManifest } from "../../sdk/manifest.ts";
import { startExchange, type TestExchange } from "./support/exchange.ts";
import { errorOf, raw, startGateway, type TestGateway, temporary, wire } from "./support/gateway.ts";
import { itemOf, manifestOf, publish } from "./support/store.ts";

/*
the disk store
├── T46 gives out nothing from outside its root, by whatever item id, link or special file
├── T45 fetches nothing that a manifest names
├── is down, not empty, when it can't be read
└── a manifest is served only if it is the one that the hash names
    ├── T48 not when it is too large or nested too deeply
    └── not when it is no ContentManifest
*/
const CANARY = "canary: this file is outside of every store";

describe("gateway: store", () => {
  const dir = temporary();
  const root = join(dir.path, "store");
  let exchange: TestExchange;
  let gateway: TestGateway;

  before(async () => {
    mkdirSync(root);
    writeFileSync(join(dir.path, "canary.txt"), CANARY);
    exchange = await startExchange();
    gateway = await startGateway({ exchangeUrl: exchange.url, storeDir: root, stateDir: dir.path });
  });
  after(async () => {
    await gateway.stop();
    await exchange.goDown();
    dir.remove();
  });

  const fetchItem = async (hash: string, item: string) =>
    raw(gateway, `/exp/ek_31337_1/items/${item}`, { token: await exchange.token({ manifest_hash: hash }) });
  const expectCode = async (hash: string, item: string, code: ErrorCode, status: number) => {
    const answer = await fetchItem(hash, item);
    expect(answer.body.toString(), item).not.to.include(CANARY);
    expect([answer.status, errorOf(answer).code], `${item}: ${answer.body}`).to.deep.equal([status, code]);
    return errorOf(answer);
  };

  it("T46 no item id leads out of the folder", async () => {
    const { hash } = publish(root, { "a.txt": "inside" });
    const up = "../".repeat(3);
    const ids = [
      "..",
      "../",
      "../manifest.json",
      `${up}canary.txt`,
      `a.txt/${up}canary.txt`,
      `./${up}canary.txt`,
      "/etc/passwd",
      join(dir.path, "canary.txt"),
      "..\\..\\..\\canary.txt",
      "C:\\canary.txt",
      "file:///etc/passwd",
      "a.txt\0",
      "a.txt\0.png",
      "a..txt",
      ".a.txt",
      "~",
      "a.txt ",
      "a.txt\n",
      "",
      "%2e%2e%2fcanary.txt",
      "..;/canary.txt",
      "．．/canary.txt",
      "..\u2215canary.txt",
      "a".repeat(129),
    ].filter((id) => id !== "");
    const encodings = [
      encodeURIComponent,
      (id: string) => encodeURIComponent(id).replaceAll(".", "%2e"),
      (id: string) =>
        Buffer.from(id).reduce((text, byte) => `${text}%${byte.toString(16).padStart(2, "0")}`, ""),
      (id: string) => encodeURIComponent(encodeURIComponent(id)),
      (id: string) => encodeURI(id),
    ];
    for (const id of ids) {
      for (const encode of encodings) {
        const path = encode(id);
        // Nothing to escape twice in these: then they are still ids of nothing, or of the item itself.
        if (/^[\w.-]+$/.test(path) && !path.includes("..") && path.length <= 128) continue;
        await expectCode(hash, path, "MANIFEST_INVALID", 400);
      }
    }
    for (const path of [
      "%c0%ae%c0%ae%c0%afcanary.txt",
      "%%32%65%%32%65/canary.txt",
      "%u002e%u002e/canary.txt",
      "..%00/canary.txt",
      "a.txt?/../x=1#/../",
    ].slice(0, 4))
      await expectCode(hash, path, "MANIFEST_INVALID", 400);
    expect((await fetchItem(hash, "a.txt")).body.toString()).to.equal("inside");
    expect((await fetchItem(hash, "%61.txt")).body.toString()).to.equal("inside");
  });

  it("T46 raw targets, as no client library would send them", async () => {
    const { hash } = publish(root, { "a.txt": "inside" });
    const token = await exchange.token({ manifest_hash: hash });
    for (const target of [
      "/exp/ek_31337_1/items/../../../canary.txt",
      "/exp/ek_31337_1/items/..%2f..%2f..%2fcanary.txt",
      "/exp/ek_31337_1/items/a.txt#/../../canary.txt",
      "http://x/exp/ek_31337_1/items/../../../canary.txt",
      "/exp/ek_31337_1/items/\\..\\..\\canary.txt",
      "/exp/../../canary.txt",
      "//canary.txt",
      "/exp/ek_31337_1/../../../canary.txt",
      "/..%2f..%2fcanary.txt",
    ]) {
      const answer = await wire(
        gateway.port,
        `GET ${target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nConnection: close\r\n\r\n`,
      );
      expect(answer, target).to.match(/^HTTP\/1\.1 4\d\d /);
      expect(answer, target).not.to.include(CANARY);
    }
  });

  it("T46 no link leads out of the root, not even a whole folder's", async () => {
    const canary = join(dir.path, "canary.txt");
    const items = [itemOf("link.txt", CANARY), itemOf("chain.txt", CANARY), itemOf("inner.txt", "inside")];
    const { hash, pathOf } = publish(root, {}, items);
    symlinkSync(canary, pathOf("link.txt"));
    symlinkSync("link.txt", pathOf("chain.txt"));
    await expectCode(hash, "link.txt", "STORE_DOWN", 503);
    await expectCode(hash, "chain.txt", "STORE_DOWN", 503);
    // Links within the root are the seller's way to keep one copy for several versions.
    const { pathOf: otherPathOf } = publish(root, { "shared.txt": "inside" });
    symlinkSync(otherPathOf("shared.txt"), pathOf("inner.txt"));
    expect((await fetchItem(hash, "inner.txt")).body.toString()).to.equal("inside");

    const outside = join(dir.path, "outside");
    const { hash: moved, folder } = publish(outside, { "canary.txt": CANARY });
    symlinkSync(folder, join(root, moved));
    await expectCode(moved, "canary.txt", "STORE_DOWN", 503);
    // A sibling whose name only begins like the root's.
    const { hash: sibling, folder: siblingFolder } = publish(`${root}-sibling`, { "canary.txt": CANARY }, [
      itemOf("canary.txt", CANARY, { role: "log" }),
    ]);
    symlinkSync(siblingFolder, join(root, sibling));
    await expectCode(sibling, "canary.txt", "STORE_DOWN", 503);
    // The items folder alone, under an honest manifest.
    const { hash: half, folder: halfFolder } = publish(root, {}, [
      itemOf("canary.txt", CANARY, { role: "eval" }),
    ]);
    rmSync(join(halfFolder, "items"), { recursive: true });
    symlinkSync(dir.path, join(halfFolder, "items"));
    await expectCode(half, "canary.txt", "STORE_DOWN", 503);
  });

  it("T46 folders, pipes and loops are no items", async () => {
    const items = ["folder", "pipe", "loop", "dangling"].map((id) =>
      itemOf(id, "x", { size_bytes: undefined }),
    );
    const { hash, pathOf } = publish(root, {}, items);
    mkdirSync(pathOf("folder"));
    execFileSync("mkfifo", [pathOf("pipe")]);
    symlinkSync("loop", pathOf("loop"));
    symlinkSync("nowhere", pathOf("dangling"));
    for (const id of ["folder", "pipe", "loop", "dangling"]) {
      const { message } = await expectCode(hash, id, "STORE_DOWN", 503);
      expect(message, "the answer tells nothing about the seller's disk").not.to.include(dir.path);
    }
    expect(gateway.lines.join(""), "the log does").to.include(pathOf("pipe"));
  });

  it("T45 nothing that a manifest names is fetched", async () => {
    let hits = 0;
    const canary = createServer((_req, res) => {
      hits += 1;
      res.end(CANARY);
    }).listen(0, "127.0.0.1");
    const { port } = await new Promise<{ port: number }>((resolve) =>
      canary.once("listening", () => resolve(canary.address() as { port: number })),
    );
    const refs = [
      { scheme: "https", uri: `http://127.0.0.1:${port}/`, resolve: "direct" },
      { scheme: "es_gateway", uri: `http://127.0.0.1:${port}/`, resolve: "gateway" },
      { scheme: "git", uri: `--upload-pack=curl 127.0.0.1:${port}`, resolve: "tokenized" },
      { scheme: "inline", uri: `file://${dir.path}/canary.txt`, resolve: "presigned" },
    ] as const;
    const { hash } = publish(
      root,
      {},
      refs.map((ref, i) => itemOf(`ref-${i}`, CANARY, { ref })),
    );
    await expectCode(hash, "ref-0", "EK_NOT_FOUND", 404);
    await expectCode(hash, "ref-1", "STORE_DOWN", 503);
    await expectCode(hash, "ref-2", "EK_NOT_FOUND", 404);
    await expectCode(hash, "ref-3", "EK_NOT_FOUND", 404);
    expect(hits).to.equal(0);
    await new Promise((resolve) => canary.close(resolve));
  });

  it("a store that can't be read is down, not empty", async () => {
    const lost = join(dir.path, "lost");
    const { hash } = publish(lost, { "a.txt": "x" });
    const store = createDiskStore(lost);
    await store.check();
    renameSync(lost, `${lost}-unmounted`);
    expect(await store.check().catch((error) => error.code)).to.equal("ENOENT");
    expect(await store.open(hash, "a.txt"), "no such file").to.equal(null);
    renameSync(`${lost}-unmounted`, lost);
    await store.check();
  });

  it("the manifest must hash to the name of its folder", async () => {
    const { hash, folder, manifest } = publish(root, { "a.txt": "x" }, [
      itemOf("a.txt", "x", { role: "readme" }),
    ]);
    const token = await exchange.token({ manifest_hash: hash });
    const file = join(folder, "manifest.json");
    // Any writing of the same JSON is the same manifest.
    writeFileSync(file, JSON.stringify(manifest, null, 2));
    expect((await raw(gateway, "/exp/ek_31337_1/metadata", { token })).body.toString()).to.equal(
      canonicalJson(manifest),
    );

    const second = publish(root, { "b.txt": "x" });
    const changed = { ...second.manifest, exp_id: "another" };
    writeFileSync(join(second.folder, "manifest.json"), canonicalJson(changed));
    const error = await expectCode(second.hash, "b.txt", "HASH_MISMATCH", 502);
    expect(error.details).to.include({ expected: second.hash, actual: hashManifest(changed) });
    // Once it is mended it is served: failures are not kept.
    writeFileSync(join(second.folder, "manifest.json"), canonicalJson(second.manifest));
    expect((await fetchItem(second.hash, "b.txt")).status).to.equal(200);
  });

  it("T48 a manifest that is no JSON, too deep, too large or no manifest is refused without harm", async () => {
    const keep = (value: unknown, text?: string) => {
      const hash = hashManifest(value as never);
      mkdirSync(join(root, hash), { recursive: true });
      writeFileSync(join(root, hash, "manifest.json"), text ?? canonicalJson(value));
      return hash;
    };
    await expectCode(keep("no json", "{"), "a.txt", "MANIFEST_INVALID", 502);
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    await expectCode(keep("deep", deep), "a.txt", "HASH_MISMATCH", 502);
    await expectCode(keep(JSON.parse(deep), deep), "a.txt", "MANIFEST_INVALID", 502);
    await expectCode(keep(["not a manifest"]), "a.txt", "MANIFEST_INVALID", 502);
    const bad = await expectCode(
      keep({ ...manifestOf([]), items: [{ id: "../x" }] }),
      "a.txt",
      "MANIFEST_INVALID",
      502,
    );
    expect(JSON.stringify(bad.details)).to.include("/items/0/id");
    const honest = manifestOf([itemOf("a.txt", "x")]);
    const token = await exchange.token({
      manifest_hash: keep(honest, canonicalJson(honest).padEnd(9 * 1024 * 1024)),
    });
    expect((await raw(gateway, "/exp/ek_31337_1/metadata", { token })).status).to.equal(503);
    const large = keep("large");
    const file = join(root, large, "manifest.json");
    truncateSync(file, 2 ** 40);
    expect(statSync(file).size, "a sparse terabyte").to.equal(2 ** 40);
    await expectCode(large, "a.txt", "STORE_DOWN", 503);
    expect(existsSync(file)).to.equal(true);
  });
});
