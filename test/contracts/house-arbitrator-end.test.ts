import { expect } from "chai";
import { networkHelpers, nextBlockAt, publicClient } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, people } from "./support/deploy.ts";
import { COST, callOf, logsOf, MAX_COST, Manner, PAYEE, pass } from "./support/disputes.ts";
import { APPEAL_WINDOW, DisputeStatus, Phase, RULING_TIME, useHouse } from "./support/house.ts";
import { BUYER, ZERO } from "./support/market.ts";

const { admin, buyer, rival, seller, stranger, unit, validator } = people;

describe("HouseArbitrator: ends and money", () => {
  const moa = useHouse();
  const { appeal, createDispute, phase, rule, ruleFinally, unauthorized } = moa;

  describe("expire", () => {
    beforeEach(() => createDispute());

    it("rules 0 for a first court that is silent, by anyone, when its time is over", async () => {
      const { house } = moa.world;
      const { deadline } = await house.read.caseOf([0n]);
      const end = BigInt(deadline);
      await nextBlockAt(end - 1n);
      await reverts(house.write.expire([0n]), house, "TooEarly", [0n, end, end - 1n]);
      await nextBlockAt(end);
      expect(await logsOf(moa.world, house.write.expire([0n], by(stranger)))).to.deep.equal([
        ["HouseArbitrator.RulingFinal", { disputeID: 0n, ruling: 0n, expired: true, by: stranger.address }],
      ]);
      expect(await house.read.creditOf([PAYEE])).to.equal(0n);
      await reverts(house.write.expire([0n]), house, "WrongPhase", [0n, Phase.Final]);
      await reverts(house.write.expire([5n]), house, "UnknownDispute", [5n]);
    });

    it("leaves the first ruling standing when the second court is silent", async () => {
      const { house, party } = moa.world;
      await rule(2n);
      await reverts(house.write.expire([0n]), house, "WrongPhase", [0n, Phase.Appealable]);
      await appeal();
      await pass(RULING_TIME);
      await house.write.expire([0n]);
      await house.write.execute([0n]);
      expect(await party.read.lastRuling()).to.equal(2n);
      expect(await house.read.creditOf([PAYEE])).to.equal(COST);
    });
  });

  describe("execute", () => {
    beforeEach(() => createDispute());

    it("hands the ruling over once, by anyone, when it can't be appealed against any more", async () => {
      const { house, party } = moa.world;
      await reverts(house.write.execute([0n]), house, "WrongPhase", [0n, Phase.Waiting]);
      await rule(2n);
      const { deadline } = await house.read.caseOf([0n]);
      const end = BigInt(deadline);
      await nextBlockAt(end - 1n);
      await reverts(house.write.execute([0n]), house, "TooEarly", [0n, end, end - 1n]);
      await nextBlockAt(end);
      expect(await logsOf(moa.world, house.write.execute([0n], by(stranger)))).to.deep.equal([
        ["HouseArbitrator.RulingFinal", { disputeID: 0n, ruling: 2n, expired: false, by: stranger.address }],
        ["HouseArbitrator.RulingExecuted", { disputeID: 0n, ruling: 2n, by: stranger.address }],
      ]);
      expect([await party.read.rulings(), await party.read.lastRuling()]).to.deep.equal([1n, 2n]);
      await reverts(house.write.execute([0n]), house, "WrongPhase", [0n, Phase.Executed]);
      expect(await house.read.disputeStatus([0n])).to.equal(DisputeStatus.Solved);
    });

    it("a window that is over is solved before anyone says so", async () => {
      await rule(1n);
      await pass(APPEAL_WINDOW);
      expect(await moa.world.house.read.disputeStatus([0n])).to.equal(DisputeStatus.Solved);
    });

    for (const [name, manner] of [
      ["reverts", Manner.Refuses],
      ["burns all gas", Manner.BurnsGas],
    ] as const) {
      it(`T2 an arbitrable contract that ${name} holds up nobody else and gets its ruling later`, async () => {
        const { house, party } = moa.world;
        await house.write.createDispute([2n, "0x"], { ...by(seller), value: COST });
        await rule(1n);
        await rule(2n, 1n);
        await pass(APPEAL_WINDOW);
        await party.write.behave([manner]);
        let refused = false;
        await house.write.execute([0n]).catch(() => {
          refused = true;
        });
        expect(refused).to.equal(true);
        expect(await phase()).to.equal(Phase.Appealable);
        await party.write.behave([Manner.Kind]);
        await house.write.execute([0n], by(stranger));
        expect([await party.read.rulings(), await phase()]).to.deep.equal([1n, Phase.Executed]);
      });
    }

    it("T1 an arbitrable contract that calls back from its ruling gets nothing twice", async () => {
      const { house, party } = moa.world;
      await createDispute();
      await rule(1n);
      await pass(RULING_TIME);
      await house.write.expire([1n]);
      for (const [functionName, args] of [
        ["execute", [1n]],
        ["execute", [0n]],
        ["refund", [1n]],
        ["withdraw", [PAYEE, ZERO]],
      ] as const) {
        await party.write.arm([house.address, callOf(house.abi, functionName, args)]);
        const attempts = await party.read.attempts();
        const snapshot = await networkHelpers.takeSnapshot();
        await house.write.execute([0n]);
        expect(await party.read.attempts()).to.equal(attempts + 1n);
        expect(await party.read.succeeded(), functionName).to.equal(false);
        expect(await party.read.returned()).to.equal("0x3ee5aeb5"); // ReentrancyGuardReentrantCall()
        await snapshot.restore();
      }
    });
  });

  describe("refund", () => {
    beforeEach(() => createDispute());
    const refund = (disputeID = 0n) => {
      const { house, party } = moa.world;
      return party.write.act([house.address, callOf(house.abi, "refund", [disputeID])]);
    };

    it("gives the fee of a silent court back to the arbitrable contract, once", async () => {
      const { house, party } = moa.world;
      await pass(RULING_TIME);
      await reverts(refund(), house, "WrongPhase", [0n, Phase.Waiting]);
      await house.write.expire([0n]);
      await reverts(house.write.refund([0n], by(stranger)), house, "NotArbitrable", [0n, stranger.address]);
      expect(await logsOf(moa.world, refund())).to.deep.equal([
        ["HouseArbitrator.FeeReturned", { disputeID: 0n, arbitrable: party.address, amount: COST }],
      ]);
      expect(await publicClient.getBalance({ address: party.address })).to.equal(COST);
      await reverts(refund(), house, "NothingToReturn", [0n]);
    });

    it("gives nothing back for a ruling", async () => {
      const { house } = moa.world;
      await rule(1n);
      await reverts(refund(), house, "WrongPhase", [0n, Phase.Appealable]);
      await appeal();
      await reverts(refund(), house, "WrongPhase", [0n, Phase.Appealed]);
      await ruleFinally(1n);
      await reverts(refund(), house, "NothingToReturn", [0n]);
      await house.write.execute([0n]);
      await reverts(refund(), house, "NothingToReturn", [0n]);
    });
  });

  describe("withdraw", () => {
    beforeEach(async () => {
      await createDispute();
      await rule(1n);
    });

    it("pays the payee's EOA, whoever calls, or wherever it wants", async () => {
      const { house } = moa.world;
      const before = await publicClient.getBalance({ address: unit.address });
      expect(await logsOf(moa.world, house.write.withdraw([PAYEE, ZERO], by(stranger)))).to.deep.equal([
        [
          "HouseArbitrator.Withdrawn",
          { agentId: PAYEE, to: unit.address, amount: COST, by: stranger.address },
        ],
      ]);
      expect((await publicClient.getBalance({ address: unit.address })) - before).to.equal(COST);
      await reverts(house.write.withdraw([PAYEE, ZERO]), house, "NothingToWithdraw", [PAYEE]);
    });

    it("pays nowhere else by anyone else's word", async () => {
      const { house } = moa.world;
      for (const who of [admin, validator, stranger]) {
        const theft = house.write.withdraw([PAYEE, who.address], by(who));
        await reverts(theft, house, "NotAuthorized", [PAYEE, who.address]);
      }
      await house.write.withdraw([PAYEE, stranger.address], by(unit));
    });
  });

  describe("T25 administration", () => {
    it("sets costs up to the maximum, for disputes and appeals to come", async () => {
      const { house } = moa.world;
      expect(await logsOf(moa.world, house.write.setCosts([MAX_COST, 1n]))).to.deep.equal([
        ["HouseArbitrator.CostsSet", { arbitrationCost: MAX_COST, appealCost: 1n }],
      ]);
      await reverts(house.write.setCosts([MAX_COST + 1n, 0n]), house, "CostAboveMaximum", [
        MAX_COST + 1n,
        MAX_COST,
      ]);
      await reverts(house.write.setCosts([0n, MAX_COST + 1n]), house, "CostAboveMaximum", [
        MAX_COST + 1n,
        MAX_COST,
      ]);
      for (const who of [validator, rival, stranger]) {
        await unauthorized(house.write.setCosts([0n, 0n], by(who)), who.address);
      }
    });

    it("sets who earns the fees of rulings to come, and takes nobody's earnings away", async () => {
      const { house, registry } = moa.world;
      await createDispute();
      await createDispute();
      await rule(1n);
      expect(await logsOf(moa.world, house.write.setPayee([BUYER]))).to.deep.equal([
        ["HouseArbitrator.PayeeSet", { agentId: BUYER }],
      ]);
      await rule(1n, 1n);
      expect([await house.read.creditOf([PAYEE]), await house.read.creditOf([BUYER])]).to.deep.equal([
        COST,
        COST,
      ]);
      await reverts(house.write.setPayee([9n]), registry, "UnknownAgent", [9n]);
      await unauthorized(house.write.setPayee([BUYER], by(buyer)), buyer.address);
    });
  });
});
