/*
 * From the purchase to the last unit withdrawn, with the real desk between exchange and arbitrator:
 *
 *     buy ▶ open ▶ answer ▶ … ▶ settle ▶ split ▶ withdraw
 *
 * ├── the buyer wins (ruling 1, lapse, concede)        all of it back, the key burnt and for sale again, no points
 * ├── the seller wins (ruling 2, withdrawDispute)      all of it split as agreed at the sale, points
 * ├── a tie (ruling 0, timeout)                        half back, half split, the key stays, no points
 * └── in each case                                     the exchange holds what it owes; nothing ends twice
 */
import { expect } from "chai";
import { loadFixture } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, people } from "./support/deploy.ts";
import {
  AMOUNT,
  ANSWER_TIME,
  answer,
  COST,
  deployDesk,
  dispute,
  logsOf,
  open,
  order,
  PAYEE,
  pass,
  RULING_TIMEOUT,
  rule,
  WINDOW,
} from "./support/disputes.ts";
import {
  at,
  BUYER,
  contentOf,
  creditOf,
  keyOf,
  list,
  OrderStatus,
  SELLER,
  soldOf,
  termsOf,
  UNIT,
  VALIDATOR,
  ZERO,
} from "./support/market.ts";
import { expectSolvent } from "./support/solvency.ts";

const { buyer, operator, seller, stranger, validator } = people;
const REFERRER = 5n;
const HALF = AMOUNT / 2n;
/** Shares of the disputed listing, in bps. */
const SHARES = { fee: 300n, bounty: 1000n, royalty: 700n, referral: 550n } as const;

/** An order of which everybody gets a share; afterwards the seller and the house change all that they can. */
async function deployShared() {
  const world = await deployDesk("house");
  const { catalog, exchange, registry } = world;
  await registry.write.register(by(operator));
  await exchange.write.setFee([Number(SHARES.fee), UNIT]);
  const source = await list(world, {}, VALIDATOR, validator);
  const terms = {
    ...at(AMOUNT),
    refundWindow: Number(WINDOW),
    bountyBps: Number(SHARES.bounty),
    referralBps: Number(SHARES.referral),
    royalties: [{ ekId: source, bps: Number(SHARES.royalty) }],
  };
  const ekId = await list(world, terms);
  await order(world, buyer, { ekId, referrerId: REFERRER });
  await exchange.write.setFee([500, UNIT]);
  await catalog.write.update([ekId, termsOf(world, at(7n)), contentOf()], by(seller));
  return { ...world, ekId, key: keyOf(ekId, BUYER) };
}
type Shared = Awaited<ReturnType<typeof deployShared>>;

/** Who has what of the order's money, when `toBuyer` of it goes back. */
function expected(toBuyer: bigint) {
  const rest = AMOUNT - toBuyer;
  const part = (bps: bigint) => (rest * bps) / 10_000n;
  const shares = {
    fee: part(SHARES.fee),
    bounty: part(SHARES.bounty),
    royalty: part(SHARES.royalty),
    referral: part(SHARES.referral),
  };
  const others = shares.fee + shares.bounty + shares.royalty + shares.referral;
  return { ...shares, buyer: toBuyer, seller: rest - others };
}

async function actual(world: Shared) {
  const { exchange, usdc, ekId } = world;
  return {
    fee: await creditOf(world, UNIT),
    bounty: await exchange.read.bountyOf([ekId, usdc.address]),
    royalty: await creditOf(world, VALIDATOR),
    referral: await creditOf(world, REFERRER),
    buyer: await creditOf(world, BUYER),
    seller: await creditOf(world, SELLER),
  };
}

type End = {
  name: string;
  end: (world: Shared) => Promise<unknown>;
  toBuyer: bigint;
  /** What buyer and seller have of their fees in the end. */
  fees: [bigint, bigint];
};

const ends: End[] = [
  {
    name: "ruling 1",
    end: (w) => dispute(w, w.key).then(() => rule(w, 1n)),
    toBuyer: AMOUNT,
    fees: [COST, 0n],
  },
  { name: "ruling 2", end: (w) => dispute(w, w.key).then(() => rule(w, 2n)), toBuyer: 0n, fees: [0n, COST] },
  {
    name: "ruling 0",
    end: (w) => dispute(w, w.key).then(() => rule(w, 0n)),
    toBuyer: HALF,
    fees: [COST / 2n, COST / 2n],
  },
  {
    name: "timeout",
    end: async (w) => {
      await dispute(w, w.key);
      await pass(RULING_TIMEOUT);
      await w.desk.write.timeout([w.key], by(stranger));
    },
    toBuyer: HALF,
    fees: [COST / 2n, COST / 2n],
  },
  {
    name: "lapse",
    end: async (w) => {
      await open(w, w.key);
      await pass(ANSWER_TIME);
      await w.desk.write.lapse([w.key], by(stranger));
    },
    toBuyer: AMOUNT,
    fees: [COST, 0n],
  },
  {
    name: "concede",
    end: async (w) => {
      await dispute(w, w.key);
      await w.desk.write.concede([w.key], by(seller));
    },
    toBuyer: AMOUNT,
    fees: [COST, 0n],
  },
  {
    name: "withdrawDispute",
    end: async (w) => {
      await dispute(w, w.key);
      await w.desk.write.withdrawDispute([w.key], by(buyer));
    },
    toBuyer: 0n,
    fees: [0n, COST],
  },
];

describe("Payments from the purchase to the end of a dispute", () => {
  for (const { name, end, toBuyer, fees } of ends) {
    const isRefund = toBuyer === AMOUNT;

    it(`T8 ${name}: all shares are as they were agreed at the sale, invariant 2 and nothing is left over`, async () => {
      const world = await loadFixture(deployShared);
      const { desk, ekId, exchange, key, keys, points, registry } = world;
      await end(world);
      expect(await actual(world)).to.deep.equal(expected(toBuyer));
      const status = isRefund ? OrderStatus.Refunded : OrderStatus.Released;
      expect((await exchange.read.orderOf([key])).status).to.equal(status);
      expect([await desk.read.creditOf([BUYER]), await desk.read.creditOf([SELLER])]).to.deep.equal(fees);
      await expectSolvent(world);

      expect(await soldOf(world, ekId), "refunded keys are for sale again").to.equal(isRefund ? 0 : 1);
      if (isRefund) await reverts(keys.read.keyInfo([key]), keys, "UnknownKey", [key]);
      else expect(await keys.read.ownerOf([key])).to.equal(buyer.address);
      expect(await keys.read.hasAccess([ekId, buyer.address, 1])).to.equal(!isRefund);
      const earned = await points.read.balanceOf([SELLER]);
      expect(earned > 0n, "points for a completed sale alone").to.equal(toBuyer === 0n);
      expect(await registry.read.agentOf([buyer.address])).to.equal(BUYER);
    });

    it(`invariant 9 ${name}: what has ended stays so`, async () => {
      const world = await loadFixture(deployShared);
      const { desk, exchange, key } = world;
      await end(world);
      const { status } = await exchange.read.orderOf([key]);
      for (const call of ["release", "accept", "refund"] as const) {
        for (const who of [buyer, seller, stranger]) {
          const again = exchange.write[call]([key], by(who));
          await reverts(again, exchange, "OrderNotInStatus", [key, status]);
        }
      }
      await reverts(open(world, key), desk, "OrderNotHeld", [key]);
      await reverts(answer(world, key), desk, "WrongStatus", [key, 4]);
      for (const call of ["lapse", "timeout", "concede", "withdrawDispute", "submit"] as const) {
        await reverts(desk.write[call]([key], by(stranger)), desk, "WrongStatus", [key, 4]);
      }
      expect(await actual(world)).to.deep.equal(expected(toBuyer));
    });

    it(`T2 invariant 11 ${name}: strangers bring every credit home`, async () => {
      const world = await loadFixture(deployShared);
      const { desk, exchange, house, usdc } = world;
      await end(world);
      const due = expected(toBuyer);
      const payees = [
        ["fee", UNIT, people.unit],
        ["royalty", VALIDATOR, validator],
        ["referral", REFERRER, operator],
        ["buyer", BUYER, buyer],
        ["seller", SELLER, seller],
      ] as const;
      for (const [share, agentId, who] of payees) {
        const before = await usdc.read.balanceOf([who.address]);
        if (due[share] !== 0n) await exchange.write.withdraw([agentId, usdc.address, ZERO], by(stranger));
        expect((await usdc.read.balanceOf([who.address])) - before, share).to.equal(due[share]);
      }
      expect(await usdc.read.balanceOf([exchange.address]), "the bounty alone waits").to.equal(due.bounty);
      for (const [i, agentId] of [BUYER, SELLER].entries()) {
        if (fees[i] !== 0n) await desk.write.withdraw([agentId, ZERO], by(stranger));
      }
      if ((await house.read.creditOf([PAYEE])) !== 0n)
        await house.write.withdraw([PAYEE, ZERO], by(stranger));
      expect(await desk.read.creditOf([BUYER])).to.equal(0n);
      expect(await desk.read.creditOf([SELLER])).to.equal(0n);
    });
  }

  it("T8 the seller's new terms are for new buyers", async () => {
    const world = await loadFixture(deployShared);
    const { ekId, exchange } = world;
    await order(world, people.sponsor, { ekId, version: 2 });
    expect(await creditOf(world, SELLER), "no refund window, no shares, the new fee").to.equal(7n);
    await dispute(world, world.key);
    await rule(world, 2n);
    expect(await creditOf(world, SELLER)).to.equal(7n + expected(0n).seller);
    expect((await exchange.read.orderOf([world.key])).version).to.equal(1);
  });

  it("one transaction tells the whole end, from the arbitrator to the credits", async () => {
    const world = await loadFixture(deployShared);
    await dispute(world, world.key);
    const names = (await logsOf(world, rule(world, 0n))).map(([name]) => name);
    expect(names).to.deep.equal([
      ...["HouseArbitrator.RulingFinal", "HouseArbitrator.RulingExecuted"],
      ...["Disputes.Ruling", "Disputes.DisputeClosed", "Disputes.Credited", "Disputes.Credited"],
      ...["Exchange.OrderStatusChanged", "Exchange.Credited", "Exchange.Credited", "Exchange.BountyFunded"],
      ...["Exchange.Credited", "Exchange.Credited", "Exchange.Credited"],
    ]);
  });
});
