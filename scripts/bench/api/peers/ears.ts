/**
 * Thousands of clients of one stream, in a process of their own: bare sockets that count what they are told. Each message has one `~` in
 * it, and nothing else has.
 */
import { createServer } from "node:http";
import { connect, type Socket } from "node:net";
import { servePeer } from "../peer.ts";

const MARK = "~".charCodeAt(0);
/** Connections that are being made at once. */
const AT_ONCE = 200;

servePeer<object>(async () => {
  const sockets: Socket[] = [];
  let count = 0;
  let waiting: { until: number; done: () => void } | undefined;

  const hear = (bytes: Buffer) => {
    for (let at = bytes.indexOf(MARK); at !== -1; at = bytes.indexOf(MARK, at + 1)) count++;
    if (waiting && count >= waiting.until) waiting.done();
  };

  /** Resolves when the stream has begun. */
  const open = (url: URL) =>
    new Promise<void>((resolve, reject) => {
      const socket = connect(Number(url.port), url.hostname);
      socket.write(`GET ${url.pathname} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`);
      socket.once("data", (head) => {
        const [status = ""] = head.toString("latin1").split("\r\n");
        if (!status.includes(" 200 ")) return reject(new Error(`${url} answered ${status}`));
        sockets.push(socket);
        socket.on("data", hear);
        return resolve();
      });
      socket.once("error", reject);
      socket.once("close", () => reject(new Error("closed")));
    });

  const work: Record<string, (params: URLSearchParams) => Promise<object>> = {
    async "/open"(params) {
      const url = new URL(params.get("url") ?? "");
      let left = Number(params.get("count"));
      const some = async () => {
        while (left-- > 0) await open(url);
      };
      await Promise.all(Array.from({ length: AT_ONCE }, some));
      return { open: sockets.length };
    },
    /** Waits until each of them has heard `times` more messages than at the last call. */
    async "/hear"(params) {
      const until = Number(params.get("times")) * sockets.length;
      await new Promise<void>((done) => {
        waiting = { until, done };
        if (count >= until) done();
      });
      waiting = undefined;
      count -= until;
      return { open: sockets.filter((socket) => !socket.destroyed).length };
    },
  };

  const server = createServer((req, res) => {
    const { pathname, searchParams } = new URL(req.url ?? "/", "http://ears");
    void (work[pathname]?.(searchParams) ?? Promise.reject(new Error(pathname))).then(
      (said) => res.end(JSON.stringify(said)),
      (error: unknown) => res.writeHead(500).end(String(error)),
    );
  });
  return server.listen(0, "127.0.0.1");
});
