/*
 * Points through the exchange itself (T31). A ring's members are all one owner's; its profit is what its accounts hold afterwards.
 * ├── rings with free listings        earn what caps and weights leave, and no money
 * ├── rings that pay each other       likewise; the fee is lost
 * ├── with oneself, by whichever EOA  nothing
 * ├── a free key pressed on somebody  nothing, when the seller calls
 * ├── a till that is refunded         nothing: no order was completed
 * └── beyond the handful              half, until a validator vouches for the Experience
 */
import { expect } from "chai";
import { loadFixture, time } from "./support/chain.ts";
import { eventOf, logsOf, reverts } from "./support/check.ts";
import { by, type Moa, type Person, people, STAKE } from "./support/deploy.ts";
import { fundBond, INPUT } from "./support/label.ts";
import {
  at,
  BUYER,
  balances,
  contentOf,
  deployMarket,
  FIXED,
  FREE,
  fund,
  PRICE,
  purchaseOf,
  quoteOf,
  rotate,
  SELLER,
  termsOf,
  VALIDATOR,
} from "./support/market.ts";
import { FIRST_POLICY, NOON, POINT, Reasons } from "./support/points.ts";

const CREW = Object.values(people).slice(2);

describe("threat T31: points", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    await time.increaseTo(NOON);
  });

  const idOf = ({ address }: Person) => moa.registry.read.agentOf([address]);
  const sum = (amounts: readonly bigint[]) => amounts.reduce((a, b) => a + b, 0n);
  const pointsOf = async (ring: readonly Person[]) =>
    sum(await Promise.all(ring.map(async (p) => moa.points.read.balanceOf([await idOf(p)]))));
  const claim = (buyer: Person, ekId: bigint) => moa.exchange.write.claim([ekId, 1, 0n], by(buyer));

  /** Each member lists at the price; every member then gets a key of every other's, `rounds` times. */
  async function trade(ring: readonly Person[], price: bigint, rounds: number) {
    const listings: { seller: Person; ekId: bigint }[] = [];
    for (const seller of ring) {
      await moa.usdc.write.approve([moa.exchange.address, 2n ** 255n], by(seller));
      await moa.catalog.write.list([0n, termsOf(moa, at(price)), contentOf()], by(seller));
      listings.push({ seller, ekId: await moa.catalog.read.listingCount() });
    }
    for (let round = 0; round < rounds; round++) {
      for (const { seller, ekId } of listings) {
        for (const buyer of ring.filter((member) => member !== seller)) {
          if (price === 0n) await claim(buyer, ekId);
          else await moa.exchange.write.buy([await purchaseOf(buyer, { ekId })], by(buyer));
        }
      }
    }
  }

  for (const size of [2, 3, 12]) {
    it(`a ring of ${size} with free listings earns what the caps leave, and no money`, async () => {
      const ring = CREW.slice(0, size);
      const before = sum(await balances(moa, ...ring));
      await trade(ring, 0n, size > 3 ? 1 : 4);
      const n = BigInt(size);
      const pairs = (n * (n - 1n)) / 2n;
      const earned = await pointsOf(ring);
      const perTrade = 3n * POINT;
      // Two or three members meet the pairs' cap. From a listing's sixth sale on the weight is half: that are two of the orders that
      // count among three members, and six of each of twelve members' eleven.
      const halved = { 2: 0n, 3: 2n, 12: 6n * n }[size] as bigint;
      const trades = size > 3 ? n * (n - 1n) : pairs * 5n;
      expect(earned).to.equal(trades * perTrade - halved * (perTrade / 2n));
      expect(earned <= pairs * BigInt(FIRST_POLICY.pairTradesPerDay) * perTrade).to.equal(true);
      expect(earned <= n * BigInt(FIRST_POLICY.agentPointsPerDay) * POINT).to.equal(true);
      expect(sum(await balances(moa, ...ring))).to.equal(before);
    });
  }

  it("a ring that pays each other earns no more, and loses the fee", async () => {
    await moa.exchange.write.setFee([500, VALIDATOR], by(people.admin));
    const ring = [people.buyer, people.rival];
    const before = sum(await balances(moa, ...ring));
    await trade(ring, PRICE, 4);
    for (const member of ring) {
      await moa.exchange.write.withdraw([await idOf(member), moa.usdc.address, member.address], by(member));
    }
    expect(await pointsOf(ring)).to.equal(5n * 3n * POINT);
    expect(before - sum(await balances(moa, ...ring))).to.equal((8n * PRICE) / 20n);
  });

  it("one agent earns nothing from itself, by its EOA of today or an old one's money", async () => {
    const withheld = async (payer: Person, recipient: Person, reasons: number) => {
      await moa.usdc.write.mint([payer.address, PRICE]);
      await moa.usdc.write.approve([moa.exchange.address, PRICE], by(payer));
      const call = moa.exchange.write.buy([await purchaseOf(recipient)], by(payer));
      expect(await eventOf(moa, call, "PointsLedger.PointsWithheld")).to.include({ reasons });
    };
    await withheld(people.seller, people.seller, Reasons.SELF_TRADE);
    await withheld(people.seller, people.buyer, Reasons.PAID_BY_SELLER);
    await rotate(moa, SELLER, people.seller, people.next);
    const former = moa.exchange.write.buy([await purchaseOf(people.buyer)], by(people.seller));
    await reverts(former, moa.registry, "AddressRetired", [people.seller.address, SELLER]);
    await withheld(people.next, people.buyer, Reasons.PAID_BY_SELLER);
    await withheld(people.next, people.next, Reasons.SELF_TRADE);
    await withheld(people.sponsor, people.next, Reasons.SELF_TRADE);
    expect(await moa.points.read.lifetimeOf([SELLER])).to.equal(0n);
    expect(await moa.points.read.lifetimeOf([BUYER])).to.equal(0n);
  });

  it("a free key that the seller presses on somebody earns nothing", async () => {
    const gift = await purchaseOf(people.buyer, { ekId: FREE });
    const call = moa.exchange.write.buy([gift], by(people.seller));
    const { reasons } = await eventOf(moa, call, "PointsLedger.PointsWithheld");
    expect(reasons).to.equal(Reasons.PAID_BY_SELLER);
  });

  it("nor one that it presses on somebody by a till", async () => {
    const quote = () => quoteOf(moa, people.buyer, { ekId: FREE });
    const finalize = async (who: Person) => moa.tills.write.finalizeTill([await quote()], by(who));
    const { reasons } = await eventOf(moa, finalize(people.seller), "PointsLedger.PointsWithheld");
    expect(reasons).to.equal(Reasons.PAID_BY_SELLER);
    await eventOf(moa, finalize(people.buyer), "PointsLedger.PointsAwarded");
  });

  it("ping-pong across midnight earns each day's cap and no more", async () => {
    const ring = [people.seller, people.buyer];
    await time.increaseTo(NOON + 43_200n - 600n);
    await trade(ring, 0n, 10);
    expect(await pointsOf(ring)).to.equal(15n * POINT);
    await time.increaseTo(NOON + 43_200n);
    await trade(ring, 0n, 10);
    expect(await pointsOf(ring)).to.equal(30n * POINT);
  });

  it("money that goes to a till and back earns nothing", async () => {
    const quote = await quoteOf(moa, people.buyer);
    for (let i = 0; i < 3; i++) await fund(moa, quote, PRICE, people.buyer);
    const logs = await logsOf(moa, moa.tills.write.refundTill([quote, moa.usdc.address], by(people.buyer)));
    expect(logs.map(([name]) => name).filter((name) => name.startsWith("PointsLedger"))).to.deep.equal([]);
    expect(await moa.points.read.lifetimeOf([SELLER])).to.equal(0n);
  });

  it("asks the labels once an Experience has sold its handful", async () => {
    const buyers = [people.buyer, people.validator, people.unit, people.newcomer, people.sponsor];
    for (const buyer of buyers) await claim(buyer, FREE);
    const next = () => eventOf(moa, claim(people.rival, FREE), "PointsLedger.PointsAwarded");
    const half = { sellerDelta: POINT, buyerDelta: POINT / 2n, reasons: Reasons.UNENDORSED };
    expect(await next()).to.include(half);
    const full = { sellerDelta: 2n * POINT, buyerDelta: POINT, reasons: 0 };
    const { validator } = people;
    await fundBond(moa, validator);
    await moa.labels.write.label([VALIDATOR, { ...INPUT, ekId: FREE }], by(validator));
    expect(await next(), "a label for which nobody risks anything").to.include(half);
    await moa.bonds.write.bond([VALIDATOR, STAKE], by(validator));
    expect(await next(), "a label on which the endorsement does not rest").to.include(half);
    await moa.labels.write.endorse([FREE, VALIDATOR], by(people.stranger));
    expect(await next()).to.include(full);
    await moa.bonds.write.unbond([VALIDATOR, 1n], by(validator));
    expect(await next(), "a bond below the stake").to.include(half);
    expect(await moa.labels.read.isEndorsed([FIXED])).to.equal(false);
  });
});
