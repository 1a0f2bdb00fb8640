import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import type { Clock } from "../../gateway/clock.ts";
import { createRevocations } from "../../gateway/revocations.ts";
import type { TokenScheme } from "../../sdk/capability.ts";
import type { RevocationFeed } from "../../sdk/wire/revocations.ts";
import { makeKey, startExchange, type TestExchange, type TestKey } from "./support/exchange.ts";
import { errorOf, raw, startGateway, type TestGateway, temporary, until } from "./support/gateway.ts";
import { publish } from "./support/store.ts";

/*
a token, of either format
├── T22 revoked by the exchange                    401 TOKEN_EXPIRED, told as revoked; others of the same buyer go on
├── T42 of a key that was killed                   401, also while an older set of keys is at hand
├── while the feed is out of reach                 honoured to its end; what was known stays refused
├── T40 forged                                     401, all alike
└── T41 of three sellers and three EKs             honoured at its own gateway for its own EK alone
the feed
└── is read page by page, then with If-None-Match from the cursor on; what is over is forgotten
*/
describe("gateway: revocations", () => {
  const dir = temporary();
  const ek = "/exp/ek_31337_1/items/a.txt";
  let exchange: TestExchange;
  let gateway: TestGateway;
  let second: TestKey;
  let hash: `0x${string}`;

  before(async () => {
    exchange = await startExchange();
    second = await makeKey();
    exchange.published = [exchange.key, second];
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

  const revoke = (jti: string): RevocationFeed["tokens"][number] => ({
    jti,
    reason: "key_ended",
    expires_at: new Date(Date.now() + 300_000).toISOString(),
  });
  const status = async (token: string) => (await raw(gateway, ek, { token })).status;

  it("T22 a revoked token is refused, and no other", async () => {
    for (const scheme of ["jwt", "paseto"] as TokenScheme[]) {
      const jti = crypto.randomUUID();
      const token = await exchange.token({ manifest_hash: hash, jti }, exchange.key, scheme);
      const sibling = await exchange.token({ manifest_hash: hash }, exchange.key, scheme);
      expect(await status(token)).to.equal(200);
      exchange.revoked.tokens.push(revoke(jti));
      await until(async () => (await status(token)) === 401, "the feed");
      const refusal = errorOf(await raw(gateway, ek, { token }));
      expect([refusal.code, refusal.details.reason, refusal.details.why]).to.deep.equal([
        "TOKEN_EXPIRED",
        "revoked",
        "key_ended",
      ]);
      expect(await status(sibling)).to.equal(200);
    }
  });

  it("T42 a killed key's tokens are refused although the key is still published", async () => {
    for (const scheme of ["jwt", "paseto"] as TokenScheme[]) {
      exchange.revoked.kids = [];
      const token = await exchange.token({ manifest_hash: hash }, second, scheme);
      await until(async () => (await status(token)) === 200, "the key to be honoured");
      exchange.revoked.kids = [second.kid];
      await until(async () => (await status(token)) === 401, "the feed");
      expect(errorOf(await raw(gateway, ek, { token })).code).to.equal("INVALID_SIGNATURE");
      expect(await status(await exchange.token({ manifest_hash: hash }, exchange.key, scheme))).to.equal(200);
    }
  });

  it("T42 without the feed tokens are honoured to their end, and what was known stays refused", async () => {
    const known = await exchange.token({ manifest_hash: hash, jti: exchange.revoked.tokens[0]?.jti ?? "" });
    const token = await exchange.token({ manifest_hash: hash });
    await exchange.goDown();
    await until(
      () => gateway.lines.some((line) => line.includes("revocations_not_fetched")),
      "a failed poll",
    );
    expect([await status(token), await status(known)]).to.deep.equal([200, 401]);
    await exchange.comeUp();
    await until(() => gateway.lines.some((line) => line.includes("revocations_fetched")), "the feed again");
  });

  it("T40 forged tokens of both formats are refused alike, and nobody is accounted for", async () => {
    const stranger = await makeKey();
    const [jwt, paseto] = await Promise.all([
      exchange.token({ manifest_hash: hash }),
      exchange.token({ manifest_hash: hash }, exchange.key, "paseto"),
    ]);
    const [, , body = "", footer = ""] = paseto.split(".");
    const forged = [
      await exchange.token({ manifest_hash: hash }, stranger),
      await exchange.token({ manifest_hash: hash }, stranger, "paseto"),
      await exchange.token({ manifest_hash: hash }, { ...stranger, kid: exchange.key.kid }, "paseto"),
      ...["v1.public", "v2.public", "v3.public", "v4.local", "v5.public"].map(
        (head) => `${head}.${body}.${footer}`,
      ),
      ...[
        `v4.public.${body}`,
        `v4.public.${body}.`,
        `v4.public.${body}.${footer}.${footer}`,
        `v4.public.${jwt}`,
      ],
      ...[`v4.public.${body.slice(4)}.${footer}`, `${jwt.slice(0, -8)}AAAAAAAA`, "v4.public.", "x"],
    ];
    const before = gateway.uses.length;
    const shapes = new Set<string>();
    for (const token of forged) {
      const answer = await raw(gateway, ek, { token });
      shapes.add(JSON.stringify([answer.status, errorOf(answer).code, Object.keys(answer.headers).sort()]));
    }
    expect([...shapes]).to.have.length(1);
    expect([...shapes][0]).to.include('[401,"INVALID_SIGNATURE"');
    expect(gateway.uses.length).to.equal(before);
    for (const token of [jwt, paseto]) expect(await status(token)).to.equal(200);
  });

  it("T41 three gateways, three EKs, both formats: a token opens its own EK at its own gateway, and nothing else", async () => {
    const numbers = [1, 2, 3];
    const sellers = numbers.map((n) => `agt_31337_${n}`);
    const gateways = await Promise.all(
      sellers.map((seller) =>
        startGateway(
          { exchangeUrl: exchange.url, storeDir: `${dir.path}/store`, stateDir: dir.path },
          { seller: { id: async () => seller } },
        ),
      ),
    );
    for (const scheme of ["jwt", "paseto"] as TokenScheme[]) {
      for (const [i, aud] of sellers.entries()) {
        const own = { aud, ek_id: `ek_31337_${i + 1}`, manifest_hash: hash };
        const token = await exchange.token(own, exchange.key, scheme);
        const statuses = await Promise.all(
          gateways.map((each) =>
            Promise.all(
              numbers.map(async (n) => (await raw(each, `/exp/ek_31337_${n}/items/a.txt`, { token })).status),
            ),
          ),
        );
        const diagonal = numbers.map((_, at) => numbers.map((_, n) => (at === i && n === i ? 200 : 403)));
        expect(statuses, `${scheme} ${i}`).to.deep.equal(diagonal);
      }
    }
    await Promise.all(gateways.map((each) => each.stop()));
  });

  it("the feed is read page by page, then from the cursor on; what is over is forgotten", async () => {
    const asked: [since: string | null, etag: string | undefined][] = [];
    const pages: Record<string, RevocationFeed> = {
      "0": { tokens: [revoke("a")], kids: [], cursor: 4, more: true },
      "4": { tokens: [revoke("b")], kids: ["k"], cursor: 9, more: false },
      "9": { tokens: [], kids: ["k"], cursor: 9, more: false },
    };
    const feed = createServer((req, res) => {
      const since = new URL(req.url ?? "", "http://x").searchParams.get("since");
      const tag = req.headers["if-none-match"];
      asked.push([since, tag]);
      if (tag === `"${since}"`) return res.writeHead(304).end();
      return res.writeHead(200, { etag: `"${since}"` }).end(JSON.stringify(pages[since ?? ""]));
    }).listen(0, "127.0.0.1");
    await once(feed, "listening");
    const waiting: (() => void)[] = [];
    let now = Date.now();
    const queue = (work: () => void) => {
      waiting.push(work);
      return () => {};
    };
    const clock: Clock = { now: () => now, after: (_ms, work) => queue(work) };
    const url = new URL(`http://127.0.0.1:${(feed.address() as AddressInfo).port}/gateway/revocations`);
    const revocations = createRevocations({ url, log: () => undefined, clock });
    const nextPoll = async () => {
      await until(() => waiting.length > 0, "the poll to end");
      waiting.shift()?.();
      await until(() => waiting.length > 0, "the next poll to end");
    };
    const refused = (jti: string) => {
      try {
        revocations.assertLive({ jti });
        return false;
      } catch {
        return true;
      }
    };
    await nextPoll();
    await nextPoll();
    expect(asked).to.deep.equal([
      ["0", undefined],
      ["4", undefined],
      ["9", undefined],
      ["9", '"9"'],
    ]);
    expect(["a", "b", "c"].map(refused)).to.deep.equal([true, true, false]);
    expect(["k", "l"].map(revocations.isWithdrawn)).to.deep.equal([true, false]);
    expect(revocations.fetchedAt()).to.equal(now);
    now += 400_000;
    await nextPoll();
    expect(["a", "b"].map(refused)).to.deep.equal([false, false]);
    revocations.stop();
    feed.close();
    feed.closeAllConnections();
  });
});
