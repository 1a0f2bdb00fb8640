import { expect } from "chai";
import { curves } from "../../sdk/curves.ts";
import { type PurchaseResponse, purchaseResponseSchema, type QuoteState } from "../../sdk/wire/purchase.ts";
import { expectError } from "./support/api.ts";
import { createPaying, offerOf, type Paying, PRICE } from "./support/paying.ts";
import { useApi } from "./support/use-api.ts";
import { receiptOf, requiredOf } from "./support/x402.ts";

/*
POST /quotes/{id}/pay
├── nothing in the request      402 before any look at it; the offer is the quote, for no longer than it lives
├── paid by the stock client    key, money, points and answer, in one transaction
├── paid again                  the same answer, no second key, no second transaction
├── 20 times at once            one key
├── for another                 the quote's buyer gets the key
└── price moved, listing paused 409; nothing is paid, or the answer says how it comes back
*/
describe("api: paying", () => {
  const shared = useApi();
  let paying: Paying;

  before(async () => {
    paying = await createPaying(shared.api);
  });

  it("answers an empty request with its 402, whatever else is in it", async () => {
    const { quote } = await paying.quoted();
    const asked = Date.now();
    const plain = await paying.post(quote.pay_url);
    expectError(plain, "PAYMENT_REQUIRED", 402);
    const [offer] = requiredOf(plain.headers)?.accepts ?? [];
    expect(offer).to.deep.include({
      scheme: "exact",
      network: "eip155:31337",
      amount: String(PRICE),
      asset: shared.api.market.token,
      payTo: quote.till,
    });
    expect(offer?.extra).to.include({ name: "Test USD Coin", version: "1" });
    expect(offer?.maxTimeoutSeconds).to.be.within(1, (Date.parse(quote.expires_at) - asked) / 1000);
    for (const body of ["{", "<html>", ""]) {
      const odd = await fetch(quote.pay_url, {
        method: "POST",
        body,
        headers: { "content-type": "application/json" },
      });
      expect(odd.status).to.equal(402);
      await odd.body?.cancel();
    }
  });

  it("knows no quote that it did not give", async () => {
    expectError(await paying.post(`/quotes/0x${"ab".repeat(32)}/pay`), "NOT_FOUND", 404);
    expectError(await paying.post("/quotes/..%2f/pay"), "NOT_FOUND", 404);
    expectError(await shared.api.ask(`/quotes/0x${"ab".repeat(32)}`), "NOT_FOUND", 404);
  });

  it("sells a key to the stock client: money and key in one transaction", async () => {
    const { buyer, quote, payer } = await paying.quoted();
    const { client, contracts, token } = shared.api.market;
    const credit = async () => {
      const { registry, exchange } = contracts;
      const sellerId = await client.readContract({
        ...registry,
        functionName: "agentOf",
        args: [paying.seller.address],
      });
      return client.readContract({ ...exchange, functionName: "creditOf", args: [sellerId, token] });
    };
    const before = await credit();
    const response = await payer.fetch(quote.pay_url, { method: "POST" });
    expect(response.status).to.equal(200);
    const purchase = purchaseResponseSchema.parse(await response.json());
    expect(purchase).to.deep.include({
      ek_id: paying.ekId,
      status: "EKIssued",
      price: { amount: "250000", currency: "tUSDC", token },
      points_awarded: { seller: 2, buyer: 1 },
    });
    expect(purchase.buyer.eoa).to.equal(buyer.address);
    expect(receiptOf(response.headers)).to.deep.include({
      success: true,
      transaction: purchase.tx,
      network: "eip155:31337",
      payer: buyer.address,
    });
    await paying.expectOneKey(buyer.address);
    expect((await credit()) - before).to.equal(PRICE);
    const state = await shared.api.get<QuoteState>(`/quotes/${quote.quote_id}`);
    expect(state).to.deep.include({ state: "issued", tx: purchase.tx, purchase });
  });

  it("T14 answers a replayed payment, and any other request for a paid quote, with the same purchase", async () => {
    const { buyer, quote, payer } = await paying.quoted();
    const { headers } = await payer.prepare(quote.pay_url);
    const first = await paying.post(quote.pay_url, headers);
    expect(first.status, JSON.stringify(first.body)).to.equal(200);
    const sent = await paying.relayed();
    const second = await payer.sign(offerOf(quote));
    for (const again of [headers, headers, {}, second.headers]) {
      const answer = await paying.post(quote.pay_url, again);
      expect(answer.status).to.equal(200);
      expect(answer.body).to.deep.equal(first.body);
      expect(receiptOf(answer.headers)?.transaction).to.equal(first.body.tx);
    }
    expect(await paying.relayed(), "no second transaction").to.equal(sent);
    await paying.expectOneKey(buyer.address);
  });

  it("T14 makes one key of 20 parallel requests with one payment", async () => {
    const { buyer, quote, payer } = await paying.quoted();
    const { headers } = await payer.prepare(quote.pay_url);
    const sent = await paying.relayed();
    const answers = await Promise.all(Array.from({ length: 20 }, () => paying.post(quote.pay_url, headers)));
    expect(answers.map(({ status }) => status)).to.deep.equal(Array(20).fill(200));
    expect(new Set(answers.map(({ body }) => body.key_id)).size).to.equal(1);
    expect((await paying.relayed()) - sent, "one transaction").to.equal(1);
    await paying.expectOneKey(buyer.address);
  });

  it("T14 takes one of two payments for one quote", async () => {
    const { buyer, quote, payer } = await paying.quoted();
    const { headers } = await payer.prepare(quote.pay_url);
    const other = await payer.sign(offerOf(quote));
    const answers = await Promise.all([
      paying.post(quote.pay_url, headers),
      paying.post(quote.pay_url, other.headers),
    ]);
    for (const { status, body } of answers) expect(status, JSON.stringify(body)).to.equal(200);
    await paying.expectOneKey(buyer.address);
  });

  it("takes a payment for another's key: it goes to the quote's buyer", async () => {
    const { buyer, quote } = await paying.quoted(paying.number, { joined: true });
    const patron = await shared.api.market.newcomer();
    const response = await paying.payerOf(patron).fetch(quote.pay_url, { method: "POST" });
    expect(response.status).to.equal(200);
    expect(((await response.json()) as PurchaseResponse).buyer.eoa).to.equal(buyer.address);
    expect(await paying.holdings(buyer.address)).to.deep.equal({ keys: 1n, paid: 0n });
    expect(await paying.holdings(patron.address)).to.deep.equal({ keys: 0n, paid: PRICE });
  });

  it("answers 409 when the price moved above the quote, and nothing is paid", async () => {
    const { market, ekIdOf } = shared.api;
    const rising = await market.list(paying.seller, {
      curve: shared.api.run.deployment.curves.linear,
      curveParams: curves.linear.encode({ base: 100_000n, slope: 50_000n, max: 1_000_000n }),
    });
    const { buyer, quote, payer } = await paying.quoted(rising);
    const { headers } = await payer.prepare(quote.pay_url);
    await market.buy(await market.newcomer(), rising);
    for (const sent of [headers, {}]) {
      const { details } = expectError(await paying.post(quote.pay_url, sent), "LISTING_CONFLICT", 409);
      expect(details).to.include({ reason: "price_moved", cost: "150000", maximum: "100000" });
    }
    expect(await paying.holdings(buyer.address)).to.deep.equal({ keys: 0n, paid: 0n });
    const next = await shared.api.quote(ekIdOf(rising), buyer.address);
    expect(next.price.amount).to.equal("150000");
    expect((await payer.fetch(next.pay_url, { method: "POST" })).status).to.equal(200);
  });

  it("answers 409 for a listing that was paused, with the way back for money that is in the till", async () => {
    const { market } = shared.api;
    const number = await market.list(paying.seller);
    const { quote, payer } = await paying.quoted(number);
    const { headers, transfer } = await payer.prepare(quote.pay_url);
    await paying.submitTransfer(transfer);
    await market.send(paying.seller, market.contracts.catalog, "setStatus", [number, 2]);
    const { details } = expectError(await paying.post(quote.pay_url, headers), "LISTING_CONFLICT", 409);
    expect(details.reason).to.equal("not_active");
    expect(details.refund).to.deep.include({ amount: String(PRICE), function: "refundTill(quote, token)" });
    const state = await shared.api.get<QuoteState>(`/quotes/${quote.quote_id}`);
    expect(state).to.include({ state: "unavailable", reason: "not_active" });
  });
});
