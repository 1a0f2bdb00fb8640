import { expect } from "chai";
import { type Address, parseAbi } from "viem";
import { loadFixture, networkHelpers, nextBlockAt, now, publicClient } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, create, people } from "./support/deploy.ts";
import {
  APPEAL_COST,
  BUYER,
  COST,
  callOf,
  createParty,
  DAY,
  deployHouse,
  logsOf,
  MAX_COST,
  Manner,
  PAYEE,
  pass,
  ZERO,
} from "./support/disputes.ts";

const { admin, buyer, rival, seller, stranger, unit, validator } = people;
const Phase = { None: 0, Waiting: 1, Appealable: 2, Appealed: 3, Final: 4, Executed: 5 } as const;
const DisputeStatus = { Waiting: 0, Appealable: 1, Solved: 2 } as const;
const RULING_TIME = 30n * DAY;
const APPEAL_WINDOW = 7n * DAY;
const accessAbi = parseAbi(["error AccessManagedUnauthorized(address caller)"]);

async function deployWithParty() {
  const world = await deployHouse();
  return { ...world, party: await createParty() };
}

describe("HouseArbitrator", () => {
  let world: Awaited<ReturnType<typeof deployWithParty>>;
  beforeEach(async () => {
    world = await loadFixture(deployWithParty);
  });

  /** A dispute that the party makes, with `value`. */
  const createDispute = (value = COST, choices = 2n) => {
    const { house, party } = world;
    return party.write.act([house.address, callOf(house.abi, "createDispute", [choices, "0x"])], { value });
  };
  const appeal = (value = APPEAL_COST, disputeID = 0n) => {
    const { house, party } = world;
    return party.write.act([house.address, callOf(house.abi, "appeal", [disputeID, "0x"])], { value });
  };
  const rule = (ruling: bigint, disputeID = 0n) =>
    world.house.write.giveRuling([disputeID, ruling], by(validator));
  const ruleFinally = (ruling: bigint, disputeID = 0n) =>
    world.house.write.giveFinalRuling([disputeID, ruling], by(rival));
  const unauthorized = (call: Promise<unknown>, who: Address) =>
    reverts(call, { abi: accessAbi, address: world.house.address }, "AccessManagedUnauthorized", [who]);
  const phase = async (disputeID = 0n) => (await world.house.read.caseOf([disputeID])).phase;

  describe("construction", () => {
    it("says what it was made with", async () => {
      const { house, registry } = world;
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
      const { authority, house, registry } = world;
      const make = (payee: bigint, max: bigint, cost: bigint, appealCost: bigint) =>
        create("HouseArbitrator", [authority.address, registry.address, payee, max, cost, appealCost]);
      await reverts(make(PAYEE, 5n, 6n, 5n), house, "CostAboveMaximum", [6n, 5n]);
      await reverts(make(PAYEE, 5n, 5n, 6n), house, "CostAboveMaximum", [6n, 5n]);
      await reverts(make(9n, 5n, 5n, 5n), registry, "UnknownAgent", [9n]);
    });
  });

  describe("createDispute", () => {
    it("takes the fee and gives the court its time", async () => {
      const { house, party } = world;
      const logs = await logsOf(world, createDispute(COST + 1n));
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
      const { house } = world;
      await reverts(createDispute(COST - 1n), house, "CostNotPaid", [COST, COST - 1n]);
      await reverts(createDispute(COST, 0n), house, "NoChoices");
      await createDispute(COST, 2n ** 256n - 1n);
      await rule(2n ** 256n - 1n);
    });
  });

  describe("giveRuling", () => {
    beforeEach(() => createDispute());

    it("earns the fee and opens the window for an appeal, without a call to anybody", async () => {
      const { house, party } = world;
      await party.write.behave([Manner.Refuses]);
      const logs = await logsOf(world, rule(2n));
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
        await unauthorized(world.house.write.giveRuling([0n, 1n], by(who)), who.address);
      }
    });

    it("is one of the choices or 0, once, in its time", async () => {
      const { house } = world;
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
      await world.house.write.setCosts([0n, 0n]);
      await createDispute(0n);
      expect((await logsOf(world, rule(1n, 1n))).map(([name]) => name)).not.to.include(
        "HouseArbitrator.FeeEarned",
      );
    });
  });

  describe("appeal", () => {
    beforeEach(() => createDispute());

    it("brings the second court in, whose ruling is final", async () => {
      const { house, party } = world;
      await rule(2n);
      const logs = await logsOf(world, appeal());
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
      expect(await logsOf(world, ruleFinally(1n))).to.deep.equal([
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
      const { house } = world;
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
      const { house } = world;
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

  describe("expire", () => {
    beforeEach(() => createDispute());

    it("rules 0 for a first court that is silent, by anyone, when its time is over", async () => {
      const { house } = world;
      const { deadline } = await house.read.caseOf([0n]);
      const end = BigInt(deadline);
      await nextBlockAt(end - 1n);
      await reverts(house.write.expire([0n]), house, "TooEarly", [0n, end, end - 1n]);
      await nextBlockAt(end);
      expect(await logsOf(world, house.write.expire([0n], by(stranger)))).to.deep.equal([
        ["HouseArbitrator.RulingFinal", { disputeID: 0n, ruling: 0n, expired: true, by: stranger.address }],
      ]);
      expect(await house.read.creditOf([PAYEE])).to.equal(0n);
      await reverts(house.write.expire([0n]), house, "WrongPhase", [0n, Phase.Final]);
      await reverts(house.write.expire([5n]), house, "UnknownDispute", [5n]);
    });

    it("leaves the first ruling standing when the second court is silent", async () => {
      const { house, party } = world;
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
      const { house, party } = world;
      await reverts(house.write.execute([0n]), house, "WrongPhase", [0n, Phase.Waiting]);
      await rule(2n);
      const { deadline } = await house.read.caseOf([0n]);
      const end = BigInt(deadline);
      await nextBlockAt(end - 1n);
      await reverts(house.write.execute([0n]), house, "TooEarly", [0n, end, end - 1n]);
      await nextBlockAt(end);
      expect(await logsOf(world, house.write.execute([0n], by(stranger)))).to.deep.equal([
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
      expect(await world.house.read.disputeStatus([0n])).to.equal(DisputeStatus.Solved);
    });

    for (const [name, manner] of [
      ["reverts", Manner.Refuses],
      ["burns all gas", Manner.BurnsGas],
    ] as const) {
      it(`T2 an arbitrable contract that ${name} holds up nobody else and gets its ruling later`, async () => {
        const { house, party } = world;
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
      const { house, party } = world;
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
      const { house, party } = world;
      return party.write.act([house.address, callOf(house.abi, "refund", [disputeID])]);
    };

    it("gives the fee of a silent court back to the arbitrable contract, once", async () => {
      const { house, party } = world;
      await pass(RULING_TIME);
      await reverts(refund(), house, "WrongPhase", [0n, Phase.Waiting]);
      await house.write.expire([0n]);
      await reverts(house.write.refund([0n], by(stranger)), house, "NotArbitrable", [0n, stranger.address]);
      expect(await logsOf(world, refund())).to.deep.equal([
        ["HouseArbitrator.FeeReturned", { disputeID: 0n, arbitrable: party.address, amount: COST }],
      ]);
      expect(await publicClient.getBalance({ address: party.address })).to.equal(COST);
      await reverts(refund(), house, "NothingToReturn", [0n]);
    });

    it("gives nothing back for a ruling", async () => {
      const { house } = world;
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
      const { house } = world;
      const before = await publicClient.getBalance({ address: unit.address });
      expect(await logsOf(world, house.write.withdraw([PAYEE, ZERO], by(stranger)))).to.deep.equal([
        [
          "HouseArbitrator.Withdrawn",
          { agentId: PAYEE, to: unit.address, amount: COST, by: stranger.address },
        ],
      ]);
      expect((await publicClient.getBalance({ address: unit.address })) - before).to.equal(COST);
      await reverts(house.write.withdraw([PAYEE, ZERO]), house, "NothingToWithdraw", [PAYEE]);
    });

    it("pays nowhere else by anyone else's word", async () => {
      const { house } = world;
      for (const who of [admin, validator, stranger]) {
        const theft = house.write.withdraw([PAYEE, who.address], by(who));
        await reverts(theft, house, "NotAuthorized", [PAYEE, who.address]);
      }
      await house.write.withdraw([PAYEE, stranger.address], by(unit));
    });
  });

  describe("T25 administration", () => {
    it("sets costs up to the maximum, for disputes and appeals to come", async () => {
      const { house } = world;
      expect(await logsOf(world, house.write.setCosts([MAX_COST, 1n]))).to.deep.equal([
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
      const { house, registry } = world;
      await createDispute();
      await createDispute();
      await rule(1n);
      expect(await logsOf(world, house.write.setPayee([BUYER]))).to.deep.equal([
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
