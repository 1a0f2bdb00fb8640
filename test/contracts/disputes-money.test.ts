import { expect } from "chai";
import { loadFixture, publicClient } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, people } from "./support/deploy.ts";
import {
  AMOUNT,
  APPEAL_COST,
  books,
  COST,
  DAY,
  type Desk,
  deployAtCourt,
  deployAtHouse,
  dispute,
  KEY,
  logsOf,
  OTHER_KEY,
  open,
  pass,
  Status,
} from "./support/disputes.ts";
import { BUYER, rotate, SELLER } from "./support/market.ts";

const { buyer, next, seller, stranger, unit, validator } = people;
const HALF = AMOUNT / 2n;

describe("Disputes.reclaim", () => {
  it("T2 a silent court is not paid: its fee goes back to both sides", async () => {
    const world = await loadFixture(deployAtHouse);
    const { desk, house } = world;
    await dispute(world);
    await reverts(desk.write.reclaim([KEY]), desk, "WrongStatus", [KEY, Status.Submitted]);
    await pass(30n * DAY);
    await house.write.expire([0n], by(stranger));
    await house.write.execute([0n], by(stranger));
    const logs = await logsOf(world, desk.write.reclaim([KEY], by(stranger)));
    const half = COST / 2n;
    expect(logs).to.deep.equal([
      ["HouseArbitrator.FeeReturned", { disputeID: 0n, arbitrable: desk.address, amount: COST }],
      ["Disputes.FeeReclaimed", { keyId: KEY, amount: COST, by: stranger.address }],
      ["Disputes.Credited", { agentId: BUYER, keyId: KEY, amount: half, creditAfter: COST }],
      ["Disputes.Credited", { agentId: SELLER, keyId: KEY, amount: half, creditAfter: COST }],
    ]);
    expect(await books(world)).to.deep.equal({
      ether: 2n * COST,
      credits: [COST, COST],
      tokens: [HALF, AMOUNT - HALF],
    });
    await reverts(desk.write.reclaim([KEY]), house, "NothingToReturn", [0n]);
    expect(await publicClient.getBalance({ address: house.address })).to.equal(0n);
  });

  it("the fee of an unheard appeal goes back to who appealed", async () => {
    const world = await loadFixture(deployAtHouse);
    const { desk, house } = world;
    await dispute(world);
    await house.write.giveRuling([0n, 2n], by(validator));
    await desk.write.appeal([KEY], { ...by(buyer), value: APPEAL_COST });
    await pass(30n * DAY);
    await house.write.expire([0n]);
    await house.write.execute([0n]);
    await desk.write.reclaim([KEY]);
    expect(await books(world)).to.deep.equal({
      ether: COST + APPEAL_COST,
      credits: [APPEAL_COST, COST],
      tokens: [0n, AMOUNT],
    });
  });

  for (const [end, who, credits] of [
    ["concede", seller, [COST, COST]],
    ["withdrawDispute", buyer, [COST, COST]],
  ] as const) {
    it(`after ${end} it is the loser's, who had borne it`, async () => {
      const world = await loadFixture(deployAtHouse);
      await dispute(world);
      await world.desk.write[end]([KEY], by(who));
      await pass(30n * DAY);
      await world.house.write.expire([0n]);
      await world.desk.write.reclaim([KEY]);
      expect((await books(world)).credits).to.deep.equal(credits);
    });
  }

  it("there is nothing to reclaim at a court that keeps its fees", async () => {
    const world = await loadFixture(deployAtCourt);
    await dispute(world);
    await world.desk.write.concede([KEY], by(seller));
    let refused = false;
    await world.desk.write.reclaim([KEY]).catch(() => {
      refused = true;
    });
    expect(refused).to.equal(true);
  });
});

describe("Disputes.withdraw", () => {
  let world: Desk;
  beforeEach(async () => {
    world = await loadFixture(deployAtHouse);
    await open(world);
    await world.desk.write.concede([KEY], by(seller));
  });
  const ZERO = `0x${"00".repeat(20)}` as const;

  it("pays the EOA, whoever calls, or wherever the EOA wants", async () => {
    const { desk } = world;
    const before = await publicClient.getBalance({ address: buyer.address });
    const logs = await logsOf(world, desk.write.withdraw([BUYER, ZERO], by(stranger)));
    expect(logs).to.deep.equal([
      ["Disputes.Withdrawn", { agentId: BUYER, to: buyer.address, amount: COST, by: stranger.address }],
    ]);
    expect((await publicClient.getBalance({ address: buyer.address })) - before).to.equal(COST);
    await reverts(desk.write.withdraw([BUYER, ZERO]), desk, "NothingToWithdraw", [BUYER]);
    await open(world, OTHER_KEY);
    await desk.write.concede([OTHER_KEY], by(seller));
    const to = unit.address;
    const held = await publicClient.getBalance({ address: to });
    await desk.write.withdraw([BUYER, to], by(buyer));
    expect((await publicClient.getBalance({ address: to })) - held).to.equal(COST);
    expect((await books(world)).ether).to.equal(0n);
  });

  it("pays nowhere else by anyone else's word", async () => {
    const { desk, registry } = world;
    const theft = desk.write.withdraw([BUYER, stranger.address], by(stranger));
    await reverts(theft, desk, "NotAuthorized", [BUYER, stranger.address]);
    await reverts(desk.write.withdraw([9n, ZERO]), registry, "UnknownAgent", [9n]);
    await desk.write.withdraw([BUYER, buyer.address], by(stranger));
  });

  it("T24 after a rotation pays the new EOA", async () => {
    await rotate(world, BUYER, buyer, next);
    const theft = world.desk.write.withdraw([BUYER, buyer.address], by(buyer));
    await reverts(theft, world.desk, "NotAuthorized", [BUYER, buyer.address]);
    const before = await publicClient.getBalance({ address: next.address });
    await world.desk.write.withdraw([BUYER, ZERO], by(stranger));
    expect((await publicClient.getBalance({ address: next.address })) - before).to.equal(COST);
  });
});
