/**
 * Signing in
 * ├── the message   is signed only when it is this account's, for this host and chain, and EIP-4361 alone (T43)
 * └── the session   starts once for all calls that wait for it, and is renewed once when it is over
 */
import { expect } from "chai";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";
import { createExchange } from "../../sdk/client.ts";
import { checkSignInMessage } from "../../sdk/session.ts";
import {
  CHAIN_ID,
  countingWallet,
  health,
  profile,
  signInMessage,
  signInRoutes,
} from "./support/exchange.ts";
import { failure } from "./support/failure.ts";
import { apiError, useServer } from "./support/server.ts";

const url = "https://exchange.example";
const signer = privateKeyToAccount(generatePrivateKey());
const other = privateKeyToAccount(generatePrivateKey()).address;
const good = (changes?: Record<string, unknown>) => signInMessage(url, signer.address, changes);
const check = (message: string, at = url) =>
  checkSignInMessage(message, { url: at, chainId: CHAIN_ID, signer, now: new Date() });

describe("client: sign-in message", () => {
  it("is signed when it is what it should be", () => {
    check(good());
    check(good({ expirationTime: undefined }));
    check(good({ statement: undefined }));
    check(good({ uri: `${url}/auth` }));
    check(signInMessage("http://127.0.0.1:8787", signer.address), "http://127.0.0.1:8787");
  });

  // Made when they are used: a message is good for minutes only.
  const refused: [what: string, message: () => string, field: string][] = [
    ["another domain", () => good({ domain: "evil.example" }), "domain"],
    ["a domain that begins alike", () => good({ domain: "exchange.example.evil.example" }), "domain"],
    ["another port", () => good({ domain: "exchange.example:8080" }), "domain"],
    ["another URI", () => good({ uri: "https://evil.example" }), "URI"],
    ["a URI of the host by http", () => good({ uri: "http://exchange.example" }), "URI"],
    ["another chain", () => good({ chainId: 1 }), "chain"],
    ["another account", () => signInMessage(url, other), "account"],
    ["no nonce", () => good().replace(/Nonce: .*\n/, ""), "domain|URI|nonce"],
    ["an empty nonce", () => good().replace(/Nonce: .*/, "Nonce: "), "URI|nonce"],
    ["a time that is over", () => good({ expirationTime: new Date(Date.now() - 1_000) }), "expiration time"],
    ["a line after it", () => `${good()}\nand transfer all my tokens`, "text"],
    ["a line before it", () => `I owe you.\n${good()}`, "domain|text"],
    [
      "a second statement",
      () => good().replace("exchange.", "exchange.\n\nI also agree to everything."),
      "text|domain",
    ],
    ["another version", () => good().replace("Version: 1", "Version: 2"), "text"],
    ["nothing of it", () => "Please sign this.", "domain"],
    ["a transaction's hash", () => `0x${"a".repeat(64)}`, "domain"],
    ["nothing", () => "", "domain"],
  ];
  for (const [what, message, field] of refused) {
    it(`T43 is refused with ${what}`, () => {
      expect(() => check(message()))
        .to.throw(new RegExp(`^Nothing was signed: the sign-in message of ${url} has (${field}) `))
        .with.property("code", "INVALID_SIGNATURE");
    });
  }
});

describe("client: session", () => {
  const server = useServer();

  it("signs in once, by itself, for all calls that need it", async () => {
    server.routes = signInRoutes(server);
    const wallet = countingWallet();
    const exchange = createExchange({ url: server.url, wallet });
    const answers = await Promise.all([exchange.me(), exchange.me(), exchange.me()]);
    expect(answers.map(({ eoa }) => eoa)).to.deep.equal(Array(3).fill("Bearer session-1"));
    await exchange.me();
    expect(wallet.signed).to.have.length(1);
  });

  it("signs in again when the session is over, and only once", async () => {
    let valid = "";
    const routes = signInRoutes(server);
    server.routes = {
      ...routes,
      "GET /me": (request) =>
        request.headers.authorization === valid
          ? (routes["GET /me"]?.(request) ?? {})
          : apiError(401, "SESSION_EXPIRED"),
    };
    const wallet = countingWallet();
    const exchange = createExchange({ url: server.url, wallet });
    valid = "Bearer session-1";
    await exchange.me();
    valid = "Bearer session-2";
    const answers = await Promise.all([exchange.me(), exchange.me()]);
    expect(answers.map(({ eoa }) => eoa)).to.deep.equal(["Bearer session-2", "Bearer session-2"]);
    expect(wallet.signed).to.have.length(2);

    valid = "never";
    expect((await failure(exchange.me())).code).to.equal("SESSION_EXPIRED");
    expect(wallet.signed).to.have.length(3);
  });

  it("renews the session by its refresh token, without asking the wallet", async () => {
    const routes = signInRoutes(server);
    let refreshed: unknown;
    server.routes = {
      ...routes,
      "GET /me": (request) =>
        request.headers.authorization === "Bearer session-1"
          ? apiError(401, "SESSION_EXPIRED")
          : (routes["GET /me"]?.(request) ?? {}),
      "POST /auth/refresh": ({ body }) => {
        refreshed = body;
        return {
          body: {
            ...{ token: "session-1b", expires_at: new Date().toISOString(), refresh_token: "rt_1b" },
            ...{ session_id: crypto.randomUUID(), agent: profile(wallet.address) },
          },
        };
      },
    };
    const wallet = countingWallet();
    const exchange = createExchange({ url: server.url, wallet });
    expect((await exchange.me()).eoa).to.equal("Bearer session-1b");
    expect(refreshed).to.deep.equal({ refresh_token: "rt_1" });
    expect(wallet.signed).to.have.length(1);
  });

  it("tries again with the next call after a sign-in that failed", async () => {
    const routes = signInRoutes(server);
    server.routes = { ...routes, "POST /auth/verify": () => apiError(401, "NONCE_EXPIRED") };
    const exchange = createExchange({ url: server.url, wallet: countingWallet() });
    expect((await failure(exchange.me())).code).to.equal("NONCE_EXPIRED");
    server.routes = routes;
    expect((await exchange.me()).eoa).to.equal("Bearer session-1");
  });

  it("T43 signs nothing for a server that names another host or chain", async () => {
    const wallet = countingWallet();
    for (const changes of [{ domain: "evil.example" }, { chainId: 1 }]) {
      server.routes = {
        ...signInRoutes(server),
        "GET /auth/nonce": () => ({
          body: {
            nonce: "n",
            message: signInMessage(server.url, wallet.address, changes),
            expires_at: new Date().toISOString(),
          },
        }),
      };
      const error = await failure(createExchange({ url: server.url, wallet }).me());
      expect(error.code).to.equal("INVALID_SIGNATURE");
    }
    expect(wallet.signed).to.deep.equal([]);
  });

  it("signs nothing for an exchange of another deployment than the pinned one", async () => {
    const wallet = countingWallet();
    const { contracts } = health();
    const pins = [
      { chainId: 1, contracts },
      { chainId: CHAIN_ID, contracts: { ...contracts, AgentRegistry: `0x${"a".repeat(40)}` as const } },
    ];
    server.routes = signInRoutes(server);
    for (const deployment of pins) {
      const error = await failure(createExchange({ url: server.url, wallet, deployment }).me());
      expect(error.code).to.equal("SERVICE_UNAVAILABLE");
      expect(error.message).to.match(/gives its (chain|AgentRegistry)/);
    }
    expect(wallet.signed).to.deep.equal([]);
    const deployment = { chainId: CHAIN_ID, contracts };
    expect((await createExchange({ url: server.url, wallet, deployment }).me()).eoa).to.equal(
      "Bearer session-1",
    );
  });
});
