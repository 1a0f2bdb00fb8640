import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { HTTPFacilitatorClient } from "@x402/core/server";
import { ExactEvmScheme } from "@x402/evm/exact/server";
import { paymentMiddleware, x402ResourceServer } from "@x402/hono";
import { expect } from "chai";
import { Hono } from "hono";
import type { QuoteResponse } from "../../sdk/wire/listing.ts";
import { type Facilitator, startFacilitator } from "./support/facilitator.ts";
import { createOneStep, type OneStep } from "./support/one-step.ts";
import { offerOf, PRICE } from "./support/paying.ts";
import { useApi } from "./support/use-api.ts";

/*
the facilitator's own process
├── /supported, /verify, /settle   as the stock HTTPFacilitatorClient wants them
│   ├── a good payment             verified, settled: the key is issued; settled again: the same answer
│   └── a bad one                  refused with its reason
├── behind somebody's shop         a stock resource server sells a quote with it, and serves what was paid only
└── SIGTERM                        ends with 0
*/
describe("api: the facilitator service", () => {
  const shared = useApi();
  let shop: OneStep;
  let facilitator: Facilitator;
  let client: HTTPFacilitatorClient;

  before(async function () {
    this.timeout(120_000);
    shop = await createOneStep(shared.api);
    facilitator = await startFacilitator(shared.system.run);
    client = new HTTPFacilitatorClient({ url: facilitator.url });
  });
  after(() => facilitator.stop());

  it("says what it supports, and how it is", async () => {
    const { relayer } = await shared.api.get<{ relayer: { address: string } }>("/health");
    const { kinds, signers } = await client.getSupported();
    expect(kinds).to.deep.equal([
      { x402Version: 2, scheme: "exact", network: "eip155:31337" },
      { x402Version: 2, scheme: "ek-purchase", network: "eip155:31337" },
      {
        ...{ x402Version: 2, scheme: "upto", network: "eip155:31337" },
        extra: { facilitatorAddress: shared.api.market.contracts.tills.address },
      },
    ]);
    expect(signers).to.deep.equal({ "eip155:31337": [relayer.address] });
    const health = await fetch(`${facilitator.url}/health`);
    expect(health.status).to.equal(200);
    expect(await health.json()).to.deep.include({ status: "ok", chain_id: 31337 });
    expect((await fetch(`${facilitator.url}/nothing`)).status).to.equal(404);
  });

  it("T14 verifies and settles both schemes, and settles a payment once", async () => {
    for (const payerOf of [shop.payerOf, shop.boundPayerOf]) {
      const { buyer, quote } = await shop.quoted();
      const { payload } = await payerOf(buyer).prepare(quote.pay_url);
      const requirements = payload.accepted;
      expect(await client.verify(payload, requirements)).to.include({ isValid: true, payer: buyer.address });
      expect(await shop.keysOf(buyer.address), "to verify changes nothing").to.equal(0n);
      const settled = await client.settle(payload, requirements);
      expect(settled).to.include({ success: true, payer: buyer.address, amount: String(PRICE) });
      const again = await Promise.all([1, 2, 3].map(() => client.settle(payload, requirements)));
      for (const { transaction } of again) expect(transaction).to.equal(settled.transaction);
      await shop.expectOneKey(buyer.address);
    }
  });

  it("refuses a bad payment with its reason", async () => {
    const { buyer, quote, payer } = await shop.quoted();
    const { payload } = await payer.prepare(quote.pay_url);
    const requirements = payload.accepted;
    const elsewhere = { ...requirements, payTo: buyer.address };
    expect(await client.verify(payload, elsewhere)).to.include({
      isValid: false,
      invalidReason: "invalid_exact_evm_recipient_mismatch",
    });
    const { signature: _, ...unsigned } = payload.payload;
    for (const [bad, reason] of [
      [{ ...payload, payload: unsigned }, "invalid_payload"],
      [
        { ...payload, payload: { ...payload.payload, signature: `0x${"12".repeat(65)}` } },
        "invalid_exact_evm_signature",
      ],
    ] as const) {
      expect(await client.settle(bad, requirements)).to.include({ success: false, errorReason: reason });
    }
    for (const [path, body] of [
      ["/verify", "{"],
      ["/settle", "{}"],
      [
        "/settle",
        JSON.stringify({
          x402Version: 2,
          paymentPayload: payload,
          paymentRequirements: { ...requirements, network: "eip155:1" },
        }),
      ],
    ] as const) {
      const answer = await fetch(`${facilitator.url}${path}`, { method: "POST", body });
      expect(answer.status).to.equal(400);
      await answer.body?.cancel();
    }
    expect(await shop.holdings(buyer.address)).to.deep.equal({ keys: 0n, paid: 0n });
  });

  it("T15 T16 serves a stock resource server, which gives nothing before it has settled", async () => {
    const quotes = new Map<string, QuoteResponse>();
    let served = 0;
    const resources = new x402ResourceServer(client).register("eip155:31337", new ExactEvmScheme());
    const quoteAt = (path: string) => quotes.get(path.split("/").at(-1) ?? "") as QuoteResponse;
    const app = new Hono();
    app.use(
      paymentMiddleware(
        {
          "POST /buy/:quote": {
            accepts: {
              scheme: "exact",
              network: "eip155:31337",
              payTo: ({ path }) => quoteAt(path).till,
              price: ({ path }) => {
                const [offer] = offerOf(quoteAt(path)).accepts;
                return {
                  asset: offer?.asset ?? "",
                  amount: offer?.amount ?? "",
                  extra: { name: "Test USD Coin", version: "1" },
                };
              },
              extra: { paymentFlow: "upfront" },
            },
          },
        },
        resources,
      ),
    );
    app.post("/buy/:quote", (c) => c.text(`goods ${++served}`));
    const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
    await new Promise((resolve) => server.once("listening", resolve));
    try {
      const { buyer, quote, payer } = await shop.quoted();
      quotes.set(quote.quote_id, quote);
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/buy/${quote.quote_id}`;
      const answer = await payer.fetch(url, { method: "POST" });
      expect([answer.status, await answer.text()]).to.deep.equal([200, "goods 1"]);
      await shop.expectOneKey(buyer.address);

      // The money goes between signing and settling: nothing is served.
      const poor = await shop.quoted();
      quotes.set(poor.quote.quote_id, poor.quote);
      const late = url.replace(quote.quote_id, poor.quote.quote_id);
      const { headers } = await poor.payer.prepare(late);
      const { market } = shared.api;
      const { balance } = await poorBalance(poor.buyer.address);
      await market.send(poor.buyer, market.contracts.usdc, "transfer", [shop.seller.address, balance]);
      const refused = await fetch(late, { method: "POST", headers });
      expect(refused.status).to.equal(402);
      expect(await refused.text()).to.not.include("goods");
      expect(served).to.equal(1);
    } finally {
      server.close();
    }
  });

  async function poorBalance(account: `0x${string}`) {
    const { client: chain, contracts } = shared.api.market;
    return {
      balance: await chain.readContract({ ...contracts.usdc, functionName: "balanceOf", args: [account] }),
    };
  }

  it("ends with 0 when it is asked to", async () => {
    const other = await startFacilitator(shared.system.run);
    expect(await other.stop()).to.equal(0);
  });
});
