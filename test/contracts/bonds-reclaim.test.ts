/*
 * reclaim(challengeId)
 * ├── given a challenge that is not closed             reverts WrongStatus(challengeId, status)
 * ├── given one that the arbitrator never had          reverts NotReferred(challengeId)
 * ├── when the arbitrator did its work, or gave the fee back before   reverts as the arbitrator does
 * └── else    credits the fee: to whoever appealed last; else the surcharge to who referred the case, and the rest
 *     ├── when tied       half to each side's payer, the odd wei to the challenger's
 *     ├── when struck     to the validator's payer, who had lost it
 *     └── when upheld     to the challenger's payer
 */
import { expect } from "chai";
import { getContract } from "viem";
import { loadFixture, networkHelpers, publicClient } from "./support/chain.ts";
import { answer, challenge, DAY, RULING_TIME, refer, Status } from "./support/challenge.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, type CreateArbitrator, client, create, type Moa, people } from "./support/deploy.ts";
import {
  APPEAL_COST,
  COST,
  callOf,
  createHouse,
  MAX_COST,
  pass,
  puppetAbi,
  seatJudges,
} from "./support/disputes.ts";
import { deployValidators, fundBond, INPUT } from "./support/label.ts";
import { UNIT } from "./support/market.ts";

const { buyer, next, rival, sponsor, stranger, validator: judge } = people;
const HALF = COST / 2n;
const COURT_TIME = 30n * DAY;

/** A label that the buyer challenges, at this arbitrator's. */
async function deployAt(createArbitrator: CreateArbitrator) {
  const { moa, validators } = await deployValidators(1, undefined, { createArbitrator });
  const [validator] = validators as [(typeof validators)[number]];
  await moa.labels.write.label([validator.agentId, INPUT], by(validator));
  await fundBond(moa, buyer);
  return { moa, validatorId: validator.agentId };
}

async function deployAtHouse() {
  const made: { house?: Awaited<ReturnType<typeof createHouse>> } = {};
  const world = await deployAt(async (authority, registry) => {
    made.house = await createHouse(authority, registry, 0n);
    return made.house.address;
  });
  const house = made.house as Awaited<ReturnType<typeof createHouse>>;
  await house.write.setPayee([UNIT]);
  await seatJudges(world.moa.authority, house.address);
  return { ...world, house };
}

async function deployAtPuppet() {
  const puppet = getContract({ address: await create("PuppetArbitrator"), abi: puppetAbi, client });
  await puppet.write.set([COST, 7n, 0n]);
  return { ...(await deployAt(async () => puppet.address)), puppet };
}

describe("ValidatorBonds.reclaim", () => {
  let moa: Moa;
  let validatorId: bigint;
  const reclaim = (n = 1n) => moa.bonds.write.reclaim([n], by(stranger));
  const statusOf = async (n = 1n) => (await moa.bonds.read.challengeOf([n])).status;
  const fees = (...accounts: { address: `0x${string}` }[]) =>
    Promise.all(accounts.map(({ address }) => moa.bonds.read.feeCreditOf([address])));
  const wei = (address: `0x${string}`) => publicClient.getBalance({ address });

  /** A challenge that the arbitrator has; the buyer paid for the challenger, a sponsor for the validator. */
  async function referred(surcharge = 0n) {
    await challenge(moa, validatorId, { value: COST });
    await answer(moa, 1n, sponsor, COST);
    await refer(moa, 1n, surcharge);
  }

  describe("at the house", () => {
    let house: Awaited<ReturnType<typeof deployAtHouse>>["house"];
    beforeEach(async () => {
      ({ moa, validatorId, house } = await loadFixture(deployAtHouse));
    });

    it("T2 a silent court is not paid: its fee goes back to both sides", async () => {
      await referred();
      await reverts(reclaim(), moa.bonds, "WrongStatus", [1n, Status.Ruling]);
      await pass(RULING_TIME + 1n);
      await moa.bonds.write.timeOut([1n], by(stranger));
      expect(await fees(buyer, sponsor)).to.deep.equal([HALF, HALF]);
      await reverts(reclaim(), house, "WrongPhase", [0n, 1]);
      await house.write.expire([0n], by(stranger));
      expect(await logsOf(moa, reclaim())).to.deep.equal([
        ["ValidatorBonds.FeeReclaimed", { challengeId: 1n, amount: COST, by: stranger.address }],
        ["ValidatorBonds.FeesCredited", { account: sponsor.address, credit: COST }],
        ["ValidatorBonds.FeesCredited", { account: buyer.address, credit: COST }],
      ]);
      expect(await wei(moa.bonds.address)).to.equal(2n * COST);
      expect(await wei(house.address)).to.equal(0n);
      await reverts(reclaim(), house, "NothingToReturn", [0n]);
      for (const who of [buyer, sponsor]) await moa.bonds.write.withdrawFees([who.address], by(who));
      expect(await wei(moa.bonds.address)).to.equal(0n);
    });

    it("the same when the court's silence was its ruling", async () => {
      await referred();
      await pass(COURT_TIME);
      await house.write.expire([0n]);
      await house.write.execute([0n]);
      expect(await statusOf()).to.equal(Status.Tied);
      await reclaim();
      expect(await fees(buyer, sponsor)).to.deep.equal([COST, COST]);
    });

    it("the fee of an unheard appeal goes back to who appealed, and nothing twice", async () => {
      await referred();
      await house.write.giveRuling([0n, 2n], by(judge));
      await moa.bonds.write.appeal([1n], { ...by(rival), value: APPEAL_COST });
      await pass(COURT_TIME);
      await house.write.expire([0n]);
      await house.write.execute([0n]);
      expect(await statusOf()).to.equal(Status.Upheld);
      await reclaim();
      expect(await fees(rival, buyer, sponsor)).to.deep.equal([APPEAL_COST, 0n, COST]);
      await reverts(reclaim(), house, "NothingToReturn", [0n]);
      expect(await wei(moa.bonds.address)).to.equal(APPEAL_COST + COST);
    });

    it("a court that ruled keeps its fee", async () => {
      await referred();
      await house.write.giveRuling([0n, 1n], by(judge));
      await pass(7n * DAY);
      await house.write.execute([0n]);
      expect(await statusOf()).to.equal(Status.Struck);
      await reverts(reclaim(), house, "NothingToReturn", [0n]);
      expect(await fees(buyer, sponsor)).to.deep.equal([COST, 0n]);
    });

    it("who made up for a risen cost has that back first", async () => {
      await challenge(moa, validatorId, { value: COST });
      await answer(moa, 1n, sponsor, COST);
      await house.write.setCosts([MAX_COST, MAX_COST]);
      await moa.bonds.write.refer([1n], { ...by(next), value: MAX_COST });
      const surcharge = MAX_COST - 2n * COST;
      expect(await fees(next)).to.deep.equal([2n * COST]);
      await pass(COURT_TIME);
      await house.write.expire([0n]);
      await house.write.execute([0n]);
      await reclaim();
      expect(await fees(next, buyer, sponsor)).to.deep.equal([2n * COST + surcharge, COST, COST]);
      expect(await wei(moa.bonds.address)).to.equal(MAX_COST + 2n * COST);
    });

    it("there is nothing to reclaim of a challenge that the court never had", async () => {
      await reverts(reclaim(9n), moa.bonds, "WrongStatus", [9n, Status.None]);
      await challenge(moa, validatorId, { value: COST });
      await pass(RULING_TIME);
      await moa.bonds.write.timeOut([1n]);
      await reverts(reclaim(), moa.bonds, "NotReferred", [1n]);
    });

    it("nobody pays the bonds ether that they did not ask for", async () => {
      const gift = stranger.wallet.sendTransaction({ to: moa.bonds.address, value: 1n });
      await reverts(gift, moa.bonds, "NotArbitrator", [stranger.address]);
      await networkHelpers.impersonateAccount(house.address);
      await networkHelpers.setBalance(house.address, 10n ** 18n);
      const wallet = stranger.wallet;
      const early = wallet.sendTransaction({ account: house.address, to: moa.bonds.address, value: 1n });
      await reverts(early, moa.bonds, "NotArbitrator", [house.address]);
    });
  });

  describe("at another arbitrator that gives fees back", () => {
    let puppet: Awaited<ReturnType<typeof deployAtPuppet>>["puppet"];
    beforeEach(async () => {
      ({ moa, validatorId, puppet } = await loadFixture(deployAtPuppet));
      await referred();
    });

    for (const [name, ruling, expected] of [
      ["the loser's, the validator's payer", 1n, [COST, COST]],
      ["the loser's, the challenger's payer", 2n, [COST, COST]],
      ["both sides', after a tie", 0n, [COST, COST]],
    ] as const) {
      it(`it is ${name}`, async () => {
        await puppet.write.rule([moa.bonds.address, 7n, ruling]);
        await reclaim();
        expect(await fees(buyer, sponsor)).to.deep.equal(expected);
      });
    }

    it("T1 it can't reclaim again from inside", async () => {
      await puppet.write.rule([moa.bonds.address, 7n, 0n]);
      await puppet.write.arm([moa.bonds.address, callOf(moa.bonds.abi, "reclaim", [1n])]);
      await reclaim();
      expect(await puppet.read.succeeded()).to.equal(false);
      expect(await fees(buyer, sponsor)).to.deep.equal([COST, COST]);
    });

    it("the odd wei is the challenger's", async () => {
      await puppet.write.rule([moa.bonds.address, 7n, 0n]);
      await networkHelpers.setBalance(puppet.address, COST + 1n);
      await reclaim();
      expect(await fees(buyer, sponsor)).to.deep.equal([COST + 1n, COST]);
    });
  });
});
