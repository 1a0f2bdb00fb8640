/*
 * What happens around a dispute while its money waits: people who want it now, EOAs that change, a pause, and contracts that call in.
 *
 * ├── release, accept, refund, reverse, freeze, settle     refused at every stage, whoever calls
 * ├── rotation of both sides                               the new EOAs act and are paid, the old ones nothing
 * ├── pause                                                stops no call of the desk, no ruling and no withdrawal
 * └── a hostile arbitrator, a hostile buyer                reach no money path of the exchange from inside the desk
 */
import { expect } from "chai";
import { exchangeAbi } from "../../sdk/abis/index.ts";
import { loadFixture, networkHelpers } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, people } from "./support/deploy.ts";
import {
  AMOUNT,
  APPEAL_COST,
  answer,
  books,
  COST,
  callOf,
  createParty,
  DAY,
  type Desk,
  deployAtHouse,
  deployAtPuppet,
  dispute,
  EK,
  KEY,
  OTHER_KEY,
  open,
  orderAs,
  pass,
  rule,
} from "./support/disputes.ts";
import { BUYER, OrderStatus, purchaseOf, rotate, SELLER, statusOf, ZERO } from "./support/market.ts";
import { expectSolvent } from "./support/solvency.ts";

const { admin, afterNext, buyer, disputesDesk, next, rival, seller, stranger, validator } = people;

describe("T29 disputed money", () => {
  const stages: [name: string, reach: (w: Desk) => Promise<unknown>][] = [
    ["opened", (w) => open(w)],
    ["submitted", (w) => answer(w)],
    ["ruled", (w) => w.house.write.giveRuling([0n, 2n], by(validator))],
    ["appealed", (w) => w.desk.write.appeal([KEY], { ...by(buyer), value: APPEAL_COST })],
    ["expired", (w) => pass(30n * DAY).then(() => w.house.write.expire([0n]))],
  ];

  it("T29 invariant 10 is nobody's before the end, at whichever stage", async () => {
    const world = await loadFixture(deployAtHouse);
    const { exchange } = world;
    for (const [stage, reach] of stages) {
      await reach(world);
      for (const who of [buyer, seller, stranger, admin]) {
        for (const call of ["release", "accept", "refund"] as const) {
          const early = exchange.write[call]([KEY], by(who));
          await reverts(early, exchange, "OrderNotInStatus", [KEY, OrderStatus.Disputed]);
        }
        const { desk, cards } = world;
        const trespass = [who.address, desk.address];
        await reverts(exchange.write.freeze([OTHER_KEY], by(who)), exchange, "WrongCaller", trespass);
        await reverts(exchange.write.settle([KEY, AMOUNT], by(who)), exchange, "WrongCaller", trespass);
        const reversal = exchange.write.reverse([KEY], by(who));
        await reverts(reversal, exchange, "WrongCaller", [who.address, cards.address]);
      }
      expect(await statusOf(world, KEY), stage).to.equal(OrderStatus.Disputed);
      expect((await books(world)).tokens, stage).to.deep.equal([0n, 0n]);
      await expectSolvent(world);
    }
    const person = exchange.write.settle([KEY, AMOUNT], by(disputesDesk));
    await reverts(person, exchange, "WrongCaller", [disputesDesk.address, world.desk.address]);
  });

  it("invariant 10 the buyer's right to dispute ends with the release, whoever is faster", async () => {
    const world = await loadFixture(deployAtHouse);
    const { desk, exchange } = world;
    await exchange.write.accept([KEY], by(buyer));
    await reverts(open(world), desk, "OrderNotHeld", [KEY]);
    await exchange.write.refund([OTHER_KEY], by(seller));
    await reverts(open(world, OTHER_KEY), desk, "OrderNotHeld", [OTHER_KEY]);
    expect((await books(world)).tokens).to.deep.equal([AMOUNT, AMOUNT]);
  });
});

describe("T24 both sides rotate during a dispute", () => {
  it("T24 invariant 22 the new EOAs answer, appeal and are paid; the old ones can do nothing", async () => {
    const world = await loadFixture(deployAtHouse);
    const { desk, exchange, house, keys, usdc } = world;
    await open(world);
    await rotate(world, SELLER, seller, afterNext);
    await reverts(answer(world), desk, "NotSeller", [KEY, seller.address]);
    await answer(world, KEY, COST + 2n, afterNext);
    await rotate(world, BUYER, buyer, next);
    expect(await keys.read.ownerOf([KEY])).to.equal(next.address);
    await house.write.giveRuling([0n, 2n], by(validator));
    const appeal = (who = buyer) => desk.write.appeal([KEY], { ...by(who), value: APPEAL_COST });
    await reverts(appeal(), desk, "NotParty", [KEY, buyer.address]);
    await appeal(next);
    for (const [call, who, error] of [
      ["withdrawDispute", buyer, "NotBuyer"],
      ["concede", seller, "NotSeller"],
    ] as const) {
      await reverts(desk.write[call]([KEY], by(who)), desk, error, [KEY, who.address]);
    }
    await house.write.giveFinalRuling([0n, 0n], by(rival));
    await house.write.execute([0n], by(stranger));

    const half = AMOUNT / 2n;
    expect((await books(world)).tokens).to.deep.equal([half, AMOUNT - half]);
    for (const [agentId, old, present, due] of [
      [BUYER, buyer, next, half],
      [SELLER, seller, afterNext, AMOUNT - half],
    ] as const) {
      const theft = exchange.write.withdraw([agentId, usdc.address, old.address], by(old));
      await reverts(theft, exchange, "NotAuthorized", [agentId, old.address, 0n]);
      const feeTheft = desk.write.withdraw([agentId, old.address], by(old));
      await reverts(feeTheft, desk, "NotAuthorized", [agentId, old.address]);
      await exchange.write.withdraw([agentId, usdc.address, ZERO], by(stranger));
      await desk.write.withdraw([agentId, ZERO], by(stranger));
      expect(await usdc.read.balanceOf([present.address])).to.equal(due);
    }
    await expectSolvent(world);
  });
});

describe("T26 a pause during a dispute", () => {
  it("T26 stops new sales alone: the dispute is opened, answered, ruled on, appealed, settled and paid out", async () => {
    const world = await loadFixture(deployAtHouse);
    const { desk, exchange, house, usdc } = world;
    await exchange.write.pause([7n * DAY]);
    const until = await exchange.read.pausedUntil();
    const purchase = await purchaseOf(buyer, { ekId: EK });
    await reverts(exchange.write.buy([purchase], by(buyer)), exchange, "Paused", [until]);

    await dispute(world);
    await house.write.giveRuling([0n, 2n], by(validator));
    await desk.write.appeal([KEY], { ...by(buyer), value: APPEAL_COST });
    await house.write.giveFinalRuling([0n, 1n], by(rival));
    await house.write.execute([0n], by(stranger));
    await open(world, OTHER_KEY);
    await desk.write.withdrawDispute([OTHER_KEY], by(buyer));
    expect((await books(world)).tokens).to.deep.equal([AMOUNT, AMOUNT]);
    for (const agentId of [BUYER, SELLER]) {
      await exchange.write.withdraw([agentId, usdc.address, ZERO], by(stranger));
    }
    expect(await usdc.read.balanceOf([exchange.address])).to.equal(0n);
    await desk.write.withdraw([BUYER, ZERO], by(stranger));
    await reverts(exchange.write.buy([purchase], by(buyer)), exchange, "Paused", [until]);
  });
});

describe("T1 the exchange seen from inside a dispute", () => {
  /** Every call of the exchange that could move the order's money, with arguments that would. */
  const attacks = (attackerKey: bigint) =>
    ({
      release: [attackerKey],
      accept: [attackerKey],
      refund: [attackerKey],
      reverse: [attackerKey],
      freeze: [attackerKey],
      settle: [attackerKey, AMOUNT],
    }) as const;

  it("T1 an arbitrator reaches no order, while it takes a dispute or an appeal", async () => {
    const world = await loadFixture(deployAtPuppet);
    const { desk, exchange, puppet } = world;
    await open(world);
    for (const walk of [() => answer(world), () => desk.write.appeal([KEY], { ...by(buyer), value: COST })]) {
      for (const key of [KEY, OTHER_KEY]) {
        for (const [verb, args] of Object.entries(attacks(key))) {
          const snapshot = await networkHelpers.takeSnapshot();
          await puppet.write.arm([exchange.address, callOf(exchangeAbi, verb, args)]);
          const attempts = await puppet.read.attempts();
          await walk();
          expect(await puppet.read.attempts()).to.equal(attempts + 1n);
          expect(await puppet.read.succeeded(), verb).to.equal(false);
          expect((await books(world)).tokens, verb).to.deep.equal([0n, 0n]);
          await snapshot.restore();
        }
      }
      await walk();
    }
  });

  it("T1 T2 a buyer that calls in while its fee is paid gets its order's money once", async () => {
    const world = await loadFixture(deployAtHouse);
    const { desk, exchange, usdc } = world;
    const party = await createParty();
    const { agentId, keyId } = await orderAs(world, party);
    await party.write.act([desk.address, callOf(desk.abi, "open", [keyId, 0, ""])], { value: COST });
    await answer(world, keyId);
    await rule(world, 1n);
    const before = await usdc.read.balanceOf([party.address]);
    const take = callOf(exchangeAbi, "withdraw", [agentId, usdc.address, ZERO]);
    for (const [verb, args] of Object.entries(attacks(keyId))) {
      const snapshot = await networkHelpers.takeSnapshot();
      await party.write.arm([exchange.address, callOf(exchangeAbi, verb, args)]);
      await desk.write.withdraw([agentId, ZERO], by(stranger));
      expect(await party.read.attempts()).to.equal(1n);
      expect(await party.read.succeeded(), verb).to.equal(false);
      await snapshot.restore();
    }
    await party.write.arm([exchange.address, take]);
    await desk.write.withdraw([agentId, ZERO], by(stranger));
    expect(await party.read.succeeded()).to.equal(true);
    expect((await usdc.read.balanceOf([party.address])) - before).to.equal(AMOUNT);
    const again = exchange.write.withdraw([agentId, usdc.address, ZERO]);
    await reverts(again, exchange, "NothingToWithdraw", [agentId, usdc.address]);
    await expectSolvent(world);
  });
});
