/*
 * issueForCharge(ekId, version, recipient, maxPrice, deadline, chargeId), by issuers
 * ├── without the role, or after it was revoked   reverts AccessManagedUnauthorized(caller)
 * ├── given no charge, or one that was used       reverts ChargeMissing(), ChargeUsed(chargeId, keyId)
 * ├── above what is left of the day's cap         reverts DailyCapExceeded(token, spent, price, cap)
 * ├── without the float                           reverts as the token does
 * ├── given what buy refuses                      reverts as buy does
 * └── else                                        buys for the recipient out of the float, held for at least `hold`; emits ChargeIssued
 *
 * setDailyCap(token, cap), setHold(hold), withdrawFloat(token, to, amount), by administrators
 */
import { expect } from "chai";
import { maxUint256, toHex } from "viem";
import { loadFixture, nextBlockAt, now, time } from "./support/chain.ts";
import { eventOf, logsOf, reverts } from "./support/check.ts";
import { by, create, type Moa, type Person, people } from "./support/deploy.ts";
import {
  BUYER,
  balances,
  DAY,
  deployMarket,
  FIXED,
  FREE,
  FUNDS,
  keyOf,
  LINEAR,
  list,
  NO_HASH,
  OrderStatus,
  PRICE,
  soldOf,
} from "./support/market.ts";
import { allow, authorityOf } from "./support/roles.ts";
import { expectSolvent } from "./support/solvency.ts";

const { admin, buyer, issuer, seller, stranger } = people;
const CHARGE = toHex(1n, { size: 32 });
const CAP = 3n * PRICE;
/** The first agent that is none of the market's. */
const ISSUER = 5n;

let role = 0n;

async function deployCards() {
  const moa = await deployMarket();
  role = await allow(moa, moa.cards, ["issueForCharge", "chargeback"], issuer);
  await moa.usdc.write.mint([moa.cards.address, 10n * PRICE]);
  await moa.cards.write.setDailyCap([moa.usdc.address, CAP]);
  return moa;
}

describe("CardIssuer.issueForCharge", () => {
  let moa: Moa;
  let lastCharge = 1n;
  beforeEach(async () => {
    moa = await loadFixture(deployCards);
  });

  const fresh = () => {
    lastCharge += 1n;
    return toHex(lastCharge, { size: 32 });
  };
  const issue = (
    {
      ekId = FIXED,
      version = 1,
      recipient = buyer.address,
      maxPrice = PRICE,
      deadline = maxUint256,
      charge = fresh(),
    } = {},
    sender: Person = issuer,
  ) => moa.cards.write.issueForCharge([ekId, version, recipient, maxPrice, deadline, charge], by(sender));
  const spent = async () => (await moa.cards.read.spentToday([moa.usdc.address]))[0];

  it("buys out of the float, held for as long as a card's holder may want its money back", async () => {
    const keyId = keyOf(FIXED, BUYER);
    const logs = await logsOf(moa, issue({ charge: CHARGE }));
    const { sale, buyerId } = logs.find(([name]) => name === "Exchange.KeySold")?.[1] ?? {};
    const releaseTime = Number(await now()) + 120 * DAY;
    expect(buyerId).to.equal(BUYER);
    expect(sale).to.include({
      payer: moa.cards.address,
      payerId: ISSUER,
      price: PRICE,
      releaseTime,
      by: moa.cards.address,
    });
    expect(logs.at(-1)).to.deep.equal([
      "CardIssuer.ChargeIssued",
      { chargeId: CHARGE, keyId, token: moa.usdc.address, price: PRICE, by: issuer.address },
    ]);
    expect(await moa.exchange.read.orderOf([keyId])).to.include({
      buyerId: ISSUER,
      amount: PRICE,
      releaseTime,
      status: OrderStatus.Held,
    });
    expect(await moa.cards.read.chargeOf([CHARGE])).to.deep.equal([keyId, false]);
    expect(await moa.keys.read.ownerOf([keyId])).to.equal(buyer.address);
    expect(await balances(moa, moa.cards, moa.exchange, buyer)).to.deep.equal([9n * PRICE, PRICE, FUNDS]);
    expect(await moa.usdc.read.allowance([moa.cards.address, moa.exchange.address])).to.equal(0n);
    await expectSolvent(moa);
  });

  it("holds it as long as the listing says, where that is longer", async () => {
    await moa.cards.write.setHold([10]);
    const ekId = await list(moa, { refundWindow: 20 });
    for (const [id, hold] of [
      [ekId, 20],
      [FIXED, 10],
    ] as const) {
      await issue({ ekId: id });
      const { releaseTime } = await moa.exchange.read.orderOf([keyOf(id, BUYER)]);
      expect(releaseTime).to.equal(Number(await now()) + hold);
    }
  });

  it("takes the curve's price, and counts that", async () => {
    const { price } = await eventOf(moa, issue({ ekId: LINEAR }), "CardIssuer.ChargeIssued");
    expect(price).to.equal(1_000_000n);
    expect(await spent()).to.equal(1_000_000n);
    expect(await moa.usdc.read.allowance([moa.cards.address, moa.exchange.address])).to.equal(0n);
    await issue({ ekId: FREE, maxPrice: 0n });
    expect(await spent()).to.equal(1_000_000n);
  });

  it("T28 invariant 5 takes a charge once", async () => {
    await issue({ charge: CHARGE });
    const used = [CHARGE, keyOf(FIXED, BUYER)];
    await reverts(issue({ charge: CHARGE }), moa.cards, "ChargeUsed", used);
    await reverts(issue({ charge: CHARGE, ekId: LINEAR }), moa.cards, "ChargeUsed", used);
    await moa.cards.write.chargeback([CHARGE], by(issuer));
    await reverts(issue({ charge: CHARGE }), moa.cards, "ChargeUsed", used);
    await reverts(issue({ charge: NO_HASH }), moa.cards, "ChargeMissing");
    expect(await soldOf(moa, FIXED)).to.equal(0);
  });

  it("T28 spends the day's cap and not a unit more", async () => {
    const dear = await list(moa, { curveParams: toHex(CAP + 1n, { size: 32 }) });
    const { address } = moa.usdc;
    const over = issue({ ekId: dear, maxPrice: CAP + 1n });
    await reverts(over, moa.cards, "DailyCapExceeded", [address, 0n, CAP + 1n, CAP]);
    for (let n = 0; n < 3; n++) await issue();
    expect(await moa.cards.read.spentToday([address])).to.deep.equal([CAP, CAP]);
    await reverts(issue(), moa.cards, "DailyCapExceeded", [address, CAP, PRICE, CAP]);
    const unit = await list(moa, { curveParams: toHex(1n, { size: 32 }) });
    await reverts(issue({ ekId: unit }), moa.cards, "DailyCapExceeded", [address, CAP, 1n, CAP]);
    await issue({ ekId: FREE });
    expect(await balances(moa, moa.cards)).to.deep.equal([7n * PRICE]);
    expect(await soldOf(moa, FIXED)).to.equal(3);
  });

  it("T28 gets no cap back by a chargeback", async () => {
    for (let n = 0; n < 3; n++) await issue({ charge: toHex(BigInt(1000 + n), { size: 32 }) });
    await moa.cards.write.chargeback([toHex(1000n, { size: 32 })], by(issuer));
    const over = [moa.usdc.address, CAP, PRICE, CAP];
    await reverts(issue(), moa.cards, "DailyCapExceeded", over);
  });

  it("T28 starts a new day at midnight UTC, to the second", async () => {
    const midnight = (BigInt(await now()) / BigInt(DAY) + 2n) * BigInt(DAY);
    await time.increaseTo(midnight - 100n);
    for (let n = 0; n < 3; n++) await issue();
    await nextBlockAt(midnight - 1n);
    await reverts(issue(), moa.cards, "DailyCapExceeded", [moa.usdc.address, CAP, PRICE, CAP]);
    await nextBlockAt(midnight);
    await issue();
    expect(await spent()).to.equal(PRICE);
    await time.increaseTo(midnight + BigInt(DAY));
    expect(await spent()).to.equal(0n);
  });

  it("T28 keeps a cap per token, none until it is set", async () => {
    const token = await create("TestUSDC");
    await moa.catalog.write.allowToken([token, true]);
    const ekId = await list(moa, { token });
    const other = { ...moa.usdc, address: token };
    await admin.wallet.writeContract({ ...other, functionName: "mint", args: [moa.cards.address, FUNDS] });
    await reverts(issue({ ekId }), moa.cards, "DailyCapExceeded", [token, 0n, PRICE, 0n]);
    await moa.cards.write.setDailyCap([token, PRICE]);
    await issue();
    await issue({ ekId });
    expect(await moa.cards.read.spentToday([token])).to.deep.equal([PRICE, PRICE]);
    expect(await spent()).to.equal(PRICE);
    await moa.cards.write.setDailyCap([token, PRICE - 1n]);
    await reverts(issue({ ekId }), moa.cards, "DailyCapExceeded", [token, PRICE, PRICE, PRICE - 1n]);
  });

  it("T28 is the issuers' alone, until their role is revoked", async () => {
    for (const who of [admin, seller, buyer, stranger]) {
      await reverts(issue({}, who), moa.cards, "AccessManagedUnauthorized", [who.address]);
      const back = moa.cards.write.chargeback([CHARGE], by(who));
      await reverts(back, moa.cards, "AccessManagedUnauthorized", [who.address]);
    }
    await issue();
    await authorityOf(moa).write.revokeRole([role, issuer.address]);
    await reverts(issue(), moa.cards, "AccessManagedUnauthorized", [issuer.address]);
    const back = moa.cards.write.chargeback([CHARGE], by(issuer));
    await reverts(back, moa.cards, "AccessManagedUnauthorized", [issuer.address]);
  });

  it("refuses what buy refuses, and keeps the charge for another try", async () => {
    const charge = CHARGE;
    await reverts(issue({ charge, ekId: 9n }), moa.catalog, "UnknownListing", [9n]);
    await reverts(issue({ charge, version: 2 }), moa.catalog, "UnknownVersion", [FIXED, 1, 2]);
    const short = issue({ charge, maxPrice: PRICE - 1n });
    await reverts(short, moa.exchange, "CostAboveMaximum", [PRICE, PRICE - 1n]);
    const nobody = issue({ charge, recipient: stranger.address });
    await reverts(nobody, moa.exchange, "RecipientNotAgent", [stranger.address]);
    await issue({ charge });
  });

  it("spends no more than the float", async () => {
    await moa.cards.write.withdrawFloat([moa.usdc.address, admin.address, 10n * PRICE - 1n]);
    const lacking = [moa.cards.address, 1n, PRICE];
    await reverts(issue(), moa.usdc, "ERC20InsufficientBalance", lacking);
    expect(await spent()).to.equal(0n);
  });
});

describe("CardIssuer administration", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployCards);
  });

  it("sets cap and hold, and takes money out of the float, and says so", async () => {
    const { read, write } = moa.cards;
    const token = moa.usdc.address;
    expect(await logsOf(moa, write.setDailyCap([token, 7n]))).to.deep.equal([
      ["CardIssuer.DailyCapSet", { token, cap: 7n }],
    ]);
    expect(await read.hold()).to.equal(120 * DAY);
    expect(await logsOf(moa, write.setHold([180 * DAY]))).to.deep.equal([
      ["CardIssuer.HoldSet", { hold: 180 * DAY }],
    ]);
    expect(await read.hold()).to.equal(180 * DAY);
    const out = { token, to: stranger.address, amount: PRICE, by: admin.address };
    expect(await logsOf(moa, write.withdrawFloat([token, stranger.address, PRICE]))).to.deep.equal([
      ["CardIssuer.FloatWithdrawn", out],
      ["Token.Transfer", { from: moa.cards.address, to: stranger.address, value: PRICE }],
    ]);
  });

  it("T25 keeps the hold within its bounds", async () => {
    const [least, most] = [1, 180 * DAY];
    for (const hold of [0, most + 1, 2 ** 32 - 1]) {
      await reverts(moa.cards.write.setHold([hold]), moa.cards, "HoldOutOfBounds", [hold, least, most]);
    }
    await moa.cards.write.setHold([least]);
  });

  it("T25 is the administrators' alone", async () => {
    const token = moa.usdc.address;
    for (const who of [issuer, seller, stranger]) {
      const refused = [who.address];
      const calls = [
        moa.cards.write.setDailyCap([token, 1n], by(who)),
        moa.cards.write.setHold([1], by(who)),
        moa.cards.write.withdrawFloat([token, who.address, 1n], by(who)),
      ];
      for (const call of calls) await reverts(call, moa.cards, "AccessManagedUnauthorized", refused);
    }
    expect(await balances(moa, moa.cards)).to.deep.equal([10n * PRICE]);
  });
});
