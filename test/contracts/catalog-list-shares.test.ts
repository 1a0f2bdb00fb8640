/*
 * list(sellerId, terms, content), its refunds and shares
 * ├── given a refund window above 30 days                 reverts RefundWindowTooLong(window, maximum)
 * │   └── none, but refund terms                          reverts RefundWindowMissing(refundTerms)
 * ├── given more than 8 royalties                         reverts TooManyRoyalties(count, maximum)
 * │   └── one to no older listing, twice, or of nothing   reverts InvalidRoyalty(index, ekId, bps)
 * ├── given shares above half of the price                reverts SharesTooLarge(bps, maximum)
 * └── given more than a tenth of a resale                 reverts ResaleTooLarge(bps, maximum)
 */
import { expect } from "chai";
import { loadFixture } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, type Moa, people } from "./support/deploy.ts";
import {
  contentOf,
  DAY,
  deployMarket,
  list as listOf,
  RefundTerms,
  type Terms,
  termsOf,
} from "./support/market.ts";

const { seller } = people;

describe("Catalog.list: refunds and shares", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  const list = ({ terms = {} }: { terms?: Partial<Terms> } = {}) => listOf(moa, terms);

  it("refuses refund windows above 30 days, and refund terms without a window", async () => {
    expect(await moa.catalog.read.MAX_REFUND_WINDOW()).to.equal(30 * DAY);
    const refundWindow = 30 * DAY + 1;
    const long = list({ terms: { refundWindow } });
    await reverts(long, moa.catalog, "RefundWindowTooLong", [refundWindow, 30 * DAY]);
    for (const refundTerms of [RefundTerms.UntilAccess, RefundTerms.Full]) {
      const missing = list({ terms: { refundTerms } });
      await reverts(missing, moa.catalog, "RefundWindowMissing", [refundTerms]);
      await list({ terms: { refundTerms, refundWindow: 1 } });
    }
    await list({ terms: { refundWindow: 30 * DAY, refundTerms: RefundTerms.None } });
  });

  it("refuses royalties to what is not older, twice or of nothing", async () => {
    const royal = (...royalties: [ekId: bigint, bps: number][]) =>
      list({ terms: { royalties: royalties.map(([ekId, bps]) => ({ ekId, bps })) } });
    const refused = (call: Promise<unknown>, index: bigint, ekId: bigint, bps: number) =>
      reverts(call, moa.catalog, "InvalidRoyalty", [index, ekId, bps]);
    await refused(royal([0n, 1]), 0n, 0n, 1);
    await refused(royal([4n, 1]), 0n, 4n, 1);
    await refused(royal([2n ** 64n - 1n, 1]), 0n, 2n ** 64n - 1n, 1);
    await refused(royal([2n, 1], [2n, 1]), 1n, 2n, 1);
    await refused(royal([2n, 1], [1n, 1]), 1n, 1n, 1);
    await refused(royal([1n, 1], [3n, 0]), 1n, 3n, 0);
    await royal([1n, 1], [2n, 1], [3n, 1]);
    await royal([4n, 1]);
    const own = moa.catalog.write.update(
      [4n, termsOf(moa, { royalties: [{ ekId: 4n, bps: 1 }] }), contentOf("v2")],
      by(seller),
    );
    await refused(own, 0n, 4n, 1);
    const younger = moa.catalog.write.update(
      [4n, termsOf(moa, { royalties: [{ ekId: 5n, bps: 1 }] }), contentOf("v2")],
      by(seller),
    );
    await refused(younger, 0n, 5n, 1);
  });

  it("refuses a ninth royalty", async () => {
    for (let n = 0; n < 6; n++) await list();
    const royalties = Array.from({ length: 9 }, (_, i) => ({ ekId: BigInt(i + 1), bps: 1 }));
    await reverts(list({ terms: { royalties } }), moa.catalog, "TooManyRoyalties", [9n, 8n]);
    await list({ terms: { royalties: royalties.slice(0, 8) } });
  });

  it("invariant 7 refuses to share out more than half of the price", async () => {
    expect(await moa.catalog.read.MAX_SHARES_BPS()).to.equal(5000);
    const royalties = [
      { ekId: 1n, bps: 1000 },
      { ekId: 2n, bps: 1000 },
    ];
    const terms = { bountyBps: 1500, referralBps: 1500, royalties };
    await list({ terms });
    for (const more of [
      { ...terms, bountyBps: 1501 },
      { ...terms, referralBps: 1501 },
      { ...terms, royalties: [...royalties, { ekId: 3n, bps: 1 }] },
    ]) {
      await reverts(list({ terms: more }), moa.catalog, "SharesTooLarge", [5001n, 5000n]);
    }
    const all = { bountyBps: 65_535, referralBps: 65_535, royalties: [{ ekId: 1n, bps: 65_535 }] };
    await reverts(list({ terms: all }), moa.catalog, "SharesTooLarge", [196_605n, 5000n]);
  });

  it("refuses to ask more than a tenth of a resale", async () => {
    await list({ terms: { resaleBps: 1000 } });
    await reverts(list({ terms: { resaleBps: 1001 } }), moa.catalog, "ResaleTooLarge", [1001, 1000]);
  });
});
