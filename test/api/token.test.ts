import { expect } from "chai";
import { createLocalJWKSet, type JSONWebKeySet } from "jose";
import { type CapabilityClaims, verifyCapability } from "../../sdk/capability.ts";
import { curves } from "../../sdk/curves.ts";
import type { TokenResponse } from "../../sdk/wire/purchase.ts";
import { contentOf, summaryText } from "../support/market.ts";
import { expectError } from "./support/api.ts";
import { useApi } from "./support/use-api.ts";
import { createPayer } from "./support/x402.ts";

/*
POST /me/buy/token
├── the agent holds a key          a token for the version that it bought
├── it holds none, or a dead one   403 EK_NOT_OWNED
├── unknown listing                404 EK_NOT_FOUND
├── the agent rotated              the new EOA gets it, the old one nothing
└── the indexer is dead            nothing changes: quote, payment and token come from the chain
POST /me/validate/token
├── may label                      a token to read (and execute, where the listing has it) the present version
└── own, labelled, restricted      403, 409
*/
describe("api: tokens", () => {
  const shared = useApi();
  const buyToken = (token: string, ek_id: string) =>
    shared.api.ask<TokenResponse>("/me/buy/token", { token, body: { ek_id } });
  const validatorToken = (token: string, ek_id: string) =>
    shared.api.ask<TokenResponse>("/me/validate/token", { token, body: { ek_id } });

  async function claimsOf(answer: TokenResponse, sellerId: bigint): Promise<CapabilityClaims> {
    const jwks = await shared.api.get<JSONWebKeySet>("/.well-known/jwks.json");
    return verifyCapability(answer.ek_token, {
      keys: createLocalJWKSet(jwks),
      issuer: shared.api.run.apiUrl,
      audience: `agt_31337_${sellerId}`,
    });
  }

  /** A listing, and a signed-in buyer with a key of it. */
  async function sold(terms: Parameters<typeof shared.api.market.list>[1] = {}) {
    const { market, ekIdOf, signIn } = shared.api;
    const seller = await market.join();
    const number = await market.list(seller.account, terms);
    const buyer = await market.join();
    await market.buy(buyer.account, number);
    return { seller, buyer, number, ekId: ekIdOf(number), token: await signIn(buyer.account) };
  }

  it("E21 says the quota of the version that was bought, as the chain has it", async () => {
    const { seller, number, ekId, token } = await sold({ requestsPerMinute: 60, requestsPerDay: 1_000 });
    await shared.api.market.update(seller.account, number, { requestsPerMinute: 1 });
    const claims = await claimsOf((await buyToken(token, ekId)).body, seller.agentId);
    expect(claims.quota).to.deep.equal({ rpm: 60, daily_quota: 1_000 });
    const unlimited = await sold();
    const answer = await buyToken(unlimited.token, unlimited.ekId);
    expect((await claimsOf(answer.body, unlimited.seller.agentId)).quota).to.equal(undefined);
  });

  it("gives the holder a token that any gateway can verify offline", async () => {
    const { seller, buyer, number, ekId, token } = await sold({ scopes: 0b10011, flags: 1 });
    const { status, body } = await buyToken(token, ekId);
    expect(status, JSON.stringify(body)).to.equal(200);
    const { manifestHash } = contentOf(summaryText());
    expect(body).to.deep.include({
      gateway: "http://127.0.0.1:8788",
      manifest_hash: manifestHash,
      listing_id: `lst_31337_${number}_v1`,
    });
    const claims = await claimsOf(body, seller.agentId);
    expect(claims).to.deep.include({
      iss: shared.api.run.apiUrl,
      sub: `agt_31337_${buyer.agentId}`,
      aud: `agt_31337_${seller.agentId}`,
      ek_id: ekId,
      key_id: `key_31337_${number}_${buyer.agentId}_0`,
      manifest_hash: manifestHash,
      scopes: ["read", "download", "derive"],
      purpose: "use",
      policy: { transferable: true, watermark: false },
    });
    expect(claims.exp - claims.iat).to.equal(300);
    expect(Date.parse(body.expires_at)).to.equal(claims.exp * 1000);
    const again = await buyToken(token, ekId);
    expect((await claimsOf(again.body, seller.agentId)).jti).not.to.equal(claims.jti);
  });

  it("never outlives the key", async () => {
    const { seller, ekId, token } = await sold({ keyTtl: 60 });
    const claims = await claimsOf((await buyToken(token, ekId)).body, seller.agentId);
    expect(claims.exp - claims.iat).to.be.within(1, 62);
  });

  it("stays with the version that was bought", async () => {
    const { seller, number, ekId, token } = await sold();
    const gateway = "http://new.example";
    const summary = summaryText({ title: "Second", access_policy: { gateway, token_scheme: "jwt" } });
    await shared.api.market.update(seller.account, number, {}, summary);
    const { body } = await buyToken(token, ekId);
    expect(body).to.include({ listing_id: `lst_31337_${number}_v1`, gateway: "http://127.0.0.1:8788" });
  });

  it("T44 gives nothing to who holds no key", async () => {
    const { ekId } = await sold();
    const stranger = await shared.api.market.join();
    const strangers = await shared.api.signIn(stranger.account);
    expectError(await buyToken(strangers, ekId), "EK_NOT_OWNED", 403);
    const nobody = await shared.api.signIn(await shared.api.market.newcomer());
    expectError(await buyToken(nobody, ekId), "EK_NOT_OWNED", 403);
    expectError(await buyToken(strangers, "ek_31337_999999"), "EK_NOT_FOUND", 404);
    expectError(await buyToken(strangers, "ek_1_1"), "EK_NOT_FOUND", 404);
    expectError(await buyToken(strangers, "ek_31337_1_"), "INVALID_REQUEST", 400);
    expectError(await shared.api.ask("/me/buy/token", { body: { ek_id: ekId } }), "INVALID_SIGNATURE", 401);
  });

  it("T23 follows the agent to its new EOA, and leaves the old one with nothing", async () => {
    const { buyer, ekId, token } = await sold();
    expect((await buyToken(token, ekId)).status).to.equal(200);
    const { account: next } = await shared.api.market.rotate(buyer.account, buyer.agentId);
    expectError(await buyToken(token, ekId), "SESSION_EXPIRED", 401);
    expect((await buyToken(await shared.api.signIn(next), ekId)).status).to.equal(200);
  });

  it("says so when the listing's summary can't be read", async () => {
    const { market, ekIdOf, signIn } = shared.api;
    const seller = await market.join();
    const number = await market.list(seller.account, {}, '{"title":"no gateway"}');
    const buyer = await market.join();
    await market.buy(buyer.account, number);
    const { details } = expectError(
      await buyToken(await signIn(buyer.account), ekIdOf(number)),
      "LISTING_CONFLICT",
      409,
    );
    expect(details.reason).to.equal("summary_unreadable");
  });

  it("lets a validator read, until it has labelled", async () => {
    const { market, ekIdOf, signIn } = shared.api;
    const seller = await market.join();
    const number = await market.list(seller.account, { scopes: 0b11111 });
    const ekId = ekIdOf(number);
    const validator = await market.join();
    const token = await signIn(validator.account);
    const { body } = await validatorToken(token, ekId);
    const claims = await claimsOf(body, seller.agentId);
    expect(claims).to.deep.include({
      scopes: ["read", "execute"],
      purpose: "validate",
      sub: `agt_31337_${validator.agentId}`,
    });
    expect(claims).not.to.have.property("key_id");
    await market.send(validator.account, market.contracts.labels, "label", [
      validator.agentId,
      market.labelInput(number),
    ]);
    expectError(await validatorToken(token, ekId), "VALIDATION_CONFLICT", 409);
    const own = expectError(await validatorToken(await signIn(seller.account), ekId), "SCOPE_DENIED", 403);
    expect(own.details.reason).to.equal("own_listing");
    const none = await signIn(await market.newcomer());
    expect(expectError(await validatorToken(none, ekId), "SCOPE_DENIED", 403).details.reason).to.equal(
      "not_an_agent",
    );
    expectError(await validatorToken(token, "ek_31337_999999"), "EK_NOT_FOUND", 404);
  });

  it("quotes, takes payment and gives tokens while the indexer is dead, and loses nothing", async function () {
    this.timeout(90_000);
    const { market, ekIdOf, signIn } = shared.api;
    const seller = await market.join();
    const number = await market.list(seller.account, { curveParams: curves.fixed.encode({ price: 10n }) });
    const buyer = await market.newcomer();
    await shared.system.kill("indexer", "SIGKILL");
    try {
      const quote = await shared.api.quote(ekIdOf(number), buyer.address);
      const response = await createPayer(buyer, 31337).fetch(quote.pay_url, { method: "POST" });
      expect(response.status).to.equal(200);
      const { status } = await buyToken(await signIn(buyer), ekIdOf(number));
      expect(status).to.equal(200);
    } finally {
      await shared.system.restart("indexer");
    }
    const { items } = await shared.api.get<{ items: { type: string; tx: string }[] }>(
      "/public/activity?limit=5",
    );
    expect(items.map(({ type }) => type)).to.contain("ek_trade");
  });
});
