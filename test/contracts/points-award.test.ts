/*
 * award(ekId, keyId, sellerId, buyerId, payer, sales)
 * ├── when not called by the exchange                  reverts NotExchange(caller)
 * ├── given an order that is excluded                  PointsWithheld with the reason, nothing counted
 * │   ├── seller and buyer are one agent               SELF_TRADE
 * │   ├── paid by an EOA that is or was the seller's   PAID_BY_SELLER
 * │   ├── one is the other's operator                  LINKED, from then on for ever
 * │   └── the pair's orders of the day are used up     PAIR_CAP
 * └── else                                             PointsAwarded with both balances after
 *     ├── sales above the handful, not endorsed        half, UNENDORSED
 *     ├── more than either may earn today              the rest of its cap, SELLER_CAP or BUYER_CAP
 *     └── neither may earn any more                    PointsWithheld with both
 */
import { expect } from "chai";
import type { Address } from "viem";
import { loadFixture, nextBlockAt, now, time } from "./support/chain.ts";
import { type Log, logsOf, reverts } from "./support/check.ts";
import { by, people } from "./support/deploy.ts";
import { Actions, BUYER, rotate, SELLER, VALIDATOR, ZERO } from "./support/market.ts";
import {
  award,
  deployLedger,
  EXCHANGE,
  FIRST_POLICY,
  type Ledger,
  NOON,
  type Order,
  POINT,
  pointsOf,
  Reasons,
} from "./support/points.ts";

const DAY = 86_400n;
const FOREVER = 2n ** 40n;

describe("PointsLedger.award", () => {
  let ledger: Ledger;
  beforeEach(async () => {
    ledger = await loadFixture(deployLedger);
    await time.increaseTo(NOON);
  });

  const order = (fields: Partial<Order> = {}): Order => ({
    ...{ ekId: 7n, keyId: 8n, sellerId: SELLER, buyerId: BUYER, payer: people.buyer.address, sales: 1n },
    ...fields,
  });
  const logs = (fields: Partial<Order> = {}) => logsOf(ledger.moa, award(ledger, order(fields)));
  const policy = (fields: Partial<Record<keyof typeof FIRST_POLICY, number>>) =>
    ledger.points.write.setPolicy([{ ...FIRST_POLICY, ...fields }], by(people.admin));

  const withheld = (reasons: number, fields: Partial<Order> = {}): Log[] => {
    const { ekId, keyId, sellerId, buyerId } = order(fields);
    return [["PointsLedger.PointsWithheld", { ekId, keyId, sellerId, buyerId, reasons }]];
  };
  /** The one event of an order that earned `deltas`, after which the two have `balances`. */
  const awarded = (
    [sellerDelta, buyerDelta]: readonly [bigint, bigint],
    [sellerBalance, buyerBalance]: readonly [bigint, bigint],
    reasons = 0,
    fields: Partial<Order> = {},
  ): Log[] => {
    const { ekId, keyId, sellerId, buyerId } = order(fields);
    const args = { ekId, keyId, sellerId, buyerId, sellerDelta, buyerDelta, sellerBalance, buyerBalance };
    return [["PointsLedger.PointsAwarded", { ...args, reasons }]];
  };

  it("is the exchange's alone", async () => {
    expect(await ledger.points.read.exchange()).to.equal(EXCHANGE.address);
    const call = award(ledger, order(), people.seller);
    await reverts(call, ledger.points, "NotExchange", [people.seller.address]);
  });

  it("gives the seller two points and the buyer one, in hundredths, again and again", async () => {
    expect(await ledger.points.read.decimals()).to.equal(2);
    for (const n of [1n, 2n, 3n]) {
      expect(await logs()).to.deep.equal(awarded([200n, 100n], [200n * n, 100n * n]));
    }
    const back = { sellerId: BUYER, buyerId: SELLER, payer: people.seller.address };
    expect(await logs(back)).to.deep.equal(awarded([200n, 100n], [500n, 700n], 0, back));
    expect(await pointsOf(ledger, SELLER)).to.deep.equal([700n, 700n]);
    expect(await pointsOf(ledger, BUYER)).to.deep.equal([500n, 500n]);
    expect(await ledger.points.read.earnedToday([SELLER])).to.equal(700n);
    expect(await ledger.points.read.pairOf([BUYER, SELLER])).to.deep.equal([4n, false]);
  });

  it("awards an order that nobody in particular paid, and one that a stranger paid", async () => {
    expect(await logs({ payer: ZERO })).to.deep.equal(awarded([200n, 100n], [200n, 100n]));
    const stranger = { payer: people.stranger.address };
    expect(await logs(stranger)).to.deep.equal(awarded([200n, 100n], [400n, 200n]));
  });

  it("T31 gives nothing for a trade with oneself", async () => {
    const self = { buyerId: SELLER };
    expect(await logs(self)).to.deep.equal(withheld(Reasons.SELF_TRADE, self));
    expect(await pointsOf(ledger, SELLER)).to.deep.equal([0n, 0n]);
  });

  it("T31 gives nothing for what the seller paid, from its EOA of today or of any time", async () => {
    const pays = (payer: Address) => logs({ payer });
    expect(await pays(people.seller.address)).to.deep.equal(withheld(Reasons.PAID_BY_SELLER));
    await rotate(ledger.moa, SELLER, people.seller, people.next);
    await rotate(ledger.moa, SELLER, people.next, people.afterNext);
    for (const { address } of [people.seller, people.next, people.afterNext]) {
      expect(await pays(address)).to.deep.equal(withheld(Reasons.PAID_BY_SELLER));
    }
    expect(await ledger.points.read.pairOf([SELLER, BUYER])).to.deep.equal([0n, false]);
    expect(await pays(people.buyer.address)).to.deep.equal(awarded([200n, 100n], [200n, 100n]));
  });

  for (const [who, granter, operator] of [
    ["the seller's operator buys", people.seller, people.buyer],
    ["the buyer's operator sells", people.buyer, people.seller],
  ] as const) {
    it(`T31 gives nothing when ${who}, and never again to the two`, async () => {
      const { registry } = ledger.moa;
      await registry.write.grant([operator.address, Actions.CLAIM, FOREVER], by(granter));
      expect(await registry.read.areLinked([SELLER, BUYER])).to.equal(true);
      expect(await registry.read.areLinked([BUYER, SELLER])).to.equal(true);
      expect(await logs()).to.deep.equal(withheld(Reasons.LINKED));
      expect(await ledger.points.read.pairOf([SELLER, BUYER])).to.deep.equal([0n, true]);
      await registry.write.revoke([operator.address], by(granter));
      expect(await registry.read.areLinked([SELLER, BUYER])).to.equal(false);
      await rotate(ledger.moa, SELLER, people.seller, people.next);
      await time.increase(DAY);
      expect(await logs()).to.deep.equal(withheld(Reasons.LINKED));
      const back = { sellerId: BUYER, buyerId: SELLER, payer: people.next.address };
      expect(await logs(back)).to.deep.equal(withheld(Reasons.LINKED, back));
      expect(await pointsOf(ledger, SELLER)).to.deep.equal([0n, 0n]);
    });
  }

  it("T31 sees a grant made during a day on the next, when the pair has earned no more than its cap", async () => {
    await award(ledger, order());
    await ledger.moa.registry.write.grant([people.buyer.address, Actions.LIST, FOREVER], by(people.seller));
    for (let i = 0; i < 9; i++) await award(ledger, order());
    expect(await pointsOf(ledger, SELLER)).to.deep.equal([1000n, 1000n]);
    await time.increase(DAY);
    expect(await logs()).to.deep.equal(withheld(Reasons.LINKED));
  });

  it("links nobody by a grant that is over, void, of another epoch, or to one relayer of both", async () => {
    const { registry } = ledger.moa;
    const soon = (await now()) + 100n;
    await registry.write.grant([people.buyer.address, Actions.ALL, soon], by(people.seller));
    await registry.write.grant([people.seller.address, 0n, FOREVER], by(people.buyer));
    for (const agent of [people.seller, people.buyer]) {
      await registry.write.grant([people.relayer.address, Actions.ALL, FOREVER], by(agent));
    }
    await nextBlockAt(soon);
    expect(await logs()).to.deep.equal(awarded([200n, 100n], [200n, 100n]));
    await registry.write.grant([people.seller.address, Actions.ALL, FOREVER], by(people.buyer));
    await rotate(ledger.moa, SELLER, people.seller, people.next);
    await time.increase(DAY);
    expect(await logs()).to.deep.equal(awarded([200n, 100n], [400n, 200n]));
  });

  it("T31 invariant 16: counts five orders of a pair per day, whoever of them sells", async () => {
    const back = { sellerId: BUYER, buyerId: SELLER, payer: people.seller.address };
    for (const fields of [{}, back, {}, back, {}]) await award(ledger, order(fields));
    for (const fields of [{}, back]) {
      expect(await logs(fields)).to.deep.equal(withheld(Reasons.PAIR_CAP, fields));
    }
    expect(await pointsOf(ledger, SELLER)).to.deep.equal([800n, 800n]);
    expect(await pointsOf(ledger, BUYER)).to.deep.equal([700n, 700n]);
    // Another pair has its own five.
    const other = { buyerId: VALIDATOR, payer: people.validator.address };
    expect(await logs(other)).to.deep.equal(awarded([200n, 100n], [1000n, 100n], 0, other));
  });

  it("T31 counts anew at midnight, not a second before", async () => {
    for (let i = 0; i < 5; i++) await award(ledger, order());
    const midnight = NOON + DAY / 2n;
    await nextBlockAt(midnight - 1n);
    expect(await logs()).to.deep.equal(withheld(Reasons.PAIR_CAP));
    await nextBlockAt(midnight);
    expect(await logs()).to.deep.equal(awarded([200n, 100n], [1200n, 600n]));
    expect(await ledger.points.read.pairOf([SELLER, BUYER])).to.deep.equal([1n, false]);
    expect(await ledger.points.read.earnedToday([BUYER])).to.equal(100n);
    await time.increase(DAY);
    expect(await ledger.points.read.pairOf([SELLER, BUYER])).to.deep.equal([0n, false]);
    expect(await ledger.points.read.earnedToday([BUYER])).to.equal(0n);
  });

  it("T31 cuts what either earns to the rest of its day, and says whose cap it was", async () => {
    await policy({ agentPointsPerDay: 5 });
    await award(ledger, order());
    await award(ledger, order());
    // The seller has 4 of its 5 points, the buyer 2.
    expect(await logs()).to.deep.equal(awarded([100n, 100n], [500n, 300n], Reasons.SELLER_CAP));
    expect(await logs()).to.deep.equal(awarded([0n, 100n], [500n, 400n], Reasons.SELLER_CAP));
    const other = { sellerId: BUYER, buyerId: VALIDATOR, payer: people.validator.address };
    expect(await logs(other)).to.deep.equal(awarded([100n, 100n], [500n, 100n], Reasons.SELLER_CAP, other));
    expect(await logs()).to.deep.equal(withheld(Reasons.SELLER_CAP | Reasons.BUYER_CAP));
    const third = { sellerId: VALIDATOR, payer: people.buyer.address };
    expect(await logs(third)).to.deep.equal(awarded([200n, 0n], [300n, 500n], Reasons.BUYER_CAP, third));
    expect(await pointsOf(ledger, SELLER)).to.deep.equal([500n, 500n]);
  });

  it("stops at once when the caps are lowered during the day, and never takes back", async () => {
    await award(ledger, order());
    await award(ledger, order());
    await policy({ agentPointsPerDay: 3, pairTradesPerDay: 3 });
    expect(await logs()).to.deep.equal(awarded([0n, 100n], [400n, 300n], Reasons.SELLER_CAP));
    await policy({ pairTradesPerDay: 2 });
    expect(await logs()).to.deep.equal(withheld(Reasons.PAIR_CAP));
    await policy({ agentPointsPerDay: 0 });
    const other = { buyerId: VALIDATOR, payer: people.validator.address };
    expect(await logs(other)).to.deep.equal(withheld(Reasons.SELLER_CAP | Reasons.BUYER_CAP, other));
    expect(await pointsOf(ledger, SELLER)).to.deep.equal([400n, 400n]);
  });

  it("halves exactly what an Experience earns beyond its handful while nobody endorses it", async () => {
    expect(await logs({ sales: 5n })).to.deep.equal(awarded([200n, 100n], [200n, 100n]));
    const sixth = { sales: 6n };
    expect(await logs(sixth)).to.deep.equal(awarded([100n, 50n], [300n, 150n], Reasons.UNENDORSED));
    await ledger.endorser.write.endorse([7n, true]);
    expect(await logs(sixth)).to.deep.equal(awarded([200n, 100n], [500n, 250n]));
    await ledger.endorser.write.endorse([7n, false]);
    expect(await logs(sixth)).to.deep.equal(awarded([100n, 50n], [600n, 300n], Reasons.UNENDORSED));
  });

  it("takes an endorser that fails for one that says no, and asks it only beyond the handful", async () => {
    await ledger.endorser.write.endorse([7n, true]);
    await ledger.endorser.write.fail([true]);
    expect(await logs()).to.deep.equal(awarded([200n, 100n], [200n, 100n]));
    expect(await logs({ sales: 6n })).to.deep.equal(awarded([100n, 50n], [300n, 150n], Reasons.UNENDORSED));
  });

  it("follows the policy's awards, handful and weight", async () => {
    await policy({ sellerAward: 10, buyerAward: 3, handful: 0, unendorsedPercent: 33 });
    expect(await logs()).to.deep.equal(awarded([330n, 99n], [330n, 99n], Reasons.UNENDORSED));
    await policy({ unendorsedPercent: 0, handful: 0 });
    expect(await logs()).to.deep.equal(withheld(Reasons.UNENDORSED));
    await policy({ unendorsedPercent: 100, handful: 0 });
    expect(await logs()).to.deep.equal(awarded([200n, 100n], [530n, 199n]));
  });

  it("T24 keeps them by agent, through rotations", async () => {
    await award(ledger, order());
    await rotate(ledger.moa, SELLER, people.seller, people.next);
    expect(await pointsOf(ledger, SELLER)).to.deep.equal([2n * POINT, 2n * POINT]);
  });

  it("refuses no order for its numbers, however odd", async () => {
    const huge = 2n ** 256n - 1n;
    const odd = { ekId: huge, keyId: huge, sellerId: huge, buyerId: 0n, sales: huge };
    expect(await logs(odd)).to.deep.equal(awarded([100n, 50n], [100n, 50n], Reasons.UNENDORSED, odd));
  });
});
