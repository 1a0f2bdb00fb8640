/*
 * award(ekId, keyId, sellerId, buyerId)
 * ├── when not called by the exchange   reverts NotExchange(caller)
 * ├── given a trade with oneself        awards and logs nothing
 * └── else                              2 to the seller, 1 to the buyer; emits PointsAwarded with both balances after
 */
import { expect } from "chai";
import type { Address } from "viem";
import { loadFixture } from "./support/chain.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, type Moa, people } from "./support/deploy.ts";
import { BUYER, deployMarket, impersonateExchange, rotate, SELLER } from "./support/market.ts";

describe("PointsLedger.award", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    await impersonateExchange(moa);
  });

  const award = (sellerId: bigint, buyerId: bigint, sender: { address: Address } = moa.exchange) =>
    moa.points.write.award([7n, 8n, sellerId, buyerId], by(sender));
  const pointsOf = async (agentId: bigint) => [
    await moa.points.read.balanceOf([agentId]),
    await moa.points.read.lifetimeOf([agentId]),
  ];

  it("is the exchange's alone", async () => {
    expect(await moa.points.read.exchange()).to.equal(moa.exchange.address);
    const call = award(SELLER, BUYER, people.seller);
    await reverts(call, moa.points, "NotExchange", [people.seller.address]);
  });

  it("gives the seller two and the buyer one, again and again", async () => {
    expect([await moa.points.read.SELLER_AWARD(), await moa.points.read.BUYER_AWARD()]).to.deep.equal([
      2n,
      1n,
    ]);
    for (const n of [1n, 2n, 3n]) {
      const args = {
        ekId: 7n,
        sellerId: SELLER,
        buyerId: BUYER,
        keyId: 8n,
        sellerDelta: 2n,
        buyerDelta: 1n,
        sellerBalance: 2n * n,
        buyerBalance: n,
      };
      expect(await logsOf(moa, award(SELLER, BUYER))).to.deep.equal([["PointsLedger.PointsAwarded", args]]);
    }
    await award(BUYER, SELLER);
    expect(await pointsOf(SELLER)).to.deep.equal([7n, 7n]);
    expect(await pointsOf(BUYER)).to.deep.equal([5n, 5n]);
  });

  it("T31 gives nothing for a trade with oneself", async () => {
    expect(await logsOf(moa, award(SELLER, SELLER))).to.deep.equal([]);
    expect(await pointsOf(SELLER)).to.deep.equal([0n, 0n]);
  });

  it("T24 keeps them by agent, through rotations", async () => {
    await award(SELLER, BUYER);
    await rotate(moa, SELLER, people.seller, people.next);
    expect(await pointsOf(SELLER)).to.deep.equal([2n, 2n]);
  });
});
