import { expect } from "chai";
import { joinTokenId, keyId } from "../../sdk/ids.ts";
import type { CardPayment } from "../../sdk/wire/card.ts";
import type { FakeIntent } from "../support/fake-stripe-account.ts";
import { type Buyer, PRICE, useCards } from "./support/use-cards.ts";

/*
The way back of a payment by card
├── the bank lets the reservation go before it is taken   the key is burnt, Refunded, nothing was taken
├── refunded at the provider, in full                     the key is burnt, Refunded
│   └── in part                                           the key stays: a present of the operator's
├── disputed                                              the key is burnt at once, Disputed
│   ├── and lost                                          Refunded: the bank has paid back
│   └── and won                                           Refunded: what is with us goes back, as the key is gone
├── refunded by the seller, on chain                      the card is paid back, Refunded
└── at every stage                                        the float has back what the escrow held: paid out ≤ cleared
*/
describe("api: refunds and disputes of cards", () => {
  const shared = useCards();

  const float = () => shared.cards.balanceOf(shared.cards.market.contracts.cards.address);

  /** No key, no money of the holder's here, none of ours gone. */
  async function expectUndone(buyer: Buyer, floatBefore: bigint) {
    expect(await shared.cards.keysOf(buyer.account.address)).to.equal(0n);
    expect(await float()).to.equal(floatBefore);
  }

  const hear = async (intent: string, type: string) =>
    shared.cards.deliver(...shared.cards.fake.eventsOf(intent, type));

  const endsOf = async (intent: string) =>
    (await shared.cards.steps(intent)).map(({ state }) => state).slice(2);

  it("T29 invariant 4: burns the key where the bank lets the reservation go before it is taken", async () => {
    const { cards } = shared;
    const buyer = await cards.buyer();
    const before = await float();
    const { id, intent } = await cards.ask(buyer);
    cards.fake.intercept(({ path }, answer) => {
      if (path.endsWith(`${intent}/capture`)) cards.fake.expire(intent);
      return answer();
    });
    await cards.confirm(intent);
    await cards.until(buyer, id, "Refunded");
    cards.fake.intercept();
    expect(cards.fake.chargeOf(intent).amount_captured).to.equal(0);
    await expectUndone(buyer, before);
  });

  it("T29 invariant 4: burns the key of a charge that the operator refunded", async () => {
    const { cards } = shared;
    const buyer = await cards.buyer();
    const before = await float();
    const { id, intent } = await cards.bought(buyer);
    expect(await float()).to.equal(before - PRICE);
    cards.fake.refund(intent);
    await hear(intent, "charge.refunded");
    await cards.until(buyer, id, "Refunded");
    await expectUndone(buyer, before);
    expect(await endsOf(intent)).to.deep.equal(["EKIssued", "Refunded"]);
  });

  it("leaves the key where only a part was refunded", async () => {
    const { cards } = shared;
    const buyer = await cards.buyer();
    const { id, intent } = await cards.bought(buyer);
    cards.fake.refund(intent, 100);
    await hear(intent, "charge.refunded");
    // Whatever comes after it finds it seen.
    cards.fake.refund(intent, 1);
    await hear(intent, "charge.refunded");
    expect((await cards.state(buyer, id)).state).to.equal("EKIssued");
    expect(await cards.keysOf(buyer.account.address)).to.equal(1n);
  });

  for (const [outcome, refunded] of [
    ["lost", 0],
    ["won", 251],
    ["warning_closed", 251],
  ] as const) {
    it(`T29 burns the key of a disputed charge at once, and keeps no money when the dispute ends ${outcome}`, async () => {
      const { cards } = shared;
      const buyer = await cards.buyer();
      const before = await float();
      const { id, intent } = await cards.bought(buyer);
      await cards.deliver(cards.fake.dispute(intent));
      await cards.until(buyer, id, "Disputed");
      await expectUndone(buyer, before);
      await cards.deliver(cards.fake.closeDispute(intent, outcome));
      await cards.until(buyer, id, "Refunded");
      expect(cards.fake.chargeOf(intent).amount_refunded).to.equal(refunded);
      await expectUndone(buyer, before);
      expect(await endsOf(intent)).to.deep.equal(["EKIssued", "Disputed", "Refunded"]);
    });
  }

  it("T29 invariant 4: pays the card back where the seller refunds the order on chain", async () => {
    const { cards } = shared;
    const buyer = await cards.buyer();
    const before = await float();
    const { id, intent, purchase } = await cards.bought(buyer);
    const tokenId = joinTokenId(keyId.parse(purchase.key_id));
    await cards.market.send(cards.seller, cards.market.contracts.exchange, "refund", [tokenId]);
    expect(await cards.keysOf(buyer.account.address)).to.equal(0n);
    await cards.until(buyer, id, "Refunded");
    expect(cards.fake.chargeOf(intent)).to.include({ refunded: true, amount_refunded: 251 });
    await expectUndone(buyer, before);
  });

  it("T29 whatever is asked back, and when: the escrow's money comes back before any is paid out", async () => {
    const { cards } = shared;
    const { fake, market } = cards;
    /** At which step the trouble comes, by the fake's own calls. */
    const stages: [name: string, trouble: (intent: string) => void, end: CardPayment["state"]][] = [
      ["confirmed, then cancelled in the dashboard", (intent) => void fake.expire(intent), "Failed"],
      [
        "taken by hand, then disputed",
        (intent) => {
          captureByHand(fake.intentOf(intent));
          fake.dispute(intent);
        },
        "Disputed",
      ],
      [
        "taken by hand, then refunded",
        (intent) => {
          captureByHand(fake.intentOf(intent));
          fake.refund(intent);
        },
        "Refunded",
      ],
    ];
    const captureByHand = (intent: FakeIntent) => {
      Object.assign(intent, { status: "succeeded", amount_received: intent.amount });
      Object.assign(fake.chargeOf(intent.id), { captured: true, amount_captured: intent.amount });
    };
    const sellerId = await market.client.readContract({
      ...{ ...market.contracts.registry, functionName: "agentOf", args: [cards.seller.address] },
    });
    const cleared = () =>
      market.client.readContract({
        ...{ ...market.contracts.exchange, functionName: "creditOf", args: [sellerId, market.token] },
      });
    const paidBefore = await cleared();
    for (const [name, trouble, end] of stages) {
      const buyer = await cards.buyer();
      const before = await float();
      const { id, intent } = await cards.ask(buyer);
      fake.confirm(intent);
      trouble(intent);
      await cards.deliver(...fake.eventsOf(intent));
      const { state } = await cards.until(buyer, id, end, "Failed");
      expect(["Failed", end], name).to.include(state);
      await expectUndone(buyer, before);
    }
    expect(await cleared()).to.equal(paidBefore);
  });
});
