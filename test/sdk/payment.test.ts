/**
 * buy
 * ├── given a quote that is not this listing's, this buyer's, or whose till is another address   nothing is signed (T17)
 * ├── given a price above the maximum, or no maximum                                             nothing is signed
 * ├── given a 402 that asks for anything but the quote                                           nothing is signed
 * └── given a good one   signs once, pays, answers the purchase
 *     └── when the answer is lost   sends the same payment again (T18)
 *         └── when it stays lost    PAYMENT_PENDING, and resume asks with the same payment
 */
import { decodePaymentSignatureHeader } from "@x402/core/http";
import { expect } from "chai";
import { createExchange } from "../../sdk/client.ts";
import { type PendingPayment, payQuote } from "../../sdk/payment.ts";
import type { QuoteResponse } from "../../sdk/wire/listing.ts";
import {
  CHAIN_ID,
  contracts,
  countingWallet,
  health,
  type Offer,
  offerFor,
  PRICE,
  paymentRequired,
  paymentsIn,
  purchase,
  quoteFor,
  signInRoutes,
} from "./support/exchange.ts";
import { failure } from "./support/failure.ts";
import { type Answer, apiError, type Received, type Routes, useServer } from "./support/server.ts";

const PAY = `POST /quotes/0x${"e".repeat(64)}/pay`;

describe("client: buy", () => {
  const server = useServer();
  let wallet: ReturnType<typeof countingWallet>;
  let quote: QuoteResponse;

  beforeEach(() => {
    wallet = countingWallet();
    quote = quoteFor(wallet.address);
  });

  /** An exchange that sells the quote; `settle` answers requests with a payment. */
  const selling = (
    settle: (request: Received) => Answer,
    offers: () => Offer[] = () => [offerFor(quote)],
  ): Routes => ({
    "GET /health": () => ({ body: health() }),
    "POST /listings/ek_31337_1/quote": () => ({ body: quote }),
    [PAY]: (request) => (request.headers["payment-signature"] ? settle(request) : paymentRequired(offers())),
  });
  const sold = () => ({ body: purchase(wallet.address) });
  const exchange = (maxPrice?: bigint) =>
    createExchange({ url: server.url, wallet, ...(maxPrice === undefined ? {} : { maxPrice }) });

  it("pays the quote's price to the quote's till by the stock client, and answers the purchase", async () => {
    server.routes = selling(sold);
    const answer = await exchange().buy("ek_31337_1", { maxPrice: PRICE });
    expect(answer).to.deep.equal(purchase(wallet.address));

    const [header] = paymentsIn(server.received);
    const payment = decodePaymentSignatureHeader(header ?? "");
    expect(payment.x402Version).to.equal(2);
    expect(payment.payload.authorization).to.deep.include({
      from: wallet.address,
      to: quote.till,
      value: String(PRICE),
    });
    expect(wallet.signed).to.have.length(1);
    expect((wallet.signed[0] as { primaryType: string }).primaryType).to.equal("TransferWithAuthorization");
    expect(server.received[1]?.body).to.deep.equal({ buyer: wallet.address });
  });

  it("takes the client's maximum where buy says none", async () => {
    server.routes = selling(sold);
    expect((await exchange(PRICE).buy("ek_31337_1")).key_id).to.equal("key_31337_1_2_0");
  });

  it("claims what is free, and pays nothing", async () => {
    server.routes = {
      ...signInRoutes(server),
      ...selling(sold),
      "POST /listings/ek_31337_1/quote": () =>
        apiError(409, "LISTING_CONFLICT", { details: { reason: "free" } }),
      "POST /me/buy/purchase": sold,
    };
    expect(await exchange().buy("ek_31337_1")).to.deep.equal(purchase(wallet.address));
    expect(server.received.at(-1)?.body).to.deep.equal({
      ek_id: "ek_31337_1",
      payment_method: { type: "free" },
    });
    expect(paymentsIn(server.received)).to.deep.equal([]);
  });

  describe("the price", () => {
    it("is nothing that is paid unasked: without a maximum nothing is signed", async () => {
      server.routes = selling(sold);
      const error = await failure(exchange().buy("ek_31337_1"));
      expect(error.code).to.equal("INVALID_REQUEST");
      expect(error.message).to.equal(
        "It costs 0.25 tUSDC (250000 units), and no maximum price was given. Nothing was paid.",
      );
      expect(error.hint).to.include("buy(ekId, { maxPrice: 250000n })");
      expect(wallet.signed).to.deep.equal([]);
    });

    it("is not paid above the maximum, be it buy's or the client's", async () => {
      server.routes = selling(sold);
      for (const attempt of [
        exchange().buy("ek_31337_1", { maxPrice: PRICE - 1n }),
        exchange(PRICE - 1n).buy("ek_31337_1"),
        exchange(PRICE).buy("ek_31337_1", { maxPrice: 0n }),
      ]) {
        const error = await failure(attempt);
        expect(error.code).to.equal("PAYMENT_REQUIRED");
        expect(error.details).to.include({ price: String(PRICE) });
      }
      expect(wallet.signed).to.deep.equal([]);
      expect(paymentsIn(server.received)).to.deep.equal([]);
    });
  });

  describe("T17 a quote that does not hold", () => {
    const other = `0x${"d".repeat(40)}`;
    const tamper: [field: string, change: (quote: QuoteResponse) => QuoteResponse][] = [
      ["till", (q) => ({ ...q, till: other })],
      ["till", (q) => ({ ...q, quote: { ...q.quote, salt: `0x${"1".repeat(64)}` } })],
      ["till", (q) => ({ ...q, quote: { ...q.quote, version: 2 } })],
      ["till", (q) => ({ ...q, quote: { ...q.quote, deadline: "1" } })],
      ["listing", () => quoteFor(wallet.address, { ekId: "2" })],
      ["buyer", () => quoteFor(other as `0x${string}`)],
      ["price", (q) => ({ ...q, price: { ...q.price, amount: "1" } })],
      ["token", (q) => ({ ...q, price: { ...q.price, token: other } })],
    ];
    for (const [field, change] of tamper) {
      it(`by its ${field} is not paid: ${change.toString().replace(/\s+/g, " ")}`, async () => {
        quote = change(quote);
        server.routes = selling(sold);
        const error = await failure(exchange(10n ** 18n).buy("ek_31337_1"));
        expect(error.code).to.equal("PAYMENT_FAILED");
        expect(error.message).to.match(new RegExp(`^The quote's ${field} is .*Nothing was signed\\.$`));
        expect(wallet.signed).to.deep.equal([]);
      });
    }

    it("is not paid when its till is one of another exchange or chain", async () => {
      for (const lie of [{ chain_id: 1 }, { contracts: { ...contracts, Tills: other } }]) {
        server.routes = { ...selling(sold), "GET /health": () => ({ body: health(lie) }) };
        expect((await failure(exchange(PRICE).buy("ek_31337_1"))).message).to.include("The quote's till is");
      }
      expect(wallet.signed).to.deep.equal([]);
    });
  });

  describe("T17 a 402 that asks for something else", () => {
    const other = `0x${"d".repeat(40)}`;
    const lies: [what: string, changes: Partial<Offer>][] = [
      ["another payee", { payTo: other }],
      ["more money", { amount: String(PRICE + 1n) }],
      ["less money", { amount: "1" }],
      ["another token", { asset: other }],
      ["another chain", { network: "eip155:1" }],
      ["another scheme", { scheme: "upto" }],
      [
        "a Permit2 approval",
        { extra: { name: "Test USD Coin", version: "1", assetTransferMethod: "permit2" } },
      ],
      ["a payment that stays good for a day", { maxTimeoutSeconds: 86_400 }],
      ["no address", { payTo: "till" }],
    ];
    for (const [what, changes] of lies) {
      it(`is not paid: ${what}`, async () => {
        server.routes = selling(sold, () => [offerFor(quote, changes)]);
        const error = await failure(exchange(10n ** 18n).buy("ek_31337_1"));
        expect(error.code).to.equal("PAYMENT_FAILED");
        expect(error.message).to.include("The payment was not made");
        expect(wallet.signed).to.deep.equal([]);
        expect(paymentsIn(server.received)).to.deep.equal([]);
      });
    }

    it("is passed over when the right one stands beside it", async () => {
      server.routes = selling(sold, () => [offerFor(quote, { payTo: other }), offerFor(quote)]);
      await exchange(PRICE).buy("ek_31337_1");
      expect(wallet.signed).to.have.length(1);
    });
  });

  it("tells the exchange's refusal of a payment as it is", async () => {
    server.routes = selling(() => apiError(402, "PAYMENT_FAILED", { message: "The wallet has 0." }));
    const error = await failure(exchange(PRICE).buy("ek_31337_1"));
    expect(error).to.include({ code: "PAYMENT_FAILED", message: "The wallet has 0.", requestId: "req_1" });
    expect(paymentsIn(server.received)).to.have.length(1);
  });

  it("signs nothing when the exchange can't be reached for the 402", async () => {
    server.routes = { ...selling(sold), [PAY]: () => ({ breakOff: 0 }) };
    expect((await failure(exchange(PRICE).buy("ek_31337_1"))).code).to.equal("SERVICE_UNAVAILABLE");
    expect(wallet.signed).to.deep.equal([]);
  });

  describe("T18 a lost answer", () => {
    const losses: [what: string, answer: Answer][] = [
      ["no answer", { breakOff: 0 }],
      ["half an answer", { body: purchase("0x"), breakOff: 20 }],
      ["202 PAYMENT_PENDING", apiError(202, "PAYMENT_PENDING")],
      ["500", apiError(500, "INTERNAL_ERROR")],
      ["503", apiError(503, "SERVICE_UNAVAILABLE")],
      ["429", apiError(429, "RATE_LIMITED")],
      ["a proxy's 504", { status: 504, bytes: "timeout" }],
    ];
    for (const [what, loss] of losses) {
      it(`is asked for again with the same payment: ${what}`, async () => {
        let times = 0;
        server.routes = selling(() => (++times <= 2 ? loss : sold()));
        expect(await exchange(PRICE).buy("ek_31337_1")).to.deep.equal(purchase(wallet.address));
        const payments = paymentsIn(server.received);
        expect(payments).to.have.length(3);
        expect(new Set(payments).size).to.equal(1);
        expect(wallet.signed).to.have.length(1);
      });
    }

    it("that stays lost is PAYMENT_PENDING, and resume asks with the same payment", async () => {
      let up = false;
      server.routes = selling(() =>
        up ? sold() : apiError(503, "SERVICE_UNAVAILABLE", { message: "Chain down." }),
      );
      const { quote: struct } = quote;
      const error = await failure(
        payQuote({
          server: { url: server.url, fetch: globalThis.fetch, unreachable: "SERVICE_UNAVAILABLE" },
          signer: wallet,
          chainId: CHAIN_ID,
          quote: {
            ...struct,
            ekId: BigInt(struct.ekId),
            buyer: wallet.address,
            token: struct.token as `0x${string}`,
            maxPrice: BigInt(struct.maxPrice),
            deadline: BigInt(struct.deadline),
            salt: struct.salt as `0x${string}`,
          },
          response: quote,
          retryDelays: [1, 2],
        }),
      );
      expect(error).to.include({ code: "PAYMENT_PENDING", requestId: "req_1" });
      expect(error.message).to.equal("The payment was sent and its outcome is not known: Chain down.");
      expect(error.hint).to.include("Do not pay again");

      up = true;
      expect(await exchange().resume(error.details.pending as PendingPayment)).to.deep.equal(
        purchase(wallet.address),
      );
      const payments = paymentsIn(server.received);
      expect(payments).to.have.length(4);
      expect(new Set(payments).size).to.equal(1);
      expect(wallet.signed).to.have.length(1);
    });
  });
});
