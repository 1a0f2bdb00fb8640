/** The gateway as an Express 5 request handler. It can be mounted under any path. */

import { Readable } from "node:stream";
import { TLSSocket } from "node:tls";
import type { Request as ExpressRequest, Response as ExpressResponse, RequestHandler } from "express";
import type { Peer } from "./call.ts";
import type { Gateway } from "./core.ts";
import { free } from "./store.ts";

/** Methods that a Fetch `Request` can't have. They are refused like any other that only looks, so they may go as OPTIONS. */
const UNFETCHABLE = new Set(["CONNECT", "TRACE", "TRACK"]);

/** Put it before any middleware that reads bodies: the gateway reads them itself, as far as it wants to. */
export function expressGateway(gateway: Gateway): RequestHandler {
  return async (req, res) => {
    const response = await gateway.handle(toRequest(req), req.url, peerOf(req));
    // A body that nobody will read is cut off with the connection, not read to its end.
    if (hasBody(req) && !req.readableEnded) res.setHeader("connection", "close");
    res.writeHead(response.status, Object.fromEntries(response.headers));
    await send(response.body, res);
  };
}

/** The certificate only where TLS ends here: what a proxy says of one, anybody could say. */
function peerOf({ ip, socket }: ExpressRequest): Peer {
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  return {
    ...(ip === undefined ? {} : { address: ip }),
    ...(certificate === undefined ? {} : { certificate }),
  };
}

function toRequest(req: ExpressRequest): Request {
  const headers = new Headers();
  // All of them, also the second of a header that must be single: then it is malformed instead of silently the first.
  for (let i = 0; i + 1 < req.rawHeaders.length; i += 2)
    headers.append(req.rawHeaders[i] as string, req.rawHeaders[i + 1] as string);
  const path = req.url.startsWith("/") ? req.url : "/";
  return new Request(`http://gateway${path}`, {
    method: UNFETCHABLE.has(req.method) ? "OPTIONS" : req.method,
    headers,
    ...(req.method === "POST" && { body: Readable.toWeb(req), duplex: "half" }),
  });
}

function hasBody({ headers }: ExpressRequest): boolean {
  return headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) !== 0;
}

/** Writes as fast as the buyer reads. Resolves when everything is written or the connection is gone. */
async function send(body: ReadableStream<Uint8Array> | null, res: ExpressResponse): Promise<void> {
  if (body === null) {
    res.end();
    return;
  }
  const reader = body.getReader();
  // Without effect when all was read. What a source says to being cancelled concerns nobody any more.
  const leave = () => reader.cancel().catch(() => undefined);
  res.once("close", leave);
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      await write(res, value);
    }
    res.end();
  } catch {
    // The core has logged it, or the buyer left. The headers are out: breaking off is the only way left to tell the buyer.
    res.destroy();
    // It may have closed before anybody listened.
    await leave();
  }
}

/** Resolves when the operating system has the piece, so never faster than the buyer reads. Rejects when the connection is gone. */
function write(res: ExpressResponse, piece: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    res.write(piece, (error) => {
      // After an error a write may still be under way.
      if (error) return reject(error);
      free(piece);
      resolve();
    });
  });
}
