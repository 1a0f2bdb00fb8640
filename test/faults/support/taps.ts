/**
 * Taps on the wires of one API process: everything that it says to the chain and to Postgres passes here, and can be counted, named and cut.
 * A process that is killed at a crossing has done all that came before it and nothing after: no hook in the product is needed.
 */
import { createServer as createHttpServer, type Server as HttpServer } from "node:http";
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from "node:net";
import { statementsIn } from "./postgres-wire.ts";

/**
 * One message passing by: `rpc eth_call`, `sql insert payments`, `sql commit`. On its way out nobody has seen it; on its way back
 * whoever was asked has done it and the process does not know.
 */
export type Crossing = { name: string; way: "out" | "back" };
/** True cuts both wires here: this message is lost, and all that would follow. */
export type Watcher = (crossing: Crossing) => boolean;

export type Taps = {
  rpcUrl: string;
  databaseUrl: string;
  watch(watcher: Watcher): void;
  close(): Promise<void>;
};

export async function openTaps({
  rpcUrl,
  databaseUrl,
}: {
  rpcUrl: string;
  databaseUrl: string;
}): Promise<Taps> {
  let watcher: Watcher = () => false;
  let isCut = false;
  const passes = (name: string, way: Crossing["way"]) => {
    if (!isCut && watcher({ name, way })) isCut = true;
    return !isCut;
  };
  const rpc = rpcTap(rpcUrl, passes);
  const sql = sqlTap(new URL(databaseUrl), passes);
  const [rpcPort, sqlPort] = await Promise.all([listen(rpc), listen(sql.server)]);
  const tapped = new URL(databaseUrl);
  tapped.hostname = "127.0.0.1";
  tapped.port = String(sqlPort);
  return {
    rpcUrl: `http://127.0.0.1:${rpcPort}`,
    databaseUrl: tapped.href,
    watch(next) {
      watcher = next;
    },
    async close() {
      isCut = true;
      sql.drop();
      rpc.closeAllConnections();
      await Promise.all([end(rpc), end(sql.server)]);
    },
  };
}

type Passes = (name: string, way: Crossing["way"]) => boolean;

function rpcTap(rpcUrl: string, passes: Passes): HttpServer {
  return createHttpServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", async () => {
      const body = Buffer.concat(chunks).toString();
      const name = `rpc ${(JSON.parse(body) as { method: string }).method}`;
      if (!passes(name, "out")) return response.destroy();
      const answer = await fetch(rpcUrl, { method: "POST", body }).then((r) => r.text());
      if (!passes(name, "back")) return response.destroy();
      response.setHeader("content-type", "application/json");
      return response.end(answer);
    });
  });
}

/** Postgres's own protocol. What a packet does is known by the statements in it. */
function sqlTap(database: URL, passes: Passes): { server: Server; drop(): void } {
  const sockets = new Set<Socket>();
  const server = createTcpServer((client) => {
    const upstream = connect({ host: database.hostname, port: Number(database.port) });
    const names = statementsIn();
    let asked: string[] = [];
    const drop = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", drop);
      socket.on("close", () => {
        sockets.delete(socket);
        drop();
      });
    }
    client.on("data", (packet: Buffer) => {
      const said = names(packet);
      if (!said.every((name) => passes(name, "out"))) return drop();
      asked.push(...said);
      return upstream.write(packet);
    });
    upstream.on("data", (packet: Buffer) => {
      const answered = asked;
      asked = [];
      if (!answered.every((name) => passes(name, "back"))) return drop();
      return client.write(packet);
    });
  });
  return { server, drop: () => sockets.forEach((socket) => void socket.destroy()) };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

function end(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
