import { randomUUID } from "node:crypto";
import { expect } from "chai";
import { curves } from "../../sdk/curves.ts";
import { expectError } from "./support/api.ts";
import { CENTS, PRICE, useCards } from "./support/use-cards.ts";

/** `ICatalog.Status.Paused`. */
const PAUSED = 2;

/*
POST /me/buy/purchase by card
├── given an agent and a listing     201: an intent at the provider over the quoted price in cents, rounded up; nothing is reserved yet
│   ├── and its holder confirms      the key is issued, then the money is taken, once
│   ├── and the bank declines        stays open, for another card
│   └── and its time is over         cancelled, Failed "expired"
├── with the same Idempotency-Key    the same payment; with another request under it, 422
├── below 50 cents, free, unknown    refused before anything is asked of the provider
├── no agent                         refused
├── above the cap, above the float   503, before a card is asked for money
└── and the contract says no later   price moved, version, paused, cap: the reservation is let go, Failed with the contract's reason
GET /me/payments/{id}                the buyer's alone
*/
describe("api: buying by card", () => {
  const shared = useCards();
  afterEach(() => shared.cards.fund());

  /** How often the provider was asked to make an intent. */
  const created = () => shared.cards.fake.calls.filter((call) => call === "POST /v1/payment_intents").length;

  it("invariant 4: reserves, issues, and only then takes the money", async () => {
    const { cards } = shared;
    const buyer = await cards.buyer();
    const { payment, id, intent } = await cards.ask(buyer);
    expect(payment).to.deep.include({
      ...{ rail: "card", state: "Open", ek_id: cards.api.ekIdOf(cards.number) },
      price: { amount: String(PRICE), currency: "tUSDC", token: cards.market.token },
    });
    expect(payment.charge).to.deep.equal({
      ...{ provider: "stripe", amount_cents: CENTS, currency: "usd", intent_id: intent },
      ...{ client_secret: `${intent}_secret_fake`, publishable_key: "pk_test_fake" },
    });
    expect(cards.fake.intentOf(intent)).to.deep.include({
      ...{ amount: CENTS, currency: "usd", capture_method: "manual" },
      metadata: { payment_id: id, ek_id: payment.ek_id, listing_id: payment.listing_id },
    });
    expect(await cards.keysOf(buyer.account.address)).to.equal(0n);

    let keysAtCapture = -1n;
    cards.fake.intercept(async ({ path }, answer) => {
      if (path.endsWith(`${intent}/capture`)) keysAtCapture = await cards.keysOf(buyer.account.address);
      return answer();
    });
    await cards.confirm(intent);
    const { purchase, charge } = await cards.until(buyer, id, "EKIssued");
    cards.fake.intercept();
    expect(keysAtCapture).to.equal(1n);
    expect(cards.fake.chargeOf(intent)).to.include({ amount_captured: CENTS, amount_refunded: 0 });
    expect(charge).not.to.have.property("client_secret");
    expect(purchase).to.deep.include({ status: "EKIssued", ek_id: payment.ek_id });
    expect(purchase?.buyer.eoa).to.equal(buyer.account.address);
    expect(purchase?.release_at).to.be.a("string");

    const steps = await cards.steps(intent);
    expect(steps.map(({ state }) => state)).to.deep.equal([
      "PaymentAuthorized",
      "PaymentConfirmed",
      "EKIssued",
    ]);
    const [event] = cards.fake.eventsOf(intent, "payment_intent.amount_capturable_updated");
    const held = { provider: "stripe", intent, charge: cards.fake.chargeOf(intent).id };
    expect(steps[1]?.evidence).to.deep.equal({ ...held, held_cents: CENTS, event: event?.id });
    expect(steps[2]?.evidence).to.deep.include({
      ...{ ...held, captured_cents: CENTS, tx: purchase?.tx, key_id: purchase?.key_id },
    });
  });

  it("T51 gives one payment for one Idempotency-Key, also in parallel", async () => {
    const { cards } = shared;
    const buyer = await cards.buyer();
    const key = randomUUID();
    const before = created();
    const answers = await Promise.all(Array.from({ length: 10 }, () => cards.ask(buyer, cards.number, key)));
    expect(new Set(answers.map(({ payment }) => JSON.stringify(payment))).size).to.equal(1);
    expect(cards.fake.eventsOf(answers[0]?.intent ?? "")).to.have.length(1);
    expect(created()).to.be.greaterThan(before);
    const { id, intent } = await cards.ask(buyer, cards.number, key);
    await cards.confirm(intent);
    await cards.until(buyer, id, "EKIssued");
    expect((await cards.ask(buyer, cards.number, key)).id).to.equal(id);
    expect(await cards.keysOf(buyer.account.address)).to.equal(1n);

    const other = await cards.post(buyer, await cards.listing(), key);
    expect(expectError(other, "INVALID_REQUEST", 422).details).to.deep.include({
      ...{ reason: "idempotency_key_reused", payment_id: id },
    });
    // Somebody else's key of the same name is another one.
    const stranger = await cards.buyer();
    expect((await cards.ask(stranger, cards.number, key)).id).not.to.equal(id);
  });

  it("T44 shows a payment to its buyer alone", async () => {
    const { cards } = shared;
    const buyer = await cards.buyer();
    const { id } = await cards.ask(buyer);
    const stranger = await cards.buyer();
    for (const path of [id, randomUUID(), "1", "' or true --"]) {
      const path_ = `/me/payments/${encodeURIComponent(path)}`;
      expectError(await cards.api.ask(path_, { token: stranger.token }), "NOT_FOUND", 404);
    }
    expectError(await cards.api.ask(`/me/payments/${id}`), "INVALID_SIGNATURE", 401);
  });

  it("stays open after a decline, for another card", async () => {
    const { cards } = shared;
    const buyer = await cards.buyer();
    const { id, intent } = await cards.ask(buyer);
    expect(cards.fake.confirm(intent, "pm_card_chargeDeclined").status).to.equal(402);
    await cards.deliver(...cards.fake.eventsOf(intent));
    expect((await cards.state(buyer, id)).state).to.equal("Open");
    await cards.confirm(intent);
    await cards.until(buyer, id, "EKIssued");
  });

  it("refuses what a card can't pay, before anything is asked of the provider", async () => {
    const { cards } = shared;
    const buyer = await cards.buyer();
    const before = created();
    const small = await cards.post(buyer, await cards.listing(490_000n));
    expect(expectError(small, "LISTING_CONFLICT", 409).details).to.deep.include({
      ...{ reason: "below_card_minimum", cents: 49, minimum_cents: 50 },
    });
    const free = await cards.post(buyer, await cards.listing(0n));
    expect(expectError(free, "LISTING_CONFLICT", 409).details.reason).to.equal("free");
    expectError(await cards.post(buyer, 999_999n), "EK_NOT_FOUND", 404);
    const newcomer = await cards.market.newcomer();
    const token = await cards.api.signIn(newcomer);
    expectError(await cards.post({ token }), "INVALID_EOA", 409);
    expect(created()).to.equal(before);
  });

  it("T28 refuses before a card is asked for money what the day's cap or the float does not cover", async () => {
    const { cards } = shared;
    const buyer = await cards.buyer();
    const { client, contracts, token } = cards.market;
    const [spent] = await client.readContract({
      ...{ ...contracts.cards, functionName: "spentToday", args: [token] },
    });
    const before = created();
    await cards.fund(undefined, spent + PRICE - 1n);
    const capped = expectError(await cards.post(buyer), "SERVICE_UNAVAILABLE", 503);
    expect(capped.details).to.deep.include({ reason: "card_daily_cap", price: String(PRICE) });
    await cards.fund();
    const dear = (await cards.balanceOf(contracts.cards.address)) + 1n;
    await cards.fund(undefined, 10n * dear);
    const uncovered = expectError(
      await cards.post(buyer, await cards.listing(dear)),
      "SERVICE_UNAVAILABLE",
      503,
    );
    expect(uncovered.details.reason).to.equal("card_float");
    await cards.fund();
    expect(created()).to.equal(before);
  });

  const refusals: [name: string, reason: string, change: (ekId: bigint) => Promise<unknown>][] = [
    [
      "the version moved",
      "VersionMismatch",
      (ekId) => shared.cards.market.update(shared.cards.seller, ekId, {}),
    ],
    [
      "the listing is paused",
      "ListingNotActive",
      (ekId) => {
        const { market, seller } = shared.cards;
        return market.send(seller, market.contracts.catalog, "setStatus", [ekId, PAUSED]);
      },
    ],
    ["the day's cap is reached meanwhile", "DailyCapExceeded", () => shared.cards.fund(undefined, 0n)],
  ];
  for (const [name, reason, change] of refusals) {
    it(`invariant 4: lets the money go where ${name}`, async () => {
      const { cards } = shared;
      const buyer = await cards.buyer();
      const ekId = await cards.listing();
      const { id, intent } = await cards.ask(buyer, ekId);
      await change(ekId);
      await cards.confirm(intent);
      const failed = await cards.until(buyer, id, "Failed");
      await cards.fund();
      expect(failed).to.deep.include({ reason });
      expect(cards.fake.intentOf(intent)).to.include({ status: "canceled", amount_received: 0 });
      expect(await cards.keysOf(buyer.account.address)).to.equal(0n);
      expect((await cards.steps(intent)).map(({ state }) => state)).to.deep.equal([
        "PaymentAuthorized",
        "PaymentConfirmed",
        "Failed",
      ]);
    });
  }

  it("cancels what nobody confirmed in time", async () => {
    const { cards } = shared;
    const buyer = await cards.buyer();
    const { id, intent } = await cards.ask(buyer);
    await cards.tables`update card_purchases set expires_at = now(), look_at = now() where id = ${id}`;
    expect(await cards.until(buyer, id, "Failed")).to.deep.include({ reason: "expired" });
    for (let i = 0; cards.fake.intentOf(intent).status !== "canceled" && i < 100; i++)
      await new Promise((resolve) => setTimeout(resolve, 50));
    expect(cards.fake.intentOf(intent).status).to.equal("canceled");
  });

  it("takes no more than the key cost, where the price fell meanwhile", async () => {
    const { cards } = shared;
    const { market, seller } = cards;
    const ekId = await market.list(seller, {
      curve: market.deployment.curves.linear,
      curveParams: curves.linear.encode({ base: 1_000_000n, slope: 500_000n, max: 9_000_000n }),
      refundWindow: 3_600,
    });
    const first = await market.join();
    const { keyId } = await market.buy(first.account, ekId);
    const buyer = await cards.buyer();
    const { id, intent, payment } = await cards.ask(buyer, ekId);
    expect(payment.charge.amount_cents).to.equal(150);
    await market.send(seller, market.contracts.exchange, "refund", [keyId]);
    await cards.confirm(intent);
    const { purchase } = await cards.until(buyer, id, "EKIssued");
    expect(purchase?.price.amount).to.equal("1000000");
    expect(cards.fake.chargeOf(intent).amount_captured).to.equal(100);
  });
});
