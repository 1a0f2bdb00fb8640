import { expect } from "chai";
import { getContract } from "viem";
import { nextBlockAt, now } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, client, create, people } from "./support/deploy.ts";
import { APPEAL_COST, COST, logsOf, MAX_COST, Manner, PAYEE } from "./support/disputes.ts";
import { APPEAL_WINDOW, DisputeStatus, Phase, RULING_TIME, useHouse } from "./support/house.ts";

const { admin, rival, stranger, validator } = people;

describe("HouseArbitrator: disputes and rulings", () => {
  const moa = useHouse();
  const { appeal, createDispute, rule, ruleFinally, unauthorized } = moa;

  describe("construction", () => {
    it("says what it was made with", async () => {
      const { house, registry } = moa.world;
      expect(await house.read.registry()).to.equal(registry.address);
      expect(await house.read.MAX_COST()).to.equal(MAX_COST);
      expect(await house.read.payeeId()).to.equal(PAYEE);
      expect(await house.read.arbitrationCost(["0x"])).to.equal(COST);
      const events = await house.getEvents.CostsSet({ fromBlock: 0n });
      expect(events.map(({ args }) => args)).to.deep.equal([
        { arbitrationCost: COST, appealCost: APPEAL_COST },
      ]);
    });

    it("refuses costs above the maximum, and a payee that is no agent", async () => {
      const { authority, house, registry } = moa.world;
      const make = (payee: bigint, max: bigint, cost: bigint, appealCost: bigint) =>
        create("HouseArbitrator", [authority.address, registry.address, payee, max, cost, appealCost]);
      await reverts(make(PAYEE, 5n, 6n, 5n), house, "CostAboveMaximum", [6n, 5n]);
      await reverts(make(PAYEE, 5n, 5n, 6n), house, "CostAboveMaximum", [6n, 5n]);
      await reverts(make(9n, 5n, 5n, 5n), registry, "UnknownAgent", [9n]);
    });

    it("takes no case before it has a payee", async () => {
      const { authority, house, registry } = moa.world;
      const args = [authority.address, registry.address, 0n, MAX_COST, COST, APPEAL_COST];
      const address = await create("HouseArbitrator", args);
      const unpaid = getContract({ address, abi: house.abi, client });
      await reverts(unpaid.write.createDispute([2n, "0x"], { value: COST }), house, "NoPayee", []);
      await unpaid.write.setPayee([PAYEE]);
      await unpaid.write.createDispute([2n, "0x"], { value: COST });
    });
  });

  describe("createDispute", () => {
    it("takes the fee and gives the court its time", async () => {
      const { house, party } = moa.world;
      const logs = await logsOf(moa.world, createDispute(COST + 1n));
      const deadline = Number((await now()) + RULING_TIME);
      const opened = { disputeID: 0n, arbitrable: party.address };
      expect(logs).to.deep.equal([
        ["HouseArbitrator.CaseOpened", { ...opened, choices: 2n, fee: COST + 1n, ruleBy: BigInt(deadline) }],
        ["HouseArbitrator.DisputeCreation", opened],
      ]);
      expect(await house.read.caseOf([0n])).to.deep.equal({
        ...{ arbitrable: party.address, phase: Phase.Waiting, deadline },
        ...{ fee: COST + 1n, choices: 2n, ruling: 0n },
      });
      expect(await house.read.caseCount()).to.equal(1n);
      expect(await house.read.disputeStatus([0n])).to.equal(DisputeStatus.Waiting);
      expect(await house.read.appealPeriod([0n])).to.deep.equal([0n, 0n]);
    });

    it("refuses too little, and disputes without choices", async () => {
      const { house } = moa.world;
      await reverts(createDispute(COST - 1n), house, "CostNotPaid", [COST, COST - 1n]);
      await reverts(createDispute(COST, 0n), house, "NoChoices");
      await createDispute(COST, 2n ** 256n - 1n);
      await rule(2n ** 256n - 1n);
    });
  });

  describe("giveRuling", () => {
    beforeEach(() => createDispute());

    it("earns the fee and opens the window for an appeal, without a call to anybody", async () => {
      const { house, party } = moa.world;
      await party.write.behave([Manner.Refuses]);
      const logs = await logsOf(moa.world, rule(2n));
      const appealBy = (await now()) + APPEAL_WINDOW;
      expect(logs).to.deep.equal([
        ["HouseArbitrator.RulingGiven", { disputeID: 0n, ruling: 2n, appealBy, by: validator.address }],
        ["HouseArbitrator.AppealPossible", { disputeID: 0n, arbitrable: party.address }],
        ["HouseArbitrator.FeeEarned", { disputeID: 0n, agentId: PAYEE, amount: COST, creditAfter: COST }],
      ]);
      expect(await house.read.currentRuling([0n])).to.equal(2n);
      expect(await house.read.disputeStatus([0n])).to.equal(DisputeStatus.Appealable);
      expect(await house.read.appealPeriod([0n])).to.deep.equal([appealBy - APPEAL_WINDOW, appealBy]);
    });

    it("is the first court's alone, the administrator and the second court included", async () => {
      for (const who of [admin, rival, stranger]) {
        await unauthorized(moa.world.house.write.giveRuling([0n, 1n], by(who)), who.address);
      }
    });

    it("is one of the choices or 0, once, in its time", async () => {
      const { house } = moa.world;
      await reverts(rule(3n), house, "RulingOutOfRange", [0n, 3n, 2n]);
      await reverts(rule(1n, 9n), house, "UnknownDispute", [9n]);
      await rule(0n);
      await reverts(rule(1n), house, "WrongPhase", [0n, Phase.Appealable]);
      await createDispute();
      const { deadline } = await house.read.caseOf([1n]);
      await nextBlockAt(BigInt(deadline));
      await reverts(rule(1n, 1n), house, "TooLate", [1n, BigInt(deadline), BigInt(deadline)]);
      await createDispute();
      const later = await house.read.caseOf([2n]);
      await nextBlockAt(BigInt(later.deadline) - 1n);
      await rule(1n, 2n);
    });

    it("earns nothing where disputes are free", async () => {
      await moa.world.house.write.setCosts([0n, 0n]);
      await createDispute(0n);
      expect((await logsOf(moa.world, rule(1n, 1n))).map(([name]) => name)).not.to.include(
        "HouseArbitrator.FeeEarned",
      );
    });
  });

  describe("appeal", () => {
    beforeEach(() => createDispute());

    it("brings the second court in, whose ruling is final", async () => {
      const { house, party } = moa.world;
      await rule(2n);
      const logs = await logsOf(moa.world, appeal());
      const ruleBy = (await now()) + RULING_TIME;
      expect(logs).to.deep.equal([
        ["HouseArbitrator.CaseAppealed", { disputeID: 0n, fee: APPEAL_COST, ruleBy }],
        ["HouseArbitrator.AppealDecision", { disputeID: 0n, arbitrable: party.address }],
      ]);
      expect(await house.read.caseOf([0n])).to.deep.include({
        ...{ phase: Phase.Appealed, deadline: Number(ruleBy), fee: APPEAL_COST, ruling: 2n },
      });
      expect(await house.read.disputeStatus([0n])).to.equal(DisputeStatus.Waiting);
      const credit = COST + APPEAL_COST;
      expect(await logsOf(moa.world, ruleFinally(1n))).to.deep.equal([
        ["HouseArbitrator.RulingFinal", { disputeID: 0n, ruling: 1n, expired: false, by: rival.address }],
        [
          "HouseArbitrator.FeeEarned",
          { disputeID: 0n, agentId: PAYEE, amount: APPEAL_COST, creditAfter: credit },
        ],
      ]);
      expect(await house.read.disputeStatus([0n])).to.equal(DisputeStatus.Solved);
      await reverts(appeal(), house, "WrongPhase", [0n, Phase.Final]);
    });

    it("is the arbitrable contract's alone, within the window, for its cost", async () => {
      const { house } = moa.world;
      await reverts(appeal(), house, "WrongPhase", [0n, Phase.Waiting]);
      await rule(2n);
      const trespass = house.write.appeal([0n, "0x"], { ...by(stranger), value: APPEAL_COST });
      await reverts(trespass, house, "NotArbitrable", [0n, stranger.address]);
      await reverts(appeal(APPEAL_COST - 1n), house, "CostNotPaid", [APPEAL_COST, APPEAL_COST - 1n]);
      expect(await house.read.appealCost([0n, "0x"])).to.equal(APPEAL_COST);
      await reverts(house.read.appealCost([5n, "0x"]), house, "UnknownDispute", [5n]);
      const { deadline } = await house.read.caseOf([0n]);
      await nextBlockAt(BigInt(deadline));
      await reverts(appeal(), house, "TooLate", [0n, BigInt(deadline), BigInt(deadline)]);
      await createDispute();
      await rule(1n, 1n);
      const { deadline: last } = await house.read.caseOf([1n]);
      await nextBlockAt(BigInt(last) - 1n);
      await appeal(APPEAL_COST, 1n);
    });

    it("the second court's ruling is its alone, one of the choices, in its time", async () => {
      const { house } = moa.world;
      await reverts(ruleFinally(1n), house, "WrongPhase", [0n, Phase.Waiting]);
      await rule(2n);
      await reverts(ruleFinally(1n), house, "WrongPhase", [0n, Phase.Appealable]);
      await appeal();
      for (const who of [admin, validator, stranger]) {
        await unauthorized(house.write.giveFinalRuling([0n, 1n], by(who)), who.address);
      }
      await reverts(ruleFinally(3n), house, "RulingOutOfRange", [0n, 3n, 2n]);
      const { deadline } = await house.read.caseOf([0n]);
      await nextBlockAt(BigInt(deadline));
      await reverts(ruleFinally(1n), house, "TooLate", [0n, BigInt(deadline), BigInt(deadline)]);
    });
  });
});
