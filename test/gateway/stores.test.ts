/** The stores that need no other process, each against the real thing: a folder, an S3 server, a git repository, an HTTP server. */
import dns from "node:dns";
import { once } from "node:events";
import * as fs from "node:fs";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import git from "isomorphic-git";
import type { Hash } from "viem";
import { withReferences } from "../../gateway/references.ts";
import { createDiskStore } from "../../gateway/stores/disk.ts";
import { createDiskShelf } from "../../gateway/stores/disk-shelf.ts";
import { checkRepository, createGitResolver } from "../../gateway/stores/git.ts";
import { createOriginResolver } from "../../gateway/stores/origin.ts";
import { createS3Store } from "../../gateway/stores/s3.ts";
import { createBucket, type S3Options } from "../../gateway/stores/s3-bucket.ts";
import { createS3Shelf } from "../../gateway/stores/s3-shelf.ts";
import type { ManifestItem } from "../../sdk/manifest.ts";
import { temporary } from "./support/gateway.ts";
import { startS3 } from "./support/s3-server.ts";
import { itemOf, sha256 } from "./support/store.ts";
import { collect, describeStore, putVia } from "./support/store-contract.ts";

const OUTSIDE = { ids: ["canary.txt"], text: "canary: outside of every store" };

describeStore("disk", async () => {
  const dir = temporary();
  const root = join(dir.path, "store");
  const shelf = createDiskShelf(root);
  await shelf.prepare();
  writeFileSync(join(dir.path, "canary.txt"), OUTSIDE.text);
  return {
    store: createDiskStore(root),
    put: putVia(shelf),
    async putManifest(hash, text) {
      mkdirSync(join(root, hash), { recursive: true });
      writeFileSync(join(root, hash, "manifest.json"), text);
    },
    async replace(hash, item, bytes) {
      writeFileSync(join(root, hash, "items", item.id), bytes);
      return item;
    },
    breakDown: async () => renameSync(root, `${root}-gone`),
    end: async () => dir.remove(),
    outside: OUTSIDE,
  };
});

describeStore("S3", async () => {
  const { options, stop, end } = await startS3();
  const shelf = createS3Shelf(options);
  await shelf.prepare();
  await createBucket({ ...options, prefix: "" }).ask("PUT", "canary.txt", {
    body: Buffer.from(OUTSIDE.text),
  });
  const bucket = createBucket(options);
  return {
    store: createS3Store(options),
    put: putVia(shelf),
    putManifest: async (hash, text) =>
      void (await bucket.ask("PUT", `${hash}/manifest.json`, { body: Buffer.from(text) })),
    async replace(hash, item, bytes) {
      await bucket.ask("PUT", `${hash}/items/${item.id}`, { body: bytes });
      return item;
    },
    breakDown: stop,
    end,
    outside: OUTSIDE,
  };
});

describe("gateway: store: S3 by its protocol", () => {
  it("refuses a wrong key, and tells it", async () => {
    const { options, end } = await startS3();
    await createS3Shelf(options).prepare();
    const store = createS3Store({
      ...options,
      credentials: { accessKeyId: "S3RVER", secretAccessKey: "wrong" },
    });
    const error = await store.check().catch((thrown: Error) => thrown);
    expect(String(error)).to.include(": 403");
    await end();
  });

  it("puts what is large in parts, and lists what it has", async () => {
    const { options, end } = await startS3();
    const shelf = createS3Shelf(options);
    await shelf.prepare();
    await shelf.prepare();
    const bytes = Buffer.alloc(17 * 1024 * 1024, "moa");
    const item = itemOf("large.bin", bytes);
    const { hash } = await putVia(shelf)(new Map([["large.bin", bytes]]), [item]);
    const stored = await createS3Store(options).open(hash, "large.bin");
    expect(sha256(Buffer.concat(await collect((stored as NonNullable<typeof stored>).stream())))).to.equal(
      item.hash.value,
    );
    const hashes: Hash[] = [];
    for await (const found of shelf.hashes()) hashes.push(found);
    expect(hashes).to.deep.equal([hash]);
    expect(await shelf.put({ hash, json: "{}", items: [] })).to.equal("kept");
    await end();
  });

  it("names the bucket in the host too, as newer services want it", async () => {
    const { options, port, end } = await startS3();
    await createS3Shelf(options).prepare();
    const virtual: S3Options = { ...options, endpoint: `http://s3.localhost:${port}`, addressing: "virtual" };
    const bytes = Buffer.from("by either name");
    // Not every system resolves names under localhost.
    const { lookup } = dns;
    dns.lookup = ((_host: string, _options: unknown, done: (error: null, found: unknown) => void) =>
      done(null, [{ address: "127.0.0.1", family: 4 }])) as unknown as typeof lookup;
    try {
      const { hash } = await putVia(createS3Shelf(virtual))(new Map([["a b.txt", bytes]]), [
        itemOf("a b.txt", bytes),
      ]);
      for (const by of [options, virtual]) {
        const stored = await createS3Store(by).open(hash, "a b.txt");
        expect(
          Buffer.concat(await collect((stored as NonNullable<typeof stored>).stream())).equals(bytes),
        ).to.equal(true);
      }
    } finally {
      dns.lookup = lookup;
    }
    await end();
  });
});

const author = { name: "Seller", email: "seller@example.org", timestamp: 1_790_000_000, timezoneOffset: 0 };

async function startGit(maxBytes?: number) {
  const dir = temporary();
  const work = join(dir.path, "work");
  const base = createDiskShelf(join(dir.path, "store"));
  await base.prepare();
  await git.init({ fs, dir: work, defaultBranch: "main" });
  const commit = async (content: ReadonlyMap<string, Uint8Array>) => {
    for (const [path, bytes] of content) {
      mkdirSync(join(work, path, ".."), { recursive: true });
      writeFileSync(join(work, path), bytes);
      await git.add({ fs, dir: work, filepath: path });
    }
    return git.commit({ fs, dir: work, message: "data", author });
  };
  const gitdir = join(work, ".git");
  const store = withReferences(createDiskStore(join(dir.path, "store")), {
    git: createGitResolver({ gitdir, ...(maxBytes && { maxBytes }) }),
  });
  return { dir, work, gitdir, base, commit, store: { ...store, check: () => checkRepository(gitdir) } };
}
const inGit = (item: ManifestItem, uri: string): ManifestItem => ({
  ...item,
  ref: { scheme: "git", uri, resolve: "gateway" },
});

describeStore(
  "git",
  async () => {
    const { dir, gitdir, base, commit, store } = await startGit();
    writeFileSync(join(dir.path, "canary.txt"), OUTSIDE.text);
    return {
      store,
      async put(content, items) {
        const at = await commit(content);
        return putVia(base)(
          new Map(),
          items.map((item) => inGit(item, `${at}:${item.id}`)),
        );
      },
      async putManifest(hash, text) {
        mkdirSync(join(dir.path, "store", hash));
        writeFileSync(join(dir.path, "store", hash, "manifest.json"), text);
      },
      async replace(_hash, item, bytes) {
        return inGit(item, `${await commit(new Map([[item.id, bytes]]))}:${item.id}`);
      },
      breakDown: async () => renameSync(gitdir, `${gitdir}-gone`),
      end: async () => dir.remove(),
      outside: OUTSIDE,
    };
  },
  { streams: false },
);

describe("gateway: store: git by its objects", () => {
  let repository: Awaited<ReturnType<typeof startGit>>;
  before(async () => {
    repository = await startGit(1000);
  });
  after(() => repository.dir.remove());
  const open = async (uri: string) =>
    repository.store.open(`0x${"00".repeat(32)}`, "x", inGit(itemOf("x", ""), uri));
  const reasonOf = async (uri: string) => String(await open(uri).catch((thrown: Error) => thrown.message));

  it("takes a file at a commit, in a folder too, and nothing that moves", async () => {
    const at = await repository.commit(new Map([["data/deep/a.csv", Buffer.from("a,b\n1,2\n")]]));
    const stored = await open(`${at}:data/deep/a.csv`);
    expect(Buffer.concat(await collect((stored as NonNullable<typeof stored>).stream())).toString()).to.equal(
      "a,b\n1,2\n",
    );
    await repository.commit(new Map([["data/deep/a.csv", Buffer.from("changed")]]));
    expect((await open(`${at}:data/deep/a.csv`))?.size, "an old commit stays").to.equal(8);
    expect(await open(`${at}:data/other.csv`)).to.equal(null);
    for (const uri of [
      "main:data/deep/a.csv",
      `${at.slice(0, 10)}:data/deep/a.csv`,
      `${at}`,
      `${at}:`,
      `--upload-pack=x:${at}`,
    ])
      expect(await reasonOf(uri)).to.include("is not <commit>:<path>");
    for (const path of [
      "../../canary.txt",
      "data/../data/deep/a.csv",
      "/etc/passwd",
      "data//deep/a.csv",
      "./data",
    ])
      expect(await reasonOf(`${at}:${path}`)).to.include("is no path of a file");
  });

  it("a commit that is not there is a repository that fails, not a file that is not there", async () => {
    expect(await reasonOf(`${"0".repeat(39)}1:a.csv`)).to.include("Could not find");
  });

  it("T46 a link in the tree is its own text, and leads nowhere", async () => {
    const { commit, work } = repository;
    await commit(new Map());
    fs.symlinkSync("/etc/passwd", join(work, "link"));
    await git.add({ fs, dir: work, filepath: "link" });
    const at = await commit(new Map());
    const stored = await open(`${at}:link`);
    expect(Buffer.concat(await collect((stored as NonNullable<typeof stored>).stream())).toString()).to.equal(
      "/etc/passwd",
    );
  });

  it("T48 refuses Git LFS pointers and what is too large to unpack, and says so", async () => {
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"0".repeat(64)}\nsize 12345\n`;
    const at = await repository.commit(
      new Map([
        ["large.bin", Buffer.alloc(2000, "x")],
        ["lfs.bin", Buffer.from(pointer)],
      ]),
    );
    expect(await reasonOf(`${at}:lfs.bin`)).to.include("is a Git LFS pointer");
    expect(await reasonOf(`${at}:large.bin`)).to.match(/has 2000 bytes, more than the 1000/);
  });
});

/** A plain static server: ranges, strong ETags, no more. */
async function startOrigin(files: Map<string, Uint8Array>) {
  const server = createServer((req, res) => {
    const bytes = files.get(decodeURIComponent(req.url ?? ""));
    if (bytes === undefined) return void res.writeHead(404).end();
    const etag = `"${sha256(bytes)}"`;
    if (req.headers["if-match"] && req.headers["if-match"] !== etag) return void res.writeHead(412).end();
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(req.headers.range ?? "") ?? [];
    if (Number(first) >= bytes.length)
      return void res.writeHead(416, { etag, "content-range": `bytes */${bytes.length}` }).end();
    const part = bytes.subarray(Number(first), Number(last) + 1);
    const range = `bytes ${first}-${Number(first) + part.length - 1}/${bytes.length}`;
    res.writeHead(206, { etag, "content-range": range, "content-length": part.length }).end(part);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, host: `127.0.0.1:${(server.address() as AddressInfo).port}` };
}

describeStore("HTTP origin", async () => {
  const dir = temporary();
  const base = createDiskShelf(join(dir.path, "store"));
  await base.prepare();
  const files = new Map<string, Uint8Array>();
  const { server, host } = await startOrigin(files);
  const origin = `http://${host}`;
  let count = 0;
  const at = (item: ManifestItem, path: string): ManifestItem => ({
    ...item,
    ref: { scheme: "https", uri: `${origin}${path}`, resolve: "gateway" },
  });
  const resolve = createOriginResolver({ origins: [origin], allowLocal: [host] });
  const disk = createDiskStore(join(dir.path, "store"));
  const store = withReferences(disk, { https: resolve });
  const probe: ManifestItem["ref"] = { scheme: "https", uri: `${origin}/`, resolve: "gateway" };
  return {
    store: { ...store, check: async () => void (await resolve(probe)) },
    async put(content, items) {
      count += 1;
      for (const [id, bytes] of content) files.set(`/${count}/${id}`, bytes);
      return putVia(base)(
        new Map(),
        items.map((item) => at(item, `/${count}/${item.id}`)),
      );
    },
    async putManifest(hash, text) {
      mkdirSync(join(dir.path, "store", hash));
      writeFileSync(join(dir.path, "store", hash, "manifest.json"), text);
    },
    async replace(_hash, item, bytes) {
      files.set(new URL(item.ref.uri).pathname, bytes);
      return item;
    },
    breakDown: () => closed(server),
    end: async () => dir.remove(),
  };
});

async function closed(server: Server): Promise<void> {
  if (!server.listening) return;
  const over = once(server, "close");
  server.close();
  server.closeAllConnections();
  await over;
}
