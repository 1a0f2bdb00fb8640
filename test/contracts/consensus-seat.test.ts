/*
 * seat(ekId, validatorId)   anyone
 * ├── given no live label, too small a bond          reverts NoLiveLabel, BondTooSmall(validatorId, bonded, minimum)
 * ├── given that it is the seller's                  reverts LinkedWithSeller(ekId, validatorId, sellerId)
 * ├── given that it sits already                     reverts AlreadySeated(ekId, validatorId)
 * ├── given a free seat                              takes it; emits Seated; endorses the listing if it can
 * ├── given a seat of its group's                    takes that one if it bonds more, else reverts GroupSeated
 * └── given 16 others                                takes the one with the least live bond if it bonds more, else reverts SeatsTaken
 * link(validatorIds, groupId), setPolicy(policy)     by the authority's word alone, within bounds
 * LabelRegistry.endorse, isEndorsed                  a live, unchallenged, positive label of a bonded validator
 */
import { expect } from "chai";
import { loadFixture, now } from "./support/chain.ts";
import { challenge, dispute, Ruling } from "./support/challenge.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, create, type Moa, POLICY, people, STAKE } from "./support/deploy.ts";
import { deployValidators, fundBond, INPUT, Types, type Validator } from "./support/label.ts";
import { FIXED, LINEAR, SELLER, VALIDATOR } from "./support/market.ts";

const { admin, buyer, seller, stranger } = people;
const BOND = POLICY.minBond;

async function deploySeventeen() {
  const { moa, validators } = await deployValidators(18);
  for (const validator of validators) {
    await moa.labels.write.label([validator.agentId, INPUT], by(validator));
  }
  return { moa, validators };
}

describe("Consensus: seats", () => {
  let moa: Moa;
  let validators: Validator[];
  beforeEach(async () => {
    ({ moa, validators } = await loadFixture(deploySeventeen));
  });

  const nth = (i: number) => validators[i] as Validator;
  const seat = (i: number, ekId = FIXED) => moa.consensus.write.seat([ekId, nth(i).agentId], by(stranger));
  const more = (i: number, amount: bigint) => moa.bonds.write.bond([nth(i).agentId, amount], by(nth(i)));
  const unbond = (i: number, amount: bigint) => moa.bonds.write.unbond([nth(i).agentId, amount], by(nth(i)));
  const link = (members: number[], groupId: bigint, sender = admin) =>
    moa.consensus.write.link([members.map((i) => nth(i).agentId), groupId], by(sender));
  const sitters = async (ekId = FIXED) => {
    const seats = await moa.consensus.read.seatsOf([ekId]);
    return seats.map(({ validatorId }) => validators.findIndex(({ agentId }) => agentId === validatorId));
  };
  const free = (n: number) => Array.from({ length: n }, () => -1);
  const seatFirst = async (n: number) => {
    for (let i = 0; i < n; i++) await seat(i);
  };

  it("gives the first free seat, and endorses the listing", async () => {
    const { agentId } = nth(0);
    expect(await logsOf(moa, seat(0))).to.deep.equal([
      ["Consensus.Seated", { ekId: FIXED, validatorId: agentId, index: 0n, displacedId: 0n }],
      ["LabelRegistry.Endorsed", { ekId: FIXED, validatorId: agentId }],
    ]);
    expect((await moa.consensus.read.seatsOf([FIXED]))[0]).to.deep.equal({
      ...{ validatorId: agentId, since: Number(await now()) },
    });
    expect(await logsOf(moa, seat(1))).to.have.length(1);
    expect(await sitters()).to.deep.equal([0, 1, ...free(14)]);
    expect(await sitters(LINEAR)).to.deep.equal(free(16));
  });

  it("refuses who said nothing, risks too little or sits", async () => {
    await reverts(seat(0, LINEAR), moa.consensus, "NoLiveLabel", [LINEAR, nth(0).agentId]);
    await unbond(0, 1n);
    await reverts(seat(0), moa.consensus, "BondTooSmall", [nth(0).agentId, BOND - 1n, BOND]);
    await more(0, 1n);
    await seat(0);
    await reverts(seat(0), moa.consensus, "AlreadySeated", [FIXED, nth(0).agentId]);
    await moa.labels.write.withdraw([nth(1).agentId, FIXED], by(nth(1)));
    await reverts(seat(1), moa.consensus, "NoLiveLabel", [FIXED, nth(1).agentId]);
  });

  it("T36 refuses who lets the seller act for it, or whom the curators take for one with the seller", async () => {
    const refused = (i: number) =>
      reverts(seat(i), moa.consensus, "LinkedWithSeller", [FIXED, nth(i).agentId, SELLER]);
    await moa.registry.write.grant([seller.address, 1n, 2n ** 40n], by(nth(0)));
    await refused(0);
    await moa.registry.write.revoke([seller.address], by(nth(0)));
    await seat(0);
    for (const groupId of [SELLER, nth(1).agentId]) {
      await moa.consensus.write.link([[SELLER, nth(1).agentId], groupId], by(admin));
      await refused(1);
    }
    await moa.consensus.write.link([[SELLER], 0n], by(admin));
    await seat(1);
  });

  it("the seller can't keep anybody from a seat by a grant", async () => {
    await moa.registry.write.grant([nth(0).address, 1n, 2n ** 40n], by(seller));
    expect(await moa.registry.read.areLinked([SELLER, nth(0).agentId])).to.equal(true);
    await seat(0);
    expect(await sitters()).to.deep.equal([0, ...free(15)]);
  });

  it("T37 a full table lets in only who risks more than the least", async () => {
    await seatFirst(16);
    for (const i of [1, 2, 3]) await more(i, 5n);
    const first = nth(0).agentId;
    await reverts(seat(16), moa.consensus, "SeatsTaken", [FIXED, first, BOND]);
    await more(16, 1n);
    expect((await logsOf(moa, seat(16)))[0]?.[1]).to.include({ index: 0n, displacedId: first });
    expect((await sitters())[0]).to.equal(16);
    await more(17, 1n);
    expect((await logsOf(moa, seat(17)))[0]?.[1]).to.include({ displacedId: nth(4).agentId });
    await reverts(seat(0), moa.consensus, "SeatsTaken", [FIXED, nth(5).agentId, BOND]);
  });

  it("a seat whose label is gone, or whose bond is too small, is anybody's", async () => {
    await seatFirst(16);
    await moa.labels.write.withdraw([nth(7).agentId, FIXED], by(nth(7)));
    await seat(16);
    await unbond(9, 1n);
    await seat(17);
    const now16 = await sitters();
    expect([now16[7], now16[9]]).to.deep.equal([16, 17]);
  });

  it("T38 a challenged label keeps its seat", async () => {
    await seatFirst(16);
    await fundBond(moa, buyer);
    await challenge(moa, nth(0).agentId);
    await reverts(seat(16), moa.consensus, "SeatsTaken", [FIXED, nth(0).agentId, BOND]);
  });

  it("T36 a group has one seat: its strongest's", async () => {
    await link([0, 1, 2], nth(0).agentId);
    await seat(0);
    await reverts(seat(1), moa.consensus, "GroupSeated", [FIXED, nth(1).agentId, nth(0).agentId]);
    await more(1, 1n);
    expect((await logsOf(moa, seat(1)))[0]?.[1]).to.include({ index: 0n, displacedId: nth(0).agentId });
    await seat(3);
    expect(await sitters()).to.deep.equal([1, 3, ...free(14)]);
    await link([1], 0n);
    await seat(2);
    expect(await sitters()).to.deep.equal([1, 3, 2, ...free(13)]);
  });

  describe("link", () => {
    it("says who is one, until it says otherwise", async () => {
      const group = nth(5).agentId;
      expect(await logsOf(moa, link([0, 1], group))).to.deep.equal(
        [0, 1].map((i) => ["Consensus.ValidatorLinked", { validatorId: nth(i).agentId, groupId: group }]),
      );
      expect(await moa.consensus.read.groupOf([nth(0).agentId])).to.equal(group);
      expect(await moa.consensus.read.groupOf([group])).to.equal(group);
      const undone = await logsOf(moa, link([0], 0n));
      expect(undone[0]?.[1]).to.include({ groupId: nth(0).agentId });
    });

    it("T25 is the curators', bounded, of agents that exist", async () => {
      const call = link([0], 0n, stranger);
      await reverts(call, moa.consensus, "AccessManagedUnauthorized", [stranger.address]);
      const many = moa.consensus.write.link([Array.from({ length: 65 }, () => 1n), 0n], by(admin));
      await reverts(many, moa.consensus, "TooManyValidators", [65n, 64n]);
      await reverts(link([0], 99n), moa.registry, "UnknownAgent", [99n]);
      const unknown = moa.consensus.write.link([[99n], 0n], by(admin));
      await reverts(unknown, moa.registry, "UnknownAgent", [99n]);
    });
  });

  describe("setPolicy", () => {
    const set = (fields: Partial<Record<keyof typeof POLICY, number | bigint>>, sender = admin) =>
      moa.consensus.write.setPolicy([{ ...POLICY, ...fields } as typeof POLICY], by(sender));

    it("takes effect when it is read", async () => {
      await seatFirst(3);
      expect(await moa.consensus.read.statusOf([FIXED])).to.equal(2);
      const policy = { ...POLICY, quorum: 4 };
      expect(await logsOf(moa, set({ quorum: 4 }))).to.deep.equal([["Consensus.PolicySet", { policy }]]);
      expect(await moa.consensus.read.policy()).to.deep.equal(policy);
      expect(await moa.consensus.read.statusOf([FIXED])).to.equal(1);
      await set({ minBond: BOND + 1n });
      expect(await moa.consensus.read.statusOf([FIXED])).to.equal(0);
    });

    it("T25 is the administrators', within its compiled bounds", async () => {
      const refused = set({}, stranger);
      await reverts(refused, moa.consensus, "AccessManagedUnauthorized", [stranger.address]);
      const { consensus } = moa;
      for (const quorum of [1, 10])
        await reverts(set({ quorum }), consensus, "InvalidQuorum", [BigInt(quorum), 2n, 9n]);
      for (const bps of [5000, 10_001]) {
        const args = [BigInt(bps), 5001n, 10_000n];
        await reverts(set({ supportBps: bps }), consensus, "InvalidSupport", args);
      }
      for (const bps of [0, 5001]) {
        await reverts(set({ disputeBps: bps }), consensus, "InvalidDisputeShare", [BigInt(bps), 1n, 5000n]);
      }
      await reverts(set({ minBond: STAKE - 1n }), consensus, "InvalidMinBond", [STAKE - 1n, STAKE]);
      for (const maxWeight of [BOND - 1n, 100n * BOND + 1n]) {
        const args = [maxWeight, BOND, 100n * BOND];
        await reverts(set({ maxWeight }), consensus, "InvalidMaxWeight", args);
      }
      await set({ quorum: 2, supportBps: 5001, disputeBps: 1, minBond: STAKE, maxWeight: STAKE });
      await set({ quorum: 9, supportBps: 10_000, disputeBps: 5000, maxWeight: 100n * BOND });
    });

    it("a deployment out of bounds is none", async () => {
      const args = [
        ...[moa.authority, moa.registry.address, moa.exchange.address, moa.labels.address],
        ...[moa.bonds.address, moa.pot.address, { ...POLICY, quorum: 0 }],
      ];
      let failed = false;
      await create("Consensus", args).catch(() => {
        failed = true;
      });
      expect(failed).to.equal(true);
    });
  });

  describe("endorse", () => {
    const endorse = (i: number) => moa.labels.write.endorse([FIXED, nth(i).agentId], by(stranger));
    const endorsed = () => moa.labels.read.isEndorsed([FIXED]);
    const revise = (i: number, types: number) =>
      moa.labels.write.revise([nth(i).agentId, { ...INPUT, types }], by(nth(i)));

    it("names whose label it rests on; another only when that does not endorse any more", async () => {
      expect(await endorsed()).to.equal(false);
      expect(await logsOf(moa, endorse(0))).to.deep.equal([
        ["LabelRegistry.Endorsed", { ekId: FIXED, validatorId: nth(0).agentId }],
      ]);
      expect(await endorsed()).to.equal(true);
      expect(await moa.labels.read.endorserOf([FIXED])).to.equal(nth(0).agentId);
      await reverts(endorse(1), moa.labels, "AlreadyEndorsed", [FIXED, nth(0).agentId]);
      await moa.labels.write.withdraw([nth(0).agentId, FIXED], by(nth(0)));
      expect(await endorsed()).to.equal(false);
      await endorse(1);
      expect(await endorsed()).to.equal(true);
      const sums = await moa.labels.read.aggregateOf([FIXED]);
      expect([sums.count, sums.safety], "the sums in the same slot").to.deep.equal([17, 17 * 77]);
    });

    it("needs something good said and nothing bad", async () => {
      const good = [Types.VerifiedReal, Types.Reproducible, Types.HighUtility, 1 + Types.NeedsContext, 7];
      const bad = [
        ...[Types.NeedsContext, Types.LowQuality, Types.SuspectedFraud, Types.Outdated, Types.PolicyRisk],
        ...[1 + Types.LowQuality, 2 + Types.SuspectedFraud, 4 + Types.Outdated, 7 + Types.PolicyRisk, 255],
      ];
      await endorse(0);
      for (const types of bad) {
        await revise(0, types);
        expect(await endorsed(), `types ${types}`).to.equal(false);
        await reverts(endorse(0), moa.labels, "NotEndorsing", [FIXED, nth(0).agentId]);
      }
      for (const types of good) {
        await revise(0, types);
        expect(await endorsed(), `types ${types}`).to.equal(true);
      }
    });

    it("ends with the bond, during a challenge, and with the label", async () => {
      await endorse(0);
      await unbond(0, BOND - STAKE);
      expect(await endorsed()).to.equal(true);
      await unbond(0, 1n);
      expect(await endorsed()).to.equal(false);
      await more(0, 1n);
      await fundBond(moa, buyer);
      await challenge(moa, nth(0).agentId);
      expect(await endorsed()).to.equal(false);
      await moa.bonds.write.answer([1n], { ...by(stranger), value: 10n ** 16n });
      await moa.bonds.write.refer([1n], by(stranger));
      await moa.arbitrator.write.giveRuling([0n, Ruling.Uphold]);
      expect(await endorsed()).to.equal(true);
      await dispute(moa, nth(0).agentId, Ruling.Strike);
      expect(await endorsed()).to.equal(false);
    });

    it("T37 is no unbonded validator's, nor one's without a label", async () => {
      const person = people.validator;
      await moa.labels.write.label([VALIDATOR, INPUT], by(person));
      const unbonded = moa.labels.write.endorse([FIXED, VALIDATOR], by(person));
      await reverts(unbonded, moa.labels, "NotEndorsing", [FIXED, VALIDATOR]);
      for (const id of [0n, 99n, 2n ** 64n + nth(0).agentId]) {
        const call = moa.labels.write.endorse([FIXED, id], by(person));
        await reverts(call, moa.labels, "NotEndorsing", [FIXED, id]);
      }
    });
  });
});
