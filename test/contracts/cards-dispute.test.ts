/*
 * A card's order in dispute. Its buyer is the issuer's agent; `CardIssuer` has no call that disputes, so the tests act as the contract.
 *
 * chargeback(chargeId) while the dispute runs
 * ├── opened, submitted, ruled, appealed      the price is in the float, the key burnt
 * └── and then, by whichever end              the dispute closes: no money of the order's moves, `toBuyer` is 0, the fees come home
 */
import { expect } from "chai";
import { maxUint256, toHex } from "viem";
import { loadFixture } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, people } from "./support/deploy.ts";
import {
  AMOUNT,
  ANSWER_TIME,
  APPEAL_COST,
  answer,
  Category,
  COST,
  DAY,
  type Desk,
  deployDesk,
  EK,
  EVIDENCE,
  logsOf,
  Outcome,
  pass,
  RULING_TIMEOUT,
} from "./support/disputes.ts";
import {
  BUYER,
  balances,
  creditOf,
  FUNDS,
  impersonate,
  keyOf,
  OrderStatus,
  SELLER,
  soldOf,
  statusOf,
  ZERO,
} from "./support/market.ts";
import { allow } from "./support/roles.ts";
import { expectSolvent } from "./support/solvency.ts";

const { buyer, issuer, rival, seller, stranger, validator } = people;
const CHARGE = toHex(1n, { size: 32 });
const ISSUER = 5n;
const KEY = keyOf(EK, BUYER);

async function deployCharged() {
  const world = await deployDesk("house");
  const { cards, usdc } = world;
  await allow(world, cards, ["issueForCharge", "chargeback"], issuer);
  await usdc.write.mint([cards.address, FUNDS]);
  await cards.write.setDailyCap([usdc.address, FUNDS]);
  await cards.write.issueForCharge([EK, 1, buyer.address, AMOUNT, maxUint256, CHARGE], by(issuer));
  await impersonate(cards);
  return world;
}

const openAsIssuer = ({ cards, desk }: Desk) =>
  desk.write.open([KEY, Category.FailedService, EVIDENCE], { ...by(cards), value: COST });
const chargeback = ({ cards }: Desk) => cards.write.chargeback([CHARGE], by(issuer));

/** Each leads to the next. */
const stages: [name: string, reach: (world: Desk) => Promise<unknown>][] = [
  ["opened", openAsIssuer],
  ["submitted", (w) => answer(w, KEY)],
  ["ruled", (w) => w.house.write.giveRuling([0n, 2n], by(validator))],
  ["appealed", (w) => w.desk.write.appeal([KEY], { ...by(w.cards), value: APPEAL_COST })],
];

async function reach(world: Desk, stage: string) {
  for (const [name, next] of stages) {
    await next(world);
    if (name === stage) return;
  }
}

type End = {
  name: string;
  stage: string;
  end: (world: Desk) => Promise<`0x${string}`>;
  outcome: number;
  /** Of the desk's fees, what the issuer and the seller have back. */
  fees: [bigint, bigint];
};

const execute = async ({ house }: Desk, wait: bigint) => {
  await pass(wait);
  return house.write.execute([0n], by(stranger));
};

const ends: End[] = [
  {
    ...{ name: "lapse", stage: "opened", outcome: Outcome.Lapsed, fees: [COST, 0n] },
    end: async ({ desk }) => {
      await pass(ANSWER_TIME);
      return desk.write.lapse([KEY], by(stranger));
    },
  },
  {
    ...{ name: "concede", stage: "submitted", outcome: Outcome.Conceded, fees: [COST, 0n] },
    end: ({ desk }) => desk.write.concede([KEY], by(seller)),
  },
  {
    ...{ name: "withdrawDispute", stage: "submitted", outcome: Outcome.Withdrawn, fees: [0n, COST] },
    end: ({ cards, desk }) => desk.write.withdrawDispute([KEY], by(cards)),
  },
  {
    ...{ name: "timeout", stage: "submitted", outcome: Outcome.TimedOut, fees: [COST / 2n, COST / 2n] },
    end: async ({ desk }) => {
      await pass(RULING_TIMEOUT);
      return desk.write.timeout([KEY], by(stranger));
    },
  },
  {
    ...{ name: "a ruling for the seller", stage: "ruled", outcome: Outcome.Ruled, fees: [0n, COST] },
    end: (w) => execute(w, 7n * DAY),
  },
  {
    ...{ name: "a ruling for the buyer", stage: "appealed", outcome: Outcome.Ruled, fees: [COST, 0n] },
    end: async (w) => {
      await w.house.write.giveFinalRuling([0n, 1n], by(rival));
      return execute(w, 1n);
    },
  },
];

describe("T29 a card's order in dispute", () => {
  for (const [stage] of stages) {
    it(`T29 charged back while ${stage}: all of the price comes back, and the key goes`, async () => {
      const world = await loadFixture(deployCharged);
      await reach(world, stage);
      expect(await statusOf(world, KEY)).to.equal(OrderStatus.Disputed);
      const logs = await logsOf(world, chargeback(world));
      expect(logs.map(([name]) => name)).to.deep.equal([
        ...["Exchange.OrderStatusChanged", "Exchange.Credited", "Exchange.Withdrawn"],
      ]);
      expect(await statusOf(world, KEY)).to.equal(OrderStatus.Refunded);
      expect(await balances(world, world.cards)).to.deep.equal([FUNDS]);
      await reverts(world.keys.read.keyInfo([KEY]), world.keys, "UnknownKey", [KEY]);
      await expectSolvent(world);
    });
  }

  for (const { name, stage, end, outcome, fees } of ends) {
    it(`T29 after the chargeback ${name} moves none of the order's money, and the fees come home`, async () => {
      const world = await loadFixture(deployCharged);
      const { desk, exchange, usdc } = world;
      await reach(world, stage);
      await chargeback(world);
      const logs = await logsOf(world, end(world));
      const closed = logs.find(([event]) => event === "Disputes.DisputeClosed");
      expect(closed?.[1]).to.include({ keyId: KEY, outcome, toBuyer: 0n });
      expect(logs.filter(([event]) => event.startsWith("Exchange."))).to.deep.equal([]);

      expect(await statusOf(world, KEY)).to.equal(OrderStatus.Refunded);
      expect(await soldOf(world, EK)).to.equal(0);
      expect([await creditOf(world, ISSUER), await creditOf(world, SELLER)]).to.deep.equal([0n, 0n]);
      expect(await usdc.read.balanceOf([exchange.address]), "paid out ≤ cleared").to.equal(0n);
      const credits = [await desk.read.creditOf([ISSUER]), await desk.read.creditOf([SELLER])];
      expect(credits).to.deep.equal(fees);
      if (fees[0] !== 0n) await desk.write.withdraw([ISSUER, issuer.address], by(world.cards));
      if (fees[1] !== 0n) await desk.write.withdraw([SELLER, ZERO], by(stranger));
      await reverts(chargeback(world), world.cards, "ChargeAlreadyReversed", [CHARGE]);
    });
  }

  it("T29 after a ruling for the seller a chargeback takes the key alone", async () => {
    const world = await loadFixture(deployCharged);
    await reach(world, "ruled");
    await execute(world, 7n * DAY);
    expect(await creditOf(world, SELLER)).to.equal(AMOUNT);
    const logs = await logsOf(world, chargeback(world));
    expect(logs).to.deep.equal([]);
    await reverts(world.keys.read.keyInfo([KEY]), world.keys, "UnknownKey", [KEY]);
    expect(await creditOf(world, SELLER)).to.equal(AMOUNT);
    await expectSolvent(world);
  });

  it("is disputed by neither the card's holder nor the issuer's people: the card network has courts of its own", async () => {
    const world = await loadFixture(deployCharged);
    for (const who of [buyer, issuer, stranger]) {
      const complaint = world.desk.write.open([KEY, 0, ""], { ...by(who), value: COST });
      await reverts(complaint, world.desk, "NotBuyer", [KEY, who.address]);
    }
  });
});
