/*
 * A sale with a refund window
 * └── holds the price until releaseTime; credits nobody, awards nothing; emits KeySold with releaseTime
 *
 * release(keyId)
 * ├── given an order that is not Held          reverts OrderNotInStatus(keyId, status)
 * ├── before releaseTime                       reverts ReleaseTooEarly(keyId, releaseTime, time)
 * └── from then on                             splits the price, awards the points; emits OrderStatusChanged; by anyone
 *
 * accept(keyId)
 * ├── given an order that is not Held          reverts OrderNotInStatus(keyId, status)
 * ├── by another than the buyer's EOA          reverts NotBuyer(keyId, caller)
 * └── else                                     likewise, at any time
 */
import { expect } from "chai";
import { loadFixture, nextBlockAt, now, time } from "./support/chain.ts";
import { eventOf, logsOf, reverts } from "./support/check.ts";
import { by, type Moa, type Person, people } from "./support/deploy.ts";
import {
  Actions,
  at,
  BUYER,
  balances,
  creditOf,
  DAY,
  deployMarket,
  Flags,
  FUNDS,
  keyOf,
  list,
  OrderStatus,
  PRICE,
  purchaseOf,
  REFUNDABLE,
  RefundTerms,
  rotate,
  SELLER,
  sell,
  soldOf,
  statusOf,
  VALIDATOR,
  ZERO,
} from "./support/market.ts";
import { awarded, credited, saleOf } from "./support/sale.ts";
import { expectSolvent } from "./support/solvency.ts";

const { buyer, disputesDesk, next, operator, rival, seller, sponsor, stranger, validator } = people;

describe("a sale with a refund window", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  it("holds the price, whole and for nobody", async () => {
    const ekId = await list(moa, REFUNDABLE);
    const hash = await moa.exchange.write.buy([await purchaseOf(buyer, { ekId })], by(buyer));
    const releaseTime = Number(await now()) + DAY;
    const keyId = keyOf(ekId, BUYER);
    expect(await logsOf(moa, hash)).to.deep.equal([
      ["ExperienceKey.Transfer", { from: ZERO, to: buyer.address, tokenId: keyId }],
      ["ExperienceKey.Locked", { tokenId: keyId }],
      ["Exchange.KeySold", { ekId, buyerId: BUYER, keyId, sale: saleOf(moa, { releaseTime }) }],
      ["Token.Transfer", { from: buyer.address, to: moa.exchange.address, value: PRICE }],
    ]);
    expect(await moa.exchange.read.orderOf([keyId])).to.deep.equal({
      sellerId: SELLER,
      buyerId: BUYER,
      version: 1,
      token: moa.usdc.address,
      amount: PRICE,
      releaseTime,
      status: OrderStatus.Held,
      accessed: false,
    });
    expect(await moa.exchange.read.isHeld([keyId])).to.equal(true);
    expect(await creditOf(moa, SELLER)).to.equal(0n);
    expect(await moa.points.read.balanceOf([SELLER])).to.equal(0n);
    expect(await moa.keys.read.hasAccess([ekId, buyer.address, 1])).to.equal(true);
    await expectSolvent(moa);
  });

  it("holds the key too: it is neither given away nor lent before the order is over", async () => {
    const flags = Flags.TRANSFERABLE | Flags.LENDABLE;
    const { ekId, keyId } = await sell(moa, { ...REFUNDABLE, flags });
    const give = () => moa.keys.write.transferFrom([buyer.address, validator.address, keyId], by(buyer));
    const lend = () => moa.keys.write.setUser([keyId, validator.address, 2n ** 40n], by(buyer));
    for (const dispute of [false, true]) {
      if (dispute) await moa.exchange.write.freeze([keyId], by(disputesDesk));
      await reverts(give(), moa.keys, "KeyHeld", [keyId]);
      await reverts(lend(), moa.keys, "KeyHeld", [keyId]);
    }
    await moa.exchange.write.settle([keyId, 1n], by(disputesDesk));
    await give();
    expect(await moa.keys.read.hasAccess([ekId, validator.address, 1])).to.equal(true);
  });

  it("leaves no order where the price is nothing, or the window", async () => {
    const free = await sell(moa, { ...REFUNDABLE, ...at(0n) });
    const paid = await sell(moa, {});
    for (const { keyId } of [free, paid]) {
      expect(await statusOf(moa, keyId)).to.equal(OrderStatus.None);
      expect((await moa.exchange.read.orderOf([keyId])).token).to.equal(ZERO);
      expect(await moa.exchange.read.isHeld([keyId])).to.equal(false);
      for (const call of ["release", "accept", "refund"] as const) {
        const refused = moa.exchange.write[call]([keyId], by(buyer));
        await reverts(refused, moa.exchange, "OrderNotInStatus", [keyId, OrderStatus.None]);
      }
    }
    expect(await moa.points.read.balanceOf([BUYER])).to.equal(200n);
  });

  it("holds it on every way to pay, for the agent that paid", async () => {
    const ekId = await list(moa, REFUNDABLE);
    const purchase = await purchaseOf(validator, { ekId });
    await moa.exchange.write.buy([purchase], by(sponsor));
    const gift = await moa.exchange.read.orderOf([keyOf(ekId, VALIDATOR)]);
    const sponsorId = await moa.registry.read.agentOf([sponsor.address]);
    expect(gift).to.include({ buyerId: sponsorId, amount: PRICE, status: OrderStatus.Held });
    await moa.exchange.write.buyBatch([[await purchaseOf(rival, { ekId })]], by(rival));
    const rivalId = await moa.registry.read.agentOf([rival.address]);
    const batch = await moa.exchange.read.orderOf([keyOf(ekId, rivalId)]);
    expect(batch).to.include({ buyerId: rivalId, status: OrderStatus.Held });
    await expectSolvent(moa);
  });
});

describe("Exchange.release", () => {
  let moa: Moa;
  let keyId: bigint;
  let ekId: bigint;
  let releaseTime: bigint;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    ({ keyId, ekId } = await sell(moa, REFUNDABLE));
    releaseTime = BigInt((await moa.exchange.read.orderOf([keyId])).releaseTime);
  });

  const release = (sender: Person = stranger, id = keyId) => moa.exchange.write.release([id], by(sender));

  it("pays the seller's side from the release time on, whoever calls", async () => {
    await nextBlockAt(releaseTime);
    expect(await logsOf(moa, release())).to.deep.equal([
      [
        "Exchange.OrderStatusChanged",
        { keyId, status: OrderStatus.Released, toBuyer: 0n, by: stranger.address },
      ],
      credited(moa, keyId),
      awarded(ekId),
    ]);
    expect(await creditOf(moa, SELLER)).to.equal(PRICE);
    expect(await moa.exchange.read.isHeld([keyId])).to.equal(false);
    expect(await statusOf(moa, keyId)).to.equal(OrderStatus.Released);
    expect(await moa.points.read.balanceOf([BUYER])).to.equal(100n);
    expect(await soldOf(moa, ekId)).to.equal(1);
    await moa.exchange.write.withdraw([SELLER, moa.usdc.address, ZERO], by(stranger));
    expect(await balances(moa, seller, moa.exchange)).to.deep.equal([PRICE, 0n]);
  });

  it("invariant 10 pays nobody a second before it, the seller included", async () => {
    for (const who of [stranger, seller, buyer]) {
      const at = await nextBlockAt(who === buyer ? releaseTime - 1n : (await now()) + 1n);
      await reverts(release(who), moa.exchange, "ReleaseTooEarly", [keyId, releaseTime, at]);
    }
  });

  it("invariant 9 pays once", async () => {
    await time.increaseTo(releaseTime);
    await release();
    const over = [keyId, OrderStatus.Released];
    await reverts(release(), moa.exchange, "OrderNotInStatus", over);
    await reverts(moa.exchange.write.accept([keyId], by(buyer)), moa.exchange, "OrderNotInStatus", over);
    await reverts(moa.exchange.write.refund([keyId], by(seller)), moa.exchange, "OrderNotInStatus", over);
    await reverts(release(stranger, 77n), moa.exchange, "OrderNotInStatus", [77n, OrderStatus.None]);
    expect(await creditOf(moa, SELLER)).to.equal(PRICE);
  });

  it("T24 pays the seller's agent, whoever it belongs to by then", async () => {
    await rotate(moa, SELLER, seller, next);
    await time.increaseTo(releaseTime);
    await release();
    await moa.exchange.write.withdraw([SELLER, moa.usdc.address, ZERO], by(stranger));
    expect(await balances(moa, seller, next)).to.deep.equal([0n, PRICE]);
  });

  it("T31 awards no points for what the seller paid for itself", async () => {
    await moa.usdc.write.mint([seller.address, PRICE]);
    await moa.usdc.write.approve([moa.exchange.address, PRICE], by(seller));
    await moa.exchange.write.buy([await purchaseOf(validator, { ekId })], by(seller));
    await time.increase(DAY);
    const withheld = release(stranger, keyOf(ekId, VALIDATOR));
    const { reasons } = await eventOf(moa, withheld, "PointsLedger.PointsWithheld");
    expect(reasons, "paid by the seller").to.equal(2);
    expect(await moa.points.read.balanceOf([SELLER])).to.equal(0n);
  });
});

describe("Exchange.accept", () => {
  let moa: Moa;
  let keyId: bigint;
  let ekId: bigint;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    ({ keyId, ekId } = await sell(moa, REFUNDABLE));
  });

  const accept = (sender: Person, id = keyId) => moa.exchange.write.accept([id], by(sender));

  it("lets the money go at once", async () => {
    const status = { keyId, status: OrderStatus.Released, toBuyer: 0n, by: buyer.address };
    expect(await logsOf(moa, accept(buyer))).to.deep.equal([
      ["Exchange.OrderStatusChanged", status],
      credited(moa, keyId),
      awarded(ekId),
    ]);
    await reverts(accept(buyer), moa.exchange, "OrderNotInStatus", [keyId, OrderStatus.Released]);
  });

  it("also after the window, and whatever the refund terms", async () => {
    await time.increase(2 * DAY);
    await accept(buyer);
    const other = await sell(moa, { refundWindow: 10, refundTerms: RefundTerms.None });
    await accept(buyer, other.keyId);
    expect(await creditOf(moa, SELLER)).to.equal(2n * PRICE);
  });

  it("is the buyer's alone", async () => {
    await moa.registry.write.grant([operator.address, Actions.ALL, 2n ** 40n], by(buyer));
    for (const who of [seller, stranger, operator]) {
      await reverts(accept(who), moa.exchange, "NotBuyer", [keyId, who.address]);
    }
    await rotate(moa, BUYER, buyer, next);
    await reverts(accept(buyer), moa.exchange, "NotBuyer", [keyId, buyer.address]);
    await accept(next);
  });

  it("is whoever paid's, not whose the key is", async () => {
    await moa.exchange.write.buy([await purchaseOf(validator, { ekId })], by(sponsor));
    const gift = keyOf(ekId, VALIDATOR);
    await reverts(accept(validator, gift), moa.exchange, "NotBuyer", [gift, validator.address]);
    await accept(sponsor, gift);
    expect(await balances(moa, sponsor)).to.deep.equal([FUNDS - PRICE]);
  });
});
