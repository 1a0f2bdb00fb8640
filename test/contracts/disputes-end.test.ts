import { expect } from "chai";
import { loadFixture, nextBlockAt } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, type Person, people } from "./support/deploy.ts";
import {
  AMOUNT,
  ANSWER_TIME,
  answer,
  books,
  COST,
  type Desk,
  deployAtCourt,
  deployAtHouse,
  dispute,
  EVIDENCE,
  KEY,
  logsOf,
  OTHER_KEY,
  Outcome,
  open,
  pass,
  RULING_TIMEOUT,
  Status,
} from "./support/disputes.ts";
import { BUYER, OrderStatus, rotate, SELLER, Share } from "./support/market.ts";

const { admin, buyer, next, seller, stranger, validator } = people;
const HALF = AMOUNT / 2n;

let world: Desk;
/** Call it in a `describe`: each test gets a fresh world. */
const afresh = () =>
  beforeEach(async () => {
    world = await loadFixture(deployAtHouse);
  });

/** The log of a dispute's end, credits in ether included. */
function ending(outcome: number, ruling: bigint, toBuyer: bigint, who: Person, credits: [bigint, bigint][]) {
  const status = toBuyer === AMOUNT ? OrderStatus.Refunded : OrderStatus.Released;
  return [
    ["Disputes.DisputeClosed", { keyId: KEY, outcome, ruling, toBuyer, by: who.address }],
    ...credits.map(([agentId, amount]) => [
      "Disputes.Credited",
      { agentId, keyId: KEY, amount, creditAfter: amount },
    ]),
    ["Exchange.OrderStatusChanged", { keyId: KEY, status, toBuyer, by: world.desk.address }],
    ...paid(BUYER, Share.Refund, toBuyer),
    ...paid(SELLER, Share.Seller, AMOUNT - toBuyer),
  ];
}

/** The log of the agent's first money at the exchange, if it gets any. */
function paid(agentId: bigint, share: number, amount: bigint) {
  const token = world.usdc.address;
  const args = { agentId, token, keyId: KEY, share, amount, creditAfter: amount };
  return amount === 0n ? [] : [["Exchange.Credited", args]];
}

async function expectClosed(outcome: number, ruling: number) {
  expect(await world.desk.read.disputeOf([KEY])).to.include({ status: Status.Closed, outcome, ruling });
}

describe("Disputes.lapse", () => {
  afresh();

  it("ends a dispute without an answer for the buyer, by anyone", async () => {
    const { desk } = world;
    await open(world);
    await pass(ANSWER_TIME);
    const logs = await logsOf(world, desk.write.lapse([KEY], by(stranger)));
    expect(logs).to.deep.equal(ending(Outcome.Lapsed, 1n, AMOUNT, stranger, [[BUYER, COST]]));
    await expectClosed(Outcome.Lapsed, 1);
    expect(await books(world)).to.deep.equal({ ether: COST, credits: [COST, 0n], tokens: [AMOUNT, 0n] });
  });

  it("waits for the whole of the seller's time", async () => {
    const { desk } = world;
    await open(world);
    const deadline = BigInt((await desk.read.disputeOf([KEY])).deadline);
    await nextBlockAt(deadline - 1n);
    await reverts(desk.write.lapse([KEY]), desk, "TooEarly", [KEY, deadline, deadline - 1n]);
    await nextBlockAt(deadline);
    await desk.write.lapse([KEY]);
    await reverts(desk.write.lapse([KEY]), desk, "WrongStatus", [KEY, Status.Closed]);
  });

  it("is for unanswered disputes only", async () => {
    const { desk } = world;
    await reverts(desk.write.lapse([KEY]), desk, "WrongStatus", [KEY, Status.None]);
    await dispute(world);
    await pass(RULING_TIMEOUT);
    await reverts(desk.write.lapse([KEY]), desk, "WrongStatus", [KEY, Status.Submitted]);
  });
});

describe("Disputes.concede", () => {
  afresh();

  it("gives the buyer all, before an answer and after it", async () => {
    const { desk } = world;
    await open(world);
    const logs = await logsOf(world, desk.write.concede([KEY], by(seller)));
    expect(logs).to.deep.equal(ending(Outcome.Conceded, 1n, AMOUNT, seller, [[BUYER, COST]]));
    await expectClosed(Outcome.Conceded, 1);
    await dispute(world, OTHER_KEY);
    await desk.write.concede([OTHER_KEY], by(seller));
    expect(await books(world)).to.deep.equal({
      ether: 2n * COST,
      credits: [2n * COST, 0n],
      tokens: [2n * AMOUNT, 0n],
    });
  });

  it("is the seller's alone, while the dispute runs", async () => {
    const { desk } = world;
    await reverts(desk.write.concede([KEY], by(seller)), desk, "WrongStatus", [KEY, Status.None]);
    await open(world);
    for (const who of [buyer, stranger, admin]) {
      await reverts(desk.write.concede([KEY], by(who)), desk, "NotSeller", [KEY, who.address]);
    }
    await rotate(world, SELLER, seller, next);
    await reverts(desk.write.concede([KEY], by(seller)), desk, "NotSeller", [KEY, seller.address]);
    await desk.write.concede([KEY], by(next));
    await reverts(desk.write.concede([KEY], by(next)), desk, "WrongStatus", [KEY, Status.Closed]);
  });
});

describe("Disputes.withdrawDispute", () => {
  afresh();

  it("gives the seller all; each its own fee before the arbitrator has it", async () => {
    const { desk } = world;
    await open(world);
    const logs = await logsOf(world, desk.write.withdrawDispute([KEY], by(buyer)));
    expect(logs).to.deep.equal(ending(Outcome.Withdrawn, 2n, 0n, buyer, [[BUYER, COST]]));
    await expectClosed(Outcome.Withdrawn, 2);
    await dispute(world, OTHER_KEY);
    await desk.write.withdrawDispute([OTHER_KEY], by(buyer));
    expect(await books(world)).to.deep.equal({
      ether: 2n * COST,
      credits: [COST, COST],
      tokens: [0n, 2n * AMOUNT],
    });
  });

  it("is the buyer's alone, while the dispute runs", async () => {
    const { desk } = world;
    await reverts(desk.write.withdrawDispute([KEY], by(buyer)), desk, "WrongStatus", [KEY, Status.None]);
    await open(world);
    for (const who of [seller, stranger, admin]) {
      await reverts(desk.write.withdrawDispute([KEY], by(who)), desk, "NotBuyer", [KEY, who.address]);
    }
    await rotate(world, BUYER, buyer, next);
    await reverts(desk.write.withdrawDispute([KEY], by(buyer)), desk, "NotBuyer", [KEY, buyer.address]);
    await desk.write.withdrawDispute([KEY], by(next));
    await reverts(desk.write.withdrawDispute([KEY], by(next)), desk, "WrongStatus", [KEY, Status.Closed]);
  });
});

describe("Disputes.timeout", () => {
  afresh();

  it("ends a dispute that the arbitrator leaves lying in a tie, by anyone", async () => {
    const { desk } = world;
    await dispute(world);
    const deadline = BigInt((await desk.read.disputeOf([KEY])).deadline);
    await nextBlockAt(deadline - 1n);
    await reverts(desk.write.timeout([KEY]), desk, "TooEarly", [KEY, deadline, deadline - 1n]);
    await nextBlockAt(deadline);
    const logs = await logsOf(world, desk.write.timeout([KEY], by(stranger)));
    const credits: [bigint, bigint][] = [
      [BUYER, COST / 2n],
      [SELLER, COST / 2n],
    ];
    expect(logs).to.deep.equal(ending(Outcome.TimedOut, 0n, HALF, stranger, credits));
    await expectClosed(Outcome.TimedOut, 0);
    await reverts(desk.write.timeout([KEY]), desk, "WrongStatus", [KEY, Status.Closed]);
  });

  it("is for answered disputes only", async () => {
    const { desk } = world;
    await reverts(desk.write.timeout([KEY]), desk, "WrongStatus", [KEY, Status.None]);
    await open(world);
    await pass(RULING_TIMEOUT);
    await reverts(desk.write.timeout([KEY]), desk, "WrongStatus", [KEY, Status.Opened]);
  });

  it("is later than the house arbitrator's slowest ruling", async () => {
    const { desk, house } = world;
    const slowest = 2 * (await house.read.RULING_TIME()) + (await house.read.APPEAL_WINDOW());
    expect(slowest).to.be.lessThan(await desk.read.RULING_TIMEOUT());
  });

  it("a ruling that comes after the end changes nothing, and the arbitrator can close its books", async () => {
    const { desk, house } = world;
    await dispute(world);
    await desk.write.concede([KEY], by(seller));
    const before = await books(world);
    await house.write.giveRuling([0n, 2n], by(validator));
    await pass(7n * 86_400n);
    const logs = await logsOf(world, house.write.execute([0n], by(stranger)));
    expect(logs.at(-1)).to.deep.equal([
      "Disputes.Ruling",
      { arbitrator: house.address, disputeID: 0n, ruling: 2n },
    ]);
    expect(await books(world)).to.deep.equal(before);
    await expectClosed(Outcome.Conceded, 1);
    expect(await desk.read.keyOf([0n])).to.equal(0n);
  });
});

describe("Disputes.submitEvidence", () => {
  afresh();

  it("is for both sides while the dispute runs", async () => {
    const { desk, house } = world;
    const tell = (who: Person, evidence = EVIDENCE) => desk.write.submitEvidence([KEY, evidence], by(who));
    await reverts(tell(buyer), desk, "WrongStatus", [KEY, Status.None]);
    await open(world);
    for (const who of [buyer, seller]) {
      expect(await logsOf(world, tell(who))).to.deep.equal([
        [
          "Disputes.Evidence",
          { arbitrator: house.address, evidenceGroupID: KEY, party: who.address, evidence: EVIDENCE },
        ],
      ]);
    }
    await reverts(tell(stranger), desk, "NotParty", [KEY, stranger.address]);
    await reverts(tell(buyer, ""), desk, "EvidenceMissing", [KEY]);
    await reverts(tell(buyer, "x".repeat(2049)), desk, "EvidenceTooLong", [2049n, 2048n]);
    await answer(world);
    await tell(seller, "x".repeat(2048));
    await rotate(world, BUYER, buyer, next);
    await reverts(tell(buyer), desk, "NotParty", [KEY, buyer.address]);
    await tell(next);
    await desk.write.concede([KEY], by(seller));
    await reverts(tell(seller), desk, "WrongStatus", [KEY, Status.Closed]);
  });
});

describe("Disputes: what T29 and invariants 9 to 11 ask of single disputes", () => {
  afresh();

  const stages: Record<string, (w: Desk) => Promise<unknown>> = {
    opened: (w) => open(w),
    submitted: (w) => dispute(w),
    ruled: async (w) => {
      await dispute(w);
      await w.house.write.giveRuling([0n, 2n], by(validator));
    },
    appealed: async (w) => {
      await dispute(w);
      await w.house.write.giveRuling([0n, 2n], by(validator));
      const value = await w.house.read.appealCost([0n, "0x"]);
      await w.desk.write.appeal([KEY], { ...by(buyer), value });
    },
  };
  for (const [stage, reach] of Object.entries(stages)) {
    it(`T29 ${stage}: nothing is paid out before the end`, async () => {
      await reach(world);
      await pass(30n * 86_400n);
      const { exchange } = world;
      await reverts(exchange.write.release([KEY]), exchange, "OrderNotInStatus", [KEY, OrderStatus.Disputed]);
      expect((await books(world)).tokens).to.deep.equal([0n, 0n]);
    });
  }

  it("invariant 11: with every arbitrator gone, strangers end the dispute, and nobody is paid for silence", async () => {
    world = await loadFixture(deployAtCourt);
    await dispute(world);
    await open(world, OTHER_KEY);
    await pass(RULING_TIMEOUT);
    await world.desk.write.timeout([KEY], by(stranger));
    await world.desk.write.lapse([OTHER_KEY], by(stranger));
    const { tokens, credits, ether } = await books(world);
    expect(tokens).to.deep.equal([HALF + AMOUNT, AMOUNT - HALF]);
    expect(credits[0] as bigint).to.equal(COST / 2n + COST);
    expect((credits[0] as bigint) + (credits[1] as bigint)).to.equal(ether);
  });
});
