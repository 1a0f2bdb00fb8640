/*
 * refundTill(quote, token)
 * ├── given nothing of the token in the till         reverts NothingToRefund(hash, token)
 * ├── before the deadline, by anyone but the buyer   reverts TillNotRefundable(hash, deadline, time)
 * └── else                                           sends all of it to the buyer and ends the quote; emits TillRefunded
 *     ├── before the deadline, by the buyer          likewise
 *     ├── after a sale or a refund, by anyone        likewise, at any time
 *     ├── after a rotation                           to the agent's present EOA, which is the buyer now
 *     └── given a token that is none of ours         likewise; touches no other
 */
import { expect } from "chai";
import { loadFixture, nextBlockAt, now, time } from "./support/chain.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, type Moa, type Person, people } from "./support/deploy.ts";
import {
  BUYER,
  balances,
  deployMarket,
  FIXED,
  FUNDS,
  fund,
  keyOf,
  PRICE,
  type Quote,
  quoteOf,
  rotate,
  SELLER,
} from "./support/market.ts";
import { createHostileToken, createWeirdToken } from "./support/mocks.ts";

const { buyer, next, seller, sponsor, stranger } = people;

describe("Tills.refundTill", () => {
  let moa: Moa;
  let quote: Quote;
  let till: { address: `0x${string}` };
  let hash: `0x${string}`;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    quote = await quoteOf(moa, buyer);
    till = { address: await fund(moa, quote, PRICE, sponsor) };
    hash = await moa.tills.read.quoteHashOf([quote]);
  });

  const refund = (sender: Person = stranger, token = moa.usdc.address) =>
    moa.tills.write.refundTill([quote, token], by(sender));
  const refunded = (payee: Person, amount: bigint) => [
    [
      "Tills.TillRefunded",
      { quoteHash: hash, ekId: FIXED, buyer: payee.address, token: moa.usdc.address, amount },
    ],
    ["Token.Transfer", { from: till.address, to: payee.address, value: amount }],
  ];

  it("T12 gives the money back to the buyer after the deadline, whoever calls", async () => {
    await nextBlockAt(quote.deadline + 1n);
    expect(await logsOf(moa, refund())).to.deep.equal(refunded(buyer, PRICE));
    expect(await balances(moa, till, buyer, moa.exchange)).to.deep.equal([0n, FUNDS + PRICE, 0n]);
    expect(await moa.tills.read.isQuoteUsed([quote])).to.equal(true);
    expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(0n);
    await reverts(refund(), moa.tills, "NothingToRefund", [hash, moa.usdc.address]);
  });

  it("is the buyer's alone before the deadline, and ends the quote", async () => {
    for (const sender of [stranger, sponsor, seller]) {
      const at = await nextBlockAt((await now()) + 1n);
      await reverts(refund(sender), moa.tills, "TillNotRefundable", [hash, quote.deadline, at]);
    }
    await nextBlockAt(quote.deadline);
    await reverts(refund(), moa.tills, "TillNotRefundable", [hash, quote.deadline, quote.deadline]);
    expect(await balances(moa, till)).to.deep.equal([PRICE]);

    const other = await quoteOf(moa, buyer, { deadline: quote.deadline + 1000n });
    await fund(moa, other, PRICE, sponsor);
    await moa.tills.write.refundTill([other, moa.usdc.address], by(buyer));
    await fund(moa, other, PRICE, sponsor);
    const used = [await moa.tills.read.quoteHashOf([other])];
    const finalize = moa.tills.write.finalizeTill([other], by(buyer));
    await reverts(finalize, moa.tills, "QuoteUsed", used);
  });

  it("T12 gives late money back at once, after the sale and after a refund", async () => {
    await moa.tills.write.finalizeTill([quote], by(stranger));
    await fund(moa, quote, 3n, sponsor);
    expect(await logsOf(moa, refund())).to.deep.equal(refunded(buyer, 3n));
    await fund(moa, quote, 4n, sponsor);
    expect(await logsOf(moa, refund())).to.deep.equal(refunded(buyer, 4n));
    expect(await moa.keys.read.ownerOf([keyOf(FIXED, BUYER)])).to.equal(buyer.address);
    expect(await moa.exchange.read.creditOf([SELLER, moa.usdc.address])).to.equal(PRICE);
    expect(await balances(moa, moa.exchange)).to.deep.equal([PRICE]);
  });

  it("T24 pays the agent's present EOA, which is the buyer now", async () => {
    await rotate(moa, BUYER, buyer, next);
    const at = await nextBlockAt((await now()) + 1n);
    await reverts(refund(buyer), moa.tills, "TillNotRefundable", [hash, quote.deadline, at]);
    expect(await logsOf(moa, refund(next))).to.deep.equal(refunded(next, PRICE));
    expect(await balances(moa, buyer, next)).to.deep.equal([FUNDS, PRICE]);
  });

  it("gives back a token that strayed into the till, and the money after it", async () => {
    const other = await createWeirdToken("PermitlessToken");
    await other.write.mint([till.address, 9n]);
    const early = await nextBlockAt((await now()) + 1n);
    const foreign = refund(stranger, other.address);
    await reverts(foreign, moa.tills, "TillNotRefundable", [hash, quote.deadline, early]);
    await time.increaseTo(quote.deadline + 1n);
    await refund(stranger, other.address);
    expect(await other.read.balanceOf([buyer.address])).to.equal(9n);
    expect(await balances(moa, till)).to.deep.equal([PRICE]);
    expect(await logsOf(moa, refund())).to.deep.equal(refunded(buyer, PRICE));
  });

  it("has nothing for a token that is not there, and no effect", async () => {
    const other = await createWeirdToken("PermitlessToken");
    const call = refund(buyer, other.address);
    await reverts(call, moa.tills, "NothingToRefund", [hash, other.address]);
    expect(await moa.tills.read.isQuoteUsed([quote])).to.equal(false);
    await moa.tills.write.finalizeTill([quote], by(stranger));
  });

  it("T1 a made-up token can end nobody's quote early, nor move its money", async () => {
    const evil = await createHostileToken();
    await evil.write.mint([till.address, 10n ** 30n]);
    const at = await nextBlockAt((await now()) + 1n);
    const early = refund(stranger, evil.address);
    await reverts(early, moa.tills, "TillNotRefundable", [hash, quote.deadline, at]);
    await time.increaseTo(quote.deadline + 1n);
    await refund(stranger, evil.address);
    expect(await balances(moa, till, buyer, moa.exchange)).to.deep.equal([PRICE, FUNDS, 0n]);
    await refund();
    expect(await balances(moa, till, buyer)).to.deep.equal([0n, FUNDS + PRICE]);
  });
});
