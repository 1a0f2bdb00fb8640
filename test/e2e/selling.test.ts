/**
 * The seller's guide, run as it is printed, on the real processes; and a data set, sealed and in parts, by the same way.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect } from "chai";
import type { Hex } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { eventually } from "../../scripts/demo/eventually.ts";
import { createExchange } from "../../sdk/index.ts";
import { verifyItem } from "../../sdk/manifest.ts";
import { freePort } from "../support/free-port.ts";
import { useSystem } from "../support/system.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const call = promisify(execFile);

type Block = { kind: string; code: string };

/** The guide's code blocks, in order. */
function blocks(): Block[] {
  const text = readFileSync(join(root, "docs/SELLING.md"), "utf8");
  return [...text.matchAll(/^```(ts|sh(?: own terminal)?)\n(.*?)^```$/gms)].map(
    ([, kind = "", code = ""]) => ({ kind, code }),
  );
}

describe("selling", function () {
  this.timeout(180_000);
  const shared = useSystem();
  /** Looks like the repository's folder, and what is written there is thrown away. */
  let folder: string;
  let env: NodeJS.ProcessEnv;
  let shop: ChildProcess | undefined;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), "moa-selling-"));
    for (const name of readdirSync(root))
      if (!name.startsWith(".")) symlinkSync(join(root, name), join(folder, name));
    const { run } = shared.system;
    mkdirSync(join(folder, ".data"));
    writeFileSync(join(folder, ".data/run.json"), JSON.stringify(run));
    const pinned = `${join(root, "node_modules/.bin")}:${process.env.PATH}`;
    env = { PATH: pinned, HOME: folder, EXCHANGE: run.apiUrl, PORT: String(await freePort()) };
  });
  after(async () => {
    if (shop?.pid !== undefined) {
      const ended = new Promise((resolve) => shop?.once("exit", resolve));
      process.kill(-shop.pid, "SIGTERM");
      await ended;
    }
    rmSync(folder, { recursive: true });
  });

  const sh = async (code: string) => {
    const { stdout, stderr } = await call("bash", ["-euc", `export EXCHANGE PORT\n${code}`], {
      cwd: folder,
      env,
    });
    return stdout + stderr;
  };
  /** Starts what the guide wants in a terminal of its own. */
  const open = async (code: string) => {
    shop = spawn("bash", ["-euc", code], { cwd: folder, env, detached: true });
    let output = "";
    for (const stream of [shop.stdout, shop.stderr]) stream?.on("data", (data: Buffer) => (output += data));
    await eventually("the gateway listens", async () => {
      if (shop?.exitCode !== null) throw new Error(output);
      return output.includes('"event":"listening"') || undefined;
    });
  };

  it("E06 takes a newcomer from nothing to a sold bundle of video and prompt, as printed", async () => {
    let output = "";
    for (const { kind, code } of blocks()) {
      if (kind === "ts") {
        const file = join(folder, /^\/\/ (shop\/[\w.]+)$/m.exec(code)?.[1] ?? "");
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, code);
      } else if (kind === "sh") output += await sh(code);
      else await open(code);
    }
    expect(output).to.match(/^joined as agt_31337_\d+$/m);
    expect(output).to.match(/^Manifest 0x[0-9a-f]{64}: put into the store\.$/m);
    expect(output).to.match(/^listed ek_31337_\d+, manifest 0x[0-9a-f]{64}$/m);
    expect(output, "the doctor").to.match(/^All is well\.$/m);
    expect(output).to.match(/^ok {4}port: this gateway runs on /m);
    expect(output).to.match(/^bought key_31337_\d+_\d+_0$/m);
    for (const id of ["prompt.md", "clip.mp4", "README.md"]) {
      const original = readFileSync(join(root, "examples/video-prompt", id));
      expect(readFileSync(join(folder, "shop/bought", id)).equals(original), id).to.equal(true);
      expect(output).to.include(`${id}: ${original.length} bytes`);
    }
  });

  it("E06 sells a data set of Parquet embeddings, sealed in the store and in parts, for nothing", async () => {
    const files = ["embeddings.parquet", "embeddings.ndjson", "README.md"];
    await sh(
      `npm run gateway -- add --config shop/moa-gateway.json ${files.map((id) => `examples/embeddings/${id}`).join(" ")} \
      --title "Embeddings of weather phrases" --packaging dataset --encrypt kms-envelope --part-bytes 2000 --out shop/dataset.json`,
    );
    const { run } = shared.system;
    const wallet = privateKeyToAccount(readFileSync(join(folder, "shop/wallet.key"), "utf8") as Hex);
    const seller = createExchange({ url: run.apiUrl, wallet });
    const { ek_id } = await seller.list(JSON.parse(readFileSync(join(folder, "shop/dataset.json"), "utf8")));
    const options = {
      url: run.apiUrl,
      wallet: privateKeyToAccount(generatePrivateKey()),
      rpcUrl: run.rpcUrl,
    };
    const buyer = createExchange(options);
    await buyer.join({ name: "Reader", type: "external" });
    await buyer.claim(ek_id);
    const { items, manifest } = await buyer.fetch(ek_id);
    expect(manifest.packaging).to.equal("dataset");
    for (const id of files) {
      const found = items.find(({ item }) => item.id === id);
      if (!found) throw new Error(`${id} is missing.`);
      verifyItem(found.item, found.bytes);
      const original = readFileSync(join(root, "examples/embeddings", id));
      expect(original.equals(found.bytes), id).to.equal(true);
      expect(found.item.encryption).to.deep.equal({
        enabled: true,
        method: "kms-envelope",
        key_ref: "items-1",
      });
    }
    const parquet = items.find(({ item }) => item.format === "parquet");
    expect(Buffer.from(parquet?.bytes.subarray(0, 4) ?? []).toString()).to.equal("PAR1");
    expect(items.map(({ item }) => item.id)).to.include("embeddings.parquet.parts.json");
  });
});
