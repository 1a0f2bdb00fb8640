/*
 * chargeback(chargeId), by issuers
 * ├── given a charge that is not known, or was reversed   reverts UnknownCharge(chargeId), ChargeAlreadyReversed(chargeId)
 * ├── while the order is Held or Disputed                 refunds it, burns the key; all of the price is back in the float
 * ├── after it was Released                               burns the key alone: what was paid out stays paid out
 * ├── after it was Refunded                               brings the refund into the float
 * └── emits ChargeReversed with what was recovered
 *
 * T29: the seller is paid after the time in which a card's holder can take its money back, or not at all; paid out ≤ cleared.
 */
import { expect } from "chai";
import { maxUint256, toHex } from "viem";
import { loadFixture, time } from "./support/chain.ts";
import { eventOf, logsOf, reverts } from "./support/check.ts";
import { by, type Moa, people } from "./support/deploy.ts";
import {
  at,
  BUYER,
  balances,
  creditOf,
  DAY,
  deployMarket,
  FIXED,
  Flags,
  FUNDS,
  keyOf,
  list,
  OrderStatus,
  PRICE,
  purchaseOf,
  REFUNDABLE,
  SELLER,
  soldOf,
  statusOf,
  VALIDATOR,
  ZERO,
} from "./support/market.ts";
import { allow } from "./support/roles.ts";
import { expectSolvent } from "./support/solvency.ts";

const { buyer, disputesDesk, issuer, seller, stranger, validator } = people;
const CHARGE = toHex(1n, { size: 32 });
const ISSUER = 5n;

async function deployCharged() {
  const moa = await deployMarket();
  await allow(moa, moa.cards, ["issueForCharge", "chargeback"], issuer);
  await moa.usdc.write.mint([moa.cards.address, FUNDS]);
  await moa.cards.write.setDailyCap([moa.usdc.address, FUNDS]);
  await moa.cards.write.issueForCharge([FIXED, 1, buyer.address, PRICE, maxUint256, CHARGE], by(issuer));
  return moa;
}

describe("CardIssuer.chargeback", () => {
  let moa: Moa;
  const keyId = keyOf(FIXED, BUYER);
  beforeEach(async () => {
    moa = await loadFixture(deployCharged);
  });

  const chargeback = (charge = CHARGE) => moa.cards.write.chargeback([charge], by(issuer));
  const reversed = (recovered: bigint) => ({ chargeId: CHARGE, keyId, recovered, by: issuer.address });
  const event = () => eventOf(moa, chargeback(), "CardIssuer.ChargeReversed");

  /** The charge is over; `float` is what the issuer holds, and the seller can take `paid`. */
  async function expectOver(float: bigint, paid: bigint) {
    expect(await moa.cards.read.chargeOf([CHARGE])).to.deep.equal([keyId, true]);
    await reverts(moa.keys.read.keyInfo([keyId]), moa.keys, "UnknownKey", [keyId]);
    expect(await balances(moa, moa.cards)).to.deep.equal([float]);
    expect([await creditOf(moa, ISSUER), await creditOf(moa, SELLER)]).to.deep.equal([0n, paid]);
    await reverts(chargeback(), moa.cards, "ChargeAlreadyReversed", [CHARGE]);
    await expectSolvent(moa);
  }

  it("T29 while the money is held: all of it comes back, and the key goes", async () => {
    const names = (await logsOf(moa, chargeback())).map(([name]) => name);
    expect(names).to.deep.equal([
      "Exchange.OrderStatusChanged",
      "Exchange.Credited",
      "ExperienceKey.Transfer",
      "CardIssuer.ChargeReversed",
      "Exchange.Withdrawn",
      "Token.Transfer",
    ]);
    expect(await statusOf(moa, keyId)).to.equal(OrderStatus.Refunded);
    expect(await soldOf(moa, FIXED)).to.equal(0);
    await expectOver(FUNDS, 0n);
  });

  it("T29 after the hold, as long as nobody has released it", async () => {
    await time.increase(121 * DAY);
    expect(await event()).to.deep.equal(reversed(PRICE));
    await expectOver(FUNDS, 0n);
  });

  it("T29 while it is disputed: the ruling finds nothing left to rule on", async () => {
    await moa.exchange.write.freeze([keyId], by(disputesDesk));
    expect(await event()).to.deep.equal(reversed(PRICE));
    await expectOver(FUNDS, 0n);
    for (const toBuyer of [0n, 1n, PRICE, 2n * PRICE]) {
      const ruling = moa.exchange.write.settle([keyId, toBuyer], by(disputesDesk));
      expect(await logsOf(moa, ruling)).to.deep.equal([]);
    }
    expect(await statusOf(moa, keyId)).to.equal(OrderStatus.Refunded);
  });

  it("T29 after a release: the key alone goes, and nobody's money", async () => {
    await time.increase(120 * DAY);
    await moa.exchange.write.release([keyId], by(stranger));
    expect(await event()).to.deep.equal(reversed(0n));
    expect(await statusOf(moa, keyId)).to.equal(OrderStatus.Released);
    expect(await soldOf(moa, FIXED)).to.equal(1);
    await expectOver(FUNDS - PRICE, PRICE);
    await moa.exchange.write.withdraw([SELLER, moa.usdc.address, ZERO], by(stranger));
    expect(await balances(moa, seller)).to.deep.equal([PRICE]);
  });

  it("T29 after a ruling in part: what went back to the float is all that does", async () => {
    await moa.exchange.write.freeze([keyId], by(disputesDesk));
    await moa.exchange.write.settle([keyId, PRICE / 4n], by(disputesDesk));
    expect(await event()).to.deep.equal(reversed(0n));
    await expectOver(FUNDS - PRICE + PRICE / 4n, PRICE - PRICE / 4n);
  });

  it("T29 after a refund: the charge is reversed, and the refund is in the float", async () => {
    await moa.exchange.write.refund([keyId], by(seller));
    expect(await creditOf(moa, ISSUER)).to.equal(PRICE);
    expect(await event()).to.deep.equal(reversed(0n));
    expect(await soldOf(moa, FIXED)).to.equal(0);
    await expectOver(FUNDS, 0n);
  });

  it("T29 after a refund that somebody withdrew into the float already", async () => {
    await moa.exchange.write.refund([keyId], by(seller));
    await moa.exchange.write.withdraw([ISSUER, moa.usdc.address, ZERO], by(stranger));
    expect(await event()).to.deep.equal(reversed(0n));
    await expectOver(FUNDS, 0n);
  });

  it("T29 pays the seller not a second before the hold is over", async () => {
    const { releaseTime } = await moa.exchange.read.orderOf([keyId]);
    for (const who of [seller, buyer, stranger, issuer]) {
      await reverts(moa.exchange.write.accept([keyId], by(who)), moa.exchange, "NotBuyer", [
        keyId,
        who.address,
      ]);
    }
    await time.increaseTo(releaseTime - 2);
    await moa.exchange.write.release([keyId], by(seller)).then(
      () => expect.fail("released"),
      (error: Error) => expect(error.message).to.contain("ReleaseTooEarly"),
    );
    expect(await creditOf(moa, SELLER)).to.equal(0n);
  });

  it("gives the card's holder the key, but no refund of money that it did not pay here", async () => {
    const ekId = await list(moa, REFUNDABLE);
    const charge = toHex(2n, { size: 32 });
    await moa.cards.write.issueForCharge([ekId, 1, buyer.address, PRICE, maxUint256, charge], by(issuer));
    const key = keyOf(ekId, BUYER);
    const refused = [key, buyer.address, REFUNDABLE.refundTerms];
    await reverts(moa.exchange.write.refund([key], by(buyer)), moa.exchange, "RefundRefused", refused);
  });

  it("takes back the key wherever it is by then", async () => {
    const ekId = await list(moa, { flags: Flags.TRANSFERABLE });
    const charge = toHex(2n, { size: 32 });
    await moa.cards.write.issueForCharge([ekId, 1, buyer.address, PRICE, maxUint256, charge], by(issuer));
    const key = keyOf(ekId, BUYER);
    await time.increase(120 * DAY);
    await moa.exchange.write.release([key], by(stranger));
    await moa.keys.write.transferFrom([buyer.address, validator.address, key], by(buyer));
    await chargeback(charge);
    await reverts(moa.keys.read.keyInfo([key]), moa.keys, "UnknownKey", [key]);
    expect(await moa.keys.read.accessOf([ekId, VALIDATOR]).then(([id]) => id)).to.equal(0n);
  });

  it("takes back its own keys alone", async () => {
    await reverts(chargeback(toHex(9n, { size: 32 })), moa.cards, "UnknownCharge", [toHex(9n, { size: 32 })]);
    await moa.exchange.write.buy([await purchaseOf(buyer)], by(buyer));
    await chargeback();
    expect(await moa.keys.read.ownerOf([keyOf(FIXED, BUYER, 1n)])).to.equal(buyer.address);
  });

  it("has nothing to reverse of a key that cost nothing", async () => {
    const ekId = await list(moa, at(0n));
    const charge = toHex(2n, { size: 32 });
    await moa.cards.write.issueForCharge([ekId, 1, buyer.address, PRICE, maxUint256, charge], by(issuer));
    const key = keyOf(ekId, BUYER);
    await reverts(chargeback(charge), moa.exchange, "NotBuyer", [key, moa.cards.address]);
    expect(await moa.keys.read.ownerOf([key])).to.equal(buyer.address);
  });
});
