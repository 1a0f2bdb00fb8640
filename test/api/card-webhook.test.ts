import { expect } from "chai";
import type { FakeEvent } from "../support/fake-stripe-account.ts";
import { createRandom } from "../support/random.ts";
import { expectError } from "./support/api.ts";
import { type Buyer, useCards } from "./support/use-cards.ts";

/*
POST /webhooks/stripe
├── signature missing, of another secret, of another body   400, nothing stored
├── signed more than 300 s ago, or ahead of the clock       400, nothing stored
├── an event that was stored                                200, changes nothing
├── an unknown kind, or of another account's payment        200, stored, changes nothing
└── an event of ours                                        200 once it is stored; what it says is not believed, the provider is asked
*/
describe("api: the card provider's webhook", () => {
  const shared = useCards();

  const authorized = async () => {
    const { cards } = shared;
    const buyer = await cards.buyer();
    const { id, intent } = await cards.ask(buyer);
    cards.fake.confirm(intent);
    const [event] = cards.fake.eventsOf(intent, "payment_intent.amount_capturable_updated");
    return { buyer, id, intent, event: event as FakeEvent };
  };

  const send = (body: string, signature?: string) =>
    shared.cards.api.ask("/webhooks/stripe", {
      body,
      headers: signature === undefined ? {} : { "stripe-signature": signature },
    });

  const isStored = async (event: FakeEvent) => {
    const rows = await shared.cards.tables`select 1 from card_events where event_id = ${event.id}`;
    return rows.length === 1;
  };

  const expectOneKey = async (buyer: Buyer, intent: string) => {
    const { cards } = shared;
    expect(await cards.keysOf(buyer.account.address)).to.equal(1n);
    expect(cards.fake.calls.filter((call) => call.endsWith(`${intent}/capture`))).to.have.length(1);
    expect((await cards.steps(intent)).map(({ state }) => state)).to.deep.equal([
      "PaymentAuthorized",
      "PaymentConfirmed",
      "EKIssued",
    ]);
  };

  it("T30 refuses a bad signature, a late one and one ahead of the clock, and stores nothing", async () => {
    const { fake } = shared.cards;
    const { buyer, id, intent, event } = await authorized();
    const body = JSON.stringify(event);
    const good = fake.sign(body);
    const bad: [name: string, body: string, signature: string | undefined][] = [
      ["none", body, undefined],
      ["empty", body, ""],
      ["no signature", body, `t=${Math.floor(Date.now() / 1000)}`],
      ["another secret", body, fake.sign(body, 0, "whsec_another")],
      ["another body", body.replace('"livemode":false', '"livemode":true'), good],
      ["a space more", `${body} `, good],
      ["no body", "", good],
      ["301 s late", body, fake.sign(body, 302)],
      ["ahead of the clock", body, fake.sign(body, -330)],
      ["another time", body, good.replace(/t=\d+/, `t=${Math.floor(Date.now() / 1000) + 1}`)],
      ["an older scheme", body, good.replace("v1=", "v0=")],
    ];
    for (const [name, payload, signature] of bad) {
      const answer = await send(payload, signature);
      expectError(answer, "INVALID_SIGNATURE", 400);
      expect(await isStored(event), name).to.equal(false);
    }
    expect((await shared.cards.state(buyer, id)).state).to.equal("Open");
    expect(await send(body, fake.sign(body, 290)).then(({ status }) => status)).to.equal(200);
    await shared.cards.until(buyer, id, "EKIssued");
    await expectOneKey(buyer, intent);
  });

  it("T30 invariant 5: gives one key for an event that comes 50 times at once", async () => {
    const { cards } = shared;
    const { buyer, id, intent, event } = await authorized();
    const statuses = await Promise.all(
      Array.from({ length: 50 }, () => cards.fake.deliver(cards.webhook, event)),
    );
    expect(new Set(statuses)).to.deep.equal(new Set([200]));
    await cards.until(buyer, id, "EKIssued");
    await cards.deliver(event);
    await expectOneKey(buyer, intent);
  });

  it("T30 invariant 5: ends alike in whatever order the events come, each of them twice", async () => {
    const { cards } = shared;
    for (let round = 0; round < 4; round++) {
      const { buyer, id, intent } = await authorized();
      const tail = [
        cards.fake.emit("payment_intent.succeeded", { ...cards.fake.intentOf(intent), status: "succeeded" }),
        cards.fake.emit("payment_intent.processing", cards.fake.intentOf(intent)),
      ];
      const events = [...cards.fake.eventsOf(intent)];
      expect(events).to.include.members(tail);
      const random = createRandom(round);
      const twice = [...events, ...events]
        .map((event) => ({ event, at: random.int(1_000_000) }))
        .sort((a, b) => a.at - b.at)
        .map(({ event }) => event);
      await Promise.all(twice.map((event) => cards.fake.deliver(cards.webhook, event)));
      await cards.until(buyer, id, "EKIssued");
      await expectOneKey(buyer, intent);
    }
  });

  it("T28 issues nothing for what only an event says", async () => {
    const { cards } = shared;
    const { fake } = cards;
    const buyer = await cards.buyer();
    const { id, intent } = await cards.ask(buyer);
    // Signed, and untrue: nobody has confirmed.
    const lie = fake.emit("payment_intent.amount_capturable_updated", {
      ...{ ...fake.intentOf(intent), status: "requires_capture", amount_capturable: 251 },
    });
    await cards.deliver(lie);
    // Of an intent that the account has, and this exchange never made; and one that names our payment for it.
    for (const metadata of [{}, { payment_id: id }, { payment_id: "no uuid" }]) {
      await cards.deliver(
        fake.emit("payment_intent.amount_capturable_updated", {
          ...{ id: "pi_foreign", object: "payment_intent", status: "requires_capture", metadata },
        }),
      );
    }
    // Less was reserved than was asked for.
    fake.intentOf(intent).amount = 50;
    await cards.confirm(intent);
    expect(await cards.until(buyer, id, "Failed")).to.deep.include({ reason: "amount_mismatch" });
    expect(fake.intentOf(intent).status).to.equal("canceled");
    expect(await cards.keysOf(buyer.account.address)).to.equal(0n);
  });

  it("stores and ignores what it does not know", async () => {
    const { cards } = shared;
    const odd: [type: string, object: Record<string, unknown>][] = [
      ["customer.created", { id: "cus_1", object: "customer" }],
      ["charge.refunded", { id: "ch_1", object: "charge", payment_intent: null }],
      ["payment_intent.succeeded", { id: "pi_of_another_shop", object: "payment_intent", metadata: {} }],
      ["tomorrow.kind", {}],
    ];
    for (const [type, object] of odd) {
      const event = cards.fake.emit(type, object);
      await cards.deliver(event, event);
      expect(await isStored(event), type).to.equal(true);
    }
  });
});
