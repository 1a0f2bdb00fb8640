/*
 * distribute(ekId, token)   anyone
 * ├── given no such listing, an empty pot     reverts UnknownListing, NothingToShare
 * ├── given no seat that counts               all of it to the seller
 * ├── given seats, none older than a day      reverts NoMatureSeat(ekId, maturity)
 * └── else                                    equal parts to the mature ones; the rest stays in the pot
 */
import { expect } from "chai";
import { loadFixture, nextBlockAt, now } from "./support/chain.ts";
import { challenge, DAY } from "./support/challenge.ts";
import { eventOf, reverts } from "./support/check.ts";
import { by, type Moa, POLICY, people } from "./support/deploy.ts";
import { deployValidators, fundBond, INPUT, type Validator } from "./support/label.ts";
import { contentOf, FIXED, PRICE, purchaseOf, SELLER, termsOf, VALIDATOR } from "./support/market.ts";
import { expectSolvent } from "./support/solvency.ts";

const { admin, buyer, stranger } = people;

describe("Consensus.distribute", () => {
  let moa: Moa;
  let validators: Validator[];
  beforeEach(async () => {
    ({ moa, validators } = await loadFixture(deployFour));
    await moa.pot.write.fill([FIXED, moa.usdc.address, 100n]);
  });
  async function deployFour() {
    return deployValidators(4);
  }

  async function deployPaying() {
    return deployValidators(3, POLICY.minBond, { payingConsensus: true });
  }

  const nth = (i: number) => validators[i] as Validator;
  const distribute = (ekId = FIXED) => moa.consensus.write.distribute([ekId, moa.usdc.address], by(stranger));
  const say = async (i: number) => {
    await moa.labels.write.label([nth(i).agentId, INPUT], by(nth(i)));
    await moa.consensus.write.seat([FIXED, nth(i).agentId], by(stranger));
  };
  const credit = (agentId: bigint) => moa.pot.read.creditOf([agentId, moa.usdc.address]);
  const credits = () => Promise.all(validators.map(({ agentId }) => credit(agentId)));
  const left = () => moa.pot.read.bountyOf([FIXED, moa.usdc.address]);
  const mature = async () => nextBlockAt((await now()) + DAY);
  const noMature = () => reverts(distribute(), moa.consensus, "NoMatureSeat", [FIXED, DAY]);

  it("shares equally among mature seats, whatever they bond; the rest stays for the next time", async () => {
    for (const i of [0, 1, 2]) await say(i);
    await moa.bonds.write.bond([nth(0).agentId, 5n * POLICY.minBond], by(nth(0)));
    await mature();
    await say(3);
    expect(await eventOf(moa, distribute(), "Consensus.BountyShared")).to.deep.equal({
      ...{ ekId: FIXED, token: moa.usdc.address, each: 33n },
      agentIds: [0, 1, 2].map((i) => nth(i).agentId),
    });
    expect(await credits()).to.deep.equal([33n, 33n, 33n, 0n]);
    expect(await left()).to.equal(1n);
    await reverts(distribute(), moa.consensus, "NothingToShare", [FIXED, moa.usdc.address]);
    await moa.pot.write.fill([FIXED, moa.usdc.address, 2n]);
    await distribute();
    expect(await left()).to.equal(0n);
  });

  it("a seat and its label are mature in the same second, a day on", async () => {
    await say(0);
    const since = await now();
    await nextBlockAt(since + DAY - 1n);
    await noMature();
    await distribute();
    expect(await credits()).to.deep.equal([100n, 0n, 0n, 0n]);
  });

  it("an old label with a new seat, or a new label in an old seat, is not mature", async () => {
    await moa.labels.write.label([nth(0).agentId, INPUT], by(nth(0)));
    await say(1);
    await mature();
    await moa.consensus.write.seat([FIXED, nth(0).agentId], by(stranger));
    await moa.labels.write.withdraw([nth(1).agentId, FIXED], by(nth(1)));
    await moa.labels.write.label([nth(1).agentId, INPUT], by(nth(1)));
    await noMature();
  });

  it("a revision does not make a label young", async () => {
    await say(0);
    await mature();
    await moa.labels.write.revise([nth(0).agentId, { ...INPUT, types: 32 }], by(nth(0)));
    await distribute();
    expect(await credits()).to.deep.equal([100n, 0n, 0n, 0n]);
  });

  it("T36 a group has one part, and who is challenged none", async () => {
    for (const i of [0, 1, 2, 3]) await say(i);
    await fundBond(moa, buyer);
    await challenge(moa, nth(3).agentId);
    await moa.consensus.write.link([[0, 1].map((i) => nth(i).agentId), nth(0).agentId], by(admin));
    await mature();
    await distribute();
    expect(await credits()).to.deep.equal([50n, 0n, 50n, 0n]);
  });

  it("with challenged seats alone it waits", async () => {
    await say(0);
    await fundBond(moa, buyer);
    await mature();
    await challenge(moa, nth(0).agentId);
    await noMature();
  });

  it("goes to the seller where nobody who risks something spoke", async () => {
    await moa.labels.write.label([VALIDATOR, INPUT], by(people.validator));
    await distribute();
    expect(await credit(SELLER)).to.equal(100n);
    await moa.pot.write.fill([FIXED, moa.usdc.address, 7n]);
    await say(0);
    await moa.labels.write.withdraw([nth(0).agentId, FIXED], by(nth(0)));
    await distribute();
    expect(await credit(SELLER)).to.equal(107n);
    await moa.pot.write.fill([FIXED, moa.usdc.address, 7n]);
    await say(1);
    await moa.bonds.write.unbond([nth(1).agentId, 1n], by(nth(1)));
    await distribute();
    expect(await credit(SELLER)).to.equal(114n);
  });

  it("moves the exchange's own pot: a part of each sale, to the credits of those that spoke, by nobody but the consensus", async () => {
    const { moa: house, validators: three } = await loadFixture(deployPaying);
    const terms = termsOf(house, { bountyBps: 1000 });
    await house.catalog.write.list([SELLER, terms, contentOf()], by(people.seller));
    const ekId = await house.catalog.read.listingCount();
    await house.exchange.write.buy([await purchaseOf(buyer, { ekId })], by(buyer));
    const token = house.usdc.address;
    const pot = () => house.exchange.read.bountyOf([ekId, token]);
    expect(await pot()).to.equal(PRICE / 10n);
    for (const { agentId, address } of three) {
      await house.labels.write.label([agentId, { ...INPUT, ekId }], by({ address }));
      await house.consensus.write.seat([ekId, agentId], by(stranger));
    }
    await mature();
    const each = PRICE / 30n;
    const agentIds = three.map(({ agentId }) => agentId);
    const pay = house.exchange.write.payBounty([ekId, token, agentIds, [each, each, each]], by(admin));
    await reverts(pay, house.exchange, "WrongCaller", [admin.address, house.consensus.address]);
    await house.consensus.write.distribute([ekId, token], by(stranger));
    for (const agentId of agentIds)
      expect(await house.exchange.read.creditOf([agentId, token])).to.equal(each);
    expect(await pot()).to.equal(PRICE / 10n - 3n * each);
    await expectSolvent(house);
    const again = house.consensus.write.distribute([ekId, token], by(stranger));
    await reverts(again, house.consensus, "NothingToShare", [ekId, token]);
  });

  it("refuses what there is not", async () => {
    await reverts(distribute(9n), moa.consensus, "UnknownListing", [9n]);
    await reverts(distribute(2n), moa.consensus, "NothingToShare", [2n, moa.usdc.address]);
  });
});
