/*
 * withdraw(agentId, token, to)
 * ├── given no such agent                    reverts UnknownAgent(agentId)
 * ├── by another than its EOA, to another    reverts NotAuthorized(agentId, caller, 0)
 * ├── given no credit in the token           reverts NothingToWithdraw(agentId, token)
 * └── else                                   pays all of it out; emits Withdrawn
 *     ├── by anyone, to the EOA or to zero   to the EOA
 *     ├── by the EOA, to any address         there
 *     ├── after a rotation                   to and by the new EOA alone
 *     └── to a payee that the token refuses  reverts; the others are paid all the same, and the EOA can name another
 */
import { expect } from "chai";
import type { Address } from "viem";
import { loadFixture } from "./support/chain.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, type Moa, type Person, people } from "./support/deploy.ts";
import {
  Actions,
  BUYER,
  balances,
  contentOf,
  deployMarket,
  FUNDS,
  PRICE,
  purchaseOf,
  rotate,
  SELLER,
  termsOf,
  UNIT,
  VALIDATOR,
  ZERO,
} from "./support/market.ts";
import { createWeirdToken } from "./support/mocks.ts";

const { buyer, next, operator, seller, stranger, unit, validator } = people;

describe("Exchange.withdraw", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    await moa.exchange.write.buy([await purchaseOf(buyer)], by(buyer));
  });

  const withdraw = (sender: Person, to: Address, agentId = SELLER, token = moa.usdc.address) =>
    moa.exchange.write.withdraw([agentId, token, to], by(sender));
  const withdrawn = (to: Address, sender: Person) => [
    [
      "Exchange.Withdrawn",
      { agentId: SELLER, token: moa.usdc.address, to, amount: PRICE, creditAfter: 0n, by: sender.address },
    ],
    ["Token.Transfer", { from: moa.exchange.address, to, value: PRICE }],
  ];

  it("pays the EOA, whoever calls", async () => {
    expect(await logsOf(moa, withdraw(stranger, ZERO))).to.deep.equal(withdrawn(seller.address, stranger));
    expect(await balances(moa, seller, moa.exchange)).to.deep.equal([PRICE, 0n]);
    expect(await moa.exchange.read.creditOf([SELLER, moa.usdc.address])).to.equal(0n);
    const none = [SELLER, moa.usdc.address];
    await reverts(withdraw(stranger, ZERO), moa.exchange, "NothingToWithdraw", none);
    await moa.exchange.write.buy([await purchaseOf(buyer)], by(buyer));
    const again = withdraw(stranger, seller.address);
    expect(await logsOf(moa, again)).to.deep.equal(withdrawn(seller.address, stranger));
  });

  it("pays wherever the EOA wants", async () => {
    const hash = withdraw(seller, stranger.address);
    expect(await logsOf(moa, hash)).to.deep.equal(withdrawn(stranger.address, seller));
    expect(await balances(moa, seller, stranger)).to.deep.equal([0n, PRICE]);
    await moa.exchange.write.buy([await purchaseOf(buyer)], by(buyer));
    expect(await logsOf(moa, withdraw(seller, ZERO))).to.deep.equal(withdrawn(seller.address, seller));
  });

  it("pays nowhere else by anyone else's word, an operator's with every grant included", async () => {
    await moa.registry.write.grant([operator.address, Actions.ALL, 2n ** 40n], by(seller));
    for (const thief of [stranger, operator, buyer]) {
      const call = withdraw(thief, thief.address);
      await reverts(call, moa.exchange, "NotAuthorized", [SELLER, thief.address, 0n]);
    }
    expect(await balances(moa, moa.exchange)).to.deep.equal([PRICE]);
  });

  it("pays nothing that was not earned", async () => {
    await reverts(withdraw(buyer, ZERO, BUYER), moa.exchange, "NothingToWithdraw", [BUYER, moa.usdc.address]);
    const other = await createWeirdToken("PermitlessToken");
    await other.write.mint([moa.exchange.address, 5n]);
    const donated = withdraw(seller, ZERO, SELLER, other.address);
    await reverts(donated, moa.exchange, "NothingToWithdraw", [SELLER, other.address]);
    await reverts(withdraw(seller, ZERO, 9n), moa.registry, "UnknownAgent", [9n]);
    await moa.usdc.write.transfer([moa.exchange.address, 5n], by(buyer));
    await withdraw(seller, ZERO);
    expect(await balances(moa, seller, moa.exchange)).to.deep.equal([PRICE, 5n]);
  });

  it("T24 after a rotation pays the new EOA, at its word alone", async () => {
    await rotate(moa, SELLER, seller, next);
    const former = withdraw(seller, seller.address);
    await reverts(former, moa.exchange, "NotAuthorized", [SELLER, seller.address, 0n]);
    expect(await logsOf(moa, withdraw(seller, ZERO))).to.deep.equal(withdrawn(next.address, seller));
    expect(await balances(moa, seller, next)).to.deep.equal([0n, PRICE]);
  });

  describe("T2 a payee that the token refuses", () => {
    let token: Awaited<ReturnType<typeof createWeirdToken>>;
    beforeEach(async () => {
      token = await createWeirdToken("DenylistToken");
      await moa.catalog.write.allowToken([token.address, true]);
      await moa.exchange.write.setFee([100, UNIT]);
      await token.write.mint([buyer.address, FUNDS]);
      await token.write.approve([moa.exchange.address, FUNDS], by(buyer));
      for (const [agentId, who] of [
        [SELLER, seller],
        [VALIDATOR, validator],
      ] as const) {
        const terms = termsOf(moa, { token: token.address });
        await moa.catalog.write.list([agentId, terms, contentOf()], by(who));
        const ekId = await moa.catalog.read.listingCount();
        await moa.exchange.write.buy([await purchaseOf(buyer, { ekId })], by(buyer));
      }
    });

    const payees = [
      ["the seller", SELLER, seller],
      ["another seller", VALIDATOR, validator],
      ["who earns the fee", UNIT, unit],
    ] as const;
    for (const [name, agentId, payee] of payees) {
      it(`${name}: the others are paid, and it is paid elsewhere`, async () => {
        await token.write.deny([payee.address]);
        await reverts(withdraw(stranger, ZERO, agentId, token.address), token, "Denied", [payee.address]);
        const credit = await moa.exchange.read.creditOf([agentId, token.address]);
        expect(credit > 0n).to.equal(true);
        for (const [, other] of payees.filter(([, id]) => id !== agentId)) {
          await withdraw(stranger, ZERO, other, token.address);
        }
        const more = await purchaseOf(buyer, { ekId: 4n });
        await moa.exchange.write.buy([more], by(buyer));
        await withdraw(payee, next.address, agentId, token.address);
        expect((await token.read.balanceOf([next.address])) >= credit).to.equal(true);
        expect(await moa.exchange.read.creditOf([agentId, token.address])).to.equal(0n);
      });
    }
  });
});
