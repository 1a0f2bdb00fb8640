/*
 * finalizeTill(quote)
 * ├── given what buyViaTill refuses            reverts as it does
 * ├── when the till holds less than the cost   reverts TillUnderfunded(hash, balance, cost)
 * └── else                                     sells the key for the till's money, whoever calls; names the buyer as payer
 *     ├── with too much in the till            gives the rest back to the buyer
 *     └── with another token in it as well     leaves that to refundTill
 */
import { expect } from "chai";
import { loadFixture, nextBlockAt } from "./support/chain.ts";
import { eventOf, reverts } from "./support/check.ts";
import { by, create, type Moa, people } from "./support/deploy.ts";
import {
  BUYER,
  balances,
  contentOf,
  deployMarket,
  FIXED,
  FUNDS,
  fund,
  keyOf,
  LINEAR,
  PRICE,
  type Quote,
  quoteOf,
  rotate,
  SELLER,
  termsOf,
} from "./support/market.ts";
import { createWeirdToken } from "./support/mocks.ts";

const { buyer, newcomer, next, seller, sponsor, stranger } = people;

describe("Tills.finalizeTill", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  const finalize = (quote: Quote, sender = stranger) => moa.tills.write.finalizeTill([quote], by(sender));

  it("sells for the money in the till, whoever put it there and whoever calls", async () => {
    const quote = await quoteOf(moa, buyer);
    const till = await fund(moa, quote, PRICE, sponsor);
    const { sale, buyerId, keyId } = await eventOf(moa, finalize(quote), "Exchange.KeySold");
    expect([buyerId, keyId]).to.deep.equal([BUYER, keyOf(FIXED, BUYER)]);
    expect(sale).to.include({
      payer: buyer.address,
      by: stranger.address,
      price: PRICE,
      paymentRef: await moa.tills.read.quoteHashOf([quote]),
    });
    expect(await balances(moa, { address: till }, moa.exchange)).to.deep.equal([0n, PRICE]);
    expect(await moa.tills.read.isQuoteUsed([quote])).to.equal(true);
  });

  it("gives what is too much to the buyer, at its present EOA", async () => {
    const quote = await quoteOf(moa, buyer);
    const till = await fund(moa, quote, PRICE + 7n, sponsor);
    await rotate(moa, BUYER, buyer, next);
    await finalize(quote);
    expect(await balances(moa, { address: till }, buyer, next, moa.exchange)).to.deep.equal([
      0n,
      FUNDS,
      7n,
      PRICE,
    ]);
  });

  it("makes an agent of a buyer that is none yet", async () => {
    const quote = await quoteOf(moa, newcomer);
    await fund(moa, quote, PRICE, newcomer);
    await finalize(quote, newcomer);
    expect(await moa.keys.read.ownerOf([keyOf(FIXED, 5n)])).to.equal(newcomer.address);
  });

  it("leaves other tokens in the till for a refund", async () => {
    const quote = await quoteOf(moa, buyer);
    const till = await fund(moa, quote, PRICE, sponsor);
    const other = await createWeirdToken("PermitlessToken");
    await other.write.mint([till, 9n]);
    await finalize(quote);
    await moa.tills.write.refundTill([quote, other.address], by(stranger));
    expect(await other.read.balanceOf([buyer.address])).to.equal(9n);
    expect(await other.read.balanceOf([till])).to.equal(0n);
  });

  it("refuses a till without enough in it, until there is", async () => {
    const quote = await quoteOf(moa, buyer);
    const hash = await moa.tills.read.quoteHashOf([quote]);
    await reverts(finalize(quote), moa.exchange, "TillUnderfunded", [hash, 0n, PRICE]);
    await fund(moa, quote, PRICE - 1n, sponsor);
    await reverts(finalize(quote), moa.exchange, "TillUnderfunded", [hash, PRICE - 1n, PRICE]);
    await fund(moa, quote, 1n, buyer);
    await finalize(quote);
    expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(1n);
  });

  it("refuses a used quote, also when its till is full again", async () => {
    const quote = await quoteOf(moa, buyer);
    await fund(moa, quote, PRICE, sponsor);
    await finalize(quote);
    await fund(moa, quote, PRICE, sponsor);
    const hash = await moa.tills.read.quoteHashOf([quote]);
    await reverts(finalize(quote), moa.tills, "QuoteUsed", [hash]);
  });

  it("refuses a quote past its deadline, to the second", async () => {
    const [first, second] = [await quoteOf(moa, buyer), await quoteOf(moa, buyer)];
    await fund(moa, first, PRICE, sponsor);
    await fund(moa, second, PRICE, sponsor);
    await nextBlockAt(first.deadline);
    await finalize(first);
    const at = await nextBlockAt(second.deadline + 1n);
    await reverts(finalize(second), moa.tills, "DeadlinePassed", [second.deadline, at]);
  });

  it("T8 refuses what changed under the quote, and leaves the money refundable", async () => {
    const changed = await quoteOf(moa, buyer);
    const dearer = await quoteOf(moa, buyer, { ekId: LINEAR, maxPrice: 999_999n });
    const foreign = await quoteOf(moa, buyer, { token: await create("TestUSDC") });
    for (const quote of [changed, dearer, foreign]) await fund(moa, quote, PRICE, sponsor);
    await reverts(finalize(dearer), moa.exchange, "CostAboveMaximum", [1_000_000n, 999_999n]);
    await reverts(finalize(foreign), moa.exchange, "TokenMismatch", [FIXED, moa.usdc.address, foreign.token]);
    await moa.catalog.write.update([FIXED, termsOf(moa, { supplyCap: 1 }), contentOf("v2")], by(seller));
    await reverts(finalize(changed), moa.exchange, "VersionMismatch", [FIXED, 2, 1]);
    const full = await quoteOf(moa, buyer, { version: 2 });
    await fund(moa, full, PRICE, sponsor);
    const last = await quoteOf(moa, buyer, { version: 2 });
    await fund(moa, last, PRICE, sponsor);
    await finalize(last);
    await reverts(finalize(full), moa.exchange, "SoldOut", [FIXED, 1n]);
    for (const quote of [changed, dearer, foreign, full]) {
      await moa.tills.write.refundTill([quote, moa.usdc.address], by(buyer));
    }
    expect(await balances(moa, buyer)).to.deep.equal([FUNDS + 4n * PRICE]);
    expect(await moa.exchange.read.creditOf([SELLER, moa.usdc.address])).to.equal(PRICE);
  });
});
