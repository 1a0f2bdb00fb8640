/*
 * buyBatch(purchases)
 * ├── given none, or more than 50                reverts BatchEmpty(), BatchTooLarge(count, maximum)
 * ├── given listings in two tokens               reverts MixedTokens(first, other)
 * ├── given one that buy refuses                 reverts as buy does, all of them
 * ├── without the money or allowance for the sum reverts as the token does
 * └── else                                       sells each at its own price, in order; takes the sum in one transfer
 */
import { expect } from "chai";
import { loadFixture } from "./support/chain.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, create, type Moa, type Person, people } from "./support/deploy.ts";
import {
  at,
  BUYER,
  balances,
  creditOf,
  deployMarket,
  FIXED,
  FREE,
  FUNDS,
  keyOf,
  LINEAR,
  list,
  OrderStatus,
  PRICE,
  type Purchase,
  purchaseOf,
  REFUNDABLE,
  SELLER,
  soldOf,
  statusOf,
  VALIDATOR,
} from "./support/market.ts";
import { expectSolvent } from "./support/solvency.ts";

const { buyer, newcomer, rival, stranger, validator } = people;

describe("Exchange.buyBatch", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  const ordersOf = (orders: Partial<Purchase>[], sender: Person): Promise<Purchase[]> =>
    Promise.all(orders.map((fields) => purchaseOf(sender, fields)));
  const buy = async (orders: Partial<Purchase>[], sender: Person = buyer) =>
    moa.exchange.write.buyBatch([await ordersOf(orders, sender)], by(sender));

  it("sells distinct listings for one transfer", async () => {
    const held = await list(moa, REFUNDABLE);
    const orders = [{}, { ekId: LINEAR }, { ekId: FREE }, { ekId: held }];
    const { result } = await moa.exchange.simulate.buyBatch([await ordersOf(orders, buyer)], by(buyer));
    expect(result).to.deep.equal([FIXED, LINEAR, FREE, held].map((ekId) => keyOf(ekId, BUYER)));
    const logs = await logsOf(moa, buy(orders));
    const sum = 2n * PRICE + 1_000_000n;
    const transfers = logs.filter(([name]) => name === "Token.Transfer");
    expect(transfers).to.deep.equal([
      ["Token.Transfer", { from: buyer.address, to: moa.exchange.address, value: sum }],
    ]);
    const sold = logs.filter(([name]) => name === "Exchange.KeySold").map(([, { keyId }]) => keyId);
    expect(sold).to.deep.equal(result);
    expect(await creditOf(moa, SELLER)).to.equal(PRICE + 1_000_000n);
    expect(await statusOf(moa, keyOf(held, BUYER))).to.equal(OrderStatus.Held);
    expect(await balances(moa, buyer, moa.exchange)).to.deep.equal([FUNDS - sum, sum]);
    await expectSolvent(moa);
  });

  it("invariant 13 sells several of one listing as one after the other would", async () => {
    const cost = await moa.catalog.read.quote([LINEAR, 6n, 0n]);
    await buy(Array.from({ length: 6 }, () => ({ ekId: LINEAR })));
    expect(await soldOf(moa, LINEAR)).to.equal(6);
    expect(await creditOf(moa, SELLER)).to.equal(cost);
    for (let n = 0n; n < 6n; n++) {
      expect(await moa.keys.read.ownerOf([keyOf(LINEAR, BUYER, n)])).to.equal(buyer.address);
    }
    await expectSolvent(moa);
  });

  it("T4 holds each to its own maximum", async () => {
    const orders = [
      { ekId: LINEAR, maxPrice: 1_000_000n },
      { ekId: LINEAR, maxPrice: 1_249_999n },
    ];
    await reverts(buy(orders), moa.exchange, "CostAboveMaximum", [1_250_000n, 1_249_999n]);
    expect(await soldOf(moa, LINEAR)).to.equal(0);
  });

  it("takes 50 and no more, and none is none", async () => {
    expect(await moa.exchange.read.MAX_BATCH()).to.equal(50n);
    await reverts(buy([]), moa.exchange, "BatchEmpty");
    const fifty = Array.from({ length: 50 }, () => ({}));
    await reverts(buy([...fifty, {}]), moa.exchange, "BatchTooLarge", [51n, 50n]);
    await buy(fifty);
    expect(await soldOf(moa, FIXED)).to.equal(50);
    expect(await balances(moa, buyer)).to.deep.equal([FUNDS - 50n * PRICE]);
    await expectSolvent(moa);
  });

  it("takes one token", async () => {
    const token = await create("TestUSDC");
    await moa.catalog.write.allowToken([token, true]);
    const ekId = await list(moa, { token });
    const { address } = moa.usdc;
    await reverts(buy([{}, { ekId }]), moa.exchange, "MixedTokens", [address, token]);
    await reverts(buy([{ ekId }, {}]), moa.exchange, "MixedTokens", [token, address]);
    const free = await list(moa, { token, ...at(0n) });
    await reverts(buy([{}, { ekId: free }]), moa.exchange, "MixedTokens", [address, token]);
  });

  it("undoes all of it when one fails", async () => {
    const capped = await list(moa, { supplyCap: 1 });
    const failing: [Partial<Purchase>[], "UnknownListing" | "VersionMismatch" | "SoldOut", unknown[]][] = [
      [[{}, { ekId: 99n }], "UnknownListing", [99n]],
      [[{}, {}, { version: 2 }], "VersionMismatch", [FIXED, 1, 2]],
      [[{}, { ekId: capped }, { ekId: capped }], "SoldOut", [capped, 1n]],
    ];
    for (const [orders, error, args] of failing) {
      await reverts(buy(orders, newcomer), moa.exchange, error, args);
    }
    expect([await soldOf(moa, FIXED), await soldOf(moa, capped)]).to.deep.equal([0, 0]);
    expect(await balances(moa, newcomer, moa.exchange)).to.deep.equal([FUNDS, 0n]);
    expect(await moa.registry.read.agentOf([newcomer.address])).to.equal(0n);
    expect(await creditOf(moa, SELLER)).to.equal(0n);
  });

  it("takes no more than the allowance for the sum", async () => {
    await moa.usdc.write.approve([moa.exchange.address, 2n * PRICE - 1n], by(buyer));
    const short = [moa.exchange.address, 2n * PRICE - 1n, 2n * PRICE];
    await reverts(buy([{}, {}]), moa.usdc, "ERC20InsufficientAllowance", short);
    await buy([{}]);
    const poor = buy([{}, { ekId: FREE }], stranger);
    await reverts(poor, moa.usdc, "ERC20InsufficientAllowance", [moa.exchange.address, 0n, PRICE]);
  });

  it("gives keys to several agents, and makes the caller one once", async () => {
    await buy([{}, { recipient: validator.address }, { recipient: buyer.address }], newcomer);
    expect(await moa.registry.read.agentCount()).to.equal(5n);
    const holders = [keyOf(FIXED, 5n), keyOf(FIXED, VALIDATOR), keyOf(FIXED, BUYER)];
    const owners = await Promise.all(holders.map((keyId) => moa.keys.read.ownerOf([keyId])));
    expect(owners).to.deep.equal([newcomer.address, validator.address, buyer.address]);
    expect(await balances(moa, newcomer, rival)).to.deep.equal([FUNDS - 3n * PRICE, FUNDS]);
  });
});
