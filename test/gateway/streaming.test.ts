import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, openSync, renameSync, writeFileSync, writeSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { canonicalJson } from "../../sdk/canonical.ts";
import { hashManifest } from "../../sdk/manifest.ts";
import { startExchange, type TestExchange } from "./support/exchange.ts";
import { type GatewayProcess, startProcess, temporary } from "./support/gateway.ts";
import { manifestOf } from "./support/store.ts";

/*
an item of 256 MiB
├── whole, hashed on the way      the process grows by less than 50 MB
├── whole again, and as ranges    the same
└── to a buyer who does not read  the same
T48 bodies without end            the same
*/
const SIZE = 256 * 1024 * 1024;
const MB = 1_000_000;

describe("gateway: streaming", function () {
  this.timeout(120_000);
  const dir = temporary();
  let exchange: TestExchange;
  let gateway: GatewayProcess;
  let token: string;
  let digest: string;
  let baseline: number;
  const url = () => `${gateway.url}/exp/ek_31337_1/items/large.bin`;
  /** Resident memory of the gateway's process in bytes. */
  const rss = () =>
    Number(execFileSync("ps", ["-o", "rss=", "-p", String(gateway.child.pid)], { encoding: "utf8" })) * 1024;

  before(async () => {
    exchange = await startExchange();
    const { hash, sha256 } = publishLarge(join(dir.path, "store"));
    digest = sha256;
    token = await exchange.token({ manifest_hash: hash });
    gateway = await startProcess({
      EXCHANGE_URL: exchange.url,
      STORE_DIR: join(dir.path, "store"),
      STATE_DIR: join(dir.path, "state"),
    });
    // The first requests compile code and fill pools: that is not what is measured.
    for (let i = 0; i < 50; i++)
      await (
        await fetch(url(), { headers: { authorization: `Bearer ${token}` }, method: "HEAD" })
      ).arrayBuffer();
    for (let i = 0; i < 3; i++) {
      const early = await fetch(`${gateway.url}/exp/ek_31337_1/metadata`, {
        headers: { authorization: `Bearer ${token}` },
      });
      await early.arrayBuffer();
    }
    baseline = rss();
  });
  after(async () => {
    await gateway.kill("SIGTERM");
    await exchange.goDown();
    dir.remove();
  });

  /** Reads a body to its end, asking for the process's memory on the way. */
  const read = async (headers: Record<string, string> = {}) => {
    const response = await fetch(url(), { headers: { authorization: `Bearer ${token}`, ...headers } });
    const hash = createHash("sha256");
    let bytes = 0;
    let peak = 0;
    let asked = 0;
    for await (const chunk of response.body ?? []) {
      hash.update(chunk);
      bytes += chunk.length;
      if (bytes - asked < 16 * 1024 * 1024) continue;
      asked = bytes;
      peak = Math.max(peak, rss());
    }
    return {
      status: response.status,
      bytes,
      sha256: hash.digest("hex"),
      growth: (peak - baseline) / MB,
    };
  };

  it("T48 is delivered whole in constant memory, hashed on the way and when known", async () => {
    for (const when of ["hashed", "known"]) {
      const { growth, ...answer } = await read();
      expect(answer, when).to.deep.equal({ status: 200, bytes: SIZE, sha256: digest });
      expect(growth, `${when}, in MB`).to.be.below(50);
    }
  });

  it("T48 parts too", async () => {
    const { growth, status, bytes } = await read({ range: `bytes=1000-${SIZE - 1001}` });
    expect([status, bytes]).to.deep.equal([206, SIZE - 2000]);
    expect(growth).to.be.below(50);
  });

  it("T48 to buyers who do not read it costs no more than a few pieces each", async () => {
    const sockets = Array.from({ length: 8 }, () => {
      const socket = connect(gateway.port, "127.0.0.1");
      socket.write(
        `GET /exp/ek_31337_1/items/large.bin HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`,
      );
      return socket.pause();
    });
    let peak = 0;
    for (let i = 0; i < 10; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      peak = Math.max(peak, rss());
    }
    for (const socket of sockets) socket.destroy();
    expect((peak - baseline) / MB).to.be.below(80);
  });

  it("T48 bodies without end are cut off in constant memory", async () => {
    let peak = 0;
    for (const head of [
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
      `GET /exp/ek_31337_1/metadata HTTP/1.1\r\nHost: x\r\nContent-Length: ${2 ** 40}\r\n\r\n`,
    ]) {
      const socket = connect(gateway.port, "127.0.0.1");
      // A reset is how the gateway gets rid of it.
      socket.on("error", () => undefined);
      socket.resume();
      socket.write(head);
      const chunk = Buffer.from(`100000\r\n${"x".repeat(1 << 20)}\r\n`);
      let sent = 0;
      while (
        sent < 200 &&
        (await new Promise((resolve) => socket.write(chunk, (error) => resolve(!error))))
      ) {
        sent += 1;
        if (sent % 20 === 0) peak = Math.max(peak, rss());
      }
      expect(sent, "MiB sent until it was cut off").to.be.below(200);
      socket.destroy();
    }
    expect((Math.max(peak, rss()) - baseline) / MB).to.be.below(50);
  });
});

/** 256 MiB that are on the disk, no holes, written piece by piece. */
function publishLarge(root: string): { hash: string; sha256: string } {
  const sha = createHash("sha256");
  const temporaryFile = `${root}.large`;
  const fd = openSync(temporaryFile, "w");
  const piece = Buffer.alloc(1 << 20);
  for (let i = 0; i < SIZE / piece.length; i++) {
    for (let at = 0; at < piece.length; at += 4)
      piece.writeUInt32LE(Math.imul(i * piece.length + at + 1, 2654435761) >>> 0, at);
    sha.update(piece);
    writeSync(fd, piece);
  }
  closeSync(fd);
  const sha256 = sha.digest("hex");
  const manifest = manifestOf([
    {
      id: "large.bin",
      role: "primary",
      media_type: "application/octet-stream",
      size_bytes: SIZE,
      hash: { alg: "sha256", value: sha256 },
      ref: { scheme: "es_gateway", uri: "large.bin", resolve: "gateway" },
    },
  ]);
  const hash = hashManifest(manifest);
  mkdirSync(join(root, hash, "items"), { recursive: true });
  renameSync(temporaryFile, join(root, hash, "items", "large.bin"));
  writeFileSync(join(root, hash, "manifest.json"), canonicalJson(manifest));
  return { hash, sha256 };
}
