/*
 * buyViaTill(quote, authorization, signature)
 * ├── given a quote that names no buyer                       see tills-open.test.ts
 * ├── given a quote that was used, or is past its deadline    reverts QuoteUsed(hash), DeadlinePassed(deadline, time)
 * ├── given a listing that buy refuses                        reverts as buy does
 * ├── given another token than the listing's                  reverts TokenMismatch(ekId, current, given)
 * ├── when cost > maxPrice                                    reverts CostAboveMaximum(cost, maxPrice)
 * ├── when the till holds less than the cost afterwards       reverts with the token's reason, else TillUnderfunded(hash, balance, cost)
 * └── else                                                    money to the exchange, key to the buyer, rest of the till to the buyer;
 *                                                             emits KeySold with the payer and the quote's hash
 *     ├── whoever calls, whoever pays
 *     ├── when the authorization was submitted by somebody else first   likewise; names the buyer as payer (threat-till.test.ts)
 *     ├── for a buyer that is no agent yet                    makes it one, if it sent the call or signed (threat-consent.test.ts)
 *     └── for a buyer that rotated since                      to its agent's present EOA
 */
import { expect } from "chai";
import type { Hex } from "viem";
import { loadFixture } from "./support/chain.ts";
import { eventOf, logsOf, reverts } from "./support/check.ts";
import { by, create, type Moa, type Person, people } from "./support/deploy.ts";
import {
  at,
  BUYER,
  balances,
  contentOf,
  deployMarket,
  FIXED,
  FREE,
  FUNDS,
  fund,
  keyOf,
  LINEAR,
  PRICE,
  type Quote,
  rotate,
  SELLER,
  Status,
  termsOf,
  ZERO,
} from "./support/market.ts";
import { credited, saleOf } from "./support/sale.ts";
import { authorizationOf, signAuthorization } from "./support/sign.ts";
import { paymentOf, redeem } from "./support/till.ts";

const { buyer, newcomer, next, relayer, rival, seller, sponsor, stranger } = people;

describe("Tills.buyViaTill", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  const pay = (fields: Partial<Quote> = {}, payer?: Person, value?: bigint) =>
    paymentOf(moa, fields, payer, value);
  const isUsed = (quote: Quote) => moa.tills.read.isQuoteUsed([quote]);
  const credit = () => moa.exchange.read.creditOf([SELLER, moa.usdc.address]);

  it("moves money and key in one transaction, whoever sends it", async () => {
    const payment = await pay();
    const { quote, till, authorization } = payment;
    expect(await isUsed(quote)).to.equal(false);
    const logs = await logsOf(moa, redeem(moa, payment));
    const keyId = keyOf(FIXED, BUYER);
    const hash = await moa.tills.read.quoteHashOf([quote]);
    const sale = saleOf(moa, { paymentRef: hash, by: relayer.address });
    expect(logs.filter(([name]) => name !== "PointsLedger.PointsAwarded")).to.deep.equal([
      ["Token.AuthorizationUsed", { authorizer: buyer.address, nonce: authorization.nonce }],
      ["Token.Transfer", { from: buyer.address, to: till, value: PRICE }],
      ["ExperienceKey.Transfer", { from: ZERO, to: buyer.address, tokenId: keyId }],
      ["ExperienceKey.Locked", { tokenId: keyId }],
      ["Exchange.KeySold", { ekId: FIXED, buyerId: BUYER, keyId, sale }],
      credited(moa, keyId),
      ["Token.Transfer", { from: till, to: moa.exchange.address, value: PRICE }],
    ]);
    expect(await balances(moa, buyer, { address: till }, moa.exchange)).to.deep.equal([
      FUNDS - PRICE,
      0n,
      PRICE,
    ]);
    expect(await credit()).to.equal(PRICE);
    expect(await moa.points.read.balanceOf([BUYER])).to.equal(100n);
    expect(await isUsed(quote)).to.equal(true);
  });

  it("lets somebody else pay, and names it", async () => {
    const { sale, buyerId } = await eventOf(moa, redeem(moa, await pay({}, sponsor)), "Exchange.KeySold");
    expect(buyerId).to.equal(BUYER);
    expect(sale).to.include({ payer: sponsor.address, payerId: BUYER, by: relayer.address });
    expect(await balances(moa, sponsor, buyer)).to.deep.equal([FUNDS - PRICE, FUNDS]);
  });

  it("makes an agent of a buyer that is none yet", async () => {
    await redeem(moa, await pay({ buyer: newcomer.address }, newcomer));
    expect(await moa.registry.read.agentOf([newcomer.address])).to.equal(5n);
    expect(await moa.keys.read.ownerOf([keyOf(FIXED, 5n)])).to.equal(newcomer.address);
  });

  it("T24 gives the key to the agent of a buyer that rotated since", async () => {
    const payment = await pay();
    await rotate(moa, BUYER, buyer, next);
    const { buyerId } = await eventOf(moa, redeem(moa, payment), "Exchange.KeySold");
    expect(buyerId).to.equal(BUYER);
    expect(await moa.keys.read.ownerOf([keyOf(FIXED, BUYER)])).to.equal(next.address);
    expect(await moa.registry.read.agentCount()).to.equal(4n);
  });

  it("takes the curve's price and gives the rest back to the buyer", async () => {
    const payment = await pay({ ekId: LINEAR, maxPrice: PRICE }, sponsor, PRICE);
    const { sale } = await eventOf(moa, redeem(moa, payment), "Exchange.KeySold");
    expect(sale).to.include({ price: 1_000_000n });
    expect(await credit()).to.equal(1_000_000n);
    const accounts = [sponsor, { address: payment.till }, buyer, moa.exchange];
    expect(await balances(moa, ...accounts)).to.deep.equal([
      FUNDS - PRICE,
      0n,
      FUNDS + 4_000_000n,
      1_000_000n,
    ]);
  });

  it("tops a till up that somebody has put something into", async () => {
    const payment = await pay({}, buyer, PRICE - 1n);
    await fund(moa, payment.quote, 1n, sponsor);
    await redeem(moa, payment);
    expect(await balances(moa, buyer, sponsor, moa.exchange)).to.deep.equal([
      FUNDS - PRICE + 1n,
      FUNDS - 1n,
      PRICE,
    ]);
  });

  it("moves nothing for a free key", async () => {
    const { sale } = await eventOf(
      moa,
      redeem(moa, await pay({ ekId: FREE }, buyer, 0n)),
      "Exchange.KeySold",
    );
    expect(sale).to.include({ price: 0n });
    expect(await balances(moa, buyer)).to.deep.equal([FUNDS]);
  });

  it("takes a smart account's signature, of 65 bytes or longer", async () => {
    for (const owner of [newcomer, sponsor]) {
      const wallet = await create("Wallet1271", [owner.address]);
      await moa.usdc.write.transfer([wallet, PRICE], by(owner));
      const { quote, till } = await pay({ buyer: buyer.address });
      const authorization = authorizationOf(wallet, PRICE);
      const signature = await signAuthorization(moa, owner, till, authorization);
      const hash = redeem(moa, { quote, till, authorization, signature });
      expect((await eventOf(moa, hash, "Exchange.KeySold")).sale).to.include({ payer: wallet });
    }
    const wallet = await create("LongSignatureWallet", [rival.address]);
    await moa.usdc.write.transfer([wallet, PRICE], by(rival));
    const { quote, till } = await pay({ buyer: buyer.address });
    const authorization = authorizationOf(wallet, PRICE);
    const short = await signAuthorization(moa, rival, till, authorization);
    const payment = { quote, till, authorization, signature: `${short}${"ab".repeat(100)}` as Hex };
    expect((await eventOf(moa, redeem(moa, payment), "Exchange.KeySold")).sale).to.include({ payer: wallet });
    expect(await credit()).to.equal(3n * PRICE);
  });

  describe("refuses, and moves nothing", () => {
    it("T8 when the listing changed since", async () => {
      const payment = await pay();
      await moa.catalog.write.update([FIXED, termsOf(moa, at(1n)), contentOf("v2")], by(seller));
      await reverts(redeem(moa, payment), moa.exchange, "VersionMismatch", [FIXED, 2, 1]);
      await moa.catalog.write.setStatus([FIXED, Status.Paused], by(seller));
      await reverts(redeem(moa, payment), moa.exchange, "ListingNotActive", [FIXED, Status.Paused]);
      await reverts(redeem(moa, await pay({ ekId: 9n })), moa.exchange, "UnknownListing", [9n]);
      expect(await balances(moa, buyer)).to.deep.equal([FUNDS]);
    });

    it("T4 when others bought first and the price rose above the quote", async () => {
      const payment = await pay({ ekId: LINEAR, maxPrice: 1_000_000n }, buyer, 1_000_000n);
      await redeem(moa, await pay({ ekId: LINEAR }, rival));
      await reverts(redeem(moa, payment), moa.exchange, "CostAboveMaximum", [1_250_000n, 1_000_000n]);
      expect(await balances(moa, { address: payment.till })).to.deep.equal([0n]);
    });

    it("when the last key went to somebody else", async () => {
      const terms = termsOf(moa, { supplyCap: 1 });
      await moa.catalog.write.list([SELLER, terms, contentOf()], by(seller));
      const [first, second] = [await pay({ ekId: 4n }), await pay({ ekId: 4n }, rival)];
      await redeem(moa, first);
      await reverts(redeem(moa, second), moa.exchange, "SoldOut", [4n, 1n]);
      expect(await balances(moa, rival)).to.deep.equal([FUNDS]);
    });

    it("when the quote names another token", async () => {
      const token = await create("TestUSDC");
      const mismatch = [FIXED, moa.usdc.address, token];
      await reverts(redeem(moa, await pay({ token })), moa.exchange, "TokenMismatch", mismatch);
    });

    it("when too little was authorized, whatever the quote says", async () => {
      const payment = await pay({}, buyer, PRICE - 1n);
      const hash = await moa.tills.read.quoteHashOf([payment.quote]);
      const short = [hash, PRICE - 1n, PRICE];
      await reverts(redeem(moa, payment), moa.exchange, "TillUnderfunded", short);
      expect(await balances(moa, buyer, { address: payment.till })).to.deep.equal([FUNDS, 0n]);
    });

    it("with the token's own reason when the payment fails", async () => {
      const poor = await pay({}, stranger);
      const lacking = [stranger.address, 0n, PRICE];
      await reverts(redeem(moa, poor), moa.usdc, "ERC20InsufficientBalance", lacking);
      const forged = { ...(await pay()), signature: `0x${"11".repeat(65)}` as Hex };
      await reverts(redeem(moa, forged), moa.usdc, "ERC3009InvalidSignature");
      const late = await pay();
      late.authorization.validBefore = 1n;
      late.signature = await signAuthorization(moa, buyer, late.till, late.authorization);
      await reverts(redeem(moa, late), moa.usdc, "ERC3009InvalidAuthorizationTime", [0n, 1n]);
    });
  });
});
