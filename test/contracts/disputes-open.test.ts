import { expect } from "chai";
import { loadFixture, nextBlockAt, now } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, people } from "./support/deploy.ts";
import {
  AMOUNT,
  ANSWER_TIME,
  answer,
  BUYER,
  books,
  Category,
  COST,
  type Desk,
  deployAtHouse,
  deployAtPuppet,
  dispute,
  EVIDENCE,
  KEY,
  logsOf,
  MAX_COST,
  OrderStatus,
  OTHER_KEY,
  open,
  pass,
  RULING_TIMEOUT,
  rotate,
  SELLER,
  Status,
  sell,
  WINDOW,
} from "./support/disputes.ts";

const { buyer, next, seller, stranger } = people;

describe("Disputes", () => {
  it("is made for one arbitrator, with its data and its rules", async () => {
    const { desk, house, orders, registry } = await loadFixture(deployAtHouse);
    expect(await desk.read.arbitrator()).to.equal(house.address);
    expect(await desk.read.orders()).to.equal(orders.address);
    expect(await desk.read.registry()).to.equal(registry.address);
    expect(await desk.read.arbitratorExtraData()).to.equal("0xc0de");
    expect(await desk.read.ANSWER_TIME()).to.equal(Number(ANSWER_TIME));
    expect(await desk.read.RULING_TIMEOUT()).to.equal(Number(RULING_TIMEOUT));
    expect(await desk.read.arbitrationCost()).to.equal(COST);
    const rules = await desk.getEvents.MetaEvidence({}, { fromBlock: 0n });
    expect(rules.map(({ args }) => args)).to.deep.equal([{ metaEvidenceID: 0n, evidence: "ipfs://rules" }]);
  });

  it("takes no ether that it could not book", async () => {
    const { desk } = await loadFixture(deployAtHouse);
    const gift = stranger.wallet.sendTransaction({ to: desk.address, value: 1n, gas: 100_000n });
    await reverts(gift, desk, "NotArbitrator", [stranger.address]);
  });

  it("takes none from its arbitrator unasked", async () => {
    const { desk, puppet } = await loadFixture(deployAtPuppet);
    await reverts(puppet.write.give([desk.address], { value: 1n }), desk, "NotArbitrator", [puppet.address]);
  });
});

describe("Disputes.open", () => {
  let world: Desk;
  beforeEach(async () => {
    world = await loadFixture(deployAtHouse);
  });

  it("freezes the order, takes the fee and starts the seller's time", async () => {
    const { desk, house, orders } = world;
    const hash = open(world);
    const logs = await logsOf(world, hash);
    const answerBy = (await now()) + ANSWER_TIME;
    expect(logs).to.deep.equal([
      [
        "Disputes.DisputeOpened",
        {
          keyId: KEY,
          buyerId: BUYER,
          sellerId: SELLER,
          category: Category.FailedService,
          fee: COST,
          answerBy,
          by: buyer.address,
        },
      ],
      [
        "Disputes.Evidence",
        { arbitrator: house.address, evidenceGroupID: KEY, party: buyer.address, evidence: EVIDENCE },
      ],
    ]);
    expect(await desk.read.disputeOf([KEY])).to.deep.equal({
      ...{ status: Status.Opened, category: Category.FailedService, outcome: 0, ruling: 0, appeals: 0 },
      ...{ submitted: false, buyerId: BUYER, sellerId: SELLER, deadline: Number(answerBy) },
      ...{ buyerFee: COST, sellerFee: 0n, spent: 0n, appellantId: 0n, disputeID: 0n },
    });
    expect((await orders.read.orderOf([KEY])).status).to.equal(OrderStatus.Disputed);
    expect((await orders.read.orderOf([OTHER_KEY])).status).to.equal(OrderStatus.Held);
    expect(await books(world)).to.deep.equal({ ether: COST, credits: [0n, 0n], tokens: [0n, 0n] });
    await pass(WINDOW);
    await reverts(orders.write.release([KEY]), orders, "WrongOrderStatus", [KEY, OrderStatus.Disputed]);
  });

  it("credits the buyer with what it paid too much", async () => {
    const logs = await logsOf(world, open(world, KEY, COST + 5n));
    expect(logs.at(-1)).to.deep.equal([
      "Disputes.Credited",
      { agentId: BUYER, keyId: KEY, amount: 5n, creditAfter: 5n },
    ]);
    expect(await books(world)).to.deep.equal({ ether: COST + 5n, credits: [5n, 0n], tokens: [0n, 0n] });
    expect((await world.desk.read.disputeOf([KEY])).buyerFee).to.equal(COST);
  });

  it("needs no evidence, takes 2,048 bytes of it and no more", async () => {
    const { desk } = world;
    const write = (keyId: bigint, evidence: string) =>
      desk.write.open([keyId, 0, evidence], { ...by(buyer), value: COST });
    await reverts(write(KEY, "x".repeat(2049)), desk, "EvidenceTooLong", [2049n, 2048n]);
    expect((await logsOf(world, write(KEY, ""))).map(([name]) => name)).to.deep.equal([
      "Disputes.DisputeOpened",
    ]);
    await write(OTHER_KEY, "x".repeat(2048));
  });

  it("is the buyer's alone", async () => {
    for (const who of [seller, stranger]) {
      await reverts(open(world, KEY, COST, who), world.desk, "NotBuyer", [KEY, who.address]);
    }
    await reverts(open(world, 5n), world.desk, "UnknownOrder", [5n]);
  });

  it("T24 after a rotation is the new EOA's alone", async () => {
    await rotate(world, BUYER, buyer, next);
    await reverts(open(world), world.desk, "NotBuyer", [KEY, buyer.address]);
    await open(world, KEY, COST, next);
  });

  it("costs the arbitrator's present price", async () => {
    await reverts(open(world, KEY, COST - 1n), world.desk, "FeeNotPaid", [COST, COST - 1n]);
    await world.house.write.setCosts([MAX_COST, 0n]);
    await reverts(open(world, KEY, COST), world.desk, "FeeNotPaid", [MAX_COST, COST]);
    await open(world, KEY, MAX_COST);
  });

  it("is possible until the last second before the release", async () => {
    const { desk, orders } = world;
    const { releaseTime } = await orders.read.orderOf([KEY]);
    await nextBlockAt(BigInt(releaseTime) - 1n);
    await open(world);
    const { releaseTime: late } = await orders.read.orderOf([OTHER_KEY]);
    await nextBlockAt(BigInt(late));
    const call = open(world, OTHER_KEY);
    await reverts(call, desk, "RefundWindowOver", [OTHER_KEY, BigInt(late), BigInt(late)]);
  });

  it("is possible once, and only while the money is held", async () => {
    const { desk, orders } = world;
    await open(world);
    await reverts(open(world), desk, "OrderNotHeld", [KEY]);
    await pass(ANSWER_TIME);
    await desk.write.lapse([KEY], by(stranger));
    await reverts(open(world), desk, "OrderNotHeld", [KEY]);
    await pass(WINDOW);
    await orders.write.release([OTHER_KEY]);
    await reverts(open(world, OTHER_KEY), desk, "OrderNotHeld", [OTHER_KEY]);
  });

  it("is refused where nothing was paid", async () => {
    await sell(world, 9n, { amount: 0n });
    await reverts(open(world, 9n), world.desk, "NothingAtStake", [9n]);
  });
});

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
