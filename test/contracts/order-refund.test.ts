/*
 * refund(keyId)
 * ├── given an order that is not Held                    reverts OrderNotInStatus(keyId, status)
 * ├── by the seller's EOA                                gives the money back, at any time while it is Held
 * ├── by the buyer's EOA
 * │   ├── under RefundTerms.Full, before releaseTime      gives it back
 * │   ├── under UntilAccess, before releaseTime
 * │   │   ├── the key never used                          gives it back
 * │   │   └── the key used                                reverts RefundRefused(keyId, caller, refundTerms)
 * │   └── under None, or from releaseTime on              reverts RefundRefused
 * ├── by anyone else, the key's holder included          reverts RefundRefused
 * └── giving back                                        credits who paid, burns the key, lowers the listing's count of sold keys;
 *                                                        emits OrderStatusChanged, Credited
 *
 * recordAccess(keyIds)
 * ├── without the role                                   reverts AccessManagedUnauthorized(caller)
 * └── else                                               marks each key whose order is Held, once; emits OrderAccessed
 */
import { expect } from "chai";
import { loadFixture, nextBlockAt, time } from "./support/chain.ts";
import { eventOf, logsOf, reverts } from "./support/check.ts";
import { by, type Moa, type Person, people } from "./support/deploy.ts";
import {
  Actions,
  BUYER,
  balances,
  creditOf,
  DAY,
  deployMarket,
  FUNDS,
  keyOf,
  LINEAR,
  list,
  OrderStatus,
  PRICE,
  purchaseOf,
  REFUNDABLE,
  RefundTerms,
  rotate,
  SELLER,
  Share,
  sell,
  soldOf,
  statusOf,
  VALIDATOR,
  ZERO,
} from "./support/market.ts";
import { allow } from "./support/roles.ts";
import { credited } from "./support/sale.ts";
import { expectSolvent } from "./support/solvency.ts";

const { admin, buyer, disputesDesk, next, operator, recorder, rival, seller, sponsor, stranger, validator } =
  people;

describe("Exchange.refund", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  const window = (refundTerms: number) => ({ refundWindow: DAY, refundTerms });
  const refund = (keyId: bigint, sender: Person) => moa.exchange.write.refund([keyId], by(sender));
  const timeOf = async (keyId: bigint) => BigInt((await moa.exchange.read.orderOf([keyId])).releaseTime);
  const refused = (keyId: bigint, who: Person, refundTerms: number) =>
    reverts(refund(keyId, who), moa.exchange, "RefundRefused", [keyId, who.address, refundTerms]);

  function refunded(keyId: bigint, sender: Person) {
    return [
      [
        "Exchange.OrderStatusChanged",
        { keyId, status: OrderStatus.Refunded, toBuyer: PRICE, by: sender.address },
      ],
      credited(moa, keyId, { agentId: BUYER, share: Share.Refund }),
      ["ExperienceKey.Transfer", { from: buyer.address, to: ZERO, tokenId: keyId }],
    ];
  }

  it("gives the buyer its money and takes its key", async () => {
    const { ekId, keyId } = await sell(moa, REFUNDABLE);
    expect(await soldOf(moa, ekId)).to.equal(1);
    expect(await logsOf(moa, refund(keyId, buyer))).to.deep.equal(refunded(keyId, buyer));
    expect(await soldOf(moa, ekId)).to.equal(0);
    expect(await statusOf(moa, keyId)).to.equal(OrderStatus.Refunded);
    expect(await moa.keys.read.hasAccess([ekId, buyer.address, 0])).to.equal(false);
    await reverts(moa.keys.read.keyInfo([keyId]), moa.keys, "UnknownKey", [keyId]);
    expect(await moa.points.read.balanceOf([BUYER])).to.equal(0n);
    await moa.exchange.write.withdraw([BUYER, moa.usdc.address, ZERO], by(stranger));
    expect(await balances(moa, buyer, moa.exchange)).to.deep.equal([FUNDS, 0n]);
  });

  it("invariant 9 gives it once, and to no second party", async () => {
    const { keyId } = await sell(moa, REFUNDABLE);
    await refund(keyId, buyer);
    const over = [keyId, OrderStatus.Refunded];
    await reverts(refund(keyId, buyer), moa.exchange, "OrderNotInStatus", over);
    await reverts(refund(keyId, seller), moa.exchange, "OrderNotInStatus", over);
    await time.increase(2 * DAY);
    await reverts(moa.exchange.write.release([keyId]), moa.exchange, "OrderNotInStatus", over);
    await reverts(moa.exchange.write.accept([keyId], by(buyer)), moa.exchange, "OrderNotInStatus", over);
    const frozen = moa.exchange.write.freeze([keyId], by(disputesDesk));
    await reverts(frozen, moa.exchange, "OrderNotInStatus", over);
    await reverts(refund(77n, seller), moa.exchange, "OrderNotInStatus", [77n, OrderStatus.None]);
    await expectSolvent(moa);
  });

  it("invariant 10 is the buyer's until the second before the release time", async () => {
    const [first, second] = [await sell(moa, REFUNDABLE), await sell(moa, REFUNDABLE)];
    await nextBlockAt((await timeOf(first.keyId)) - 1n);
    await refund(first.keyId, buyer);
    await nextBlockAt(await timeOf(second.keyId));
    await refused(second.keyId, buyer, RefundTerms.Full);
    await moa.exchange.write.release([second.keyId], by(stranger));
    expect([await creditOf(moa, BUYER), await creditOf(moa, SELLER)]).to.deep.equal([PRICE, PRICE]);
  });

  it("is the seller's at any time while the money is held, whatever the terms", async () => {
    for (const refundTerms of Object.values(RefundTerms)) {
      const { keyId } = await sell(moa, window(refundTerms));
      if (refundTerms !== RefundTerms.Full) await time.increaseTo((await timeOf(keyId)) + 5n);
      await refund(keyId, seller);
      expect(await statusOf(moa, keyId)).to.equal(OrderStatus.Refunded);
    }
    expect(await creditOf(moa, BUYER)).to.equal(3n * PRICE);
    expect(await creditOf(moa, SELLER)).to.equal(0n);
  });

  it("is not the buyer's where the terms say never", async () => {
    const { keyId } = await sell(moa, window(RefundTerms.None));
    await refused(keyId, buyer, RefundTerms.None);
    await time.increase(DAY);
    await refused(keyId, buyer, RefundTerms.None);
  });

  it("is the buyer's until the key was used, where the terms say so", async () => {
    const [unused, used] = [
      await sell(moa, window(RefundTerms.UntilAccess)),
      await sell(moa, window(RefundTerms.UntilAccess)),
    ];
    await moa.exchange.write.recordAccess([[used.keyId]]);
    await refund(unused.keyId, buyer);
    await refused(used.keyId, buyer, RefundTerms.UntilAccess);
    await refund(used.keyId, seller);
    const full = await sell(moa, REFUNDABLE);
    await moa.exchange.write.recordAccess([[full.keyId]]);
    await refund(full.keyId, buyer);
    const late = await sell(moa, window(RefundTerms.UntilAccess));
    await nextBlockAt(await timeOf(late.keyId));
    await refused(late.keyId, buyer, RefundTerms.UntilAccess);
  });

  it("is nobody else's, not the administrator's, an operator's or another seller's", async () => {
    const { keyId } = await sell(moa, REFUNDABLE);
    await moa.registry.write.grant([operator.address, Actions.ALL, 2n ** 40n], by(buyer));
    await moa.registry.write.grant([operator.address, Actions.ALL, 2n ** 40n], by(seller));
    for (const who of [stranger, admin, operator, rival, disputesDesk]) {
      await refused(keyId, who, RefundTerms.Full);
    }
    expect(await statusOf(moa, keyId)).to.equal(OrderStatus.Held);
  });

  it("T24 follows buyer and seller through a rotation", async () => {
    const [first, second] = [await sell(moa, REFUNDABLE), await sell(moa, REFUNDABLE)];
    await rotate(moa, BUYER, buyer, next);
    await refused(first.keyId, buyer, RefundTerms.Full);
    await refund(first.keyId, next);
    await rotate(moa, SELLER, seller, rival);
    await refused(second.keyId, seller, RefundTerms.Full);
    await refund(second.keyId, rival);
    await moa.exchange.write.withdraw([BUYER, moa.usdc.address, ZERO], by(stranger));
    expect(await balances(moa, next)).to.deep.equal([2n * PRICE]);
  });

  it("of a gift is the giver's: its money, the other's key", async () => {
    const ekId = await list(moa, REFUNDABLE);
    await moa.exchange.write.buy([await purchaseOf(validator, { ekId })], by(sponsor));
    const keyId = keyOf(ekId, VALIDATOR);
    await refused(keyId, validator, RefundTerms.Full);
    const sponsorId = await moa.registry.read.agentOf([sponsor.address]);
    const { agentId, share } = await eventOf(moa, refund(keyId, sponsor), "Exchange.Credited");
    expect([agentId, share]).to.deep.equal([sponsorId, Share.Refund]);
    expect(await moa.keys.read.balanceOf([validator.address])).to.equal(0n);
    expect(await creditOf(moa, VALIDATOR)).to.equal(0n);
    expect(await creditOf(moa, sponsorId)).to.equal(PRICE);
  });

  it("T5 puts the key back on sale, at the price that it had", async () => {
    const ekId = await list(moa, { ...REFUNDABLE, supplyCap: 1 });
    const buy = async (who: Person) => moa.exchange.write.buy([await purchaseOf(who, { ekId })], by(who));
    await buy(buyer);
    await reverts(buy(rival), moa.exchange, "SoldOut", [ekId, 1n]);
    await refund(keyOf(ekId, BUYER), buyer);
    await buy(rival);
    await reverts(buy(buyer), moa.exchange, "SoldOut", [ekId, 1n]);
    const rivalId = await moa.registry.read.agentOf([rival.address]);
    await refund(keyOf(ekId, rivalId), seller);
    await buy(buyer);
    expect(await moa.keys.read.ownerOf([keyOf(ekId, BUYER, 1n)]), "never the same id").to.equal(
      buyer.address,
    );
    expect(await statusOf(moa, keyOf(ekId, BUYER))).to.equal(OrderStatus.Refunded);
    expect(await statusOf(moa, keyOf(ekId, BUYER, 1n))).to.equal(OrderStatus.Held);
  });

  it("gives back what was paid, not what the key costs by now", async () => {
    const curve = await moa.catalog.read.termsOf([LINEAR, 1]);
    const terms = { ...REFUNDABLE, curve: curve.curve, curveParams: curve.curveParams };
    const ekId = await list(moa, terms);
    for (const who of [buyer, rival, rival]) {
      await moa.exchange.write.buy([await purchaseOf(who, { ekId })], by(who));
    }
    expect(await moa.catalog.read.quote([ekId, 1n, 0n])).to.equal(1_750_000n);
    await refund(keyOf(ekId, BUYER), buyer);
    expect(await creditOf(moa, BUYER)).to.equal(1_000_000n);
    expect(await moa.catalog.read.quote([ekId, 1n, 0n])).to.equal(1_500_000n);
    const rivalId = await moa.registry.read.agentOf([rival.address]);
    await refund(keyOf(ekId, rivalId, 1n), seller);
    expect(await creditOf(moa, rivalId)).to.equal(1_500_000n);
    await expectSolvent(moa);
  });
});

describe("Exchange.recordAccess", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    await allow(moa, moa.exchange, ["recordAccess"], recorder);
  });

  const record = (keyIds: bigint[], sender: Person = recorder) =>
    moa.exchange.write.recordAccess([keyIds], by(sender));

  it("marks each held key once, and nothing else", async () => {
    const [held, ended, plain] = [
      await sell(moa, REFUNDABLE),
      await sell(moa, REFUNDABLE),
      await sell(moa, {}),
    ];
    await moa.exchange.write.accept([ended.keyId], by(buyer));
    const ids = [held.keyId, ended.keyId, plain.keyId, 77n, held.keyId];
    const accessed = ["Exchange.OrderAccessed", { keyId: held.keyId, by: recorder.address }];
    expect(await logsOf(moa, record(ids))).to.deep.equal([accessed]);
    expect(await logsOf(moa, record(ids))).to.deep.equal([]);
    expect((await moa.exchange.read.orderOf([held.keyId])).accessed).to.equal(true);
    expect((await moa.exchange.read.orderOf([ended.keyId])).accessed).to.equal(false);
    expect(await statusOf(moa, held.keyId)).to.equal(OrderStatus.Held);
  });

  it("T25 is the recorders' alone, and a dispute stays open", async () => {
    const { keyId } = await sell(moa, { refundWindow: DAY, refundTerms: RefundTerms.UntilAccess });
    for (const who of [seller, buyer, stranger, admin]) {
      await reverts(record([keyId], who), moa.exchange, "AccessManagedUnauthorized", [who.address]);
    }
    await record([keyId]);
    await moa.exchange.write.freeze([keyId], by(disputesDesk));
    expect(await statusOf(moa, keyId)).to.equal(OrderStatus.Disputed);
    expect(await logsOf(moa, record([keyId]))).to.deep.equal([]);
  });
});
