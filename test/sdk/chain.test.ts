/**
 * With an RPC url, what the exchange says is compared with the chain
 * ├── the chain's id              another one: SERVICE_UNAVAILABLE, nothing signed
 * ├── the quote's till            must be the contract's own
 * ├── the nonce to sign           is the chain's, whatever the exchange says
 * ├── the manifest's hash         must be the one that the seller committed to
 * ├── the version that is opened  must be the one that the agent's key says
 * └── no answer                   SERVICE_UNAVAILABLE, and the call fails
 */
import { expect } from "chai";
import { privateKeyToAccount } from "viem/accounts";
import { createExchange } from "../../sdk/client.ts";
import { loadFixture, networkHelpers } from "../contracts/support/chain.ts";
import { by, type Moa, people } from "../contracts/support/deploy.ts";
import { contentOf, deployMarket, FIXED, FREE, quoteOf, termsOf } from "../contracts/support/market.ts";
import { contracts, countingWallet, health, quoteFor, signInRoutes } from "./support/exchange.ts";
import { failure } from "./support/failure.ts";
import { useRpc } from "./support/rpc.ts";
import { apiError, useServer } from "./support/server.ts";

/** The test chain's account that is the buyer, with its well-known key. */
const buyer = privateKeyToAccount("0x47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a");

describe("client: with an RPC url", () => {
  const server = useServer();
  const gateway = useServer();
  const rpc = useRpc();
  let moa: Moa;

  const contractsOf = ({ registry, keys, catalog, tills }: Moa) => ({
    AgentRegistry: registry.address,
    ExperienceKey: keys.address,
    Catalog: catalog.address,
    Tills: tills.address,
  });

  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    server.routes = {
      ...signInRoutes(server),
      "GET /health": () => ({ body: health({ contracts: contractsOf(moa) }) }),
    };
  });

  /** The buyer's token for a version, with this manifest hash. */
  const giveToken = (version: number, manifestHash: string, ekId = FIXED) => {
    server.routes["POST /me/buy/token"] = () => ({
      body: {
        ek_token: "ek.token",
        expires_at: new Date().toISOString(),
        gateway: gateway.url,
        manifest_hash: manifestHash,
        listing_id: `lst_31337_${ekId}_v${version}`,
      },
    });
  };
  const exchange = () => createExchange({ url: server.url, wallet: buyer, rpcUrl: rpc.url });

  it("is the buyer of the fixture", () => expect(people.buyer.address).to.equal(buyer.address));

  it("signs nothing when the exchange names another chain than the node is of", async () => {
    server.routes["GET /health"] = () => ({ body: health({ chain_id: 1, contracts: contractsOf(moa) }) });
    const wallet = countingWallet();
    const error = await failure(createExchange({ url: server.url, wallet, rpcUrl: rpc.url }).me());
    expect(error.message).to.include("expected 31337");
    expect(wallet.signed).to.deep.equal([]);
  });

  it("T12 takes a quote whose till is the contract's own", async () => {
    const quote = await quoteOf(moa, people.buyer);
    const till = await moa.tills.read.tillOf([quote]);
    server.routes[`POST /listings/ek_31337_${FIXED}/quote`] = () => ({
      body: {
        quote_id: `0x${"e".repeat(64)}`,
        ek_id: `ek_31337_${FIXED}`,
        listing_id: `lst_31337_${FIXED}_v1`,
        buyer: buyer.address,
        price: { amount: String(quote.maxPrice), display: "5", currency: "tUSDC", token: quote.token },
        expires_at: new Date().toISOString(),
        till,
        pay_url: server.url,
        quote: {
          ...quote,
          ekId: String(quote.ekId),
          maxPrice: String(quote.maxPrice),
          deadline: String(quote.deadline),
        },
      },
    });
    expect((await exchange().quote(`ek_31337_${FIXED}`)).till).to.equal(till);
  });

  it("T12 pays no quote whose till is another one on chain, nor one of an exchange that is not there", async () => {
    const wallet = countingWallet();
    server.routes["GET /health"] = () => ({ body: health() }); // of an exchange that the tests make up
    server.routes["POST /listings/ek_31337_1/quote"] = () => ({ body: quoteFor(wallet.address) });
    const buy = () =>
      failure(
        createExchange({ url: server.url, wallet, rpcUrl: rpc.url, maxPrice: 10n ** 18n }).buy("ek_31337_1"),
      );
    expect((await buy()).code).to.equal("SERVICE_UNAVAILABLE");

    await networkHelpers.setCode(contracts.Tills, "0x600160005260206000f3"); // answers 1 to everything
    const error = await buy();
    expect(error.code).to.equal("PAYMENT_FAILED");
    expect(error.message).to.include(
      "On chain the quote's till is 0x0000000000000000000000000000000000000001",
    );
    expect(wallet.signed).to.deep.equal([]);
  });

  it("signs grants with the chain's nonce", async () => {
    await moa.registry.write.invalidateNonce(by(people.buyer));
    let granted: { nonce: string } | undefined;
    server.routes["POST /me/grants"] = ({ body }) => {
      granted = body as { nonce: string };
      return { body: { agent_id: "agt_31337_2", tx: "0x1" } };
    };
    server.routes["POST /me/buy/purchase"] = () =>
      apiError(403, "SCOPE_DENIED", {
        details: {
          reason: "operator_grant_needed",
          actions: ["claim"],
          submit_to: "/me/grants",
          typed_data: { message: { nonce: "99" } },
        },
      });
    await failure(exchange().claim(`ek_31337_${FREE}`));
    expect(granted?.nonce).to.equal("1");
  });

  describe("fetch", () => {
    const old = contentOf("old");
    const fresh = contentOf("fresh");
    let ekId: bigint;

    beforeEach(async () => {
      await moa.catalog.write.list(
        [1n, termsOf(moa, { curveParams: `0x${"0".repeat(64)}` }), old],
        by(people.seller),
      );
      ekId = await moa.catalog.read.listingCount();
      await moa.exchange.write.claim([ekId, 1, 2n], by(people.buyer));
      await moa.catalog.write.update([ekId, termsOf(moa), fresh], by(people.seller));
    });

    it("goes to the gateway when token, key and chain agree on version and manifest", async () => {
      giveToken(1, old.manifestHash, ekId);
      expect((await failure(exchange().fetch(`ek_31337_${ekId}`))).code).to.equal("NOT_FOUND"); // by the gateway
      expect(gateway.received).to.have.length(1);
    });

    it("T47 stops when the exchange names another manifest than the seller committed to", async () => {
      giveToken(1, fresh.manifestHash, ekId);
      const error = await failure(exchange().fetch(`ek_31337_${ekId}`));
      expect(error.code).to.equal("HASH_MISMATCH");
      expect(error.details).to.include({ expected: fresh.manifestHash, actual: old.manifestHash });
      expect(gateway.received).to.deep.equal([]);
    });

    it("T8 stops when another version is opened than was bought", async () => {
      giveToken(2, fresh.manifestHash, ekId);
      const error = await failure(exchange().fetch(`ek_31337_${ekId}`));
      expect(error).to.include({ code: "EK_NOT_OWNED" });
      expect(error.message).to.equal(
        `The token opens lst_31337_${ekId}_v2; on chain the key is for lst_31337_${ekId}_v1.`,
      );
      expect(gateway.received).to.deep.equal([]);
    });

    it("stops when there is no key, or no such version", async () => {
      giveToken(1, contentOf().manifestHash, FIXED);
      expect((await failure(exchange().fetch(`ek_31337_${FIXED}`))).message).to.include(
        "on chain the key is for none",
      );
      giveToken(3, fresh.manifestHash, ekId);
      expect((await failure(exchange().fetch(`ek_31337_${ekId}`))).code).to.equal("EK_NOT_FOUND");
      expect(gateway.received).to.deep.equal([]);
    });
  });

  it("fails when the node does not answer, rather than believe the exchange", async () => {
    const error = await failure(
      createExchange({ url: server.url, wallet: buyer, rpcUrl: "http://127.0.0.1:1" }).quote(
        `ek_31337_${FIXED}`,
      ),
    );
    expect(error.code).to.equal("SERVICE_UNAVAILABLE");
    expect(error.message).to.match(/^The chain could not be asked: /);
  });
});
