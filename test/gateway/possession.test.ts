import { join } from "node:path";
import { expect } from "chai";
import { openLedger } from "../../gateway/ledger.ts";
import { createDpopKey, type DpopKey, signDpopProof } from "../../sdk/dpop.ts";
import { startExchange, type TestExchange } from "./support/exchange.ts";
import { errorOf, raw, startGateway, type TestGateway, temporary } from "./support/gateway.ts";
import { publish } from "./support/store.ts";

/*
a token with cnf.jkt      a proof by that key with every request (RFC 9449)
├── as a bearer's, or with a proof of another key, method, URL, token or time   401
├── a proof used twice, also at two gateways of one ledger                      the second is refused
└── a token without cnf   is a bearer's, and no DPoP
refusals of an address    are counted; a spoofed X-Forwarded-For counts for nobody else
*/
describe("gateway: possession", () => {
  const dir = temporary();
  const ITEM = "/exp/ek_31337_1/items/a.txt";
  let exchange: TestExchange;
  let gateway: TestGateway;
  let second: TestGateway;
  let hash: `0x${string}`;
  let key: DpopKey;
  let token: string;

  before(async () => {
    exchange = await startExchange();
    ({ hash } = publish(join(dir.path, "store"), { "a.txt": "hello" }));
    const ledger = await openLedger({ file: ":memory:" });
    const at = { exchangeUrl: exchange.url, storeDir: join(dir.path, "store"), stateDir: dir.path };
    gateway = await startGateway(at, { ledger });
    second = await startGateway({ ...at, trustedProxies: ["127.0.0.1"] }, { ledger, publicUrl: gateway.url });
    key = await createDpopKey();
    token = await exchange.token({ manifest_hash: hash, cnf: { jkt: key.jkt } });
  });
  after(async () => {
    await gateway.stop();
    await second.stop();
    await exchange.goDown();
    dir.remove();
  });

  const proofOf = (over: Partial<Parameters<typeof signDpopProof>[1]> = {}, by = key) =>
    signDpopProof(by, { htm: "GET", htu: `${gateway.url}${ITEM}`, accessToken: token, ...over });
  const ask = (proof: string | undefined, { at = gateway, scheme = "DPoP" } = {}) =>
    raw(at, ITEM, {
      headers: { authorization: `${scheme} ${token}`, ...(proof === undefined ? {} : { dpop: proof }) },
    });

  it("T41 a stolen token is worth nothing without its key", async () => {
    expect((await ask(await proofOf())).body.toString()).to.equal("hello");
    const other = await createDpopKey();
    const refused: [string, ReturnType<typeof ask>][] = [
      ["as a bearer's", ask(undefined, { scheme: "Bearer" })],
      ["as a bearer's with a proof", ask(await proofOf(), { scheme: "Bearer" })],
      ["without a proof", ask(undefined)],
      ["with another key's", ask(await proofOf({}, other))],
      ["for another method", ask(await proofOf({ htm: "POST" }))],
      ["for another host", ask(await proofOf({ htu: `http://127.0.0.1:1${ITEM}` }))],
      ["for another path", ask(await proofOf({ htu: `${gateway.url}/exp/ek_31337_1/metadata` }))],
      ["for another token", ask(await proofOf({ accessToken: `${token}x` }))],
      ["for no token", ask(await signDpopProof(key, { htm: "GET", htu: `${gateway.url}${ITEM}` }))],
      ["too old", ask(await proofOf({ now: new Date(Date.now() - 120_000) }))],
      ["too new", ask(await proofOf({ now: new Date(Date.now() + 120_000) }))],
      ["no proof at all", ask("junk")],
    ];
    for (const [what, asked] of refused) {
      const answer = await asked;
      expect(answer.status, what).to.equal(401);
      expect(errorOf(answer).code, what).to.equal("INVALID_SIGNATURE");
      expect(answer.headers["www-authenticate"]).to.include("DPoP algs=");
    }
  });

  it("T41 a proof is good once, at whichever gateway", async () => {
    const proof = await proofOf();
    const answers = await Promise.all([
      ...Array.from({ length: 5 }, () => ask(proof)),
      ...Array.from({ length: 5 }, () => ask(proof, { at: second })),
    ]);
    expect(answers.filter(({ status }) => status === 200)).to.have.length(1);
    expect(answers.filter(({ status }) => status === 401)).to.have.length(9);
  });

  it("a token that is bound to no key is a bearer's alone", async () => {
    const free = await exchange.token({ manifest_hash: hash });
    expect((await raw(gateway, ITEM, { token: free })).status).to.equal(200);
    const headers = { authorization: `DPoP ${free}`, dpop: await proofOf({ accessToken: free }) };
    expect((await raw(gateway, ITEM, { headers })).status).to.equal(401);
  });

  it("T49 an address that is refused too often gets 429, and can't hide behind a header it made up", async () => {
    const bad = (at: TestGateway, from: string) =>
      raw(at, ITEM, { token: "junk", headers: { "x-forwarded-for": from } });
    const statuses = new Set<number>();
    for (let i = 0; i < 130; i++) statuses.add((await bad(gateway, `203.0.113.${i}`)).status);
    expect([...statuses], "the header of a stranger does not count").to.deep.equal([401, 429]);
    const limited = await bad(gateway, "203.0.113.250");
    expect([limited.status, errorOf(limited).code]).to.deep.equal([429, "RATE_LIMITED"]);
    expect(Number(limited.headers["retry-after"])).to.be.within(1, 60);
    expect((await bad(second, "203.0.113.7")).status, "that of a trusted proxy does").to.equal(401);
    const good = await exchange.token({ manifest_hash: hash });
    expect((await raw(gateway, ITEM, { token: good })).status, "good tokens are not held up").to.equal(200);
  });
});
