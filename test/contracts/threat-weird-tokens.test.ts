/*
 * T3: a token that moves money in its own way, on each way to pay: allowance, of a batch too, permit, Permit2, authorization bound to the
 * purchase, authorization into a till, transfer into a till.
 * Either the sale fails as a whole, or the exchange holds exactly what it has booked. And what one token does touches no other's money.
 *
 * T19: a token whose authorization is silently ignored: no key.
 */
import { expect } from "chai";
import { type Abi, type Hex, maxUint256, toHex } from "viem";
import { loadFixture } from "./support/chain.ts";
import { eventOf, reverts } from "./support/check.ts";
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
import { PERMIT2, placePermit2, placeUptoProxy, signPermit2, signUpto } from "./support/permit2.ts";
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
type Way = "allowance" | "batch" | "permit" | "permit2" | "bound" | "authorization" | "upto" | "transfer";
type Outcome = "sold" | "refused" | [error: string, ...args: unknown[]];

/** What each token does to each way; `refused` where it has no such function. `quote`, `token` and amounts stand for those of the test. */
const expected: Record<string, Record<Way, Outcome>> = {
  FeeOnTransferToken: {
    allowance: ["InexactTransfer", "token", PRICE, (PRICE * 99n) / 100n],
    batch: ["InexactTransfer", "token", 2n * PRICE, (PRICE * 198n) / 100n],
    permit: ["InexactTransfer", "token", PRICE, (PRICE * 99n) / 100n],
    permit2: ["InexactTransfer", "token", PRICE, (PRICE * 99n) / 100n],
    bound: ["InexactTransfer", "token", PRICE, (PRICE * 99n) / 100n],
    authorization: ["TillUnderfunded", "quote", (PRICE * 99n) / 100n, PRICE],
    upto: ["NothingPaid", "quote"],
    transfer: ["TillUnderfunded", "quote", (PRICE * 99n) / 100n, PRICE],
  },
  ShortToken: {
    allowance: ["InexactTransfer", "token", PRICE, PRICE - 1n],
    batch: ["InexactTransfer", "token", 2n * PRICE, 2n * PRICE - 1n],
    permit: ["InexactTransfer", "token", PRICE, PRICE - 1n],
    permit2: ["InexactTransfer", "token", PRICE, PRICE - 1n],
    bound: ["InexactTransfer", "token", PRICE, PRICE - 1n],
    authorization: ["TillUnderfunded", "quote", PRICE - 1n, PRICE],
    upto: ["NothingPaid", "quote"],
    transfer: ["TillUnderfunded", "quote", PRICE - 1n, PRICE],
  },
  FalseReturnToken: {
    allowance: ["SafeERC20FailedOperation", "token"],
    batch: ["SafeERC20FailedOperation", "token"],
    permit: ["SafeERC20FailedOperation", "token"],
    permit2: ["SafeERC20FailedOperation", "token"],
    bound: ["InexactTransfer", "token", PRICE, 0n],
    authorization: ["TillUnderfunded", "quote", 0n, PRICE],
    upto: ["SafeERC20FailedOperation", "token"],
    transfer: ["TillUnderfunded", "quote", 0n, PRICE],
  },
  NoReturnToken: {
    allowance: "sold",
    batch: "sold",
    permit: "sold",
    permit2: "sold",
    bound: "sold",
    authorization: "sold",
    upto: "sold",
    transfer: "sold",
  },
  RevertingToken: {
    allowance: ["Halted"],
    batch: ["Halted"],
    permit: ["Halted"],
    permit2: ["Halted"],
    bound: ["Halted"],
    authorization: ["Halted"],
    upto: ["Halted"],
    transfer: ["TillUnderfunded", "quote", 0n, PRICE],
  },
  RebasingToken: {
    allowance: "sold",
    batch: "sold",
    permit: "sold",
    permit2: "sold",
    bound: "sold",
    authorization: "sold",
    upto: "sold",
    transfer: "sold",
  },
  PermitlessToken: {
    allowance: "sold",
    batch: "sold",
    permit: ["InsufficientAllowance", "buyer", "exchange", 0n, PRICE],
    permit2: "sold",
    bound: "refused",
    authorization: ["TillUnderfunded", "quote", 0n, PRICE],
    upto: "sold",
    transfer: "sold",
  },
  SwallowingToken: {
    allowance: "sold",
    batch: "sold",
    permit: ["InsufficientAllowance", "buyer", "exchange", 0n, PRICE],
    permit2: "sold",
    bound: ["InexactTransfer", "token", PRICE, 0n],
    authorization: ["TillUnderfunded", "quote", 0n, PRICE],
    upto: "sold",
    transfer: "sold",
  },
  DenylistToken: {
    allowance: ["Denied", "exchange"],
    batch: ["Denied", "exchange"],
    permit: ["InsufficientAllowance", "buyer", "exchange", 0n, PRICE],
    permit2: ["Denied", "exchange"],
    bound: "refused",
    authorization: ["TillUnderfunded", "quote", 0n, PRICE],
    upto: ["Denied", "exchange"],
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
    await moa.catalog.write.allowToken([token.address, true]);
    await moa.catalog.write.list([SELLER, termsOf(moa, { token: token.address }), contentOf()], by(seller));
    await token.write.mint([buyer.address, FUNDS]);
    await placePermit2();
    await placeUptoProxy();
  }

  /** The token has no such function, and no word for that. */
  const refuses = (call: Promise<unknown>) =>
    call.then(
      () => expect.fail("went through"),
      (error: Error) => expect(error.message).to.match(/revert/),
    );
  const ek = () => moa.catalog.read.listingCount();
  const held = () => token.read.balanceOf([moa.exchange.address]);
  const credit = () => moa.exchange.read.creditOf([SELLER, token.address]);

  /** Prepares to pay in one of the four ways; `between` comes after the money's way into a till and before the sale. */
  async function prepare(way: Way, between: () => Promise<unknown> = async () => {}) {
    const ekId = await ek();
    const purchase = await purchaseOf(buyer, { ekId });
    const quote = await quoteOf(moa, buyer, { ekId, token: token.address });
    const till = await moa.tills.read.tillOf([quote]);
    if (way === "allowance" || way === "batch")
      await token.write.approve([moa.exchange.address, FUNDS], by(buyer));
    if (way === "permit2" || way === "upto") await token.write.approve([PERMIT2, FUNDS], by(buyer));
    // A token that refuses or loses the transfer leaves the till empty, which is what the sale then meets.
    if (way === "transfer") await token.write.transfer([till, PRICE], by(buyer)).catch(() => undefined);
    // What is in the till already makes up for nothing that a permission fails to bring.
    if (way === "upto") await token.write.transfer([till, PRICE / 2n], by(buyer)).catch(() => undefined);
    await between();
    const authorization = authorizationOf(buyer.address, PRICE);
    const permit2 = [
      purchase,
      1n,
      maxUint256,
      await signPermit2(buyer, moa.exchange, token, PRICE, 1n),
    ] as const;
    const permission = {
      from: buyer.address,
      amount: PRICE,
      nonce: 1n,
      deadline: maxUint256,
      validAfter: 0n,
    };
    const upto = await signUpto(buyer, {
      ...{ to: till, facilitator: moa.tills.address, token: token.address, amount: PRICE, nonce: 1n },
    });
    const bound = [purchase, buyer.address, toHex(1n, { size: 32 }), SIGNATURE] as const;
    const ways: Record<Way, () => Promise<Hex>> = {
      allowance: () => moa.exchange.write.buy([purchase], by(buyer)),
      batch: () => moa.exchange.write.buyBatch([[purchase, purchase]], by(buyer)),
      permit2: () => moa.exchange.write.buyWithPermit2(permit2, by(buyer)),
      bound: () => moa.exchange.write.buyWithAuthorization(bound, by(buyer)),
      permit: () => moa.exchange.write.buyWithPermit([purchase, PERMIT], by(buyer)),
      authorization: () => moa.tills.write.buyViaTill([quote, authorization, SIGNATURE], by(stranger)),
      upto: () => moa.tills.write.buyUpto([quote, permission, upto], by(stranger)),
      transfer: () => moa.tills.write.finalizeTill([quote], by(stranger)),
    };
    return { pay: ways[way], hash: await moa.tills.read.quoteHashOf([quote]) };
  }

  /** Puts the test's own addresses in the place of their names. */
  function resolve(values: readonly unknown[], hash: Hex): unknown[] {
    const known: Record<string, unknown> = {
      token: token.address,
      quote: hash,
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
        const title = typeof outcome === "string" ? outcome : `reverts ${outcome[0]}`;
        it(`by ${way}: ${outcome === "sold" ? "an exact credit" : title}`, async () => {
          const halted = way === "transfer" && name === "RevertingToken";
          if (halted) await token.write.halt();
          const { pay, hash } = await prepare(way, halted ? undefined : before[name]);
          if (outcome === "sold") {
            await pay();
            const count = way === "batch" ? 2n : 1n;
            expect(await credit()).to.equal(count * PRICE);
            expect(await held()).to.equal(count * PRICE);
            expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(1n + count);
            await moa.exchange.write.withdraw([SELLER, token.address, ZERO], by(stranger));
            expect(await token.read.balanceOf([seller.address])).to.equal(count * PRICE);
          } else {
            const abi = [...moa.exchange.abi, ...moa.tills.abi, ...token.abi] as Abi;
            const at = { abi, address: token.address };
            if (outcome === "refused") await refuses(pay());
            else await reverts(pay(), at, outcome[0], resolve(outcome.slice(1), hash));
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
    await token.write.transfer([await moa.tills.read.tillOf([quote]), PRICE], by(buyer));
    const pretended = authorizationOf(stranger.address, PRICE);
    const call = moa.tills.write.buyViaTill([quote, pretended, SIGNATURE], by(stranger));
    const { sale } = await eventOf(moa, call, "Exchange.KeySold");
    expect(sale, "who pretends to pay is not named").to.include({ payer: buyer.address });
    expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(2n);
    expect(await credit()).to.equal(PRICE);
  });

  it("a token that keeps a fee can't be paid into a till with the fee on top either", async () => {
    await market("FeeOnTransferToken");
    const quote = await quoteOf(moa, buyer, { ekId: await ek(), token: token.address });
    await token.write.transfer([await moa.tills.read.tillOf([quote]), 2n * PRICE], by(buyer));
    const inexact = [token.address, PRICE, (PRICE * 99n) / 100n];
    const call = moa.tills.write.finalizeTill([quote], by(stranger));
    await reverts(call, moa.exchange, "InexactTransfer", inexact);
    await moa.tills.write.refundTill([quote, token.address], by(buyer));
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
