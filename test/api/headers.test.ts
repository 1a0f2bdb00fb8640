/*
what the API reads of requests' headers, for any text
├── Accept, If-None-Match       never throw; what is written is read
├── X-Signature                 reads what it writes, and nothing else
├── X-Forwarded-For             gives an address; never one from the left of one that is not trusted
├── RATE_LIMITS                 reads what it writes, over the defaults
└── the rate's arithmetic       never above the limit; what is waited for is there
*/
import { expect } from "chai";
import fc from "fast-check";
import { accepts, fits } from "../../api/http/caching.ts";
import { clientAddress, networkOf, parseProxies, siteOf } from "../../api/http/client-address.ts";
import { bucketNames, bucketOf, DEFAULT_LIMITS, parseLimits } from "../../api/limits/buckets.ts";
import { take, WINDOW, waitAt } from "../../api/limits/gcra.ts";
import { parseSignature, serializeSignature } from "../../sdk/signed-request.ts";

const hex = (bytes: number) =>
  fc
    .uint8Array({ minLength: bytes, maxLength: bytes })
    .map((b) => `0x${Buffer.from(b).toString("hex")}` as const);
const ipv4 = fc.tuple(...Array.from({ length: 4 }, () => fc.nat(255))).map((parts) => parts.join("."));

describe("api: headers", () => {
  it("reads any Accept, and the most specific range decides", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        accepts(text, "application/json");
        return accepts(
          `${text.replaceAll(",", "").replaceAll(";", "")}, application/json`,
          "application/json",
        );
      }),
    );
    for (const [accept, taken] of [
      ["application/json;q=0", false],
      ["*/*, application/json;q=0", false],
      ["application/*;q=0, application/json", true],
      ["text/html", false],
      ["*/*;q=0.001", true],
      ["", true],
      ["text/html;q=bad, */*;q=bad", true],
    ] as const) {
      expect(accepts(accept, "application/json"), accept).to.equal(taken);
    }
  });

  it("reads any If-None-Match, and finds the tag in any list", () => {
    const tag = fc.stringMatching(/^[!#-~]{1,20}$/).map((text) => `"${text.replaceAll('"', "")}"`);
    fc.assert(
      fc.property(fc.array(tag), tag, fc.boolean(), (others, mine, weak) => {
        const list = [...others, weak ? `W/${mine}` : mine].join(", ");
        return fits(list, mine) && fits(others.join(","), mine) === others.includes(mine);
      }),
    );
    fc.assert(
      fc.property(
        fc.string(),
        (text) => text.trim() === "*" || text.includes('"tag"') || !fits(text, '"tag"'),
      ),
    );
  });

  it("T43 reads the X-Signature that it writes, and nothing else", () => {
    fc.assert(
      fc.property(
        hex(20),
        fc.integer({ min: 1, max: 999_999_999_999 }),
        hex(16),
        hex(65),
        (eoa, at, nonce, signature) => {
          const header = serializeSignature({ eoa, at, nonce, signature });
          expect(parseSignature(header)).to.deep.equal({ eoa, at, nonce, signature });
          for (const changed of [
            `${header} `,
            ` ${header}`,
            `${header};`,
            header.slice(1),
            header.replace(";at=", ";at=0"),
          ]) {
            expect(parseSignature(changed)).to.equal(undefined);
          }
        },
      ),
    );
    fc.assert(fc.property(fc.string(), (text) => parseSignature(text) === undefined));
  });

  it("T49 takes no address from the left of one that is not trusted", () => {
    const trusted = parseProxies("10.0.0.0/8,::1") ?? [];
    fc.assert(
      fc.property(
        fc.string(),
        ipv4,
        fc.array(ipv4.map((a) => a.replace(/^\d+/, "10"))),
        (made, client, proxies) => {
          fc.pre(!client.startsWith("10."));
          const forwarded = [made, client, ...proxies].join(",");
          expect(clientAddress("10.0.0.1", forwarded, trusted)).to.equal(client);
          expect(clientAddress(client, forwarded, trusted)).to.equal(client);
          expect(clientAddress("10.0.0.1", forwarded, [])).to.equal("10.0.0.1");
        },
      ),
    );
    expect(clientAddress("::ffff:10.0.0.1", "2001:db8::7", trusted)).to.equal("2001:db8::7");
    expect(clientAddress("10.0.0.1", "1.2.3.4, unknown", trusted)).to.equal("10.0.0.1");
    expect(clientAddress(undefined, "1.2.3.4", trusted)).to.equal("unknown");
    expect(siteOf("2001:db8:1:2:3::4")).to.equal("2001:db8:1:2::/64");
    expect([networkOf("203.0.113.9"), networkOf("2001:db8:1:2::3")]).to.deep.equal([
      "203.0.113.0/24",
      "2001:db8:1::/48",
    ]);
    expect(parseProxies("10.0.0.0/8, x")).to.equal(undefined);
    fc.assert(
      fc.property(
        fc.string(),
        fc.string(),
        (peer, text) => typeof networkOf(siteOf(clientAddress(peer, text, trusted))) === "string",
      ),
    );
  });

  it("reads RATE_LIMITS over the defaults, and refuses anything else", () => {
    const usual = parseLimits(DEFAULT_LIMITS);
    expect(Object.keys(usual ?? {})).to.have.members([...bucketNames]);
    fc.assert(
      fc.property(
        fc.constantFrom(...bucketNames),
        fc.integer({ min: 1, max: 9_999_999 }),
        fc.integer({ min: 1, max: 9_999_999 }),
        (name, agent, address) => {
          expect(parseLimits(`${name}:${agent}/${address}`)).to.deep.equal({
            ...usual,
            [name]: { agent, address },
          });
        },
      ),
    );
    for (const text of ["", "reads", "reads:0/1", "reads:1", "what:1/1", "reads:1/1;", "reads:-1/1"]) {
      expect(parseLimits(text), text).to.equal(undefined);
    }
    expect([
      bucketOf("GET", "/search"),
      bucketOf("HEAD", "/me"),
      bucketOf("POST", "/x402/ek_1_1"),
    ]).to.deep.equal(["expensive", "reads", "pay"]);
    expect([
      bucketOf("GET", "/health"),
      bucketOf("POST", "/auth/verify"),
      bucketOf("DELETE", "/me/sessions"),
    ]).to.deep.equal([undefined, "sign-in", "writes"]);
  });

  it("T53 never gives more in a window than the bucket and what it refills, and has what was waited for", () => {
    const step = fc.record({ after: fc.nat(20_000), wanted: fc.integer({ min: 1, max: 50 }) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.array(step, { maxLength: 60 }), (limit, steps) => {
        let [tat, now] = [0, 1_000_000];
        const start = now;
        let given = 0;
        for (const { after, wanted } of steps) {
          now += after;
          const taken = take(tat, now, { limit, wanted });
          tat = taken.tat;
          given += taken.granted;
          expect(given).to.be.at.most(limit + Math.floor(((now - start) * limit) / WINDOW + 1e-3));
          const wait = waitAt(tat, now, limit);
          if (wait > 0) expect(take(tat, now + Math.ceil(wait), { limit, wanted: 1 }).granted).to.equal(1);
          if (wait > 2) expect(take(tat, now + wait - 1, { limit, wanted: 1 }).granted).to.equal(0);
        }
      }),
    );
  });
});
