/*
 * buyWithPermit(purchase, permit)
 * ├── given a good permit                            buys without an allowance before
 * ├── given a permit that somebody submitted first   buys by the allowance that it left
 * ├── given a bad permit
 * │   ├── with an allowance                          buys by it
 * │   └── without one                                reverts as the token does
 * └── given what buy refuses                         reverts as buy does
 */
import { expect } from "chai";
import { loadFixture, now } from "./support/chain.ts";
import { eventOf, reverts } from "./support/check.ts";
import { by, type Moa, people } from "./support/deploy.ts";
import {
  balances,
  deployMarket,
  FIXED,
  FREE,
  FUNDS,
  PRICE,
  type Purchase,
  purchaseOf,
} from "./support/market.ts";
import { signPermit } from "./support/sign.ts";

const { buyer, newcomer, stranger } = people;

describe("Exchange.buyWithPermit", () => {
  let moa: Moa;
  let permit: Awaited<ReturnType<typeof signPermit>>;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    await moa.usdc.write.approve([moa.exchange.address, 0n], by(buyer));
    permit = await signPermit(moa, buyer, PRICE, (await now()) + 600n);
  });

  const buy = async (fields: Partial<Purchase> = {}, sender = buyer, signed = permit) =>
    moa.exchange.write.buyWithPermit([await purchaseOf(sender, fields), signed], by(sender));
  const submit = (sender = stranger) => {
    const { value, deadline, v, r, s } = permit;
    const args = [buyer.address, moa.exchange.address, value, deadline, v, r, s] as const;
    return moa.usdc.write.permit(args, by(sender));
  };

  async function expectBought() {
    expect(await balances(moa, buyer, moa.exchange)).to.deep.equal([FUNDS - PRICE, PRICE]);
    expect(await moa.usdc.read.allowance([buyer.address, moa.exchange.address])).to.equal(0n);
    expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(1n);
  }

  it("buys by the permit alone", async () => {
    const { sale } = await eventOf(moa, buy(), "Exchange.KeySold");
    expect(sale).to.include({ payer: buyer.address, price: PRICE });
    await expectBought();
  });

  it("T11 buys all the same when somebody submitted the permit first", async () => {
    await submit();
    await buy();
    await expectBought();
  });

  it("T11 buys once for one permit", async () => {
    await buy();
    const again = [moa.exchange.address, 0n, PRICE];
    await reverts(buy(), moa.usdc, "ERC20InsufficientAllowance", again);
    await expectBought();
  });

  it("buys by an allowance, whatever the permit", async () => {
    await moa.usdc.write.approve([moa.exchange.address, PRICE], by(buyer));
    await buy({}, buyer, { ...permit, deadline: 0n });
    await expectBought();
  });

  it("buys nothing by a permit that is late, too small or not the caller's", async () => {
    const nothing = [moa.exchange.address, 0n, PRICE];
    const late = buy({}, buyer, { ...permit, deadline: 1n });
    await reverts(late, moa.usdc, "ERC20InsufficientAllowance", nothing);
    const small = await signPermit(moa, buyer, PRICE - 1n, permit.deadline);
    const short = [moa.exchange.address, PRICE - 1n, PRICE];
    await reverts(buy({}, buyer, small), moa.usdc, "ERC20InsufficientAllowance", short);
    await moa.usdc.write.approve([moa.exchange.address, 0n], by(newcomer));
    const foreign = buy({}, newcomer);
    await reverts(foreign, moa.usdc, "ERC20InsufficientAllowance", nothing);
    expect(await balances(moa, buyer, newcomer, moa.exchange)).to.deep.equal([FUNDS, FUNDS, 0n]);
  });

  it("takes a free key without any money", async () => {
    await buy({ ekId: FREE });
    expect(await balances(moa, buyer)).to.deep.equal([FUNDS]);
    expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(1n);
  });

  it("refuses what buy refuses, and leaves the permit unused", async () => {
    const dear = buy({ maxPrice: PRICE - 1n });
    await reverts(dear, moa.exchange, "CostAboveMaximum", [PRICE, PRICE - 1n]);
    await reverts(buy({ version: 2 }), moa.exchange, "VersionMismatch", [FIXED, 1, 2]);
    expect(await moa.usdc.read.nonces([buyer.address])).to.equal(0n);
  });

  it("goes on with a token that was allowed when the version was listed", async () => {
    await moa.catalog.write.allowToken([moa.usdc.address, false]);
    await buy();
    await expectBought();
  });
});
