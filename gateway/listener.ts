/** The HTTP server under the gateway: its time limits, and answers to what is not even HTTP. */

import { randomUUID } from "node:crypto";
import { createServer, type RequestListener, type Server, STATUS_CODES } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { Duplex } from "node:stream";
import { ExchangeError } from "../sdk/errors.ts";
import { errorResponse } from "./respond.ts";

/** A request is a few hundred bytes: who needs longer than this, in ms, holds a connection for its own sake. */
const REQUEST_MS = 10_000;
/** A connection on which nothing moves for this long, in ms, is closed: also that of a buyer who stopped reading. */
const IDLE_MS = 60_000;

/** TLS that ends here: the server's own certificate with its chain, and its private key, PEM. */
export type Tls = { cert: string | Buffer; key: string | Buffer };

/**
 * With `tls` clients are asked for a certificate, and need not have one. Whose it is, no authority says: the handshake proves that the client
 * has its key, and agents.ts decides for whom it stands.
 */
export function createListener(handler: RequestListener, tls?: Tls): Server {
  const limits = { headersTimeout: REQUEST_MS, requestTimeout: REQUEST_MS };
  const server: Server = tls
    ? createTlsServer({ ...limits, ...tls, ...TLS_OPTIONS }, handler)
    : createServer(limits, handler);
  server.setTimeout(IDLE_MS);
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
    void refuse(error, socket);
  });
  return server;
}

/** A connection that is not through with its handshake after REQUEST_MS is closed. */
const TLS_OPTIONS = {
  minVersion: "TLSv1.2",
  requestCert: true,
  rejectUnauthorized: false,
  handshakeTimeout: REQUEST_MS,
} as const;

const statusOf: Record<string, number> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };

/** Node answers such requests itself, but without our error body and request id. */
async function refuse({ code = "" }: NodeJS.ErrnoException, socket: Duplex): Promise<void> {
  const status = statusOf[code] ?? 400;
  const error = new ExchangeError("INVALID_REQUEST", `The request can't be read: ${STATUS_CODES[status]}.`, {
    status,
    hint: "Send an HTTP/1.1 request with less than 16 KiB of headers, at once.",
  });
  const response = errorResponse(error, randomUUID());
  const head = [...response.headers].map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const body = await response.text();
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head}connection: close\r\n\r\n${body}`);
}
