/** The plain way to serve a file with Node: a read stream of 1 MiB chunks, piped into the answer. */
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { pipeline } from "node:stream";
import { servePeer } from "../peer.ts";

export type StreamSettings = { file: string };

servePeer<StreamSettings>(async ({ file }) => {
  const { size } = statSync(file);
  const server = createServer((_req, res) => {
    res.writeHead(200, { "content-type": "application/octet-stream", "content-length": String(size) });
    pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), res, (error) => {
      if (error) res.destroy(error);
    });
  });
  return server.listen(0, "127.0.0.1");
});
