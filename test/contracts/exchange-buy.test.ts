/*
 * buy(purchase)
 * ├── when past the deadline                          reverts DeadlinePassed(deadline, time)
 * ├── given no such listing                           reverts UnknownListing(ekId)
 * ├── given a listing that is paused or archived      reverts ListingNotActive(ekId, status)
 * ├── given another version than the present one      reverts VersionMismatch(ekId, current, given)
 * ├── before its start, or from its end on            reverts NotStarted, Ended
 * ├── given all keys sold                             reverts SoldOut(ekId, supplyCap)
 * ├── when cost > maxPrice                            reverts CostAboveMaximum(cost, maxPrice)
 * ├── given a recipient that is no agent              reverts RecipientNotAgent(recipient)
 * ├── without the money or the allowance              reverts as the token does
 * ├── given a referrer that is no agent               reverts UnknownAgent(referrerId)
 * ├── during a pause                                  reverts Paused(until) (exchange-pause.test.ts)
 * └── else                                            takes the price, hands over the key; emits KeySold with soldAfter
 *     ├── without a refund window                     splits the price at once, awards points
 *     ├── with one                                    holds it (order-*.test.ts)
 *     ├── for a caller that is no agent yet           makes it one
 *     ├── for another agent                           gives it the key; the caller pays, and becomes an agent
 *     ├── by the seller itself                        sells, without points
 *     └── at a price of 0                             moves no money
 */
import { expect } from "chai";
import { toHex } from "viem";
import { loadFixture, nextBlockAt, now, time } from "./support/chain.ts";
import { eventOf, logsOf, reverts } from "./support/check.ts";
import { by, create, type Moa, people } from "./support/deploy.ts";
import {
  at,
  BUYER,
  balances,
  contentOf,
  deployMarket,
  FIXED,
  FREE,
  FUNDS,
  keyOf,
  LINEAR,
  PRICE,
  type Purchase,
  purchaseOf,
  rotate,
  SELLER,
  Status,
  type Terms,
  termsOf,
  VALIDATOR,
  ZERO,
} from "./support/market.ts";
import { awarded, credited, saleOf } from "./support/sale.ts";

const { buyer, newcomer, next, rival, seller, sponsor, stranger, validator } = people;

describe("Exchange.buy", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  const buy = async (fields: Partial<Purchase> = {}, sender = buyer) =>
    moa.exchange.write.buy([await purchaseOf(sender, fields)], by(sender));
  const credit = () => moa.exchange.read.creditOf([SELLER, moa.usdc.address]);

  async function buyDear(ekId: bigint, price: bigint) {
    await moa.usdc.write.mint([buyer.address, price]);
    await moa.usdc.write.approve([moa.exchange.address, price], by(buyer));
    return buy({ ekId, maxPrice: price });
  }

  async function list(terms: Partial<Terms>): Promise<bigint> {
    await moa.catalog.write.list([SELLER, termsOf(moa, terms), contentOf()], by(seller));
    return moa.catalog.read.listingCount();
  }

  it("moves money, credit, key and points in one transaction", async () => {
    const { result } = await moa.exchange.simulate.buy([await purchaseOf(buyer)], by(buyer));
    const hash = await buy();
    const keyId = keyOf(FIXED, BUYER);
    expect(result).to.equal(keyId);
    expect(await logsOf(moa, hash)).to.deep.equal([
      ["ExperienceKey.Transfer", { from: ZERO, to: buyer.address, tokenId: keyId }],
      ["ExperienceKey.Locked", { tokenId: keyId }],
      ["Exchange.KeySold", { ekId: FIXED, buyerId: BUYER, keyId, sale: saleOf(moa) }],
      credited(moa, keyId),
      awarded(),
      ["Token.Transfer", { from: buyer.address, to: moa.exchange.address, value: PRICE }],
    ]);
    expect(await balances(moa, buyer, moa.exchange, seller)).to.deep.equal([FUNDS - PRICE, PRICE, 0n]);
    expect(await credit()).to.equal(PRICE);
    expect(await moa.keys.read.ownerOf([keyId])).to.equal(buyer.address);
    expect((await moa.catalog.read.listingOf([FIXED])).sold).to.equal(1);
    expect(await moa.points.read.balanceOf([SELLER])).to.equal(200n);
    expect(await moa.points.read.balanceOf([BUYER])).to.equal(100n);
  });

  it("sells again to the same buyer, as another key", async () => {
    await buy();
    const { sale, keyId } = await eventOf(moa, buy(), "Exchange.KeySold");
    expect(keyId).to.equal(keyOf(FIXED, BUYER, 1n));
    expect(sale).to.include({ soldAfter: 2 });
    expect(await credit()).to.equal(2n * PRICE);
  });

  it("makes an agent of a caller that is none yet", async () => {
    const logs = await logsOf(moa, buy({}, newcomer));
    expect(logs.map(([name]) => name)).to.deep.equal([
      "AgentRegistry.Transfer",
      "AgentRegistry.Registered",
      "AgentRegistry.MetadataSet",
      "ExperienceKey.Transfer",
      "ExperienceKey.Locked",
      "Exchange.KeySold",
      "Exchange.Credited",
      "PointsLedger.PointsAwarded",
      "Token.Transfer",
    ]);
    expect(await moa.registry.read.agentOf([newcomer.address])).to.equal(5n);
    expect(await moa.keys.read.ownerOf([keyOf(FIXED, 5n)])).to.equal(newcomer.address);
  });

  it("gives the key to another agent, and takes the money from the caller", async () => {
    const hash = buy({ recipient: validator.address }, sponsor);
    const { buyerId, sale } = await eventOf(moa, hash, "Exchange.KeySold");
    expect(buyerId).to.equal(VALIDATOR);
    expect(sale).to.include({ payer: sponsor.address, payerId: 5n, by: sponsor.address });
    expect(await moa.keys.read.ownerOf([keyOf(FIXED, VALIDATOR)])).to.equal(validator.address);
    expect(await balances(moa, sponsor, validator)).to.deep.equal([FUNDS - PRICE, 0n]);
    expect(await moa.registry.read.agentOf([sponsor.address]), "who pays is an agent").to.equal(5n);
  });

  it("refuses to give a key to somebody who is no agent", async () => {
    for (const recipient of [stranger.address, ZERO, moa.exchange.address] as const) {
      const call = buy({ recipient });
      await reverts(call, moa.exchange, "RecipientNotAgent", [recipient]);
    }
    await rotate(moa, VALIDATOR, validator, next);
    const former = buy({ recipient: validator.address });
    await reverts(former, moa.exchange, "RecipientNotAgent", [validator.address]);
  });

  it("refuses a referrer that is no agent", async () => {
    await reverts(buy({ referrerId: 9n }), moa.registry, "UnknownAgent", [9n]);
  });

  it("refuses a price that an order has no room for", async () => {
    const most = 2n ** 96n - 1n;
    const curve = await create("BoundlessPrice");
    await moa.catalog.write.allowCurve([curve, true]);
    const ekId = await list({ curve, curveParams: toHex(most + 1n, { size: 32 }) });
    const maxPrice = 2n ** 128n;
    await reverts(buy({ ekId, maxPrice }), moa.exchange, "CostAboveMaximum", [most + 1n, most]);
    const { sale } = await eventOf(moa, buyDear(await list(at(most)), most), "Exchange.KeySold");
    expect(sale).to.include({ price: most });
    expect(await credit()).to.equal(most);
  });

  it("refuses a caller that its agent has left", async () => {
    await rotate(moa, BUYER, buyer, next);
    await reverts(buy(), moa.registry, "AddressRetired", [buyer.address, BUYER]);
  });

  it("T31 sells to the seller itself, without points", async () => {
    await moa.usdc.write.mint([seller.address, PRICE]);
    await moa.usdc.write.approve([moa.exchange.address, PRICE], by(seller));
    const logs = await logsOf(moa, buy({}, seller));
    expect(logs.map(([name]) => name)).not.to.include("PointsLedger.PointsAwarded");
    expect(await credit()).to.equal(PRICE);
    expect(await moa.points.read.balanceOf([SELLER])).to.equal(0n);
  });

  it("moves no money where a key is free", async () => {
    const logs = await logsOf(moa, buy({ ekId: FREE, maxPrice: 0n }));
    expect(logs.map(([name]) => name)).not.to.include("Token.Transfer");
    expect(logs.find(([name]) => name === "Exchange.KeySold")?.[1].sale).to.include({
      price: 0n,
      releaseTime: 0,
    });
    expect(await credit()).to.equal(0n);
  });

  it("gives the key its end", async () => {
    const ekId = await list({ keyTtl: 3600 });
    const { sale } = await eventOf(moa, buy({ ekId }), "Exchange.KeySold");
    const expiry = Number(await now()) + 3600;
    expect(sale).to.include({ expiry });
    expect((await moa.keys.read.keyInfo([keyOf(ekId, BUYER)])).expiry).to.equal(expiry);
  });

  it("T4 takes the deadline as inclusive, and nothing after it", async () => {
    const deadline = (await now()) + 100n;
    await nextBlockAt(deadline);
    await buy({ deadline });
    const at = await nextBlockAt(deadline + 1n);
    await reverts(buy({ deadline }), moa.exchange, "DeadlinePassed", [deadline, at]);
  });

  it("T4 never takes more than the maximum, however many buy ahead", async () => {
    for (let ahead = 0; ahead < 6; ahead++) {
      const cost = await moa.catalog.read.quote([LINEAR, 1n, 0n]);
      const late = { ekId: LINEAR, maxPrice: cost - 1n };
      await reverts(buy(late), moa.exchange, "CostAboveMaximum", [cost, cost - 1n]);
      const { sale } = await eventOf(moa, buy({ ekId: LINEAR, maxPrice: cost }, rival), "Exchange.KeySold");
      expect(sale).to.include({ price: cost });
    }
    expect(await credit()).to.equal(1_000_000n + 1_250_000n + 1_500_000n + 1_750_000n + 2_000_000n * 2n);
    const before = await moa.usdc.read.balanceOf([buyer.address]);
    await buy({ ekId: LINEAR, maxPrice: 10n * PRICE });
    expect(before - (await moa.usdc.read.balanceOf([buyer.address]))).to.equal(2_000_000n);
  });

  it("T8 refuses another version than the buyer saw", async () => {
    const terms = termsOf(moa, at(PRICE - 1n));
    await moa.catalog.write.update([FIXED, terms, contentOf("v2")], by(seller));
    await reverts(buy(), moa.exchange, "VersionMismatch", [FIXED, 2, 1]);
    await reverts(buy({ version: 3 }), moa.exchange, "VersionMismatch", [FIXED, 2, 3]);
    await buy({ version: 2 });
  });

  it("refuses a listing that is not there or not active", async () => {
    await reverts(buy({ ekId: 9n }), moa.exchange, "UnknownListing", [9n]);
    for (const status of [Status.Paused, Status.Archived]) {
      await moa.catalog.write.setStatus([FIXED, status], by(seller));
      await reverts(buy(), moa.exchange, "ListingNotActive", [FIXED, status]);
    }
  });

  it("sells from the start to before the end", async () => {
    const startTime = Number(await now()) + 1000;
    const endTime = startTime + 10;
    const ekId = await list({ startTime, endTime });
    const early = await nextBlockAt(BigInt(startTime) - 1n);
    await reverts(buy({ ekId }), moa.exchange, "NotStarted", [ekId, BigInt(startTime), early]);
    await nextBlockAt(BigInt(startTime));
    await buy({ ekId });
    await time.setNextBlockTimestamp(endTime - 1);
    await buy({ ekId });
    const late = await nextBlockAt(BigInt(endTime));
    await reverts(buy({ ekId }), moa.exchange, "Ended", [ekId, BigInt(endTime), late]);
  });

  it("sells no more keys than there are", async () => {
    const ekId = await list({ supplyCap: 2 });
    await buy({ ekId });
    await buy({ ekId }, rival);
    await reverts(buy({ ekId }), moa.exchange, "SoldOut", [ekId, 2n]);
    expect((await moa.catalog.read.listingOf([ekId])).sold).to.equal(2);
  });

  it("sells nothing without the money", async () => {
    await moa.usdc.write.approve([moa.exchange.address, PRICE - 1n], by(buyer));
    const allowed = [moa.exchange.address, PRICE - 1n, PRICE];
    await reverts(buy(), moa.usdc, "ERC20InsufficientAllowance", allowed);
    await moa.usdc.write.approve([moa.exchange.address, PRICE], by(stranger));
    await reverts(buy({}, stranger), moa.usdc, "ERC20InsufficientBalance", [stranger.address, 0n, PRICE]);
    expect((await moa.catalog.read.listingOf([FIXED])).sold).to.equal(0);
    expect(await credit()).to.equal(0n);
    expect(await moa.registry.read.agentOf([stranger.address])).to.equal(0n);
  });

  it("goes on selling what was listed before its token or curve was disallowed", async () => {
    await moa.catalog.write.allowToken([moa.usdc.address, false]);
    await moa.catalog.write.allowCurve([moa.fixed.address, false]);
    await buy();
    expect(await credit()).to.equal(PRICE);
  });
});
