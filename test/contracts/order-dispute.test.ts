/*
 * freeze(keyId), by the disputes' contract alone
 * ├── given an order that is not Held      reverts OrderNotInStatus(keyId, status)
 * ├── from releaseTime on                  reverts RefundWindowOver(keyId, releaseTime, time)
 * └── else                                 holds the money until the ruling; emits OrderStatusChanged
 *
 * settle(keyId, toBuyer), by the disputes' contract alone
 * ├── given an order that is not Disputed  does nothing
 * ├── above the amount                     reverts SettlementAboveAmount(keyId, toBuyer, amount)
 * ├── all of it to the buyer               credits it, burns the key: Refunded
 * ├── a part                               credits it, splits the rest, keeps the key, awards no points: Released
 * └── nothing                              splits all, awards the points: Released
 */
import { expect } from "chai";
import { loadFixture, nextBlockAt, time } from "./support/chain.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, type Moa, people } from "./support/deploy.ts";
import {
  BUYER,
  creditOf,
  DAY,
  deployMarket,
  keyOf,
  list,
  OrderStatus,
  PRICE,
  purchaseOf,
  REFUNDABLE,
  rotate,
  SELLER,
  Share,
  sell,
  soldOf,
  statusOf,
  UNIT,
  VALIDATOR,
  ZERO,
} from "./support/market.ts";
import { awarded, credited } from "./support/sale.ts";
import { expectSolvent } from "./support/solvency.ts";

const { buyer, disputesDesk, next, seller, sponsor, stranger, validator } = people;

describe("Exchange.freeze and settle", () => {
  let moa: Moa;
  let keyId: bigint;
  let ekId: bigint;
  let releaseTime: bigint;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    ({ keyId, ekId } = await sell(moa, REFUNDABLE));
    releaseTime = BigInt((await moa.exchange.read.orderOf([keyId])).releaseTime);
  });

  const desk = by(disputesDesk);
  const freeze = (id = keyId) => moa.exchange.write.freeze([id], desk);
  const settle = (toBuyer: bigint, id = keyId) => moa.exchange.write.settle([id, toBuyer], desk);
  const changed = (status: number, toBuyer: bigint) => [
    "Exchange.OrderStatusChanged",
    { keyId, status, toBuyer, by: disputesDesk.address },
  ];

  it("invariant 10 disputed money moves by the ruling alone, however late", async () => {
    expect(await logsOf(moa, freeze())).to.deep.equal([changed(OrderStatus.Disputed, 0n)]);
    expect(await moa.exchange.read.isHeld([keyId])).to.equal(true);
    expect(await statusOf(moa, keyId)).to.equal(OrderStatus.Disputed);
    await time.increase(100 * DAY);
    const disputed = [keyId, OrderStatus.Disputed];
    for (const who of [buyer, seller, stranger]) {
      for (const call of ["release", "accept", "refund"] as const) {
        const refused = moa.exchange.write[call]([keyId], by(who));
        await reverts(refused, moa.exchange, "OrderNotInStatus", disputed);
      }
    }
    await reverts(freeze(), moa.exchange, "OrderNotInStatus", disputed);
    expect(await moa.keys.read.hasAccess([ekId, buyer.address, 1])).to.equal(true);
    await expectSolvent(moa);
    await settle(0n);
  });

  it("freezes until the second before the release time", async () => {
    await nextBlockAt(releaseTime - 1n);
    await freeze();
    const other = await sell(moa, REFUNDABLE);
    const end = BigInt((await moa.exchange.read.orderOf([other.keyId])).releaseTime);
    await nextBlockAt(end);
    await reverts(freeze(other.keyId), moa.exchange, "RefundWindowOver", [other.keyId, end, end]);
  });

  it("freezes nothing that is not held", async () => {
    await moa.exchange.write.accept([keyId], by(buyer));
    await reverts(freeze(), moa.exchange, "OrderNotInStatus", [keyId, OrderStatus.Released]);
    const plain = await sell(moa, {});
    await reverts(freeze(plain.keyId), moa.exchange, "OrderNotInStatus", [plain.keyId, OrderStatus.None]);
    await reverts(freeze(0n), moa.exchange, "OrderNotInStatus", [0n, OrderStatus.None]);
  });

  it("gives everything back, with the key", async () => {
    await freeze();
    expect(await logsOf(moa, settle(PRICE))).to.deep.equal([
      changed(OrderStatus.Refunded, PRICE),
      credited(moa, keyId, { agentId: BUYER, share: Share.Refund }),
      ["ExperienceKey.Transfer", { from: buyer.address, to: ZERO, tokenId: keyId }],
    ]);
    expect(await soldOf(moa, ekId)).to.equal(0);
    expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(0n);
    await expectSolvent(moa);
  });

  it("gives nothing back: the sale is completed", async () => {
    await freeze();
    expect(await logsOf(moa, settle(0n))).to.deep.equal([
      changed(OrderStatus.Released, 0n),
      credited(moa, keyId),
      awarded(ekId),
    ]);
    expect(await moa.exchange.read.isHeld([keyId])).to.equal(false);
  });

  for (const toBuyer of [1n, PRICE / 3n, PRICE - 1n]) {
    it(`gives ${toBuyer} of ${PRICE} back, splits the rest and leaves the key`, async () => {
      await freeze();
      expect(await logsOf(moa, settle(toBuyer))).to.deep.equal([
        changed(OrderStatus.Released, toBuyer),
        credited(moa, keyId, { agentId: BUYER, share: Share.Refund, amount: toBuyer }),
        credited(moa, keyId, { amount: PRICE - toBuyer }),
      ]);
      expect(await moa.points.read.balanceOf([SELLER]), "no points for half a sale").to.equal(0n);
      expect(await soldOf(moa, ekId)).to.equal(1);
      expect(await moa.keys.read.ownerOf([keyId])).to.equal(buyer.address);
      await expectSolvent(moa);
    });
  }

  it("splits the rest as it was agreed at the sale", async () => {
    await moa.exchange.write.setFee([500, UNIT]);
    const shared = await sell(moa, { ...REFUNDABLE, bountyBps: 1000 });
    await freeze(shared.keyId);
    await settle(PRICE / 2n, shared.keyId);
    const rest = PRICE / 2n;
    expect(await creditOf(moa, UNIT)).to.equal(rest / 20n);
    expect(await moa.exchange.read.bountyOf([shared.ekId, moa.usdc.address])).to.equal(rest / 10n);
    expect(await creditOf(moa, SELLER)).to.equal((rest * 85n) / 100n);
    await expectSolvent(moa);
  });

  it("invariant 3 gives no more than there is", async () => {
    await freeze();
    for (const toBuyer of [PRICE + 1n, 2n ** 96n, 2n ** 256n - 1n]) {
      const above = [keyId, toBuyer, PRICE];
      await reverts(settle(toBuyer), moa.exchange, "SettlementAboveAmount", above);
    }
    expect(await statusOf(moa, keyId)).to.equal(OrderStatus.Disputed);
  });

  it("invariant 9 settles nothing that is not disputed, and nothing twice", async () => {
    expect(await logsOf(moa, settle(PRICE))).to.deep.equal([]);
    expect(await statusOf(moa, keyId)).to.equal(OrderStatus.Held);
    await freeze();
    await settle(PRICE / 2n);
    expect(await logsOf(moa, settle(PRICE))).to.deep.equal([]);
    expect(await logsOf(moa, settle(PRICE * 2n, 77n))).to.deep.equal([]);
    expect([await creditOf(moa, BUYER), await creditOf(moa, SELLER)]).to.deep.equal([PRICE / 2n, PRICE / 2n]);
  });

  it("T24 gives it to the agent that paid, wherever that is by then", async () => {
    const other = await list(moa, REFUNDABLE);
    await moa.exchange.write.buy([await purchaseOf(validator, { ekId: other })], by(sponsor));
    const gift = keyOf(other, VALIDATOR);
    await freeze(gift);
    await freeze();
    await rotate(moa, BUYER, buyer, next);
    await settle(PRICE, gift);
    await settle(PRICE);
    const sponsorId = await moa.registry.read.agentOf([sponsor.address]);
    expect([await creditOf(moa, sponsorId), await creditOf(moa, VALIDATOR)]).to.deep.equal([PRICE, 0n]);
    await moa.exchange.write.withdraw([BUYER, moa.usdc.address, next.address], by(next));
    expect(await moa.usdc.read.balanceOf([next.address])).to.equal(PRICE);
  });
});
