/*
 * T5: buying and refunding in loops moves the price of a curve up and down. A refund gives back exactly what that key cost, so whoever
 * does it wins nothing, and who buys in between pays the curve's price for as many keys as are sold just then.
 */
import { expect } from "chai";
import { curves } from "../../sdk/curves.ts";
import { loadFixture } from "./support/chain.ts";
import { by, type Moa, type Person, people } from "./support/deploy.ts";
import {
  balances,
  creditOf,
  deployMarket,
  FUNDS,
  keyOf,
  list,
  purchaseOf,
  REFUNDABLE,
  SELLER,
  SLOPE,
  soldOf,
  ZERO,
} from "./support/market.ts";
import { expectSolvent } from "./support/solvency.ts";

const { buyer, rival, seller, sponsor, stranger } = people;

/** The same numbers in every run: a linear congruential generator (Numerical Recipes). */
function dice(seed: number): (sides: number) => number {
  let state = seed;
  return (sides) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * sides);
  };
}

type Held = { who: Person; keyId: bigint; paid: bigint };

describe("T5 invariant 13 buying and refunding in loops", () => {
  let moa: Moa;
  let ekId: bigint;
  let supplyCap: number;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    supplyCap = 6;
    const curveParams = curves.linear.encode(SLOPE);
    ekId = await list(moa, { ...REFUNDABLE, curve: moa.linear.address, curveParams, supplyCap });
  });

  const priceAt = (sold: number) => {
    const price = SLOPE.base + SLOPE.slope * BigInt(sold);
    return price < SLOPE.max ? price : SLOPE.max;
  };
  const minted = new Map<string, bigint>();

  async function buyOne(who: Person): Promise<Held> {
    const before = (await balances(moa, who))[0] as bigint;
    await moa.exchange.write.buy([await purchaseOf(who, { ekId, maxPrice: SLOPE.max })], by(who));
    const agentId = await moa.registry.read.agentOf([who.address]);
    const n = minted.get(who.address) ?? 0n;
    minted.set(who.address, n + 1n);
    return { who, keyId: keyOf(ekId, agentId, n), paid: before - ((await balances(moa, who))[0] as bigint) };
  }

  /** Everything that this person has, in its wallet and at the exchange. */
  async function wealth(who: Person): Promise<bigint> {
    const agentId = await moa.registry.read.agentOf([who.address]);
    return ((await balances(moa, who))[0] as bigint) + (await creditOf(moa, agentId));
  }

  for (const seed of [1, 2, 3, 4]) {
    it(`gains nobody anything, whatever the order (${seed})`, async () => {
      minted.clear();
      const roll = dice(seed);
      const held: Held[] = [];
      const players = [buyer, rival, sponsor];
      for (let step = 0; step < 40; step++) {
        expect(await soldOf(moa, ekId)).to.equal(held.length);
        if (held.length < supplyCap && roll(2) === 0) {
          const order = await buyOne(players[roll(3)] as Person);
          expect(order.paid, "the curve's price").to.equal(priceAt(held.length));
          held.push(order);
        } else if (held.length > 0) {
          const [order] = held.splice(roll(held.length), 1) as [Held];
          const before = await wealth(order.who);
          const sender = roll(4) === 0 ? seller : order.who;
          await moa.exchange.write.refund([order.keyId], by(sender));
          expect((await wealth(order.who)) - before, "what that key cost").to.equal(order.paid);
        }
        await expectSolvent(moa);
      }
      for (const { who, keyId } of held) await moa.exchange.write.accept([keyId], by(who));
      const paid = held.reduce((sum, order) => sum + order.paid, 0n);
      expect(await creditOf(moa, SELLER)).to.equal(paid);
      let total = paid;
      for (const who of players) {
        const mine = held.filter((order) => order.who === who).reduce((sum, order) => sum + order.paid, 0n);
        expect(await wealth(who)).to.equal(FUNDS - mine);
        total += FUNDS - mine;
      }
      expect(total).to.equal(3n * FUNDS);
    });
  }

  it("a whale that raises the price and leaves has moved nobody beyond its maximum", async () => {
    minted.clear();
    const whale = [];
    for (let n = 0; n < 5; n++) whale.push(await buyOne(rival));
    const victim = await buyOne(buyer);
    expect(victim.paid).to.equal(SLOPE.max);
    for (const { keyId } of whale) await moa.exchange.write.refund([keyId], by(rival));
    expect(await wealth(rival)).to.equal(FUNDS);
    // Its remedy is its own refund: the price is back where it was.
    await moa.exchange.write.refund([victim.keyId], by(buyer));
    const again = await buyOne(buyer);
    expect(again.paid).to.equal(SLOPE.base);
    await moa.exchange.write.withdraw([2n, moa.usdc.address, ZERO], by(stranger));
    expect(await balances(moa, buyer)).to.deep.equal([FUNDS - SLOPE.base]);
  });
});
