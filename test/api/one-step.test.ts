import { verifyOfferSignatureEIP712, verifyReceiptSignatureEIP712 } from "@x402/extensions";
import { type DiscoveredHTTPResource, extractDiscoveryInfo } from "@x402/extensions/bazaar";
import {
  type EIP712SignedOffer,
  type EIP712SignedReceipt,
  extractOffersFromPaymentRequired,
  extractReceiptFromResponse,
} from "@x402/extensions/offer-receipt";
import { expect } from "chai";
import { PURCHASE_SCHEME } from "../../sdk/bound-purchase.ts";
import { curves } from "../../sdk/curves.ts";
import { oneStepResponseSchema } from "../../sdk/wire/x402.ts";
import { expectError } from "./support/api.ts";
import { createOneStep, type OneStep } from "./support/one-step.ts";
import { PRICE } from "./support/paying.ts";
import { useApi } from "./support/use-api.ts";
import { receiptOf, requiredOf } from "./support/x402.ts";

/*
POST /x402/{ek_id}
├── no payment in the request   402 whatever else is in it; any other method 405
├── paid by the stock client    the key is the named buyer's
├── paid by ek-purchase         the same
├── paid for another listing    402, and nothing is paid there
├── free                        402 with amount 0; its signature claims the key
└── declares                    signed offers, a signed receipt, and how discovery calls it
*/
describe("api: buying in one step", () => {
  const shared = useApi();
  let shop: OneStep;

  before(async () => {
    shop = await createOneStep(shared.api);
  });

  it("answers whatever comes without a payment with its 402", async () => {
    const buyer = await shared.api.market.newcomer();
    const bodies: [body: string, contentType: string][] = [
      ["", "application/json"],
      ["{", "application/json"],
      ["[".repeat(5_000), "application/json"],
      ["<html>", "text/html"],
      ['{"buyer":"nobody"}', "application/json"],
      [JSON.stringify({ buyer: buyer.address }), "application/json"],
    ];
    for (const [body, contentType] of bodies) {
      const answer = await fetch(shop.urlOf(shop.number), {
        method: "POST",
        body,
        headers: { "content-type": contentType },
      });
      expect(answer.status, body.slice(0, 20)).to.equal(402);
      const offer = requiredOf(answer.headers)?.accepts[0];
      expect(offer).to.include({ scheme: "exact", amount: String(PRICE), asset: shared.api.market.token });
      await answer.body?.cancel();
    }
    expectError(await shop.ask(`${shop.pathOf(shop.number)}?buyer=nobody`), "PAYMENT_REQUIRED", 402);
  });

  it("T16 is for POST alone: HEAD and GET get nothing", async () => {
    for (const method of ["GET", "HEAD", "PUT", "DELETE"]) {
      const answer = await fetch(shop.urlOf(shop.number), { method });
      expect(answer.status, method).to.equal(405);
      expect(answer.headers.get("allow")).to.equal("POST");
      await answer.body?.cancel();
    }
    expectError(await shop.ask("/x402/ek_31337_999999"), "EK_NOT_FOUND", 404);
    expectError(await shop.ask("/x402/anything"), "INVALID_REQUEST", 400);
  });

  it("sells a key to the stock client for the buyer that the query or the body names", async () => {
    for (const where of ["query", "body"]) {
      const buyer = await shared.api.market.newcomer();
      const response =
        where === "query"
          ? await shop.payerOf(buyer).fetch(shop.urlOf(shop.number, buyer.address), { method: "POST" })
          : await shop.payerOf(buyer).fetch(shop.urlOf(shop.number), {
              method: "POST",
              body: JSON.stringify({ buyer: buyer.address }),
              headers: { "content-type": "application/json" },
            });
      expect(response.status).to.equal(200);
      const { purchase, access, ...key } = oneStepResponseSchema.parse(await response.json());
      expect(purchase).to.deep.include({ ...key, status: "EKIssued" });
      expect(key.buyer.eoa).to.equal(buyer.address);
      expect(access, "a payment is public: it opens nothing").to.equal(undefined);
      expect(receiptOf(response.headers)).to.include({ success: true, transaction: purchase?.tx });
      await shop.expectOneKey(buyer.address);
    }
  });

  it("sells it by ek-purchase, too", async () => {
    const buyer = await shared.api.market.newcomer();
    const path = shop.pathOf(shop.number, buyer.address);
    const { headers, payload } = await shop
      .boundPayerOf(buyer)
      .prepare(shop.urlOf(shop.number, buyer.address));
    expect(payload.accepted.scheme).to.equal(PURCHASE_SCHEME);
    const { status, body } = await shop.ask(path, headers);
    expect(status, JSON.stringify(body)).to.equal(200);
    await shop.expectOneKey(buyer.address);
  });

  it("takes no payment for a buyer that can't be read", async () => {
    const buyer = await shared.api.market.newcomer();
    const { headers } = await shop.payerOf(buyer).prepare(shop.urlOf(shop.number, buyer.address));
    expectError(await shop.ask(`${shop.pathOf(shop.number)}?buyer=0x12`, headers), "INVALID_EOA", 400);
    expect(await shop.holdings(buyer.address)).to.deep.equal({ keys: 0n, paid: 0n });
  });

  it("T12 issues the key though somebody submitted the transfer first", async () => {
    const buyer = await shared.api.market.newcomer();
    const { headers, transfer } = await shop.payerOf(buyer).prepare(shop.urlOf(shop.number, buyer.address));
    await shop.submitTransfer(transfer);
    const { status, body } = await shop.ask(shop.pathOf(shop.number, buyer.address), headers);
    expect(status, JSON.stringify(body)).to.equal(200);
    await shop.expectOneKey(buyer.address);
  });

  it("T13 gives no key for a cancelled authorization, and says why", async () => {
    const buyer = await shared.api.market.newcomer();
    const { headers, transfer } = await shop.payerOf(buyer).prepare(shop.urlOf(shop.number, buyer.address));
    await shop.cancel(buyer, transfer.nonce);
    const answer = await shop.ask(shop.pathOf(shop.number, buyer.address), headers);
    const { details } = expectError(answer, "PAYMENT_FAILED", 402);
    expect(details.reason).to.equal("invalid_exact_evm_nonce_already_used");
    expect(await shop.holdings(buyer.address)).to.deep.equal({ keys: 0n, paid: 0n });
  });

  it("T17 takes a payment at its own listing alone: of five times five only the diagonal, by either scheme", async () => {
    const { market } = shared.api;
    const listings: bigint[] = [];
    for (let i = 1n; i <= 5n; i++) {
      listings.push(
        await market.list(shop.seller, { curveParams: curves.fixed.encode({ price: i * 40_000n }) }),
      );
    }
    for (const payerOf of [shop.payerOf, shop.boundPayerOf]) {
      const buyer = await market.newcomer();
      const payments = await Promise.all(
        listings.map((listing) => payerOf(buyer).prepare(shop.urlOf(listing, buyer.address))),
      );
      for (const [i, { headers }] of payments.entries()) {
        for (const [j, listing] of listings.entries()) {
          if (i === j) continue;
          const path = shop.pathOf(listing, buyer.address);
          const { details } = expectError(await shop.ask(path, headers), "PAYMENT_FAILED", 402);
          expect(details.reason).to.equal("invalid_payment_requirements");
        }
      }
      // Pretending to have accepted the dear offer does not help: the signature is over the cheap one.
      const [cheap, dear] = [payments[0], payments[4]];
      if (!cheap || !dear) throw new Error("There are five.");
      const forged = shop.payerOf(buyer).headerOf({ ...cheap.payload, accepted: dear.payload.accepted });
      const path = shop.pathOf(listings[4] as bigint, buyer.address);
      expectError(await shop.ask(path, forged), "PAYMENT_FAILED", 402);
      expect(await shop.holdings(buyer.address), "off the diagonal").to.deep.equal({ keys: 0n, paid: 0n });
      for (const [i, { headers }] of payments.entries()) {
        const { status, body } = await shop.ask(shop.pathOf(listings[i] as bigint, buyer.address), headers);
        expect(status, JSON.stringify(body)).to.equal(200);
        expect(body.ek_id).to.equal(shared.api.ekIdOf(listings[i] as bigint));
      }
      expect(await shop.holdings(buyer.address)).to.deep.equal({ keys: 5n, paid: 600_000n });
    }
  });

  it("gives a free key for the signature of its buyer over an amount of 0, and for nobody else's", async () => {
    const { market } = shared.api;
    const free = await market.list(shop.seller, { curveParams: curves.fixed.encode({ price: 0n }) });
    const { account: joined } = await market.join();
    for (const buyer of [await market.newcomer(), joined]) {
      const path = shop.pathOf(free, buyer.address);
      expectError(await shop.ask(path), "PAYMENT_REQUIRED", 402);
      const { headers, payload, required } = await shop
        .payerOf(buyer)
        .prepare(shop.urlOf(free, buyer.address));
      expect(required.accepts.map(({ scheme, amount }) => [scheme, amount])).to.deep.equal([["exact", "0"]]);
      const stranger = await market.newcomer();
      const foreign = await shop.payerOf(stranger).sign(required);
      const forged = shop.payerOf(buyer).headerOf({
        ...payload,
        payload: {
          ...payload.payload,
          signature: (foreign.payload.payload as { signature: string }).signature,
        },
      });
      const sent = await shop.relayed();
      for (const bad of [foreign.headers, forged])
        expectError(await shop.ask(path, bad), "PAYMENT_FAILED", 402);
      expect(await shop.relayed(), "T20 bad payloads cost no transaction").to.equal(sent);
      expect(await shop.keysOf(buyer.address)).to.equal(0n);
      const { status, body } = await shop.ask(path, headers);
      expect(status, JSON.stringify(body)).to.equal(200);
      expect(await shop.holdings(buyer.address)).to.deep.equal({ keys: 1n, paid: 0n });
    }
  });

  it("signs its offers and its receipt, which the stock functions verify as the relayer's", async () => {
    const { relayer } = await shared.api.get<{ relayer: { address: string } }>("/health");
    const buyer = await shared.api.market.newcomer();
    const url = shop.urlOf(shop.number, buyer.address);
    const { required, headers } = await shop.payerOf(buyer).prepare(url);
    const offers = extractOffersFromPaymentRequired(required) as EIP712SignedOffer[];
    expect(offers).to.have.length(required.accepts.length);
    for (const [i, signed] of offers.entries()) {
      const { signer, payload } = await verifyOfferSignatureEIP712(signed);
      expect(signer).to.equal(relayer.address);
      const { scheme, payTo, amount, asset, network } = required.accepts[i] ?? {};
      expect(payload).to.deep.include({ resourceUrl: url, scheme, payTo, amount, asset, network });
    }
    const response = await fetch(url, { method: "POST", headers });
    const { purchase } = oneStepResponseSchema.parse(await response.json());
    const receipt = extractReceiptFromResponse(response) as EIP712SignedReceipt;
    const { signer, payload } = await verifyReceiptSignatureEIP712(receipt);
    expect(signer).to.equal(relayer.address);
    expect(payload).to.deep.include({ resourceUrl: url, payer: buyer.address, transaction: purchase?.tx });
  });

  it("tells discovery how it is called: the stock extraction finds it in any payment", async () => {
    const buyer = await shared.api.market.newcomer();
    const { payload, headers } = await shop.payerOf(buyer).prepare(shop.urlOf(shop.number));
    const found = extractDiscoveryInfo(payload, payload.accepted) as DiscoveredHTTPResource;
    expect(found).to.deep.include({
      resourceUrl: shop.urlOf(shop.number),
      method: "POST",
      serviceName: "EK Exchange",
      mimeType: "application/json",
    });
    expect(found.discoveryInfo.input).to.deep.include({ type: "http", method: "POST", bodyType: "json" });
    // Node takes 16 KiB of headers; whoever pays sends all that was declared back.
    expect(headers["PAYMENT-SIGNATURE"]?.length).to.be.below(12_000);
  });
});
