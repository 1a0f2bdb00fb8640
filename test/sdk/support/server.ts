/** Small real HTTP servers that answer what a test tells them to. */
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

export type Received = {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: unknown;
};
/** `breakOff`: the connection ends after that many bytes of the body; 0 is before the answer. */
export type Answer = {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
  bytes?: Uint8Array | string;
  breakOff?: number;
};
export type Routes = Record<string, (request: Received) => Answer | Promise<Answer>>;

export type TestServer = {
  readonly url: string;
  /** All requests so far, in order. */
  readonly received: Received[];
  /** `"GET /health"` → what answers it. Anything else is 404. */
  routes: Routes;
};

/** A server for the tests of a `describe`, forgetting everything between them. */
export function useServer(): TestServer {
  let url = "";
  const server: TestServer = {
    get url() {
      return url;
    },
    received: [],
    routes: {},
  };
  const http = createServer(async (request, response) => {
    const { pathname: path, searchParams: query } = new URL(request.url ?? "/", "http://x");
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString();
    const received: Received = {
      method: request.method ?? "",
      path,
      query,
      headers: request.headers,
      body: text === "" ? undefined : JSON.parse(text),
    };
    server.received.push(received);
    const route = server.routes[`${received.method} ${path}`];
    const answer: Answer = route
      ? await route(received)
      : { status: 404, body: { code: "NOT_FOUND", message: `There is no ${received.method} ${path}.` } };
    const body = Buffer.from(answer.bytes ?? JSON.stringify(answer.body ?? {}));
    if (answer.breakOff === 0) return void request.socket.destroy();
    response.writeHead(answer.status ?? 200, { "content-length": body.length, ...answer.headers });
    if (answer.breakOff === undefined) return void response.end(body);
    response.write(body.subarray(0, answer.breakOff), () => setTimeout(() => request.socket.destroy(), 20));
  });
  before(async () => {
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  });
  beforeEach(() => {
    server.received.length = 0;
    server.routes = {};
  });
  after(async () => {
    http.closeAllConnections();
    await new Promise((resolve) => http.close(resolve));
  });
  return server;
}

/** The error body of the API. */
export function apiError(
  status: number,
  code: string,
  { message = `${code} it is.`, details = {} }: { message?: string; details?: Record<string, unknown> } = {},
): Answer {
  return {
    status,
    headers: { "x-request-id": "req_1" },
    body: { code, message, request_id: "req_1", details },
  };
}
