import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { jwtVerify } from "jose";
import { createKeys } from "../../gateway/keys.ts";
import type { ExchangeError } from "../../sdk/errors.ts";
import { makeKey, startExchange } from "./support/exchange.ts";
import { temporary, until } from "./support/gateway.ts";

/*
createKeys
├── T42 finds a new key at once, and refuses a withdrawn one after the next refresh
├── spares an exchange that fails
└── an unreadable file of kept keys is said and replaced
*/
describe("gateway: keys", () => {
  it("T42 a rotation refuses nobody, and a withdrawn key is refused after the next refresh", async () => {
    const exchange = await startExchange();
    const dir = temporary();
    const keys = createKeys({
      url: new URL(`${exchange.url}/.well-known/jwks.json`),
      file: `${dir.path}/keys.json`,
      log: () => undefined,
      refreshMs: 50,
      cooldownMs: 0,
    });
    const verify = async (token: string) => (await jwtVerify(token, keys.find)).payload.sub;
    const old = await exchange.token();
    expect(await verify(old)).to.equal("agt_31337_2");

    const next = await makeKey();
    exchange.published = [exchange.key, next];
    expect(await verify(await exchange.token({}, next)), "new key, never seen before").to.equal(
      "agt_31337_2",
    );
    expect(await verify(old), "old key, still published").to.equal("agt_31337_2");

    exchange.published = [next];
    const fetches = exchange.keyFetches;
    await until(() => exchange.keyFetches > fetches + 1, "a refresh");
    const refusal = await verify(old).then(
      () => null,
      (error) => error.code,
    );
    expect(refusal).to.equal("ERR_JWKS_NO_MATCHING_KEY");
    keys.stop();
    await exchange.goDown();
    dir.remove();
  });

  it("an unreadable file of kept keys is said and replaced", async () => {
    const exchange = await startExchange();
    const dir = temporary();
    const file = `${dir.path}/keys.json`;
    writeFileSync(file, '{"uat": "yesterday"}');
    const events: string[] = [];
    const keys = createKeys({
      url: new URL(`${exchange.url}/.well-known/jwks.json`),
      file,
      log: (_level, event) => void events.push(event),
    });
    await until(() => readFileSync(file, "utf8").includes(exchange.key.kid), "the keys on disk");
    expect(events).to.deep.equal(["kept_keys_unreadable"]);
    expect(keys.fetchedAt()).to.be.closeTo(Date.now(), 60_000);
    keys.stop();
    await exchange.goDown();
    dir.remove();
  });

  it("an exchange that fails is asked once per cooldown, however many tokens come", async () => {
    let asked = 0;
    const failing = createServer((_req, res) => {
      asked += 1;
      res.writeHead(500).end();
    }).listen(0, "127.0.0.1");
    await once(failing, "listening");
    const dir = temporary();
    const keys = createKeys({
      url: new URL(`http://127.0.0.1:${(failing.address() as AddressInfo).port}/`),
      file: `${dir.path}/keys.json`,
      log: () => undefined,
      cooldownMs: 3_600_000,
    });
    const find = async () => {
      try {
        return await keys.find({ alg: "EdDSA", kid: "any" }, {} as never);
      } catch (error) {
        return (error as ExchangeError).code;
      }
    };
    for (let i = 0; i < 20; i++) expect(await find()).to.equal("SERVICE_UNAVAILABLE");
    expect(asked).to.equal(1);
    expect(keys.fetchedAt()).to.equal(null);
    keys.stop();
    failing.close();
    dir.remove();
  });
});
