import { expect } from "chai";
import type { Hex } from "viem";
import { loadFixture, networkHelpers, now, publicClient } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, people } from "./support/deploy.ts";
import {
  AMOUNT,
  APPEAL_COST,
  answer,
  books,
  COST,
  DAY,
  type Desk,
  deployAtCourt,
  deployAtHouse,
  deployAtPuppet,
  dispute,
  KEY,
  logsOf,
  OTHER_KEY,
  Outcome,
  open,
  pass,
  RULING_TIMEOUT,
  Status,
} from "./support/disputes.ts";
import { BUYER, OrderStatus, rotate, SELLER } from "./support/market.ts";

const { buyer, next, rival, seller, stranger, validator } = people;
const HALF = AMOUNT / 2n;

describe("Disputes.rule", () => {
  const results = [
    { ruling: 1n, word: "the buyer wins", tokens: [AMOUNT, 0n], credits: [COST, 0n], burnt: true },
    { ruling: 2n, word: "the seller wins", tokens: [0n, AMOUNT], credits: [0n, COST], burnt: false },
    {
      ruling: 0n,
      word: "a tie",
      tokens: [HALF, AMOUNT - HALF],
      credits: [COST / 2n, COST / 2n],
      burnt: false,
    },
  ];
  for (const { ruling, word, tokens, credits, burnt } of results) {
    it(`${ruling}: ${word}`, async () => {
      const world = await loadFixture(deployAtHouse);
      const { desk, house, exchange } = world;
      await dispute(world);
      await house.write.giveRuling([0n, ruling], by(validator));
      await pass(7n * DAY);
      const logs = await logsOf(world, house.write.execute([0n], by(stranger)));
      const names = logs.map(([name]) => name).filter((name) => !name.endsWith(".Credited"));
      expect(names).to.deep.equal([
        ...["HouseArbitrator.RulingFinal", "HouseArbitrator.RulingExecuted"],
        ...["Disputes.Ruling", "Disputes.DisputeClosed", "Exchange.OrderStatusChanged"],
      ]);
      expect(await books(world)).to.deep.equal({ ether: COST, credits, tokens });
      expect((await exchange.read.orderOf([KEY])).status).to.equal(
        burnt ? OrderStatus.Refunded : OrderStatus.Released,
      );
      expect(await desk.read.disputeOf([KEY])).to.include({
        ...{ status: Status.Closed, outcome: Outcome.Ruled, ruling: Number(ruling) },
      });
      expect(await desk.read.keyOf([0n])).to.equal(0n);
    });
  }

  it("in a tie the odd wei of the arbitration is the buyer's to pay, the odd unit of the order the seller's to keep", async () => {
    const world = await loadFixture(deployAtPuppet);
    await world.puppet.write.set([5n, 7n, 0n]);
    await open(world, KEY, 5n);
    await answer(world, KEY, 5n);
    await world.puppet.write.rule([world.desk.address, 7n, 0n]);
    expect(await books(world)).to.deep.equal({ ether: 5n, credits: [2n, 3n], tokens: [HALF, HALF + 1n] });
  });

  it("is the arbitrator's alone", async () => {
    const world = await loadFixture(deployAtHouse);
    await dispute(world);
    for (const who of [buyer, seller, validator, stranger]) {
      await reverts(world.desk.write.rule([0n, 1n], by(who)), world.desk, "NotArbitrator", [who.address]);
    }
  });

  it("takes no ruling beyond the choices, none twice, and none for a dispute that is not there", async () => {
    const world = await loadFixture(deployAtPuppet);
    const { desk, puppet } = world;
    const rule = (id: bigint, ruling: bigint) => puppet.write.rule([desk.address, id, ruling]);
    await dispute(world);
    await reverts(rule(7n, 3n), desk, "RulingOutOfRange", [7n, 3n]);
    await reverts(rule(8n, 1n), desk, "UnknownDispute", [8n]);
    await rule(7n, 2n);
    const before = await books(world);
    await reverts(rule(7n, 1n), desk, "UnknownDispute", [7n]);
    expect(await books(world)).to.deep.equal(before);
  });

  it("an exchange that fails loses no ruling: it is carried out when it works again", async () => {
    const world = await loadFixture(deployAtHouse);
    const { house, exchange } = world;
    await dispute(world);
    await house.write.giveRuling([0n, 1n], by(validator));
    await pass(7n * DAY);
    const { address } = exchange;
    const code = (await publicClient.getCode({ address })) as Hex;
    // Without a word: PUSH0 PUSH0 REVERT.
    await networkHelpers.setCode(address, "0x5f5ffd");
    let refused = false;
    await house.write.execute([0n]).catch(() => {
      refused = true;
    });
    expect(refused).to.equal(true);
    await networkHelpers.setCode(address, code);
    await house.write.execute([0n]);
    expect((await books(world)).tokens).to.deep.equal([AMOUNT, 0n]);
  });
});

describe("Disputes.appeal", () => {
  let world: Desk;
  beforeEach(async () => {
    world = await loadFixture(deployAtHouse);
    await dispute(world);
  });
  const appeal = (who = buyer, value = APPEAL_COST) => world.desk.write.appeal([KEY], { ...by(who), value });

  it("is paid by the losing side, and gives the arbitrator its time again", async () => {
    const { desk, house } = world;
    await house.write.giveRuling([0n, 2n], by(validator));
    await reverts(appeal(seller), desk, "NotLosing", [KEY, SELLER, 2n]);
    await reverts(appeal(stranger), desk, "NotParty", [KEY, stranger.address]);
    await reverts(appeal(buyer, APPEAL_COST - 1n), desk, "FeeNotPaid", [APPEAL_COST, APPEAL_COST - 1n]);
    const logs = await logsOf(world, appeal(buyer, APPEAL_COST + 2n));
    const ruleBy = (await now()) + RULING_TIMEOUT;
    expect(logs).to.deep.equal([
      [
        "Disputes.DisputeAppealed",
        { keyId: KEY, agentId: BUYER, cost: APPEAL_COST, ruleBy, by: buyer.address },
      ],
      ["Disputes.Credited", { agentId: BUYER, keyId: KEY, amount: 2n, creditAfter: 2n }],
      [
        "HouseArbitrator.CaseAppealed",
        { disputeID: 0n, fee: APPEAL_COST, ruleBy: (await now()) + 30n * DAY },
      ],
      ["HouseArbitrator.AppealDecision", { disputeID: 0n, arbitrable: desk.address }],
    ]);
    expect(await desk.read.disputeOf([KEY])).to.include({
      ...{ appeals: 1, appellantId: BUYER, deadline: Number(ruleBy) },
    });
    await house.write.giveFinalRuling([0n, 1n], by(rival));
    await house.write.execute([0n]);
    expect(await books(world)).to.deep.equal({
      ether: COST + 2n,
      credits: [COST + 2n, 0n],
      tokens: [AMOUNT, 0n],
    });
  });

  it("is the seller's when the buyer wins, and both sides' after a tie", async () => {
    const { house } = world;
    await house.write.giveRuling([0n, 1n], by(validator));
    await reverts(appeal(buyer), world.desk, "NotLosing", [KEY, BUYER, 1n]);
    await appeal(seller);
    expect((await world.desk.read.disputeOf([KEY])).appellantId).to.equal(SELLER);
    await dispute(world, OTHER_KEY);
    await house.write.giveRuling([1n, 0n], by(validator));
    await world.desk.write.appeal([OTHER_KEY], { ...by(seller), value: APPEAL_COST });
  });

  it("T24 after a rotation is the new EOA's alone", async () => {
    await world.house.write.giveRuling([0n, 2n], by(validator));
    await rotate(world, BUYER, buyer, next);
    await reverts(appeal(buyer), world.desk, "NotParty", [KEY, buyer.address]);
    await appeal(next);
  });

  it("is refused when the arbitrator refuses, and before there is a dispute", async () => {
    const { desk, house } = world;
    await reverts(appeal(), house, "WrongPhase", [0n, 1]);
    await house.write.giveRuling([0n, 2n], by(validator));
    await pass(7n * DAY);
    const call = appeal();
    await call.catch(() => undefined);
    const { deadline } = await house.read.caseOf([0n]);
    await reverts(call, house, "TooLate", [0n, BigInt(deadline), await now()]);
    await open(world, OTHER_KEY);
    const early = desk.write.appeal([OTHER_KEY], { ...by(buyer), value: APPEAL_COST });
    await reverts(early, desk, "WrongStatus", [OTHER_KEY, Status.Opened]);
  });

  it("goes on for eight rounds at an arbitrator that allows it, and no further", async () => {
    world = await loadFixture(deployAtCourt);
    const { court, desk } = world;
    await dispute(world);
    for (let round = 0; round <= 8; ++round) {
      await court.write.giveRuling([0n, 2n]);
      const value = await court.read.appealCost([0n, "0x"]);
      if (round < 8) await appeal(buyer, value);
      else await reverts(appeal(buyer, value), desk, "TooManyAppeals", [KEY, 8n]);
    }
    await pass(3n * DAY);
    await court.write.executeRuling([0n]);
    expect(await books(world)).to.deep.equal({ ether: COST, credits: [0n, COST], tokens: [0n, AMOUNT] });
  });
});
