/*
 * T3: a token that moves money in its own way, on each way to pay: allowance, permit, authorization into a till, transfer into a till.
 * Either the sale fails as a whole, or the exchange holds exactly what it has booked. And what one token does touches no other's money.
 *
 * T19: a token whose authorization is silently ignored: no key.
 */
import { expect } from "chai";
import { type Abi, type Hex, maxUint256, toHex } from "viem";
import { loadFixture } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, type Moa, people } from "./support/deploy.ts";
import {
  BUYER,
  contentOf,
  deployMarket,
  FUNDS,
  keyOf,
  PRICE,
  purchaseOf,
  quoteOf,
  SELLER,
  sell,
  termsOf,
  ZERO,
} from "./support/market.ts";
import { createWeirdToken } from "./support/mocks.ts";
import { authorizationOf } from "./support/sign.ts";

const { buyer, seller, stranger } = people;
const SIGNATURE: Hex = `0x${"11".repeat(64)}1b`;
const PERMIT = {
  value: maxUint256,
  deadline: maxUint256,
  v: 27,
  r: toHex(1n, { size: 32 }),
  s: toHex(1n, { size: 32 }),
};

type Token = Awaited<ReturnType<typeof createWeirdToken>>;
type Way = "allowance" | "permit" | "authorization" | "transfer";
type Outcome = "sold" | [error: string, ...args: unknown[]];

/** What each token does to each way. `till`, `token` and amounts stand for those of the test. */
const expected: Record<string, Record<Way, Outcome>> = {
  FeeOnTransferToken: {
    allowance: ["InexactTransfer", "token", PRICE, (PRICE * 99n) / 100n],
    permit: ["InexactTransfer", "token", PRICE, (PRICE * 99n) / 100n],
    authorization: ["TillUnderfunded", "till", (PRICE * 99n) / 100n, PRICE],
    transfer: ["TillUnderfunded", "till", (PRICE * 99n) / 100n, PRICE],
  },
  ShortToken: {
    allowance: ["InexactTransfer", "token", PRICE, PRICE - 1n],
    permit: ["InexactTransfer", "token", PRICE, PRICE - 1n],
    authorization: ["TillUnderfunded", "till", PRICE - 1n, PRICE],
    transfer: ["TillUnderfunded", "till", PRICE - 1n, PRICE],
  },
  FalseReturnToken: {
    allowance: ["SafeERC20FailedOperation", "token"],
    permit: ["SafeERC20FailedOperation", "token"],
    authorization: ["TillUnderfunded", "till", 0n, PRICE],
    transfer: ["TillUnderfunded", "till", 0n, PRICE],
  },
  NoReturnToken: { allowance: "sold", permit: "sold", authorization: "sold", transfer: "sold" },
  RevertingToken: {
    allowance: ["Halted"],
    permit: ["Halted"],
    authorization: ["Halted"],
    transfer: ["TillUnderfunded", "till", 0n, PRICE],
  },
  RebasingToken: { allowance: "sold", permit: "sold", authorization: "sold", transfer: "sold" },
  PermitlessToken: {
    allowance: "sold",
    permit: ["InsufficientAllowance", "buyer", "exchange", 0n, PRICE],
    authorization: ["TillUnderfunded", "till", 0n, PRICE],
    transfer: "sold",
  },
  SwallowingToken: {
    allowance: "sold",
    permit: ["InsufficientAllowance", "buyer", "exchange", 0n, PRICE],
    authorization: ["TillUnderfunded", "till", 0n, PRICE],
    transfer: "sold",
  },
  DenylistToken: {
    allowance: ["Denied", "exchange"],
    permit: ["InsufficientAllowance", "buyer", "exchange", 0n, PRICE],
    authorization: ["TillUnderfunded", "till", 0n, PRICE],
    transfer: ["Denied", "exchange"],
  },
};

describe("T3 weird tokens", () => {
  let moa: Moa;
  let token: Token;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  /** The token, allowed and listed, the buyer's wallet full of it, and somebody else's USDC at the exchange. */
  async function market(name: string) {
    await sell(moa, {});
    token = await createWeirdToken(name);
    await moa.exchange.write.allowToken([token.address, true]);
    await moa.exchange.write.list([SELLER, termsOf(moa, { token: token.address }), contentOf()], by(seller));
    await token.write.mint([buyer.address, FUNDS]);
  }

  const ek = () => moa.exchange.read.listingCount();
  const held = () => token.read.balanceOf([moa.exchange.address]);
  const credit = () => moa.exchange.read.creditOf([SELLER, token.address]);

  /** Prepares to pay in one of the four ways; `between` comes after the money's way into a till and before the sale. */
  async function prepare(way: Way, between: () => Promise<unknown> = async () => {}) {
    const ekId = await ek();
    const purchase = await purchaseOf(buyer, { ekId });
    const quote = await quoteOf(moa, buyer, { ekId, token: token.address });
    const till = await moa.exchange.read.tillOf([quote]);
    if (way === "allowance") await token.write.approve([moa.exchange.address, FUNDS], by(buyer));
    // A token that refuses or loses the transfer leaves the till empty, which is what the sale then meets.
    if (way === "transfer") await token.write.transfer([till, PRICE], by(buyer)).catch(() => undefined);
    await between();
    const authorization = authorizationOf(buyer.address, PRICE);
    const ways: Record<Way, () => Promise<Hex>> = {
      allowance: () => moa.exchange.write.buy([purchase], by(buyer)),
      permit: () => moa.exchange.write.buyWithPermit([purchase, PERMIT], by(buyer)),
      authorization: () => moa.exchange.write.buyViaTill([quote, authorization, SIGNATURE], by(stranger)),
      transfer: () => moa.exchange.write.finalizeTill([quote], by(stranger)),
    };
    return { pay: ways[way], till };
  }

  /** Puts the test's own addresses in the place of their names. */
  function resolve(values: readonly unknown[], till: Hex): unknown[] {
    const known: Record<string, unknown> = {
      token: token.address,
      till,
      buyer: buyer.address,
      exchange: moa.exchange.address,
    };
    return values.map((value) => (typeof value === "string" ? known[value] : value));
  }

  const before: Record<string, () => Promise<unknown>> = {
    RevertingToken: () => token.write.halt(),
    DenylistToken: () => token.write.deny([moa.exchange.address]),
  };

  for (const [name, ways] of Object.entries(expected)) {
    describe(name, () => {
      beforeEach(() => market(name));

      for (const [way, outcome] of Object.entries(ways) as [Way, Outcome][]) {
        it(`by ${way}: ${outcome === "sold" ? "an exact credit" : `reverts ${outcome[0]}`}`, async () => {
          const halted = way === "transfer" && name === "RevertingToken";
          if (halted) await token.write.halt();
          const { pay, till } = await prepare(way, halted ? undefined : before[name]);
          if (outcome === "sold") {
            await pay();
            expect(await credit()).to.equal(PRICE);
            expect(await held()).to.equal(PRICE);
            expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(2n);
            await moa.exchange.write.withdraw([SELLER, token.address, ZERO], by(stranger));
            expect(await token.read.balanceOf([seller.address])).to.equal(PRICE);
          } else {
            const [error, ...args] = outcome;
            const abi = [...moa.exchange.abi, ...token.abi] as Abi;
            await reverts(pay(), { abi, address: token.address }, error, resolve(args, till));
            expect(await credit()).to.equal(0n);
            expect(await held()).to.equal(0n);
            expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(1n);
          }
          expect(await moa.exchange.read.creditOf([SELLER, moa.usdc.address])).to.equal(PRICE);
          expect(await moa.usdc.read.balanceOf([moa.exchange.address])).to.equal(PRICE);
        });
      }
    });
  }

  it("T19 an authorization that the token silently ignores neither pays nor harms a till that was filled before", async () => {
    await market("SwallowingToken");
    const quote = await quoteOf(moa, buyer, { ekId: await ek(), token: token.address });
    await token.write.transfer([await moa.exchange.read.tillOf([quote]), PRICE], by(buyer));
    const pretended = authorizationOf(stranger.address, PRICE);
    await moa.exchange.write.buyViaTill([quote, pretended, SIGNATURE], by(stranger));
    expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(2n);
    expect(await credit()).to.equal(PRICE);
  });

  it("a token that keeps a fee can't be paid into a till with the fee on top either", async () => {
    await market("FeeOnTransferToken");
    const quote = await quoteOf(moa, buyer, { ekId: await ek(), token: token.address });
    await token.write.transfer([await moa.exchange.read.tillOf([quote]), 2n * PRICE], by(buyer));
    const inexact = [token.address, PRICE, (PRICE * 99n) / 100n];
    const call = moa.exchange.write.finalizeTill([quote], by(stranger));
    await reverts(call, moa.exchange, "InexactTransfer", inexact);
    await moa.exchange.write.refundTill([quote, token.address], by(buyer));
    expect((await token.read.balanceOf([buyer.address])) > FUNDS - PRICE).to.equal(true);
  });

  it("a token that shrinks its balances can't be paid out beyond them, and touches no other token", async () => {
    await market("RebasingToken");
    await (await prepare("allowance")).pay();
    await token.write.rebase([90n]);
    expect(await credit()).to.equal(PRICE);
    expect(await held()).to.equal((PRICE * 90n) / 100n);
    const call = moa.exchange.write.withdraw([SELLER, token.address, ZERO], by(stranger));
    await reverts(call, token, "InsufficientBalance", [moa.exchange.address, PRICE, (PRICE * 100n) / 90n]);
    await moa.exchange.write.withdraw([SELLER, moa.usdc.address, ZERO], by(stranger));
    expect(await moa.usdc.read.balanceOf([seller.address])).to.equal(PRICE);
    await token.write.rebase([125n]);
    await moa.exchange.write.withdraw([SELLER, token.address, ZERO], by(stranger));
    expect(await token.read.balanceOf([seller.address])).to.equal(PRICE);
  });

  it("a token that stops after the sale holds up its own withdrawals alone", async () => {
    await market("RevertingToken");
    await (await prepare("allowance")).pay();
    await token.write.halt();
    const call = moa.exchange.write.withdraw([SELLER, token.address, ZERO], by(stranger));
    await reverts(call, token, "Halted");
    expect(await credit()).to.equal(PRICE);
    await moa.exchange.write.withdraw([SELLER, moa.usdc.address, ZERO], by(stranger));
  });

  it("a token that refuses the buyer can't keep it from what it paid for exactly", async () => {
    await market("DenylistToken");
    await (await prepare("transfer", () => token.write.deny([buyer.address]))).pay();
    expect(await moa.keys.read.ownerOf([keyOf(await ek(), BUYER)])).to.equal(buyer.address);
  });
});
