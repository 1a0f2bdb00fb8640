/*
 * T1, T2 and T26 at the disputes' desk: parties and an arbitrator that attack from inside every call that leaves the contract, parties
 * that can't be paid, and nobody who could switch an exit off.
 */
import { expect } from "chai";
import type { Hex } from "viem";
import { disputesAbi } from "../../sdk/abis/index.ts";
import { loadFixture, networkHelpers, publicClient } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, people } from "./support/deploy.ts";
import {
  AMOUNT,
  ANSWER_TIME,
  answer,
  books,
  COST,
  callOf,
  createParty,
  type Desk,
  deployAtHouse,
  deployAtPuppet,
  dispute,
  KEY,
  Manner,
  OTHER_KEY,
  open,
  orderAs,
  pass,
} from "./support/disputes.ts";
import { BUYER, SELLER, ZERO } from "./support/market.ts";

const { buyer, seller, stranger } = people;
/** `ReentrancyGuardReentrantCall()` */
const REENTRANT: Hex = "0x3ee5aeb5";

/** Everything of the desk that writes, with arguments that are allowed from outside or refused for a reason of their own. */
const verbs: Record<string, readonly unknown[]> = {
  open: [OTHER_KEY, 0, ""],
  answer: [KEY, ""],
  submit: [KEY],
  lapse: [KEY],
  concede: [KEY],
  withdrawDispute: [KEY],
  submitEvidence: [KEY, "x"],
  appeal: [KEY],
  rule: [7n, 1n],
  timeout: [KEY],
  reclaim: [KEY],
  withdraw: [BUYER, ZERO],
};

describe("T1 reentrancy into disputes", () => {
  let world: Desk;
  beforeEach(async () => {
    world = await loadFixture(deployAtPuppet);
  });

  it("the list of attacks is the whole contract", () => {
    const writing = disputesAbi.flatMap((item) =>
      item.type === "function" && item.stateMutability !== "view" ? [item.name as string] : [],
    );
    expect(Object.keys(verbs).sort()).to.deep.equal(writing.sort());
  });

  const paths: Record<
    string,
    { prepare: (w: Desk) => Promise<unknown>; walk: (w: Desk) => Promise<unknown> }
  > = {
    answer: { prepare: (w) => open(w), walk: (w) => answer(w) },
    submit: {
      prepare: async (w) => {
        await open(w);
        await w.puppet.write.fail([false, true]);
        await answer(w);
        await w.puppet.write.fail([false, false]);
      },
      walk: (w) => w.desk.write.submit([KEY]),
    },
    appeal: {
      prepare: (w) => dispute(w),
      walk: (w) => w.desk.write.appeal([KEY], { ...by(buyer), value: COST }),
    },
    reclaim: {
      prepare: async (w) => {
        await dispute(w);
        await w.desk.write.concede([KEY], by(seller));
      },
      walk: (w) => w.desk.write.reclaim([KEY]),
    },
  };

  for (const [path, { prepare, walk }] of Object.entries(paths)) {
    it(`the arbitrator can call nothing from inside ${path}`, async () => {
      const { desk, puppet } = world;
      await prepare(world);
      const snapshot = await networkHelpers.takeSnapshot();
      await walk(world);
      const undisturbed = await books(world);
      await snapshot.restore();
      for (const [verb, args] of Object.entries(verbs)) {
        await puppet.write.arm([desk.address, callOf(disputesAbi, verb, args)]);
        const attempts = await puppet.read.attempts();
        const before = await networkHelpers.takeSnapshot();
        await walk(world);
        expect(await puppet.read.attempts()).to.equal(attempts + 1n);
        expect(await puppet.read.succeeded(), verb).to.equal(false);
        expect(await puppet.read.returned(), verb).to.equal(REENTRANT);
        expect(await books(world), verb).to.deep.equal(undisturbed);
        await before.restore();
      }
    });
  }

  it("a payee can call nothing from inside its payment", async () => {
    const { desk } = world;
    const party = await createParty();
    const { agentId, keyId } = await orderAs(world, party);
    const complaint = callOf(disputesAbi, "open", [keyId, 0, ""]);
    await party.write.act([desk.address, complaint], { value: COST });
    await desk.write.concede([keyId], by(seller));
    await dispute(world);
    for (const [verb, args] of Object.entries({ ...verbs, withdraw: [agentId, ZERO] })) {
      await party.write.arm([desk.address, callOf(disputesAbi, verb, args)]);
      const snapshot = await networkHelpers.takeSnapshot();
      await desk.write.withdraw([agentId, ZERO]);
      expect(await party.read.succeeded(), verb).to.equal(false);
      expect(await party.read.returned(), verb).to.equal(REENTRANT);
      expect(await publicClient.getBalance({ address: party.address })).to.equal(COST);
      await snapshot.restore();
    }
  });
});

describe("T2 parties that can't be paid", () => {
  for (const [name, manner] of [
    ["reverts", Manner.Refuses],
    ["burns all gas", Manner.BurnsGas],
  ] as const) {
    it(`a buyer that ${name} settles like any other; its money waits, and goes where it says`, async () => {
      const world = await loadFixture(deployAtHouse);
      const { desk } = world;
      const party = await createParty();
      const { agentId, keyId } = await orderAs(world, party);
      const complaint = callOf(disputesAbi, "open", [keyId, 0, ""]);
      await party.write.act([desk.address, complaint], { value: COST + 9n });
      await party.write.behave([manner]);
      await open(world);
      await pass(ANSWER_TIME);
      for (const key of [keyId, KEY]) await desk.write.lapse([key], by(stranger));
      await desk.write.withdraw([BUYER, ZERO], by(stranger));
      let refused = false;
      await desk.write.withdraw([agentId, ZERO], by(stranger)).catch(() => {
        refused = true;
      });
      expect(refused).to.equal(true);
      expect(await desk.read.creditOf([agentId])).to.equal(COST + 9n);
      const elsewhere = callOf(disputesAbi, "withdraw", [agentId, stranger.address]);
      await party.write.act([desk.address, elsewhere]);
      expect((await books(world)).ether).to.equal(0n);
    });
  }

  it("an answer with little gas can't make the arbitrator look broken for good", async () => {
    const world = await loadFixture(deployAtHouse);
    await open(world);
    await answer(world);
    await open(world, OTHER_KEY);
    for (let gas = 150_000n; gas < 400_000n; gas += 10_000n) {
      const snapshot = await networkHelpers.takeSnapshot();
      const call = world.desk.write.answer([OTHER_KEY, ""], { ...by(seller), value: COST, gas });
      const done = await call.then(
        () => true,
        () => false,
      );
      if (done && (await world.desk.read.disputeOf([OTHER_KEY])).status === 2) {
        await world.desk.write.submit([OTHER_KEY], by(stranger));
      }
      if (done) expect((await world.desk.read.disputeOf([OTHER_KEY])).disputeID).to.equal(1n);
      await snapshot.restore();
    }
  });
});

describe("T26 nobody can switch a dispute's exits off", () => {
  it("the desk has no administration at all", () => {
    const names = disputesAbi.flatMap((item) => (item.type === "function" ? [item.name as string] : []));
    expect(
      names.filter((name) => /^(set|pause|allow|transferOwnership|authority|owner)/.test(name)),
    ).to.deep.equal([]);
  });

  it("with the house's administrator at its worst, the dispute ends and both withdraw", async () => {
    const world = await loadFixture(deployAtHouse);
    const { desk, house } = world;
    await dispute(world);
    await house.write.setCosts([await house.read.MAX_COST(), await house.read.MAX_COST()]);
    await house.write.setPayee([BUYER]);
    await pass(180n * 86_400n);
    await desk.write.timeout([KEY], by(stranger));
    for (const agentId of [BUYER, SELLER]) await desk.write.withdraw([agentId, ZERO], by(stranger));
    expect(await books(world)).to.deep.equal({
      ether: 0n,
      credits: [0n, 0n],
      tokens: [AMOUNT / 2n, AMOUNT - AMOUNT / 2n],
    });
    await house.write.expire([0n]);
    await house.write.execute([0n]);
    await reverts(house.write.execute([0n]), house, "WrongPhase", [0n, 5]);
    await desk.write.reclaim([KEY]);
    expect((await books(world)).credits).to.deep.equal([COST / 2n, COST / 2n]);
  });
});
