/*
 * buyWithPoints(ekId, version, agentId)
 * ├── given a version that has no price in points          reverts NotForPoints(ekId)
 * ├── given an agent that the caller may not act for       reverts NotAuthorized(agentId, caller, SPEND_POINTS)
 * ├── without the points                                   reverts InsufficientPoints(agentId, balance, needed)
 * ├── given what buy refuses                               reverts as buy does
 * └── else                                                 burns the points, hands over the key; moves no money, awards nothing
 *     └── by an operator with SPEND_POINTS                 likewise, for the agent
 */
import { expect } from "chai";
import { loadFixture, networkHelpers, publicClient } from "./support/chain.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, type Moa, type Person, people } from "./support/deploy.ts";
import {
  Actions,
  BUYER,
  balances,
  DAY,
  deployMarket,
  FIXED,
  FREE,
  FUNDS,
  impersonateExchange,
  keyOf,
  list,
  OrderStatus,
  SELLER,
  Status,
  soldOf,
  statusOf,
  UNIT,
  ZERO,
} from "./support/market.ts";
import { saleOf } from "./support/sale.ts";

const { buyer, newcomer, operator, seller, stranger, unit } = people;
const COST = 100n;

describe("Exchange.buyWithPoints", () => {
  let moa: Moa;
  let ekId: bigint;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    ekId = await list(moa, { pointsPrice: Number(COST), refundWindow: DAY });
    await earn();
  });

  /** One award: the buyer has the price of one key. */
  async function earn() {
    await moa.exchange.write.claim([FREE, 1, BUYER], by(buyer));
  }

  const buy = (agentId = BUYER, sender: Person = buyer, id = ekId, version = 1) =>
    moa.exchange.write.buyWithPoints([id, version, agentId], by(sender));
  const pointsOf = async (agentId: bigint) => [
    await moa.points.read.balanceOf([agentId]),
    await moa.points.read.lifetimeOf([agentId]),
  ];

  function bought(sender: Person) {
    const keyId = keyOf(ekId, BUYER);
    const sale = saleOf(moa, { price: 0n, by: sender.address });
    return [
      ["ExperienceKey.Transfer", { from: ZERO, to: buyer.address, tokenId: keyId }],
      ["ExperienceKey.Locked", { tokenId: keyId }],
      ["Exchange.KeySold", { ekId, buyerId: BUYER, keyId, sale }],
      ["PointsLedger.PointsSpent", { agentId: BUYER, ekId, keyId, amount: COST, balance: 0n }],
    ];
  }

  it("burns the points for a key, and awards none", async () => {
    expect(await logsOf(moa, buy())).to.deep.equal(bought(buyer));
    expect(await pointsOf(BUYER)).to.deep.equal([0n, COST]);
    expect((await pointsOf(SELLER))[0]).to.equal(200n);
    expect(await soldOf(moa, ekId)).to.equal(1);
    expect(await balances(moa, buyer, moa.exchange)).to.deep.equal([FUNDS, 0n]);
    expect(await statusOf(moa, keyOf(ekId, BUYER)), "no money, no order").to.equal(OrderStatus.None);
  });

  it("takes 0 for the caller's own agent", async () => {
    expect(await logsOf(moa, buy(0n))).to.deep.equal(bought(buyer));
  });

  it("lets an operator spend them for the agent, with SPEND_POINTS alone", async () => {
    const others = Actions.ALL - Actions.SPEND_POINTS;
    await moa.registry.write.grant([operator.address, others, 2n ** 40n], by(buyer));
    for (const who of [operator, stranger, seller]) {
      const refused = [BUYER, who.address, Actions.SPEND_POINTS];
      await reverts(buy(BUYER, who), moa.exchange, "NotAuthorized", refused);
    }
    await moa.registry.write.grant([operator.address, Actions.SPEND_POINTS, 2n ** 40n], by(buyer));
    expect(await logsOf(moa, buy(BUYER, operator))).to.deep.equal(bought(operator));
  });

  it("sells for points what is priced in them, and at no other price", async () => {
    await reverts(buy(BUYER, buyer, FIXED), moa.exchange, "NotForPoints", [FIXED]);
    await reverts(buy(BUYER, buyer, FREE), moa.exchange, "NotForPoints", [FREE]);
    const dear = await list(moa, { pointsPrice: Number(COST) + 1 });
    const lacking = [BUYER, COST, COST + 1n];
    await reverts(buy(BUYER, buyer, dear), moa.points, "InsufficientPoints", lacking);
    await reverts(buy(UNIT, unit), moa.points, "InsufficientPoints", [UNIT, 0n, COST]);
    await reverts(buy(0n, newcomer), moa.points, "InsufficientPoints", [5n, 0n, COST]);
    expect(await moa.registry.read.agentCount()).to.equal(4n);
    expect([await soldOf(moa, dear), await soldOf(moa, ekId)]).to.deep.equal([0, 0]);
  });

  it("refuses what buy refuses", async () => {
    await reverts(buy(BUYER, buyer, 99n), moa.exchange, "UnknownListing", [99n]);
    await reverts(buy(BUYER, buyer, ekId, 2), moa.exchange, "VersionMismatch", [ekId, 1, 2]);
    const capped = await list(moa, { pointsPrice: 50, supplyCap: 1 });
    await buy(BUYER, buyer, capped);
    await reverts(buy(BUYER, buyer, capped), moa.exchange, "SoldOut", [capped, 1n]);
    await moa.catalog.write.setStatus([ekId, Status.Paused], by(seller));
    await reverts(buy(), moa.exchange, "ListingNotActive", [ekId, Status.Paused]);
  });

  it("T32 of a hundred spends of one balance in one block one wins", async () => {
    await networkHelpers.setBlockGasLimit(2n ** 40n);
    const nonce = await publicClient.getTransactionCount({ address: buyer.address });
    await publicClient.request({ method: "evm_setAutomine", params: [false] } as never);
    try {
      const hashes = await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          moa.exchange.write.buyWithPoints([ekId, 1, BUYER], {
            ...by(buyer),
            nonce: nonce + i,
            gas: 1_000_000n,
          }),
        ),
      );
      await networkHelpers.mine();
      const receipts = await Promise.all(hashes.map((hash) => publicClient.getTransactionReceipt({ hash })));
      expect(new Set(receipts.map(({ blockNumber }) => blockNumber)).size).to.equal(1);
      expect(receipts.filter(({ status }) => status === "success")).to.have.length(1);
    } finally {
      await publicClient.request({ method: "evm_setAutomine", params: [true] } as never);
    }
    expect(await pointsOf(BUYER)).to.deep.equal([0n, COST]);
    expect(await soldOf(moa, ekId)).to.equal(1);
    expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(2n);
  });

  it("T32 spends by several hands for one agent share one balance", async () => {
    for (const hand of [operator, stranger, unit]) {
      await moa.registry.write.grant([hand.address, Actions.SPEND_POINTS, 2n ** 40n], by(buyer));
    }
    await networkHelpers.setBlockGasLimit(2n ** 40n);
    await publicClient.request({ method: "evm_setAutomine", params: [false] } as never);
    try {
      const hands = [buyer, operator, stranger, unit];
      await Promise.all(hands.map((hand) => buy(BUYER, hand)));
      await networkHelpers.mine();
    } finally {
      await publicClient.request({ method: "evm_setAutomine", params: [true] } as never);
    }
    expect(await soldOf(moa, ekId)).to.equal(1);
    expect((await pointsOf(BUYER))[0]).to.equal(0n);
  });

  it("T32 the ledger spends for the exchange alone", async () => {
    const spend = (who: { address: `0x${string}` }) => moa.points.write.spend([BUYER, 1n, ekId, 1n], by(who));
    for (const who of [buyer, seller, stranger]) {
      await reverts(spend(who), moa.points, "NotExchange", [who.address]);
    }
    await impersonateExchange(moa);
    await spend(moa.exchange);
    expect((await pointsOf(BUYER))[0]).to.equal(COST - 1n);
  });
});
