/** A system of its own for the benchmark: a seller with a small and a large Experience, and a buyer who holds a key of each. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { mkdir, rename, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PrivateKeyAccount } from "viem";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { describeFiles } from "../../../gateway/describe.ts";
import { canonicalJson } from "../../../sdk/canonical.ts";
import { hashManifest } from "../../../sdk/manifest.ts";
import type { NonceResponse, VerifyResponse } from "../../../sdk/wire/agent.ts";
import { createAgent, type Joined, join as joinExchange } from "../../demo/agents.ts";
import { fund } from "../../demo/funds.ts";
import type { RunInfo } from "../../system/run-info.ts";
import { type System, startSystem } from "../../system/system.ts";
import { drive } from "./load.ts";

/** Name of the one item of the large Experience. */
export const LARGE_ITEM = "large.bin";

export type Stage = {
  system: System;
  /** As it was at the start: process ids may change, `system.run` has the present ones. */
  run: RunInfo;
  buyer: Joined;
  /** A session of the buyer's at the API, a quarter of an hour long. */
  session: string;
  small: Listed;
  /** The large one's file is where the gateway reads it. */
  large: Listed & { file: string; size: number };
  /** `count` new tokens for the listing. */
  tokens(ekId: string, count: number): Promise<string[]>;
  close(): Promise<void>;
};

export type Listed = { ekId: string; manifestHash: string };

export type StageOptions = {
  /** Size of the large item. */
  largeBytes: number;
  /** One line per step. */
  say: (line: string) => void;
  /** Gives up starting. */
  signal: AbortSignal;
};

/** Starts the system and sells. */
export async function openStage({ largeBytes, say, signal }: StageOptions): Promise<Stage> {
  const dataDir = mkdtempSync(join(tmpdir(), "moa-bench-"));
  chmodSync(dataDir, 0o711); // Postgres does not run as root, and has to pass through
  const sellerAccount = privateKeyToAccount(generatePrivateKey());
  let system: System | undefined;
  const close = async () => {
    await system?.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    system = await startSystem({
      dataDir,
      sellerEoa: sellerAccount.address,
      log: say,
      signal,
      onCrash: ({ name, lastWords }) => say(`${name} ended unexpectedly. It said last: ${lastWords}`),
    });
    const sold = await sell(system, sellerAccount, { dataDir, largeBytes, say });
    signal.throwIfAborted();
    return { ...sold, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function sell(
  system: System,
  sellerAccount: PrivateKeyAccount,
  { dataDir, largeBytes, say }: { dataDir: string; largeBytes: number; say: (line: string) => void },
): Promise<Omit<Stage, "close">> {
  const { run } = system;
  const buyerAccount = privateKeyToAccount(generatePrivateKey());
  const seller = await joinExchange(createAgent(run, sellerAccount, { name: "Seller", type: "external" }));
  const buyer = await joinExchange(createAgent(run, buyerAccount, { name: "Buyer", type: "external" }));
  const small = await list(run, seller, await storeSmall(run, dataDir));
  say(`a file of ${largeBytes} bytes is made and hashed …`);
  const stored = await storeLarge(run, dataDir, largeBytes);
  const large = { ...(await list(run, seller, stored)), file: stored.paths[0] as string, size: largeBytes };
  await fund(run, buyerAccount.address, 10_000_000n);
  for (const { ekId } of [small, large]) await buyer.exchange.buy(ekId, { maxPrice: 1_000_000n });
  const session = await signIn(run, buyerAccount);
  return {
    ...{ system, run, buyer, session, small, large },
    async tokens(ekId, count) {
      const bearer = await signIn(run, buyerAccount); // a session may be over by now
      const headers = { authorization: `Bearer ${bearer}`, "content-type": "application/json" };
      const ask = { path: "/me/buy/token", method: "POST", headers, body: JSON.stringify({ ek_id: ekId }) };
      const answers = await drive(run.apiUrl, count, () => ask);
      return answers.map((text) => (JSON.parse(text) as { ek_token: string }).ek_token);
    },
  };
}

type Stored = Awaited<ReturnType<typeof store>>;

async function storeSmall(run: RunInfo, dataDir: string): Promise<Stored> {
  const folder = join(dataDir, "small");
  await mkdir(folder);
  await writeFile(join(folder, "data.csv"), "month,rain\n1,140\n");
  await writeFile(join(folder, "README.md"), "# Rain\n");
  return store(run, folder, ["data.csv", "README.md"]);
}

/** A file with a hole in place of bytes: it needs no room on the disk, and is read and sent like any other. */
async function storeLarge(run: RunInfo, dataDir: string, size: number): Promise<Stored> {
  const folder = join(dataDir, "large");
  await mkdir(folder);
  await writeFile(join(folder, LARGE_ITEM), "");
  await truncate(join(folder, LARGE_ITEM), size);
  return store(run, folder, [LARGE_ITEM]);
}

/** Moves the files to where the gateway's disk store looks for them. */
async function store(run: RunInfo, folder: string, names: readonly string[]) {
  const { manifest } = await describeFiles(
    names.map((name) => join(folder, name)),
    { expId: `exp_${crypto.randomUUID()}` },
  );
  const home = join(run.storeDir, hashManifest(manifest));
  await mkdir(home, { recursive: true });
  await rename(folder, join(home, "items"));
  await writeFile(join(home, "manifest.json"), canonicalJson(manifest));
  return { manifest, paths: names.map((name) => join(home, "items", name)) };
}

async function list({ gatewayUrl }: RunInfo, seller: Joined, { manifest }: Stored): Promise<Listed> {
  const [health = ""] = await drive(gatewayUrl, 1, () => ({ path: "/health" }));
  // Without the key the exchange would refuse the gateway's records of use.
  const { gateway_key } = JSON.parse(health) as { gateway_key: string };
  const { ek_id, manifest_hash } = await seller.exchange.list({
    ...{ title: "To be measured", summary: "For the benchmark.", domain: "climate", task_type: "sql_query" },
    ...{ modality: ["dataset"], output_artifacts: ["csv"] },
    pricing_policy: { curve_type: "fixed", base_price: "0.25" },
    access_policy: { gateway: gatewayUrl, gateway_key },
    content_manifest: manifest,
  });
  return { ekId: ek_id, manifestHash: manifest_hash };
}

/** A session's token: the SDK keeps its own to itself. */
async function signIn({ apiUrl }: RunInfo, account: PrivateKeyAccount): Promise<string> {
  const [asked = ""] = await drive(apiUrl, 1, () => ({ path: `/auth/nonce?eoa=${account.address}` }));
  const { nonce, message } = JSON.parse(asked) as NonceResponse;
  const body = JSON.stringify({
    eoa: account.address,
    nonce,
    signature: await account.signMessage({ message }),
  });
  const headers = { "content-type": "application/json" };
  const [answer = ""] = await drive(apiUrl, 1, () => ({
    path: "/auth/verify",
    method: "POST",
    headers,
    body,
  }));
  return (JSON.parse(answer) as VerifyResponse).token;
}
