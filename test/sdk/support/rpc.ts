/** The tests' simulated chain behind a real HTTP endpoint, for clients that take an RPC url. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { chain } from "../../contracts/support/chain.ts";

type Call = { id: number; method: string; params: unknown[] };

/** Its url, during the tests of a `describe`. */
export function useRpc(): { readonly url: string } {
  let url = "";
  const server = createServer(async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const { id, method, params } = JSON.parse(text) as Call;
    const answer = await chain.provider.request({ method, params }).then(
      (result) => ({ result }),
      (error: Error) => ({ error: { code: -32000, message: error.message } }),
    );
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ jsonrpc: "2.0", id, ...answer }));
  });
  before(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return {
    get url() {
      return url;
    },
  };
}
