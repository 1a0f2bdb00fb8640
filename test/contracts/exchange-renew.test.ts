/*
 * renew(keyId, maxPrice, deadline)
 * ├── when past the deadline                            reverts DeadlinePassed(deadline, time)
 * ├── given no such key                                 reverts UnknownKey(keyId)
 * ├── given a listing that buy refuses, or that has a later version than the key   reverts as buy does
 * ├── when cost > maxPrice                              reverts CostAboveMaximum(cost, maxPrice)
 * ├── given a key without end, or whose order is open   reverts NotRenewable(keyId, version)
 * └── else                                              prolongs it from its end, or from now where that is over; splits the price at
 *                                                       once; emits KeyRenewed
 *     ├── by anyone, who becomes an agent by it
 *     └── also when all keys are sold
 */
import { expect } from "chai";
import { maxUint256 } from "viem";
import { loadFixture, nextBlockAt, now, time } from "./support/chain.ts";
import { eventOf, logsOf, reverts } from "./support/check.ts";
import { by, type Moa, type Person, people } from "./support/deploy.ts";
import {
  at,
  BUYER,
  balances,
  contentOf,
  creditOf,
  DAY,
  deployMarket,
  FUNDS,
  impersonateExchange,
  PRICE,
  purchaseOf,
  REFUNDABLE,
  SELLER,
  Share,
  Status,
  sell,
  soldOf,
  termsOf,
  UNIT,
} from "./support/market.ts";
import { credited } from "./support/sale.ts";
import { expectSolvent } from "./support/solvency.ts";

const { buyer, disputesDesk, newcomer, rival, seller, stranger } = people;

describe("Exchange.renew", () => {
  let moa: Moa;
  let ekId: bigint;
  let keyId: bigint;
  let expiry: number;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    ({ ekId, keyId } = await sell(moa, { keyTtl: DAY, supplyCap: 1, bountyBps: 1000 }));
    ({ expiry } = await moa.keys.read.keyInfo([keyId]));
  });

  const renew = (
    { id = keyId, maxPrice = PRICE, deadline = maxUint256 } = {},
    sender: { address: `0x${string}` } = buyer,
  ) => moa.exchange.write.renew([id, maxPrice, deadline], by(sender));

  it("prolongs a live key from its end, and splits the price at once", async () => {
    await moa.exchange.write.setFee([100, UNIT]);
    const points = await moa.points.read.balanceOf([SELLER]);
    const { result } = await moa.exchange.simulate.renew([keyId, PRICE, maxUint256], by(buyer));
    expect(result).to.equal(expiry + DAY);
    const logs = await logsOf(moa, renew());
    const startTime = BigInt((await moa.keys.read.keyInfo([keyId])).startTime);
    const token = moa.usdc.address;
    const pot = { ekId, token, keyId, amount: PRICE / 10n, bountyAfter: PRICE / 5n };
    const rest = { amount: (PRICE * 89n) / 100n, creditAfter: (PRICE * 179n) / 100n };
    expect(logs).to.deep.equal([
      ["ExperienceKey.TokenExpiryUpdated", { tokenId: keyId, startTime, endTime: BigInt(expiry + DAY) }],
      ["ExperienceKey.MetadataUpdate", { _tokenId: keyId }],
      [
        "Exchange.KeyRenewed",
        { keyId, payerId: BUYER, expiry: expiry + DAY, token, price: PRICE, feeBps: 100 },
      ],
      credited(moa, keyId, { agentId: UNIT, share: Share.Fee, amount: PRICE / 100n }),
      ["Exchange.BountyFunded", pot],
      credited(moa, keyId, rest),
      ["Token.Transfer", { from: buyer.address, to: moa.exchange.address, value: PRICE }],
    ]);
    expect((await moa.keys.read.keyInfo([keyId])).expiry).to.equal(expiry + DAY);
    expect(await soldOf(moa, ekId)).to.equal(1);
    expect(await moa.points.read.balanceOf([SELLER]), "no points").to.equal(points);
    await expectSolvent(moa);
  });

  it("prolongs a dead one from now, to the second", async () => {
    await nextBlockAt(BigInt(expiry) + 500n);
    await renew();
    expect((await moa.keys.read.keyInfo([keyId])).expiry).to.equal(expiry + 500 + DAY);
    expect(await moa.keys.read.hasAccess([ekId, buyer.address, 1])).to.equal(true);
  });

  it("lets anyone pay, who becomes an agent by it; the key stays whose it is", async () => {
    const { payerId } = await eventOf(moa, renew({}, newcomer), "Exchange.KeyRenewed");
    expect(payerId).to.equal(5n);
    expect(await moa.keys.read.ownerOf([keyId])).to.equal(buyer.address);
    expect(await balances(moa, newcomer)).to.deep.equal([FUNDS - PRICE]);
  });

  it("costs nothing where a key costs nothing", async () => {
    const free = await sell(moa, { ...at(0n), keyTtl: DAY });
    await renew({ id: free.keyId, maxPrice: 0n }, stranger);
    const key = await moa.keys.read.keyInfo([free.keyId]);
    expect(key.expiry - key.startTime).to.equal(2 * DAY);
  });

  it("T4 takes no more than the maximum, nor after the deadline", async () => {
    const dear = [PRICE, PRICE - 1n];
    await reverts(renew({ maxPrice: PRICE - 1n }), moa.exchange, "CostAboveMaximum", dear);
    const deadline = (await now()) + 50n;
    await nextBlockAt(deadline);
    await renew({ deadline });
    const late = await nextBlockAt(deadline + 1n);
    await reverts(renew({ deadline }), moa.exchange, "DeadlinePassed", [deadline, late]);
  });

  it("T8 refuses a key of an earlier version than the present one", async () => {
    await moa.catalog.write.update([ekId, termsOf(moa, { keyTtl: DAY }), contentOf("v2")], by(seller));
    await reverts(renew(), moa.exchange, "VersionMismatch", [ekId, 2, 1]);
  });

  it("refuses a key that does not end", async () => {
    const eternal = await sell(moa, {});
    await reverts(renew({ id: eternal.keyId }), moa.exchange, "NotRenewable", [eternal.keyId, 1]);
  });

  it("refuses a key while its order is open", async () => {
    const held = await sell(moa, { ...REFUNDABLE, keyTtl: DAY });
    const refused = () => reverts(renew({ id: held.keyId }), moa.exchange, "NotRenewable", [held.keyId, 1]);
    await refused();
    await moa.exchange.write.freeze([held.keyId], by(disputesDesk));
    await refused();
    await moa.exchange.write.settle([held.keyId, 1n], by(disputesDesk));
    await renew({ id: held.keyId });
    await expectSolvent(moa);
  });

  it("refuses a key that is not there, or no more", async () => {
    await reverts(renew({ id: 77n }), moa.keys, "UnknownKey", [77n]);
    await impersonateExchange(moa);
    await moa.keys.write.burn([keyId], by(moa.exchange));
    await reverts(renew(), moa.keys, "UnknownKey", [keyId]);
  });

  it("refuses what is not for sale now", async () => {
    await moa.catalog.write.setStatus([ekId, Status.Paused], by(seller));
    await reverts(renew(), moa.exchange, "ListingNotActive", [ekId, Status.Paused]);
    const endTime = Number(await now()) + DAY;
    const ending = await sell(moa, { keyTtl: 100, endTime });
    await time.increaseTo(endTime - 1);
    const over = await nextBlockAt(BigInt(endTime));
    const call = renew({ id: ending.keyId });
    await reverts(call, moa.exchange, "Ended", [ending.ekId, BigInt(endTime), over]);
  });

  it("takes no money that is not there, and prolongs nothing then", async () => {
    const poor = renew({}, stranger);
    await reverts(poor, moa.usdc, "ERC20InsufficientAllowance", [moa.exchange.address, 0n, PRICE]);
    expect((await moa.keys.read.keyInfo([keyId])).expiry).to.equal(expiry);
    expect(await moa.registry.read.agentOf([stranger.address])).to.equal(0n);
  });

  it("can be done by several, in a row, and takes no key out of the supply", async () => {
    for (const who of [buyer, rival, buyer] as Person[]) await renew({}, who);
    expect((await moa.keys.read.keyInfo([keyId])).expiry).to.equal(expiry + 3 * DAY);
    expect(await creditOf(moa, SELLER)).to.equal((PRICE * 9n * 4n) / 10n);
    const again = moa.exchange.write.buy([await purchaseOf(rival, { ekId })], by(rival));
    await reverts(again, moa.exchange, "SoldOut", [ekId, 1n]);
  });
});
