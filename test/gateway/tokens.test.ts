import { createHmac, sign } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { exportPKCS8, exportSPKI, importJWK, SignJWT, UnsecuredJWT } from "jose";
import { CAPABILITY_ALG, CAPABILITY_TYP } from "../../sdk/capability.ts";
import type { ErrorCode } from "../../sdk/errors.ts";
import { makeKey, startExchange, type TestExchange, type TestKey } from "./support/exchange.ts";
import { errorOf, raw, startGateway, type TestGateway, temporary, until } from "./support/gateway.ts";
import { publish } from "./support/store.ts";

/*
a token
├── of the exchange's key, for this seller and EK, in time       is honoured, as often as it comes
├── T40 forged or changed in any way                            401 INVALID_SIGNATURE, all alike
├── out of time                                                 401 TOKEN_EXPIRED, also when it is for another seller
├── T41 for another seller or another EK                        403 EK_NOT_OWNED
└── anywhere but in the Authorization header                    401
the exchange's keys
├── are cached: with the exchange down tokens are still verified, after a restart too
├── T42 rotate without a false refusal, and a withdrawn one is refused
└── unreachable from the start: 503, the token is not blamed
*/
const b64 = (value: unknown): string =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

describe("gateway: tokens", () => {
  const dir = temporary();
  const ek = "/exp/ek_31337_1/items/a.txt";
  let exchange: TestExchange;
  let gateway: TestGateway;
  let stranger: TestKey;
  let hash: `0x${string}`;

  before(async () => {
    exchange = await startExchange();
    stranger = await makeKey();
    ({ hash } = publish(`${dir.path}/store`, { "a.txt": "hello" }));
    gateway = await startGateway({
      exchangeUrl: exchange.url,
      storeDir: `${dir.path}/store`,
      stateDir: dir.path,
    });
  });
  after(async () => {
    await gateway.stop();
    await exchange.goDown();
    dir.remove();
  });
  beforeEach(() => gateway.uses.splice(0));

  const now = () => Math.floor(Date.now() / 1000);
  const good = (over: Record<string, unknown> = {}) => ({
    ...exchange.claims({ manifest_hash: hash }),
    ...over,
  });
  /** Signs anything under any header with the exchange's key, as its own codec never would. */
  const signed = async (
    claims: Record<string, unknown>,
    header: Record<string, unknown> = {},
    by = exchange.key,
  ) => {
    const input = `${b64({ alg: CAPABILITY_ALG, kid: exchange.key.kid, typ: CAPABILITY_TYP, ...header })}.${b64(claims)}`;
    return `${input}.${sign(null, Buffer.from(input), await exportPKCS8(by.privateKey)).toString("base64url")}`;
  };
  const refused = async (token: string, code: ErrorCode, status: number, what: string) => {
    const answer = await raw(gateway, ek, { token });
    expect(answer.body.toString(), what).not.to.include("hello");
    expect([answer.status, errorOf(answer).code], what).to.deep.equal([status, code]);
    if (status === 401)
      expect(answer.headers["www-authenticate"], what).to.match(/^Bearer realm=.*error="invalid_token"/);
    return answer;
  };

  it("a good token is honoured, as often as it comes", async () => {
    for (const token of [await exchange.token({ manifest_hash: hash }), await signed(good())]) {
      for (let i = 0; i < 3; i++)
        expect((await raw(gateway, ek, { token })).body.toString()).to.equal("hello");
    }
    const validator = await exchange.token({
      manifest_hash: hash,
      purpose: "validate",
      scopes: ["read"],
      sub: "agt_31337_9",
    });
    expect((await raw(gateway, ek, { token: validator })).status).to.equal(200);
    expect(gateway.uses.at(-1)).to.deep.include({ buyer_agent_id: "agt_31337_9", result: "ok" });
  });

  it("T40 no forged token is honoured, and all are refused alike", async () => {
    const { key } = exchange;
    const jwk = { ...key.jwk };
    const spki = await exportSPKI((await importJWK(key.jwk, CAPABILITY_ALG)) as never);
    const hs256 = (secret: string | Buffer, header: object = {}) => {
      const input = `${b64({ alg: "HS256", kid: key.kid, typ: CAPABILITY_TYP, ...header })}.${b64(good())}`;
      return `${input}.${createHmac("sha256", secret).update(input).digest("base64url")}`;
    };
    const honest = await signed(good());
    const [head = "", body = "", mac = ""] = honest.split(".");
    const flipped = Buffer.from(mac, "base64url");
    flipped[10] = (flipped[10] ?? 0) ^ 1;
    const without = (claim: string) => {
      const { [claim]: _, ...rest } = good() as Record<string, unknown>;
      return signed(rest);
    };
    const forgeries: [string, string | Promise<string>][] = [
      ["alg none", new UnsecuredJWT(good()).encode()],
      ["alg none with our header", `${b64({ alg: "none", kid: key.kid, typ: CAPABILITY_TYP })}.${body}.`],
      [
        "alg None, signature kept",
        `${b64({ alg: "None", kid: key.kid, typ: CAPABILITY_TYP })}.${body}.${mac}`,
      ],
      ["HS256 with x as secret", hs256(Buffer.from(key.jwk.x ?? "", "base64url"))],
      ["HS256 with x in base64url", hs256(key.jwk.x ?? "")],
      ["HS256 with the PEM", hs256(spki)],
      ["HS256 with the JWK", hs256(JSON.stringify(jwk))],
      ["HS256 with an empty secret", hs256("")],
      ["ES256 in the header", signed(good(), { alg: "ES256" })],
      ["ES256K in the header", signed(good(), { alg: "ES256K" })],
      ["RS256 in the header", signed(good(), { alg: "RS256" })],
      ["another key under our kid", signed(good(), {}, stranger)],
      ["another key under its kid", signed(good(), { kid: stranger.kid }, stranger)],
      ["another key without kid", signed(good(), { kid: undefined }, stranger)],
      ["jwk in the header", signed(good(), { jwk: stranger.jwk }, stranger)],
      ["jwk in the header, its kid", signed(good(), { jwk: stranger.jwk, kid: stranger.kid }, stranger)],
      ["jku", signed(good(), { jku: "http://127.0.0.1:9/jwks.json", kid: stranger.kid }, stranger)],
      ["x5u", signed(good(), { x5u: "http://127.0.0.1:9/c.pem", kid: stranger.kid }, stranger)],
      ["x5c", signed(good(), { x5c: ["MIIB"], kid: stranger.kid }, stranger)],
      ["kid with a path", signed(good(), { kid: "../../../dev/null" }, stranger)],
      ["kid with SQL", signed(good(), { kid: "' OR 1=1 --" }, stranger)],
      ["kid that is an object", signed(good(), { kid: { $ne: null } }, stranger)],
      ["typ JWT", signed(good(), { typ: "JWT" })],
      ["no typ", signed(good(), { typ: undefined })],
      ["a session token's typ", signed(good(), { typ: "session+jwt" })],
      ["unknown crit", signed(good(), { crit: ["moa"], moa: true })],
      ["b64 false", signed(good(), { crit: ["b64"], b64: false })],
      ["payload changed", `${head}.${b64(good({ sub: "agt_31337_66" }))}.${mac}`],
      [
        "header changed",
        `${b64({ alg: CAPABILITY_ALG, kid: key.kid, typ: CAPABILITY_TYP, x: 1 })}.${body}.${mac}`,
      ],
      ["one bit of the signature", `${head}.${body}.${flipped.toString("base64url")}`],
      ["signature cut", `${head}.${body}.${mac.slice(0, -4)}`],
      ["no signature", `${head}.${body}.`],
      ["two parts", `${head}.${body}`],
      ["four parts", `${honest}.${mac}`],
      ["five parts (JWE)", `${head}.${body}.${mac}.${mac}.${mac}`],
      ["payload that is an array", signed([good()] as never)],
      ["payload that is no JSON", signed("{" as never)],
      ["another exchange", signed(good({ iss: "https://evil.example" }))],
      ["the exchange with a slash", signed(good({ iss: `${exchange.url}/` }))],
      ["issuer in a list", signed(good({ iss: [exchange.url] }))],
      ["audience in a list", signed(good({ aud: ["agt_31337_1"] }))],
      ["not yet valid (nbf)", signed(good({ nbf: now() + 60 }))],
      ["issued in the future", signed(good({ iat: now() + 60 }))],
      ["iat that is a string", signed(good({ iat: `${now()}` }))],
      ["exp that is a string", signed(good({ exp: `${now() + 60}` }))],
      ["exp that is null", signed(good({ exp: null }))],
      ["scopes that are a string", signed(good({ scopes: "read" }))],
      ["no scopes in the list", signed(good({ scopes: [] }))],
      ["a scope that does not exist", signed(good({ scopes: ["read", "admin"] }))],
      ["another purpose", signed(good({ purpose: "resell" }))],
      ...[
        "iss",
        "sub",
        "aud",
        "jti",
        "iat",
        "exp",
        "ek_id",
        "listing_id",
        "manifest_hash",
        "scopes",
        "purpose",
      ].map((claim): [string, Promise<string>] => [`without ${claim}`, without(claim)]),
      ["nothing", "x"],
      ["dots", ".."],
    ];
    const texts = new Set<string>();
    for (const [what, token] of forgeries) {
      const answer = await refused(await token, "INVALID_SIGNATURE", 401, what);
      texts.add(JSON.stringify([answer.status, errorOf(answer).code, Object.keys(answer.headers).sort()]));
    }
    expect(forgeries.length).to.be.at.least(50);
    expect([...texts], "all alike").to.have.length(1);
    expect(gateway.uses, "nobody to account for").to.deep.equal([]);
  });

  it("T40 a key in the token is not even fetched", async () => {
    const fetches = exchange.keyFetches;
    const header = {
      jku: `${exchange.url}/.well-known/jwks.json`,
      x5u: `${exchange.url}/.well-known/jwks.json`,
    };
    // Signed by a key that the named set would have, under the published kid: only the cached keys are asked.
    await refused(await signed(good(), header, stranger), "INVALID_SIGNATURE", 401, "jku of the exchange");
    expect(exchange.keyFetches).to.equal(fetches);
  });

  it("T40 the header must be exactly one bearer token", async () => {
    const token = await exchange.token({ manifest_hash: hash });
    const status = async (authorization: string) =>
      (await raw(gateway, ek, { headers: { authorization } })).status;
    for (const value of [
      "",
      "Bearer",
      "Bearer ",
      `Basic ${token}`,
      token,
      `Bearer ${token} ${token}`,
      `Bearer ${token}, Bearer ${token}`,
    ])
      expect(await status(value), value.slice(0, 20)).to.equal(401);
    for (const value of [`Bearer ${token}`, `bearer  ${token} `]) expect(await status(value)).to.equal(200);
  });

  it("T40 a token in the query, a cookie or a body is none", async () => {
    const token = await exchange.token({ manifest_hash: hash });
    for (const name of ["token", "access_token", "ek_token", "authorization"]) {
      const answer = await raw(gateway, `${ek}?${name}=${token}`);
      expect([answer.status, errorOf(answer).code]).to.deep.equal([401, "INVALID_SIGNATURE"]);
    }
    expect((await raw(gateway, ek, { headers: { cookie: `access_token=${token}` } })).status).to.equal(401);
    expect((await raw(gateway, ek, { headers: { "x-authorization": `Bearer ${token}` } })).status).to.equal(
      401,
    );
  });

  it("T41 a token out of time is refused as such, before its audience is looked at", async () => {
    const late = { iat: now() - 400, exp: now() - 60 };
    await refused(await signed(good(late)), "TOKEN_EXPIRED", 401, "expired");
    await refused(
      await signed(good({ ...late, aud: "agt_31337_8" })),
      "TOKEN_EXPIRED",
      401,
      "expired, other seller",
    );
    await refused(
      await signed(good({ ...late, ek_id: "ek_31337_8" })),
      "TOKEN_EXPIRED",
      401,
      "expired, other EK",
    );
    // Whatever its exp says, no token lives longer than ten minutes.
    await refused(
      await signed(good({ iat: now() - 660, exp: now() + 9999 })),
      "TOKEN_EXPIRED",
      401,
      "iat too old",
    );
    expect(gateway.uses).to.deep.equal([]);
  });

  it("T41 a token for another EK is refused, and that is recorded", async () => {
    const token = await exchange.token({ manifest_hash: hash, ek_id: "ek_31337_2" });
    await refused(token, "EK_NOT_OWNED", 403, "other EK");
    for (const path of [
      "/exp/ek_31337_2x/metadata",
      "/exp/EK_31337_2/metadata",
      "/exp/ek_31337_2%20/metadata",
      "/exp/%/metadata",
    ])
      expect((await raw(gateway, path, { token })).status, path).to.equal(403);
    expect((await raw(gateway, "/exp/ek_31337_2/items/a.txt", { token })).status, "its own EK").to.equal(200);
    expect(gateway.uses[0]).to.deep.include({
      event_type: "ErrorEvent",
      ek_id: "ek_31337_2",
      result: "denied",
      reason: "EK_NOT_OWNED",
    });
  });

  it("T41 three sellers' gateways, three tokens: each is honoured at its own gateway alone", async () => {
    const sellers = ["agt_31337_1", "agt_31337_3", "agt_1_1"];
    const gateways = await Promise.all(
      sellers.map((seller) =>
        startGateway(
          { exchangeUrl: exchange.url, storeDir: `${dir.path}/store`, stateDir: dir.path },
          { seller: { id: async () => seller } },
        ),
      ),
    );
    const tokens = await Promise.all(sellers.map((aud) => exchange.token({ aud, manifest_hash: hash })));
    const statuses = await Promise.all(
      gateways.map((each) =>
        Promise.all(tokens.map(async (token) => (await raw(each, ek, { token })).status)),
      ),
    );
    expect(statuses).to.deep.equal([
      [200, 403, 403],
      [403, 200, 403],
      [403, 403, 200],
    ]);
    // Another seller's buyers are not this gateway's to report.
    for (const each of gateways) expect(each.uses.map(({ result }) => result)).to.deep.equal(["ok"]);
    await Promise.all(gateways.map((each) => each.stop()));
  });

  describe("the exchange's keys", () => {
    const withExchange = async (
      work: (own: TestExchange, start: () => Promise<TestGateway>, state: string) => Promise<void>,
    ) => {
      const own = await startExchange();
      const state = temporary();
      const started: TestGateway[] = [];
      try {
        await work(
          own,
          async () => {
            const each = await startGateway({
              exchangeUrl: own.url,
              storeDir: `${dir.path}/store`,
              stateDir: state.path,
            });
            started.push(each);
            return each;
          },
          state.path,
        );
      } finally {
        for (const each of started) await each.stop();
        await own.goDown();
        state.remove();
      }
    };

    it("verify with the exchange down, also after a restart of the gateway", () =>
      withExchange(async (own, start, state) => {
        const first = await start();
        const token = await own.token({ manifest_hash: hash });
        expect((await raw(first, ek, { token })).status).to.equal(200);
        await until(() => existsSync(join(state, "exchange-keys.json")), "the keys on disk");
        await own.goDown();
        expect((await raw(first, ek, { token })).status).to.equal(200);
        const forged = await own.token({ manifest_hash: hash }, stranger);
        // 401 within the cooldown after the last fetch, later 503: the key might be a new one.
        expect((await raw(first, ek, { token: forged })).status).to.be.oneOf([401, 503]);
        const second = await start();
        expect((await raw(second, ek, { token })).status).to.equal(200);
        expect((await raw(second, ek, { token: `${token.slice(0, -8)}AAAAAAAA` })).status).to.equal(401);
        await own.comeUp();
      }));

    it("out of reach from the start are nobody's fault but the exchange's", () =>
      withExchange(async (own, start) => {
        await own.goDown();
        const lone = await start();
        const answer = await raw(lone, ek, { token: await own.token({ manifest_hash: hash }) });
        expect([answer.status, errorOf(answer).code, answer.headers["retry-after"]]).to.deep.equal([
          503,
          "SERVICE_UNAVAILABLE",
          "5",
        ]);
        await own.comeUp();
      }));

    it("that are unheard of cost the exchange no more than one fetch per cooldown", () =>
      withExchange(async (own, start) => {
        const each = await start();
        expect((await raw(each, ek, { token: await own.token({ manifest_hash: hash }) })).status).to.equal(
          200,
        );
        const before = own.keyFetches;
        for (let i = 0; i < 40; i++) {
          const token = await new SignJWT({ ...good(), iss: own.url })
            .setProtectedHeader({ alg: CAPABILITY_ALG, kid: `junk-${i}`, typ: CAPABILITY_TYP })
            .sign(stranger.privateKey);
          expect((await raw(each, ek, { token })).status).to.equal(401);
        }
        // 40 requests may take longer than one cooldown of two seconds on a busy machine, not than ten.
        expect(own.keyFetches - before).to.be.below(10);
      }));
  });
});
