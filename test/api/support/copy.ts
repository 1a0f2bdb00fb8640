/** Another copy of the API over the same chain and database, as a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { localKey } from "../../../scripts/system/chain.ts";
import { inheritedEnv } from "../../../scripts/system/env.ts";
import type { RunInfo } from "../../../scripts/system/run-info.ts";
import { unwatchContract, watchContract } from "../../support/contract.ts";
import { freePort } from "../../support/free-port.ts";

const READY_MS = 90_000; // a machine may be busy

export type Copy = {
  apiUrl: string;
  pid: number;
  /** Resolves with its exit code, once it has ended. */
  kill(signal: NodeJS.Signals): Promise<number | null>;
};

/** Starts it and waits until it answers, with another way to the chain, deployment, port or environment, where that is named. */
export async function startCopy(
  run: RunInfo,
  changes: { rpcUrl?: string; deploymentFile?: string; port?: number; env?: Record<string, string> } = {},
): Promise<Copy> {
  const port = changes.port ?? (await freePort());
  const apiUrl = `http://127.0.0.1:${port}`;
  const child = spawn(process.execPath, [fileURLToPath(new URL("../../../api/server.ts", import.meta.url))], {
    stdio: ["ignore", "ignore", "inherit"],
    env: {
      ...inheritedEnv(),
      RPC_URL: changes.rpcUrl ?? run.rpcUrl,
      DATABASE_URL: run.databaseUrl,
      DEPLOYMENT_FILE: changes.deploymentFile ?? run.deploymentFile,
      INDEXER_URL: run.indexerUrl,
      RELAYER_KEY: localKey(1),
      API_PORT: String(port),
      ...changes.env,
    },
  });
  // It must not outlive whoever started it, however that one ends.
  const takeAlong = () => void child.kill("SIGKILL");
  process.once("exit", takeAlong);
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  void ended.then(() => {
    process.off("exit", takeAlong);
    unwatchContract(apiUrl);
  });
  await answers(apiUrl, child).catch((error: unknown) => {
    child.kill("SIGKILL");
    throw error;
  });
  watchContract(apiUrl);
  return {
    apiUrl,
    pid: child.pid as number,
    async kill(signal) {
      child.kill(signal);
      return ended;
    },
  };
}

async function answers(apiUrl: string, child: ChildProcess): Promise<void> {
  for (const deadline = Date.now() + READY_MS; ; ) {
    const response = await fetch(`${apiUrl}/health`).catch(() => undefined);
    await response?.body?.cancel();
    if (response) return;
    if (child.exitCode !== null || Date.now() > deadline)
      throw new Error(`The copy at ${apiUrl} does not answer.`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export type Rpc = { id?: number; method: string; params?: unknown[] };
type Answer = { id?: number; result?: unknown };
export type LyingRpc = {
  url: string;
  /**
   * From now on: what the answer to a call becomes; undefined leaves it as it is, null breaks the connection. The answer waits for it.
   */
  lie(how: (call: Rpc, result: unknown) => unknown | null | undefined | Promise<unknown>): void;
  close(): Promise<void>;
};

/** A way to the chain that can be made to lie. */
export async function startLyingRpc(rpcUrl: string): Promise<LyingRpc> {
  let lie: (call: Rpc, result: unknown) => unknown = () => undefined;
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", async () => {
      const body = Buffer.concat(chunks).toString();
      const call = JSON.parse(body) as Rpc | Rpc[];
      const answer = await fetch(rpcUrl, { method: "POST", body }).then(
        (answered) => answered.json() as Promise<Answer | Answer[]>,
        () => undefined,
      );
      if (!answer) return response.destroy(); // the node behind it has gone
      const calls = [call].flat();
      const answers = await Promise.all(
        [answer].flat().map(async (each, i) => {
          const own = calls.find(({ id }) => id === each.id) ?? (calls[i] as Rpc);
          const lied = await lie(own, each.result);
          return lied === undefined ? each : lied === null ? undefined : { ...each, result: lied };
        }),
      );
      if (answers.includes(undefined)) return response.destroy();
      response.setHeader("content-type", "application/json");
      return response.end(JSON.stringify(Array.isArray(call) ? answers : answers[0]));
    });
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}`,
    lie(how) {
      lie = how;
    },
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
