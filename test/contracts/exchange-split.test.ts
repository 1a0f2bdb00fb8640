/*
 * The split of a price: at the sale without a refund window, else at its release
 * ├── fee         by the basis points of the sale, to whoever earns it at the split
 * ├── bounty      into the listing's pot, for its validators
 * ├── royalties   to the present sellers of the listings that this one derives from
 * ├── referral    to whoever brought the buyer; to the seller where nobody did
 * └── the rest    the seller's, dust included; parts = whole, to the unit
 *
 * payBounty(ekId, token, agentIds, amounts), by the label registry alone
 * ├── given lists of two lengths       reverts LengthMismatch(agents, amounts)
 * ├── given more than the pot holds    reverts BountyExceeded(ekId, token, left, needed)
 * └── else                             credits each; emits Credited
 */
import { expect } from "chai";
import { loadFixture, time } from "./support/chain.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, create, type Moa, type Person, people } from "./support/deploy.ts";
import {
  at,
  BUYER,
  balances,
  contentOf,
  creditOf,
  deployMarket,
  FUNDS,
  keyOf,
  list,
  PRICE,
  purchaseOf,
  REFUNDABLE,
  rotate,
  SELLER,
  Share,
  sell,
  type Terms,
  termsOf,
  UNIT,
  VALIDATOR,
  ZERO,
} from "./support/market.ts";
import { credited } from "./support/sale.ts";
import { expectSolvent } from "./support/solvency.ts";

const { buyer, consensusDesk, next, rival, seller, stranger, unit, validator } = people;
const BPS = 10_000n;

describe("the split of a price", () => {
  let moa: Moa;
  /** Two listings of other sellers, which others derive from. */
  let parents: [bigint, bigint];
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    parents = [await list(moa, {}, VALIDATOR, validator), await list(moa, {}, UNIT, unit)];
  });

  const bounty = (ekId: bigint, token = moa.usdc.address) => moa.exchange.read.bountyOf([ekId, token]);
  const shares = (): Partial<Terms> => ({
    bountyBps: 777,
    referralBps: 333,
    royalties: [
      { ekId: parents[0], bps: 1234 },
      { ekId: parents[1], bps: 1 },
    ],
  });

  async function buy(ekId: bigint, { referrerId = 0n, price = PRICE, version = 1 } = {}) {
    await moa.usdc.write.mint([buyer.address, price]);
    await moa.usdc.write.approve([moa.exchange.address, price], by(buyer));
    const purchase = await purchaseOf(buyer, { ekId, version, referrerId, maxPrice: price });
    return moa.exchange.write.buy([purchase], by(buyer));
  }

  it("names every part in the log, in one order", async () => {
    await moa.exchange.write.setFee([250, SELLER]);
    const ekId = await list(moa, shares());
    const keyId = keyOf(ekId, BUYER);
    const logs = await logsOf(moa, buy(ekId, { referrerId: BUYER }));
    const fee = 125_000n;
    const rest = PRICE - fee - 388_500n - 617_000n - 500n - 166_500n;
    const pot = { ekId, token: moa.usdc.address, keyId, amount: 388_500n, bountyAfter: 388_500n };
    const parts = logs.filter(([name]) => /Credited|BountyFunded/.test(name));
    expect(parts).to.deep.equal([
      credited(moa, keyId, { share: Share.Fee, amount: fee }),
      ["Exchange.BountyFunded", pot],
      credited(moa, keyId, { agentId: VALIDATOR, share: Share.Royalty, amount: 617_000n }),
      credited(moa, keyId, { agentId: UNIT, share: Share.Royalty, amount: 500n }),
      credited(moa, keyId, { agentId: BUYER, share: Share.Referral, amount: 166_500n }),
      credited(moa, keyId, { amount: rest, creditAfter: fee + rest }),
    ]);
    await expectSolvent(moa);
  });

  const prices = [1n, 2n, 3n, 7n, 9_999n, 10_001n, 999_999_999_999_999_989n, 2n ** 96n - 1n];
  for (const price of prices) {
    it(`T7 invariant 7 parts = whole, dust to the seller: ${price}`, async () => {
      await moa.exchange.write.setFee([499, BUYER]);
      const ekId = await list(moa, { ...shares(), ...at(price) });
      await buy(ekId, { price, referrerId: VALIDATOR });
      const part = (bps: bigint) => (price * bps) / BPS;
      const [fee, pot, one, two, referral] = [499n, 777n, 1234n, 1n, 333n].map(part) as [
        bigint,
        bigint,
        bigint,
        bigint,
        bigint,
      ];
      expect(await creditOf(moa, BUYER)).to.equal(fee);
      expect(await bounty(ekId)).to.equal(pot);
      expect(await creditOf(moa, VALIDATOR)).to.equal(one + referral);
      expect(await creditOf(moa, UNIT)).to.equal(two);
      expect(await creditOf(moa, SELLER)).to.equal(price - fee - pot - one - two - referral);
      await expectSolvent(moa);
    });
  }

  it("invariant 7 leaves the seller something, at the most of every part", async () => {
    await moa.exchange.write.setFee([500, UNIT]);
    const royalties = [{ ekId: parents[0], bps: 5000 }];
    await buy(await list(moa, { royalties }));
    expect([
      await creditOf(moa, UNIT),
      await creditOf(moa, VALIDATOR),
      await creditOf(moa, SELLER),
    ]).to.deep.equal([PRICE / 20n, PRICE / 2n, (PRICE * 9n) / 20n]);
  });

  it("gives the referrer's part to the seller where nobody brought the buyer", async () => {
    await buy(await list(moa, { referralBps: 1000 }));
    expect(await creditOf(moa, SELLER)).to.equal(PRICE);
    await buy(await list(moa, {}), { referrerId: VALIDATOR });
    expect(await creditOf(moa, VALIDATOR), "nothing promised").to.equal(0n);
    expect(await creditOf(moa, SELLER)).to.equal(2n * PRICE);
  });

  it("pays the parent's seller as it is at the split, of whatever version", async () => {
    const ekId = await list(moa, { ...REFUNDABLE, royalties: [{ ekId: parents[0], bps: 1000 }] });
    await buy(ekId);
    await moa.catalog.write.update([parents[0], termsOf(moa, at(1n)), contentOf("v2")], by(validator));
    await moa.catalog.write.setStatus([parents[0], 3], by(validator));
    await rotate(moa, VALIDATOR, validator, next);
    await moa.exchange.write.accept([keyOf(ekId, BUYER)], by(buyer));
    expect(await creditOf(moa, VALIDATOR)).to.equal(PRICE / 10n);
    await moa.exchange.write.withdraw([VALIDATOR, moa.usdc.address, ZERO], by(stranger));
    expect(await balances(moa, next)).to.deep.equal([PRICE / 10n]);
  });

  it("pays a royalty in the child's token, whatever the parent sells for", async () => {
    const token = await create("TestUSDC");
    await moa.catalog.write.allowToken([token, true]);
    const parent = await list(moa, { token }, VALIDATOR, validator);
    await buy(await list(moa, { royalties: [{ ekId: parent, bps: 1000 }] }));
    expect(await creditOf(moa, VALIDATOR)).to.equal(PRICE / 10n);
    expect(await moa.exchange.read.creditOf([VALIDATOR, token])).to.equal(0n);
  });

  describe("T8 is what it was at the sale", () => {
    let ekId: bigint;
    let keyId: bigint;
    beforeEach(async () => {
      await moa.exchange.write.setFee([100, UNIT]);
      ekId = await list(moa, { ...REFUNDABLE, ...shares() });
      keyId = keyOf(ekId, BUYER);
      await buy(ekId, { referrerId: BUYER });
    });

    const expectOldSplit = async () => {
      expect(await creditOf(moa, VALIDATOR)).to.equal((PRICE * 1234n) / BPS);
      expect(await bounty(ekId)).to.equal((PRICE * 777n) / BPS);
      expect(await creditOf(moa, BUYER)).to.equal((PRICE * 333n) / BPS);
      const rest = 10_000n - 100n - 777n - 1234n - 1n - 333n;
      expect(await creditOf(moa, SELLER)).to.equal((PRICE * rest) / BPS);
      await expectSolvent(moa);
    };

    it("whatever the seller changes afterwards, twice", async () => {
      const token = await create("TestUSDC");
      await moa.catalog.write.allowToken([token, true]);
      for (const name of ["v2", "v3"]) {
        const terms = termsOf(moa, { token, bountyBps: 5000, supplyCap: 1 });
        await moa.catalog.write.update([ekId, terms, contentOf(name)], by(seller));
      }
      expect(await moa.exchange.read.orderOf([keyId])).to.include({ version: 1, amount: PRICE });
      await moa.exchange.write.accept([keyId], by(buyer));
      await expectOldSplit();
      expect(await moa.exchange.read.creditOf([SELLER, token])).to.equal(0n);
    });

    it("whatever the fee is afterwards; who earns it is as it is then", async () => {
      await moa.exchange.write.setFee([500, SELLER]);
      await moa.exchange.write.setFee([500, VALIDATOR]);
      await time.increase(100_000);
      await moa.exchange.write.release([keyId], by(stranger));
      const royalty = (PRICE * 1234n) / BPS;
      expect(await creditOf(moa, VALIDATOR)).to.equal(royalty + PRICE / 100n);
      expect(await creditOf(moa, UNIT)).to.equal(PRICE / BPS);
    });

    it("and refund terms too: those of the sale, not of a later version", async () => {
      await moa.catalog.write.update([ekId, termsOf(moa), contentOf("v2")], by(seller));
      await moa.exchange.write.refund([keyId], by(buyer));
      expect(await creditOf(moa, BUYER)).to.equal(PRICE);
      const { listingOf } = moa.catalog.read;
      expect((await listingOf([ekId])).sold).to.equal(0);
    });
  });
});

describe("Exchange.payBounty", () => {
  let moa: Moa;
  let ekId: bigint;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    ({ ekId } = await sell(moa, { bountyBps: 1000 }));
  });

  const POT = PRICE / 10n;
  const pay = (agentIds: bigint[], amounts: bigint[], id = ekId, sender: Person = consensusDesk) =>
    moa.exchange.write.payBounty([id, moa.usdc.address, agentIds, amounts], by(sender));
  const pot = () => moa.exchange.read.bountyOf([ekId, moa.usdc.address]);

  it("moves the pot to validators' credit, where they withdraw it", async () => {
    const keyId = ekId << 96n;
    expect(await pot()).to.equal(POT);
    expect(await logsOf(moa, pay([VALIDATOR, UNIT, BUYER], [POT - 3n, 2n, 0n]))).to.deep.equal([
      credited(moa, keyId, { agentId: VALIDATOR, share: Share.Bounty, amount: POT - 3n }),
      credited(moa, keyId, { agentId: UNIT, share: Share.Bounty, amount: 2n }),
    ]);
    expect(await pot()).to.equal(1n);
    await expectSolvent(moa);
    await moa.exchange.write.withdraw([VALIDATOR, moa.usdc.address, ZERO], by(stranger));
    expect(await balances(moa, validator)).to.deep.equal([POT - 3n]);
    await pay([VALIDATOR], [1n]);
    expect(await pot()).to.equal(0n);
    await pay([], []);
  });

  it("grows with every sale, by its own token", async () => {
    await moa.exchange.write.buy([await purchaseOf(rival, { ekId })], by(rival));
    expect(await pot()).to.equal(2n * POT);
    const token = await create("TestUSDC");
    const call = moa.exchange.write.payBounty([ekId, token, [VALIDATOR], [1n]], by(consensusDesk));
    await reverts(call, moa.exchange, "BountyExceeded", [ekId, token, 0n, 1n]);
  });

  it("invariant 1 pays no more than the pot, and from no other listing's", async () => {
    await sell(moa, { bountyBps: 5000 });
    const { address } = moa.usdc;
    await reverts(pay([VALIDATOR], [POT + 1n]), moa.exchange, "BountyExceeded", [
      ekId,
      address,
      POT,
      POT + 1n,
    ]);
    const second = pay([VALIDATOR, UNIT], [POT, 1n]);
    await reverts(second, moa.exchange, "BountyExceeded", [ekId, address, 0n, 1n]);
    await reverts(pay([VALIDATOR], [1n], 1n), moa.exchange, "BountyExceeded", [1n, address, 0n, 1n]);
    expect([await pot(), await creditOf(moa, VALIDATOR)]).to.deep.equal([POT, 0n]);
    expect(await balances(moa, buyer)).to.deep.equal([FUNDS - 2n * PRICE]);
  });

  it("refuses lists of two lengths", async () => {
    await reverts(pay([VALIDATOR], []), moa.exchange, "LengthMismatch", [1n, 0n]);
    await reverts(pay([], [1n]), moa.exchange, "LengthMismatch", [0n, 1n]);
  });
});
