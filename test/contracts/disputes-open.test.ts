import { expect } from "chai";
import { loadFixture, nextBlockAt, now } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, people } from "./support/deploy.ts";
import {
  ANSWER_TIME,
  books,
  Category,
  COST,
  type Desk,
  deployAtHouse,
  deployAtPuppet,
  EVIDENCE,
  KEY,
  logsOf,
  MAX_COST,
  OTHER_KEY,
  open,
  pass,
  RULING_TIMEOUT,
  Status,
  WINDOW,
} from "./support/disputes.ts";
import { BUYER, FIXED, FREE, keyOf, OrderStatus, purchaseOf, rotate, SELLER } from "./support/market.ts";

const { buyer, next, seller, stranger } = people;

describe("Disputes", () => {
  it("is made for one arbitrator, with its data and its rules", async () => {
    const { desk, house, exchange, registry } = await loadFixture(deployAtHouse);
    expect(await desk.read.arbitrator()).to.equal(house.address);
    expect(await desk.read.orders()).to.equal(exchange.address);
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
    const { desk, house, exchange } = world;
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
      [
        "Exchange.OrderStatusChanged",
        { keyId: KEY, status: OrderStatus.Disputed, toBuyer: 0n, by: desk.address },
      ],
    ]);
    expect(await desk.read.disputeOf([KEY])).to.deep.equal({
      ...{ status: Status.Opened, category: Category.FailedService, outcome: 0, ruling: 0, appeals: 0 },
      ...{ submitted: false, buyerId: BUYER, sellerId: SELLER, deadline: Number(answerBy) },
      ...{ buyerFee: COST, sellerFee: 0n, spent: 0n, appellantId: 0n, disputeID: 0n },
    });
    expect((await exchange.read.orderOf([KEY])).status).to.equal(OrderStatus.Disputed);
    expect((await exchange.read.orderOf([OTHER_KEY])).status).to.equal(OrderStatus.Held);
    expect(await books(world)).to.deep.equal({ ether: COST, credits: [0n, 0n], tokens: [0n, 0n] });
    await pass(WINDOW);
    await reverts(exchange.write.release([KEY]), exchange, "OrderNotInStatus", [KEY, OrderStatus.Disputed]);
  });

  it("credits the buyer with what it paid too much", async () => {
    const logs = await logsOf(world, open(world, KEY, COST + 5n));
    expect(logs[2]).to.deep.equal([
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
      "Exchange.OrderStatusChanged",
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
    const { desk, exchange } = world;
    const { releaseTime } = await exchange.read.orderOf([KEY]);
    await nextBlockAt(BigInt(releaseTime) - 1n);
    await open(world);
    const { releaseTime: late } = await exchange.read.orderOf([OTHER_KEY]);
    await nextBlockAt(BigInt(late));
    const call = open(world, OTHER_KEY);
    await reverts(call, desk, "RefundWindowOver", [OTHER_KEY, BigInt(late), BigInt(late)]);
  });

  it("is possible once, and only while the money is held", async () => {
    const { desk, exchange } = world;
    await open(world);
    await reverts(open(world), desk, "OrderNotHeld", [KEY]);
    await pass(ANSWER_TIME);
    await desk.write.lapse([KEY], by(stranger));
    await reverts(open(world), desk, "OrderNotHeld", [KEY]);
    await pass(WINDOW);
    await exchange.write.release([OTHER_KEY]);
    await reverts(open(world, OTHER_KEY), desk, "OrderNotHeld", [OTHER_KEY]);
  });

  it("is for orders alone: what was free, or paid out at the sale, has none", async () => {
    const { desk, exchange } = world;
    await exchange.write.claim([FREE, 1, BUYER], by(buyer));
    await exchange.write.buy([await purchaseOf(buyer)], by(buyer));
    for (const ekId of [FREE, FIXED]) {
      const keyId = keyOf(ekId, BUYER);
      await reverts(open(world, keyId), desk, "UnknownOrder", [keyId]);
    }
  });
});
