import { expect } from "chai";
import { loadFixture, now } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, people } from "./support/deploy.ts";
import {
  AMOUNT,
  ANSWER_TIME,
  answer,
  books,
  COST,
  type Desk,
  deployAtHouse,
  deployAtPuppet,
  dispute,
  EVIDENCE,
  KEY,
  logsOf,
  OTHER_KEY,
  open,
  pass,
  RULING_TIMEOUT,
  Status,
} from "./support/disputes.ts";
import { BUYER, rotate, SELLER } from "./support/market.ts";

const { buyer, next, seller, stranger } = people;

describe("Disputes.answer", () => {
  let world: Desk;
  beforeEach(async () => {
    world = await loadFixture(deployAtHouse);
    await open(world);
  });

  it("pays the other side and hands the dispute to the arbitrator", async () => {
    const { desk, house } = world;
    const logs = await logsOf(world, answer(world, KEY, COST + 3n));
    const ruleBy = (await now()) + RULING_TIMEOUT;
    const evidence = {
      arbitrator: house.address,
      evidenceGroupID: KEY,
      party: seller.address,
      evidence: EVIDENCE,
    };
    expect(logs).to.deep.equal([
      [
        "Disputes.DisputeAnswered",
        { keyId: KEY, buyerFee: COST, sellerFee: COST, ruleBy, by: seller.address },
      ],
      ["Disputes.Evidence", evidence],
      ["Disputes.Credited", { agentId: SELLER, keyId: KEY, amount: 3n, creditAfter: 3n }],
      [
        "HouseArbitrator.CaseOpened",
        {
          ...{ disputeID: 0n, arbitrable: desk.address, choices: 2n, fee: COST },
          ruleBy: (await now()) + 30n * 86_400n,
        },
      ],
      ["HouseArbitrator.DisputeCreation", { disputeID: 0n, arbitrable: desk.address }],
      ["Disputes.DisputeSubmitted", { keyId: KEY, disputeID: 0n, cost: COST, ruleBy, by: seller.address }],
      [
        "Disputes.Dispute",
        { arbitrator: house.address, disputeID: 0n, metaEvidenceID: 0n, evidenceGroupID: KEY },
      ],
    ]);
    expect(await desk.read.disputeOf([KEY])).to.deep.include({
      ...{ status: Status.Submitted, submitted: true, deadline: Number(ruleBy) },
      ...{ buyerFee: COST, sellerFee: COST, spent: COST, disputeID: 0n },
    });
    expect(await desk.read.keyOf([0n])).to.equal(KEY);
    expect(await books(world)).to.deep.equal({ ether: COST + 3n, credits: [0n, 3n], tokens: [0n, 0n] });
    expect(await house.read.caseOf([0n])).to.deep.include({ choices: 2n, fee: COST });
  });

  it("is the seller's alone, in its time, once", async () => {
    const { desk } = world;
    for (const who of [buyer, stranger]) {
      await reverts(answer(world, KEY, COST, who), desk, "NotSeller", [KEY, who.address]);
    }
    await reverts(answer(world, OTHER_KEY), desk, "WrongStatus", [OTHER_KEY, Status.None]);
    await answer(world);
    await reverts(answer(world), desk, "WrongStatus", [KEY, Status.Submitted]);
    await open(world, OTHER_KEY);
    const { deadline } = await desk.read.disputeOf([OTHER_KEY]);
    await pass(ANSWER_TIME - 1n);
    const call = answer(world, OTHER_KEY);
    await call.catch(() => undefined);
    await reverts(call, desk, "TooLate", [OTHER_KEY, BigInt(deadline), await now()]);
  });

  it("is possible in the last second", async () => {
    await pass(ANSWER_TIME - 2n);
    await answer(world);
  });

  it("T24 after a rotation is the new EOA's alone", async () => {
    await rotate(world, SELLER, seller, next);
    await reverts(answer(world), world.desk, "NotSeller", [KEY, seller.address]);
    await answer(world, KEY, COST, next);
  });

  it("makes up a cost that has risen; the winner gets what is left, at most its own", async () => {
    await world.house.write.setCosts([2n * COST, 0n]);
    const call = answer(world, KEY, 2n * COST - 1n);
    await reverts(call, world.desk, "FeeNotPaid", [2n * COST, 2n * COST - 1n]);
    await answer(world, KEY, 2n * COST);
    expect((await books(world)).ether).to.equal(COST);
    await world.desk.write.withdrawDispute([KEY], by(buyer));
    expect((await books(world)).credits).to.deep.equal([0n, COST]);
  });

  it("gives the buyer back what arbitration has become cheaper by", async () => {
    await world.house.write.setCosts([COST / 4n, 0n]);
    const logs = await logsOf(world, answer(world, KEY, COST / 4n));
    const saved = COST - COST / 4n;
    expect(logs[0]?.[1]).to.include({ buyerFee: COST / 4n, sellerFee: COST / 4n });
    expect(logs[2]).to.deep.equal([
      "Disputes.Credited",
      { agentId: BUYER, keyId: KEY, amount: saved, creditAfter: saved },
    ]);
    expect((await books(world)).ether).to.equal(COST);
    await world.desk.write.withdrawDispute([KEY], by(buyer));
    expect((await books(world)).credits).to.deep.equal([saved, COST / 4n]);
  });
});

describe("Disputes.answer and submit with an arbitrator that is out of order", () => {
  let world: Desk;
  beforeEach(async () => {
    world = await loadFixture(deployAtPuppet);
    await open(world);
  });

  it("an answer counts though the arbitrator takes no dispute; anyone submits it later", async () => {
    const { desk, puppet } = world;
    await puppet.write.fail([false, true]);
    const logs = await logsOf(world, answer(world));
    expect(logs.at(-1)).to.deep.equal(["Disputes.SubmissionFailed", { keyId: KEY, cost: COST }]);
    expect((await desk.read.disputeOf([KEY])).status).to.equal(Status.Answered);
    expect((await books(world)).ether).to.equal(2n * COST);
    await reverts(desk.write.submit([KEY], by(stranger)), desk, "SubmissionRefused", [KEY]);
    await pass(ANSWER_TIME);
    await reverts(desk.write.lapse([KEY]), desk, "WrongStatus", [KEY, Status.Answered]);
    await puppet.write.fail([false, false]);
    const submitted = await logsOf(world, desk.write.submit([KEY], by(stranger)));
    expect(submitted.map(([name]) => name)).to.deep.equal(["Disputes.DisputeSubmitted", "Disputes.Dispute"]);
    expect(submitted[0]?.[1]).to.deep.equal({
      ...{
        keyId: KEY,
        disputeID: 7n,
        cost: COST,
        ruleBy: (await now()) + RULING_TIMEOUT,
        by: stranger.address,
      },
    });
    expect(submitted[1]?.[1]).to.deep.equal({
      ...{ arbitrator: puppet.address, disputeID: 7n, metaEvidenceID: 0n, evidenceGroupID: KEY },
    });
    expect((await books(world)).ether).to.equal(COST);
    await reverts(desk.write.submit([KEY]), desk, "WrongStatus", [KEY, Status.Submitted]);
  });

  it("while it names no cost, or an impossible one, the seller pays what the buyer did", async () => {
    const { desk, puppet } = world;
    await puppet.write.fail([true, true]);
    await reverts(answer(world, KEY, COST - 1n), desk, "FeeNotPaid", [COST, COST - 1n]);
    await answer(world);
    await open(world, OTHER_KEY).catch(() => undefined);
    await puppet.write.fail([false, false]);
    await open(world, OTHER_KEY);
    await puppet.write.set([2n ** 96n, 7n, 0n]);
    expect((await logsOf(world, answer(world, OTHER_KEY))).map(([name]) => name)).to.include(
      "Disputes.DisputeSubmitted",
    );
  });

  it("a later price is paid from both fees, as far as they go", async () => {
    const { desk, puppet } = world;
    await puppet.write.fail([false, true]);
    await answer(world);
    await puppet.write.fail([false, false]);
    await puppet.write.set([2n * COST + 1n, 7n, 0n]);
    await reverts(desk.write.submit([KEY]), desk, "CostAboveFees", [KEY, 2n * COST + 1n, 2n * COST]);
    await puppet.write.set([2n * COST - 4n, 7n, 0n]);
    await desk.write.submit([KEY]);
    await puppet.write.rule([desk.address, 7n, 1n]);
    expect(await books(world)).to.deep.equal({ ether: 4n, credits: [4n, 0n], tokens: [AMOUNT, 0n] });
  });

  it("nobody submits after the arbitrator's time: the dispute ends in a tie, fees returned", async () => {
    const { desk, puppet } = world;
    await puppet.write.fail([false, true]);
    await answer(world);
    await puppet.write.fail([false, false]);
    await pass(RULING_TIMEOUT);
    const { deadline } = await desk.read.disputeOf([KEY]);
    const call = desk.write.submit([KEY]);
    await call.catch(() => undefined);
    await reverts(call, desk, "TooLate", [KEY, BigInt(deadline), await now()]);
    await desk.write.timeout([KEY], by(stranger));
    const half = AMOUNT / 2n;
    expect(await books(world)).to.deep.equal({
      ether: 2n * COST,
      credits: [COST, COST],
      tokens: [half, AMOUNT - half],
    });
    await reverts(desk.write.reclaim([KEY]), desk, "NotSubmitted", [KEY]);
  });

  it("an arbitrator that gives a number twice is refused", async () => {
    await answer(world);
    await world.puppet.write.set([COST, 7n, 0n]);
    await open(world, OTHER_KEY);
    await reverts(answer(world, OTHER_KEY), world.desk, "DisputeIDInUse", [7n, KEY]);
    await world.puppet.write.set([COST, 8n, 0n]);
    await answer(world, OTHER_KEY);
  });

  it("a dispute takes whatever number the arbitrator gives, 0 included", async () => {
    await world.puppet.write.set([COST, 0n, 0n]);
    await dispute(world, OTHER_KEY);
    expect(await world.desk.read.keyOf([0n])).to.equal(OTHER_KEY);
  });
});
