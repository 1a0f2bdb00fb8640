/** The plainest way to tell everybody something with Node: `res.write` of one buffer to each open answer. */
import { createServer, type ServerResponse } from "node:http";
import { servePeer } from "../peer.ts";

servePeer<object>(async () => {
  const open = new Set<ServerResponse>();
  const server = createServer((req, res) => {
    const { pathname, searchParams } = new URL(req.url ?? "/", "http://peer");
    if (pathname !== "/tell") {
      res.writeHead(200, { "content-type": "text/event-stream" });
      res.write(":\n\n");
      open.add(res);
      res.once("close", () => open.delete(res));
      return;
    }
    const message = Buffer.from(searchParams.get("message") ?? "");
    for (let left = Number(searchParams.get("times")); left > 0; left--) {
      for (const one of open) one.write(message);
    }
    res.end("{}");
  });
  return server.listen({ port: 0, host: "127.0.0.1", backlog: 4_096 });
});
