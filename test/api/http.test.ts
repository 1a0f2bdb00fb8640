import { request } from "node:http";
import { expect } from "chai";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { expectError } from "./support/api.ts";
import { useApi } from "./support/use-api.ts";

/*
every request
├── a path that is not there          404 NOT_FOUND
├── a method that is not there        405 METHOD_NOT_ALLOWED with Allow
├── a body over 1 MiB                 413, with and without a declared length
├── a body that is no JSON            400 INVALID_REQUEST
├── a body that nests too deep        400 INVALID_REQUEST
├── NUL characters, numbers too large 400 INVALID_REQUEST
└── always                            X-Request-Id, CORS; nothing secret in the log
*/
describe("api: every request", () => {
  const shared = useApi();

  it("answers 404 in the one error shape where there is nothing", async () => {
    const { details } = expectError(await shared.api.ask("/nowhere"), "NOT_FOUND", 404);
    expect(details.hint).to.contain("/openapi.json");
  });

  it("answers 405 with Allow for a method that a path does not have", async () => {
    const answer = await shared.api.ask("/search", { method: "DELETE" });
    expectError(answer, "METHOD_NOT_ALLOWED", 405);
    expect(answer.headers.get("allow")).to.equal("GET, HEAD");
  });

  it("serves nothing on the pay route to GET and HEAD", async () => {
    for (const method of ["GET", "HEAD"]) {
      const response = await fetch(`${shared.api.run.apiUrl}/quotes/0x${"00".repeat(32)}/pay`, { method });
      expect(response.status, method).to.equal(405);
      expect(response.headers.get("allow")).to.equal("POST");
      await response.body?.cancel();
    }
  });

  it("T48 answers 413 to a body over 1 MiB", async () => {
    const answer = await shared.api.ask("/auth/verify", { body: { pad: "x".repeat(1024 * 1024) } });
    expectError(answer, "PAYLOAD_TOO_LARGE", 413);
  });

  it("T48 answers 413 to a chunked body over 1 MiB, on the pay route, too", async () => {
    for (const path of ["/auth/verify", `/quotes/0x${"00".repeat(32)}/pay`]) {
      expect(await postChunks(`${shared.api.run.apiUrl}${path}`, 20, 64 * 1024), path).to.equal(413);
    }
  });

  it("T48 refuses JSON that nests deeper than any schema", async () => {
    const answer = await shared.api.ask("/auth/verify", {
      body: `${"[".repeat(200_000)}${"]".repeat(200_000)}`,
    });
    expectError(answer, "INVALID_REQUEST", 400);
  });

  it("refuses a body that is no JSON, or not called so", async () => {
    expectError(await shared.api.ask("/auth/verify", { body: '{"eoa":' }), "INVALID_REQUEST", 400);
    const text = await shared.api.ask("/auth/verify", {
      body: "eoa=1",
      headers: { "content-type": "text/plain" },
    });
    expectError(text, "INVALID_REQUEST", 415);
  });

  it("refuses what neither database nor contracts can hold, as the client's fault", async () => {
    const { ask, signIn } = shared.api;
    const account = privateKeyToAccount(generatePrivateKey());
    const token = await signIn(account);
    const signature = `0x${"11".repeat(65)}`;
    const grant = { actions: ["list"], expiry: String(2n ** 64n), nonce: "0", deadline: "1", signature };
    for (const answer of [
      await ask("/search?q=%00"),
      await ask("/quotes/%00"),
      await ask("/quotes/%00/pay", { method: "POST" }),
      await ask("/auth/verify", { body: { eoa: account.address, nonce: "a\u0000b", signature } }),
      await ask("/me/grants", { token, body: grant }),
      await ask("/me/grants", { token, body: { ...grant, expiry: "1", deadline: "9".repeat(78) } }),
    ]) {
      expectError(answer, "INVALID_REQUEST", 400);
    }
    const long = `0x${"11".repeat(5_000)}`;
    expectError(
      await ask("/me/grants", { token, body: { ...grant, signature: long } }),
      "INVALID_SIGNATURE",
      401,
    );
    const { nonce } = await shared.api.nonceFor(account.address);
    expectError(await shared.api.verify(account.address, nonce, long), "INVALID_SIGNATURE", 401);
  });

  it("gives each request an id of its own", async () => {
    const ids = await Promise.all(
      [1, 2, 3].map(async () => (await shared.api.ask("/public/stats")).headers.get("x-request-id")),
    );
    expect(new Set(ids).size).to.equal(3);
    for (const id of ids) expect(id).to.match(/^req_[0-9a-f-]{36}$/);
  });

  it("lets any site read, and see x402's headers", async () => {
    const preflight = await fetch(`${shared.api.run.apiUrl}/search`, {
      method: "OPTIONS",
      headers: { origin: "https://elsewhere.example", "access-control-request-method": "GET" },
    });
    expect(preflight.status).to.equal(204);
    const { headers } = await shared.api.ask("/search", { headers: { origin: "https://elsewhere.example" } });
    expect(headers.get("access-control-allow-origin")).to.equal("*");
    expect(headers.get("access-control-expose-headers")).to.contain("PAYMENT-REQUIRED");
  });

  it("T54 logs one line of JSON per request, without tokens, signatures or query strings", async () => {
    const account = privateKeyToAccount(generatePrivateKey());
    const { nonce, message } = await shared.api.nonceFor(account.address);
    const signature = await account.signMessage({ message });
    const { body } = await shared.api.verify(account.address, nonce, signature);
    const { headers } = await shared.api.ask("/me?probe=planted-secret", { token: body.token });
    await shared.api.ask("/me", { token: "planted-secret" });
    const lines = shared.system.logsOf("api").split("\n");
    const line = lines.find((text) => text.includes(String(headers.get("x-request-id"))));
    expect(JSON.parse(String(line))).to.include({
      event: "request",
      method: "GET",
      path: "/me",
      status: 200,
    });
    const all = lines.join("\n");
    for (const secret of ["planted-secret", body.token, signature, nonce.split(" ").at(-1)]) {
      expect(all).not.to.contain(secret);
    }
  });
});

/** POSTs in chunks without a declared length; resolves with the status, however the server ends the connection. */
function postChunks(url: string, count: number, size: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const post = request(url, { method: "POST", headers: { "content-type": "application/json" } });
    let status: number | undefined;
    post.on("response", (response) => {
      status = response.statusCode;
      response.resume();
      resolve(status ?? 0);
    });
    post.on("error", (error) => (status === undefined ? reject(error) : resolve(status)));
    for (let i = 0; i < count; i++) post.write(" ".repeat(size));
    post.end();
  });
}
