/**
 * Taps on the wires of one process: everything that it says to the chain, to Postgres and to others, and all that it is asked, passes here,
 * and can be counted, named and cut. A process that is killed at a crossing has done all that came before it and nothing after: no hook in
 * the product is needed.
 */
import {
  createServer as createHttpServer,
  type Server as HttpServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as startRequest,
} from "node:http";
import {
  type AddressInfo,
  connect,
  createServer as createTcpServer,
  type Server,
  type Socket,
} from "node:net";
import { statementsIn } from "./postgres-wire.ts";

/**
 * One message passing by: `rpc eth_call`, `sql insert payments`, `sql commit`, `stripe POST /v1/refunds`, `http POST /webhooks/stripe`. On
 * its way out nobody has seen it; on its way back whoever was asked has done it, and whoever asked does not know.
 */
export type Crossing = { name: string; way: "out" | "back" };
/** True cuts all wires here: this message is lost, and all that would follow. */
export type Watcher = (crossing: Crossing) => boolean;

export type Taps = {
  /** In place of the Postgres at this URL. */
  sql(databaseUrl: string): Promise<string>;
  /** In place of the chain at this URL: messages are named by their method. */
  rpc(url: string): Promise<string>;
  /** In place of the server at this URL: messages are named by `who`, method and path, without what differs from one to the next. */
  http(who: string, url: string): Promise<string>;
  watch(watcher: Watcher): void;
  close(): Promise<void>;
};

export function openTaps(): Taps {
  let watcher: Watcher = () => false;
  let isCut = false;
  const closers: (() => Promise<void>)[] = [];
  const passes: Passes = (name, way) => {
    if (!isCut && watcher({ name, way })) isCut = true;
    return !isCut;
  };
  const openHttp = async (server: HttpServer) => {
    closers.push(async () => {
      server.closeAllConnections();
      await end(server);
    });
    return `http://127.0.0.1:${await listen(server)}`;
  };
  return {
    async sql(databaseUrl) {
      const { server, drop } = sqlTap(new URL(databaseUrl), passes);
      closers.push(async () => {
        drop();
        await end(server);
      });
      const tapped = new URL(databaseUrl);
      tapped.hostname = "127.0.0.1";
      tapped.port = String(await listen(server));
      return tapped.href;
    },
    rpc: (url) => openHttp(httpTap(url, passes, (_, body) => `rpc ${methodIn(body)}`)),
    http: (who, url) =>
      openHttp(httpTap(url, passes, ({ method, url: path }) => `${who} ${method} ${kindOf(path ?? "")}`)),
    watch(next) {
      watcher = next;
    },
    async close() {
      isCut = true;
      await Promise.all(closers.map((close) => close()));
    },
  };
}

type Passes = (name: string, way: Crossing["way"]) => boolean;

function methodIn(body: Buffer): string {
  return (JSON.parse(body.toString()) as { method: string }).method;
}

/** A path without its query, and with `:id` for whatever has a digit in it: versions of an API apart. */
function kindOf(path: string): string {
  const parts = (path.split("?")[0] ?? "").split("/");
  return parts.map((part) => (/\d/.test(part) && !/^v\d$/.test(part) ? ":id" : part)).join("/");
}

function httpTap(
  target: string,
  passes: Passes,
  nameOf: (request: IncomingMessage, body: Buffer) => string,
): HttpServer {
  return createHttpServer(async (request, response) => {
    try {
      const body = await bodyOf(request);
      const name = nameOf(request, body);
      if (!passes(name, "out")) return response.destroy();
      const answer = await ask(new URL(request.url ?? "/", target), request, body);
      if (!passes(name, "back")) return response.destroy();
      return response.writeHead(answer.status, answer.headers).end(answer.body);
    } catch {
      return response.destroy(); // one side is dead, and the other must learn of it
    }
  });
}

async function ask(
  url: URL,
  { method, headers }: IncomingMessage,
  body: Buffer,
): Promise<{ status: number; headers: IncomingHttpHeaders; body: Buffer }> {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const { connection: _, ...passed } = headers;
    const asked = startRequest(
      url,
      { method, headers: { ...passed, host: url.host }, agent: false },
      resolve,
    );
    asked.once("error", reject);
    asked.end(body);
  });
  const { connection: _, "transfer-encoding": __, ...given } = answer.headers;
  return { status: answer.statusCode ?? 502, headers: given, body: await bodyOf(answer) };
}

async function bodyOf(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
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
