/** Gateways for tests: in this process on real HTTP, or as the real process. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import express from "express";
import { createGateway, type GatewayDeps } from "../../../gateway/core.ts";
import { expressGateway } from "../../../gateway/express.ts";
import { createKeys, type Keys } from "../../../gateway/keys.ts";
import { openLedger } from "../../../gateway/ledger.ts";
import { createListener } from "../../../gateway/listener.ts";
import { createLog } from "../../../gateway/log.ts";
import { createReceipts } from "../../../gateway/receipts.ts";
import { createRevocations } from "../../../gateway/revocations.ts";
import { knownSeller } from "../../../gateway/seller.ts";
import { loadSigningKey } from "../../../gateway/signing-key.ts";
import { createDiskStore } from "../../../gateway/stores/disk.ts";
import type { Use } from "../../../gateway/usage.ts";

export const SELLER = "agt_31337_1";

/** A fresh folder under the system's temporary one. */
export function temporary(): { path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), "moa-gateway-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

export type TestGateway = {
  url: string;
  port: number;
  keys: Keys;
  uses: Use[];
  /** What was logged, line by line. */
  lines: string[];
  stop(): Promise<void>;
};

/** A gateway in this process, whose uses are kept in an array instead of an outbox. */
export async function startGateway(
  {
    exchangeUrl,
    storeDir,
    stateDir,
    trustedProxies = [],
  }: { exchangeUrl: string; storeDir: string; stateDir: string; trustedProxies?: string[] },
  over: Partial<GatewayDeps> = {},
): Promise<TestGateway> {
  const uses: Use[] = [];
  const lines: string[] = [];
  const log = createLog((line) => lines.push(line));
  const revocations = createRevocations({
    url: new URL(`${exchangeUrl}/gateway/revocations`),
    log,
    pollMs: 50,
  });
  const keys = createKeys({
    withdrawn: revocations.isWithdrawn,
    url: new URL(`${exchangeUrl}/.well-known/jwks.json`),
    file: join(stateDir, "exchange-keys.json"),
    log,
  });
  const ledger = over.ledger ?? (await openLedger({ file: ":memory:" }));
  const signingKey = over.signingKey ?? (await loadSigningKey(join(stateDir, "gateway-key.json")));
  const gateway = createGateway({
    issuer: exchangeUrl,
    ledger,
    signingKey,
    receipts: createReceipts({ ledger, key: signingKey }),
    keys,
    revocations,
    seller: knownSeller(SELLER),
    store: createDiskStore(storeDir),
    usage: { record: async (use) => void uses.push(use), forward: async () => undefined },
    health: async () => {
      throw new Error("These tests ask for no health.");
    },
    log,
    ...over,
  });
  const app = express().disable("x-powered-by").set("trust proxy", trustedProxies);
  const server = createListener(app.use(expressGateway(gateway)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    keys,
    uses,
    lines,
    async stop() {
      keys.stop();
      revocations.stop();
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

export type Answer = {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: Buffer;
  /** The connection broke before the body was complete. */
  broken: boolean;
};

/** A request whose path goes out exactly as given: fetch() would resolve its dots. */
export function raw(
  { port }: { port: number },
  path: string,
  {
    method = "GET",
    headers = {},
    token,
  }: { method?: string; headers?: Record<string, string>; token?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const req = request({
      port,
      host: "127.0.0.1",
      path,
      method,
      headers: { ...headers, ...(token && { authorization: `Bearer ${token}` }) },
    });
    req.once("error", reject);
    req.once("response", (res) => {
      const chunks: Buffer[] = [];
      const end = (broken: boolean) =>
        resolve({ status: res.statusCode ?? 0, headers: res.headers, body: Buffer.concat(chunks), broken });
      res.on("data", (chunk: Buffer) => chunks.push(chunk));
      res.once("end", () => end(!res.complete));
      res.once("error", () => end(true));
    });
    req.end();
  });
}

/** Sends bytes as they are and gives back all that comes until the connection closes. */
export async function wire(port: number, bytes: string | Buffer): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  // A reset may follow an answer; what came before it is what counts.
  socket.on("error", () => undefined);
  socket.write(bytes);
  await once(socket, "close");
  return Buffer.concat(chunks).toString("latin1");
}

export function errorOf({ body }: { body: Buffer }): {
  code: string;
  message: string;
  request_id: string;
  details: Record<string, unknown>;
} {
  return JSON.parse(body.toString());
}

export type GatewayProcess = {
  url: string;
  port: number;
  gatewayKey: string;
  child: ChildProcess;
  output(): string;
  /** Resolves with the exit code, or null when a signal ended it. */
  kill(signal: NodeJS.Signals): Promise<number | null>;
};

const server = fileURLToPath(new URL("../../../gateway/server.ts", import.meta.url));

/** `node gateway/server.ts` on a free port. Rejects with its output when it does not come up. */
export async function startProcess(env: Record<string, string>): Promise<GatewayProcess> {
  const child = spawn(process.execPath, [server], {
    env: { PATH: process.env.PATH, GATEWAY_PORT: "0", GRACE_SECONDS: "1", SELLER, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const up = new Promise<{ port: number; gateway_key: string }>((resolve, reject) => {
    const read = (data: Buffer) => {
      output += data.toString();
      const line = output.split("\n").find((text) => text.includes('"event":"listening"'));
      if (line) resolve(JSON.parse(line));
    };
    child.stdout.on("data", read);
    child.stderr.on("data", read);
    child.once("exit", (code) => reject(new Error(`The gateway ended with ${code}: ${output}`)));
  });
  const { port, gateway_key } = await up;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    gatewayKey: gateway_key,
    child,
    output: () => output,
    async kill(signal) {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
      const ended = once(child, "exit");
      child.kill(signal);
      return (await ended)[0];
    },
  };
}

/** Waits until `ready`, for things that happen soon but at no known time. */
export async function until(ready: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = Date.now() + 60_000;
  while (!(await ready())) {
    if (Date.now() > end) throw new Error(`Waited 60 s in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
