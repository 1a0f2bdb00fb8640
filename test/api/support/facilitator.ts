/** The facilitator's own process, and facilitators of others', which may lie. */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { localKey } from "../../../scripts/system/chain.ts";
import { inheritedEnv } from "../../../scripts/system/env.ts";
import type { RunInfo } from "../../../scripts/system/run-info.ts";
import { freePort } from "../../support/free-port.ts";

const READY_MS = 90_000; // a machine may be busy

export type Facilitator = {
  url: string;
  /** Asks it to end. Resolves with its exit code. */
  stop(): Promise<number | null>;
};

/** Starts it and waits until it answers. */
export async function startFacilitator(run: RunInfo): Promise<Facilitator> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const file = fileURLToPath(new URL("../../../api/facilitator-server.ts", import.meta.url));
  const child = spawn(process.execPath, [file], {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      ...inheritedEnv(),
      RPC_URL: run.rpcUrl,
      DATABASE_URL: run.databaseUrl,
      DEPLOYMENT_FILE: run.deploymentFile,
      RELAYER_KEY: localKey(1),
      FACILITATOR_PORT: String(port),
    },
  });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  await answers(url, child);
  return {
    url,
    async stop() {
      child.kill("SIGTERM");
      return ended;
    },
  };
}

async function answers(url: string, child: ChildProcess): Promise<void> {
  for (const deadline = Date.now() + READY_MS; ; ) {
    const response = await fetch(`${url}/health`).catch(() => undefined);
    await response?.body?.cancel();
    if (response) return;
    if (child.exitCode !== null || Date.now() > deadline) {
      throw new Error(`The facilitator at ${url} does not answer.`);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A payment as a facilitator is asked to settle it. */
export type SettleRequest = {
  paymentPayload: { payload: { authorization: Record<string, string>; signature: string } };
  paymentRequirements: { payTo: string; amount: string; asset: string; network: string };
};

export type ForeignFacilitator = {
  url: string;
  /** From now on: what it does and says when it is asked to settle; null breaks the connection. */
  settle(how: (request: SettleRequest) => Promise<Record<string, unknown> | null>): void;
  /** What it was asked to settle so far. */
  asked: SettleRequest[];
  close(): Promise<void>;
};

/** Somebody's facilitator. It does as it is told, which need not be what it says. */
export async function startForeignFacilitator(): Promise<ForeignFacilitator> {
  let how: (request: SettleRequest) => Promise<Record<string, unknown> | null> = async () => null;
  const asked: SettleRequest[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", async () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as SettleRequest;
      asked.push(body);
      const said = await how(body);
      if (said === null) return response.destroy();
      response.setHeader("content-type", "application/json");
      return response.end(JSON.stringify({ network: body.paymentRequirements.network, ...said }));
    });
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    settle(next) {
      how = next;
    },
    asked,
    close: () => close(server),
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

function close(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
