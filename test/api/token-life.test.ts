import { expect } from "chai";
import { createLocalJWKSet, type JSONWebKeySet } from "jose";
import type postgres from "postgres";
import type { PrivateKeyAccount } from "viem";
import { type CapabilityClaims, PASETO_PREFIX, verifyCapability } from "../../sdk/capability.ts";
import { createDpopKey, type DpopKey, signDpopProof } from "../../sdk/dpop.ts";
import { flags, toBits } from "../../sdk/records.ts";
import type { TokenResponse } from "../../sdk/wire/purchase.ts";
import type { RevocationFeed, WatermarkTrace } from "../../sdk/wire/revocations.ts";
import { until } from "../gateway/support/gateway.ts";
import { summaryText } from "../support/market.ts";
import { expectError } from "./support/api.ts";
import { openTables } from "./support/tables.ts";
import { useApi } from "./support/use-api.ts";

/*
a capability token
├── as PASETO where the listing's token_scheme asks for it, by the same published keys
├── T40 bound to the client's key by a DPoP proof, which counts once
├── a watermark handle per buyer and key, which its seller alone can trace
├── T22 ends with what it was issued for: refund, transfer, rental, rotation; the feed tells gateways
└── the feed: in order, by cursor, with an ETag
a validator's token
├── read, and execute where the listing has it; marked as a validator's
├── no second one for the version before a label, however many ask at once
├── after one that ended unused there is another; after one that was used a label is owed
└── a new version, or a label that was taken back, opens the next one
*/
describe("api: the life of a token", () => {
  const shared = useApi();
  let sql: postgres.Sql;
  before(() => {
    sql = openTables(shared.api.run);
  });
  after(() => sql?.end());

  const buyToken = (token: string, ek_id: string, headers: Record<string, string> = {}) =>
    shared.api.ask<TokenResponse>("/me/buy/token", { token, body: { ek_id }, headers });
  const validatorToken = (token: string, ek_id: string) =>
    shared.api.ask<TokenResponse>("/me/validate/token", { token, body: { ek_id } });
  const feed = (since = 0) => shared.api.get<RevocationFeed>(`/gateway/revocations?since=${since}`);

  async function claimsOf({ ek_token }: TokenResponse, sellerId: bigint): Promise<CapabilityClaims> {
    const jwks = await shared.api.get<JSONWebKeySet>("/.well-known/jwks.json");
    const keys = createLocalJWKSet(jwks);
    return verifyCapability(ek_token, {
      keys,
      issuer: shared.api.run.apiUrl,
      audience: `agt_31337_${sellerId}`,
    });
  }

  /** A listing, and a signed-in buyer with a key of it. */
  async function sold(terms: Parameters<typeof shared.api.market.list>[1] = {}, summary = summaryText()) {
    const { market, ekIdOf, signIn } = shared.api;
    const seller = await market.join();
    const number = await market.list(seller.account, terms, summary);
    const buyer = await market.join();
    const { keyId } = await market.buy(buyer.account, number);
    return { seller, buyer, number, keyId, ekId: ekIdOf(number), token: await signIn(buyer.account) };
  }

  /** The feed's entry of this token, once it is there. */
  async function revocationOf(jti: string) {
    let entry: RevocationFeed["tokens"][number] | undefined;
    await until(async () => {
      entry = (await feed()).tokens.find((token) => token.jti === jti);
      return entry !== undefined;
    }, `the revocation of ${jti}`);
    return entry;
  }

  it("E22 is a PASETO v4.public where the listing asks for it", async () => {
    const access_policy = { gateway: "http://127.0.0.1:8788", token_scheme: "paseto", watermark: true };
    const { seller, buyer, ekId, token } = await sold({}, summaryText({ access_policy }));
    const { body } = await buyToken(token, ekId);
    expect(body.ek_token.startsWith(PASETO_PREFIX)).to.equal(true);
    const claims = await claimsOf(body, seller.agentId);
    expect(claims).to.deep.include({ sub: `agt_31337_${buyer.agentId}`, ek_id: ekId, purpose: "use" });
    expect(claims.policy).to.deep.equal({ transferable: false, watermark: true });
    const validator = await shared.api.market.join();
    const answer = await validatorToken(await shared.api.signIn(validator.account), ekId);
    expect(answer.body.ek_token.startsWith(PASETO_PREFIX)).to.equal(true);
  });

  it("E22 is stored with what it was issued for, and never itself", async () => {
    const { seller, ekId, number, keyId, token } = await sold();
    const { body } = await buyToken(token, ekId);
    const { jti, exp, watermark_id } = await claimsOf(body, seller.agentId);
    const [row] = await sql`select * from issued_tokens where jti = ${jti}`;
    expect(row).to.include({
      ek_id: String(number),
      key_number: String(keyId),
      purpose: "use",
      watermark_id,
    });
    expect(row?.expires_at).to.deep.equal(new Date(exp * 1000));
    expect(JSON.stringify(row)).to.not.include(body.ek_token.split(".").at(-1));
  });

  describe("T40 bound to the client's key", () => {
    let key: DpopKey;
    let sale: Awaited<ReturnType<typeof sold>>;
    before(async () => {
      key = await createDpopKey();
      sale = await sold();
    });
    const request = () => ({ htm: "POST", htu: `${shared.api.run.apiUrl}/me/buy/token` });

    it("T40 names it in cnf, and says DPoP", async () => {
      const proof = await signDpopProof(key, request());
      const { body } = await buyToken(sale.token, sale.ekId, { dpop: proof });
      expect(body.token_type).to.equal("DPoP");
      expect((await claimsOf(body, sale.seller.agentId)).cnf).to.deep.equal({ jkt: key.jkt });
      const plain = await buyToken(sale.token, sale.ekId);
      expect(plain.body.token_type).to.equal("Bearer");
      expect(await claimsOf(plain.body, sale.seller.agentId)).to.not.have.property("cnf");
    });

    it("T40 takes a proof once, of twenty at the same time too", async () => {
      const proof = await signDpopProof(key, request());
      const answers = await Promise.all(
        Array.from({ length: 20 }, () => buyToken(sale.token, sale.ekId, { dpop: proof })),
      );
      expect(answers.filter(({ status }) => status === 200)).to.have.length(1);
      for (const answer of answers.filter(({ status }) => status !== 200)) {
        expect(expectError(answer, "INVALID_SIGNATURE", 401).details.reason).to.equal(
          "the DPoP proof was used before",
        );
      }
    });

    it("T40 gives no token at all for a proof of something else", async () => {
      for (const bad of ["x", "", await signDpopProof(key, { ...request(), htm: "GET" })]) {
        expectError(await buyToken(sale.token, sale.ekId, { dpop: bad }), "INVALID_SIGNATURE", 401);
      }
    });
  });

  it("E28 has the same handle for a buyer and key every time, and another for every other", async () => {
    const { market, signIn, get, ask } = shared.api;
    const { seller, buyer, number, ekId, token } = await sold();
    const handleOf = async (session: string) =>
      String((await claimsOf((await buyToken(session, ekId)).body, seller.agentId)).watermark_id);
    const handle = await handleOf(token);
    expect(handle).to.match(/^wm_[\w-]{22}$/);
    expect(await handleOf(token)).to.equal(handle);
    const second = await market.join();
    await market.buy(second.account, number);
    const others = await handleOf(await signIn(second.account));
    expect(others).to.not.equal(handle);

    const path = `/me/sell/watermarks/${handle}`;
    const sellers = await signIn(seller.account);
    const trace = await get<WatermarkTrace>(path, { token: sellers });
    expect(trace).to.deep.include({
      watermark_id: handle,
      ek_id: ekId,
      listing_id: `lst_31337_${number}_v1`,
      buyer_agent_id: `agt_31337_${buyer.agentId}`,
      key_id: `key_31337_${number}_${buyer.agentId}_0`,
      purpose: "use",
    });
    // T44: nobody but the seller, and a handle that there is not looks the same to everybody.
    const strangers = await signIn((await market.join()).account);
    for (const session of [token, strangers])
      expectError(await ask(path, { token: session }), "NOT_FOUND", 404);
    expectError(
      await ask("/me/sell/watermarks/wm_AAAAAAAAAAAAAAAAAAAAAA", { token: sellers }),
      "NOT_FOUND",
      404,
    );
    expectError(await ask(path), "INVALID_SIGNATURE", 401);
  });

  describe("T22 ends with what it was issued for", function () {
    this.timeout(60_000);
    type Sale = Awaited<ReturnType<typeof sold>>;
    const endings: [
      what: string,
      reason: string,
      terms: Parameters<typeof sold>[0],
      end: (sale: Sale) => Promise<unknown>,
    ][] = [
      [
        "a refund",
        "key_ended",
        { refundWindow: 3_600, refundTerms: 2 },
        ({ seller, keyId }) => {
          const { market } = shared.api;
          return market.send(seller.account, market.contracts.exchange, "refund", [keyId]);
        },
      ],
      [
        "a transfer of the key",
        "key_moved",
        { flags: toBits(flags, ["transferable"]) },
        async ({ buyer, keyId }) => {
          const { market } = shared.api;
          const next = await market.join();
          const args = [buyer.account.address, next.account.address, keyId] as const;
          return market.send(buyer.account, market.contracts.keys, "transferFrom", args);
        },
      ],
      [
        "a rental of the key",
        "key_lent",
        { flags: toBits(flags, ["lendable"]) },
        async ({ buyer, keyId }) => {
          const { market } = shared.api;
          const tenant = await market.join();
          const { timestamp } = await market.client.getBlock();
          const args = [keyId, tenant.account.address, timestamp + 3_600n] as const;
          return market.send(buyer.account, market.contracts.keys, "setUser", args);
        },
      ],
      [
        "a rotation of the agent, also there and back",
        "rotation",
        {},
        async ({ buyer }) => {
          const { market } = shared.api;
          const { account: next } = await market.rotate(buyer.account, buyer.agentId);
          return market.rotate(next, buyer.agentId, buyer.account);
        },
      ],
    ];
    it("T22 T24 a refund, a transfer, a rental and a rotation of its agent revoke it, and nobody else's", async () => {
      const other = await sold();
      const others = await claimsOf((await buyToken(other.token, other.ekId)).body, other.seller.agentId);
      const ended: [jti: string, reason: string, what: string, keyId: string | undefined][] = [];
      for (const [what, reason, terms, end] of endings) {
        const sale = await sold(terms);
        const { jti, key_id } = await claimsOf(
          (await buyToken(sale.token, sale.ekId)).body,
          sale.seller.agentId,
        );
        await end(sale);
        ended.push([jti, reason, what, key_id]);
      }
      for (const [jti, reason, what, key_id] of ended) {
        expect(await revocationOf(jti), what).to.deep.include({ reason, key_id });
      }
      expect((await feed()).tokens.map(({ jti }) => jti)).to.not.include(others.jti);
    });

    it("T22 buying a second key revokes nothing of the first", async () => {
      const { market } = shared.api;
      const sale = await sold();
      const { jti } = await claimsOf((await buyToken(sale.token, sale.ekId)).body, sale.seller.agentId);
      await market.buy(sale.buyer.account, sale.number);
      const { hash } = await market.client.getBlock();
      await until(async () => {
        const [row] = await sql`select checked_hash from issued_tokens where jti = ${jti}`;
        return row?.checked_hash === hash;
      }, "the next look");
      expect((await feed()).tokens.map((token) => token.jti)).to.not.include(jti);
    });

    it("T22 the feed goes on from its cursor, starts anew for one that was never given, and says when nothing is new", async () => {
      const all = await feed();
      expect(all.tokens.length).to.be.above(2);
      expect(all.more).to.equal(false);
      expect((await feed(all.cursor)).tokens).to.deep.equal([]);
      expect((await feed(all.cursor)).cursor).to.equal(all.cursor);
      expect(await feed(Number.MAX_SAFE_INTEGER)).to.deep.equal(all);
      const path = `/gateway/revocations?since=${all.cursor}`;
      const first = await fetch(`${shared.api.run.apiUrl}${path}`);
      await first.body?.cancel();
      const etag = String(first.headers.get("etag"));
      const again = await fetch(`${shared.api.run.apiUrl}${path}`, { headers: { "if-none-match": etag } });
      expect([again.status, await again.text()]).to.deep.equal([304, ""]);
      expectError(await shared.api.ask("/gateway/revocations?since=-1"), "INVALID_REQUEST", 400);
      expectError(await shared.api.ask("/gateway/revocations?since=x"), "INVALID_REQUEST", 400);
    });
  });

  describe("a validator's", () => {
    async function listed(terms: Parameters<typeof shared.api.market.list>[1] = {}) {
      const { market, ekIdOf, signIn } = shared.api;
      const seller = await market.join();
      const number = await market.list(seller.account, terms);
      const validator = await market.join();
      return { seller, number, ekId: ekIdOf(number), validator, token: await signIn(validator.account) };
    }
    const label = (account: PrivateKeyAccount, agentId: bigint, number: bigint, version = 1) => {
      const { market } = shared.api;
      return market.send(account, market.contracts.labels, "label", [
        agentId,
        market.labelInput(number, { version }),
      ]);
    };
    /** As if the first token had been given this many seconds earlier. */
    const timePasses = (agentId: bigint, seconds: number) =>
      sql`
        update validator_grants set
          issued_at = issued_at - ${seconds} * interval '1 second', expires_at = expires_at - ${seconds} * interval '1 second'
        where agent_id = ${String(agentId)}`;

    it("E23 lets it read, and execute where the listing has that", async () => {
      for (const [bits, scopes] of [
        [0b11111, ["read", "execute"]],
        [0b01011, ["read"]],
        [0b00100, ["read", "execute"]],
      ] as const) {
        const { seller, ekId, token } = await listed({ scopes: bits });
        const claims = await claimsOf((await validatorToken(token, ekId)).body, seller.agentId);
        expect(claims.scopes).to.deep.equal(scopes);
        expect(claims.purpose).to.equal("validate");
        expect(claims.exp - claims.iat).to.be.at.most(600);
        expect(claims.watermark_id).to.match(/^wm_/);
      }
    });

    it("E23 is one per version before a label, also when ten ask at once", async () => {
      const { ekId, token } = await listed();
      const answers = await Promise.all(Array.from({ length: 10 }, () => validatorToken(token, ekId)));
      expect(answers.filter(({ status }) => status === 200)).to.have.length(1);
      const { details } = expectError(await validatorToken(token, ekId), "VALIDATION_CONFLICT", 409);
      expect(details).to.include({ reason: "token_outstanding", owed: "label", ek_id: ekId });
      expect(details.first_jti).to.match(/^[0-9a-f-]{36}$/);
      expect(Date.parse(String(details.retry_at))).to.be.above(Date.now());
    });

    it("E23 that ended unused is followed by another; one that was used by none before the label", async () => {
      const { seller, ekId, validator, token } = await listed();
      const first = await claimsOf((await validatorToken(token, ekId)).body, seller.agentId);
      await timePasses(validator.agentId, 600);
      expectError(await validatorToken(token, ekId), "VALIDATION_CONFLICT", 409); // a report may be on its way
      await timePasses(validator.agentId, 61);
      const second = await claimsOf((await validatorToken(token, ekId)).body, seller.agentId);
      expect(second.jti).to.not.equal(first.jti);

      await sql`
        insert into usage_events (event_id, ek_id, seller_id, buyer_agent_id, event_type, action, result, at, event, jws)
        values (${crypto.randomUUID()}, ${ekId}, ${`agt_31337_${seller.agentId}`}, ${`agt_31337_${validator.agentId}`},
          'UsageEvent', 'fetch', 'ok', now() - interval '700 seconds', '{}', '')`;
      await timePasses(validator.agentId, 720);
      const { details } = expectError(await validatorToken(token, ekId), "VALIDATION_CONFLICT", 409);
      expect(details).to.include({ reason: "label_owed", owed: "label", first_jti: second.jti });
    });

    it("E23 is given again for a new version, and after a label that was taken back", async () => {
      const { market } = shared.api;
      const { seller, number, ekId, validator, token } = await listed();
      expect((await validatorToken(token, ekId)).status).to.equal(200);
      expectError(await validatorToken(token, ekId), "VALIDATION_CONFLICT", 409);
      await market.update(seller.account, number, {});
      const next = await validatorToken(token, ekId);
      expect(next.body.listing_id).to.equal(`lst_31337_${number}_v2`);
      await label(validator.account, validator.agentId, number, 2);
      expectError(await validatorToken(token, ekId), "VALIDATION_CONFLICT", 409);
      await market.send(validator.account, market.contracts.labels, "withdraw", [validator.agentId, number]);
      expect((await validatorToken(token, ekId)).status).to.equal(200);
    });

    it("E23 ends when the seller takes the validator off the list", async function () {
      this.timeout(60_000);
      const { market } = shared.api;
      const { seller, number, ekId, validator, token } = await listed({
        flags: toBits(flags, ["restricted-validators"]),
      });
      expect(expectError(await validatorToken(token, ekId), "SCOPE_DENIED", 403).details.reason).to.equal(
        "validator_not_allowed",
      );
      const allow = (allowed: boolean) =>
        market.send(seller.account, market.contracts.labels, "allowValidators", [
          number,
          [validator.agentId],
          allowed,
        ]);
      await allow(true);
      const { jti } = await claimsOf((await validatorToken(token, ekId)).body, seller.agentId);
      await allow(false);
      expect(await revocationOf(jti)).to.deep.include({ reason: "validator_removed" });
    });
  });

  it("E21 a tenant gets the token until the rental's end, and the holder none meanwhile", async () => {
    const { market, signIn } = shared.api;
    const { seller, buyer, keyId, ekId, token } = await sold({ flags: toBits(flags, ["lendable"]) });
    const tenant = await market.join();
    const { timestamp } = await market.client.getBlock();
    const args = [keyId, tenant.account.address, timestamp + 120n] as const;
    await market.send(buyer.account, market.contracts.keys, "setUser", args);
    expectError(await buyToken(token, ekId), "EK_NOT_OWNED", 403);
    const claims = await claimsOf((await buyToken(await signIn(tenant.account), ekId)).body, seller.agentId);
    expect(claims.sub).to.equal(`agt_31337_${tenant.agentId}`);
    expect(claims.exp).to.be.at.most(Number(timestamp) + 120);
  });
});
