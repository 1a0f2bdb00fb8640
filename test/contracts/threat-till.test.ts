/*
 * What can be done to a payment by x402 on its way (`exact`, ERC-3009): the money and the key must never part.
 *
 * T12 somebody submits the authorization without the exchange   the key is issued all the same, or the money goes back
 *     somebody starves the call of gas                          all or nothing
 * T13 the payer cancels its authorization                       no key, and no touch to other money
 * T17 the payment is shown for another quote                    it pays for its own alone, once
 * odd buyers (the exchange, another till)                       harm nobody but who named them
 */
import { expect } from "chai";
import type { Address } from "viem";
import { loadFixture, networkHelpers, nextBlockAt, now, publicClient, time } from "./support/chain.ts";
import { eventOf, reverts } from "./support/check.ts";
import { by, type Moa, type Person, people } from "./support/deploy.ts";
import {
  BUYER,
  balances,
  deployMarket,
  FIXED,
  FREE,
  FUNDS,
  fund,
  keyOf,
  LINEAR,
  PRICE,
  type Quote,
  quoteOf,
  SELLER,
  sell,
  ZERO,
} from "./support/market.ts";
import { authorizationOf, signAuthorization } from "./support/sign.ts";
import { cancel, paymentOf, redeem, submit } from "./support/till.ts";

const { buyer, relayer, rival, seller, sponsor, stranger } = people;

describe("payments on their way", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  const pay = (fields: Partial<Quote> = {}, payer?: Person, value?: bigint) =>
    paymentOf(moa, fields, payer, value);

  describe("T12 an attacker submits the authorization first", () => {
    it("issues the key all the same, by the same call", async () => {
      const payment = await pay({}, sponsor);
      await submit(moa, payment);
      expect(await balances(moa, { address: payment.till })).to.deep.equal([PRICE]);
      const { sale } = await eventOf(moa, redeem(moa, payment), "Exchange.KeySold");
      expect(sale, "who paid is not known then").to.include({ payer: buyer.address, price: PRICE });
      expect(await moa.keys.read.ownerOf([keyOf(FIXED, BUYER)])).to.equal(buyer.address);
      expect(await balances(moa, sponsor, moa.exchange)).to.deep.equal([FUNDS - PRICE, PRICE]);
    });

    it("issues one key, whoever finishes first", async () => {
      const payment = await pay();
      await submit(moa, payment);
      await moa.tills.write.finalizeTill([payment.quote], by(stranger));
      const hash = await moa.tills.read.quoteHashOf([payment.quote]);
      await reverts(redeem(moa, payment), moa.tills, "QuoteUsed", [hash]);
      expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(1n);
      expect(await balances(moa, buyer, moa.exchange)).to.deep.equal([FUNDS - PRICE, PRICE]);
    });

    it("lets no stranger claim in the log to have paid", async () => {
      const payment = await pay();
      await submit(moa, payment);
      const nothing = authorizationOf(rival.address, 0n);
      const signature = await signAuthorization(moa, rival, payment.till, nothing);
      const hash = redeem(moa, { ...payment, authorization: nothing, signature }, rival);
      expect((await eventOf(moa, hash, "Exchange.KeySold")).sale).to.include({ payer: buyer.address });
    });
  });

  describe("T13 a payer cancels its authorization", () => {
    it("gets no key, though the token calls the authorization used", async () => {
      const payment = await pay();
      await cancel(moa, buyer, payment);
      const state = [buyer.address, payment.authorization.nonce] as const;
      expect(await moa.usdc.read.authorizationState(state)).to.equal(true);
      await reverts(redeem(moa, payment), moa.usdc, "ERC3009UsedAuthorization", state);
      const finalize = moa.tills.write.finalizeTill([payment.quote], by(buyer));
      await reverts(finalize, moa.exchange, "TillUnderfunded", [
        await moa.tills.read.quoteHashOf([payment.quote]),
        0n,
        PRICE,
      ]);
    });

    it("touches nobody else's money", async () => {
      const other = await pay({}, sponsor);
      await submit(moa, other);
      const payment = await pay();
      await cancel(moa, buyer, payment);
      const state = [buyer.address, payment.authorization.nonce];
      await reverts(redeem(moa, payment), moa.usdc, "ERC3009UsedAuthorization", state);
      expect(await balances(moa, { address: other.till }, moa.exchange)).to.deep.equal([PRICE, 0n]);
    });
  });

  describe("is bound to one quote", () => {
    it("T17 an authorization pays for its own quote alone", async () => {
      const ways: Partial<Quote>[] = [
        { ekId: LINEAR, maxPrice: PRICE },
        { ekId: FREE, maxPrice: PRICE + 1n },
        { maxPrice: PRICE + 1n },
        { buyer: rival.address },
        { salt: `0x${"11".repeat(32)}` },
      ];
      const { authorization, signature, quote, till } = await pay();
      const tills = new Set([till]);
      for (const other of ways) {
        const changed = { ...quote, ...other };
        tills.add(await moa.tills.read.tillOf([changed]));
        if (other.ekId === FREE) continue; // costs nothing, with or without this payment
        const call = redeem(moa, { quote: changed, till, authorization, signature }, rival);
        await reverts(call, moa.usdc, "ERC3009InvalidSignature");
      }
      expect(tills.size).to.equal(ways.length + 1);
      expect(await balances(moa, buyer)).to.deep.equal([FUNDS]);
    });

    it("T17 an authorization to somebody else's address pays nothing", async () => {
      const { quote, authorization } = await pay();
      const signature = await signAuthorization(moa, buyer, seller.address, authorization);
      const call = moa.tills.write.buyViaTill([quote, authorization, signature], by(relayer));
      await reverts(call, moa.usdc, "ERC3009InvalidSignature");
    });

    it("is used once", async () => {
      const payment = await pay();
      await redeem(moa, payment);
      const hash = await moa.tills.read.quoteHashOf([payment.quote]);
      await reverts(redeem(moa, payment), moa.tills, "QuoteUsed", [hash]);
      await fund(moa, payment.quote, PRICE, sponsor);
      await reverts(redeem(moa, payment), moa.tills, "QuoteUsed", [hash]);
      expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(1n);
    });

    it("T4 is good until its deadline", async () => {
      const [first, second] = [await pay(), await pay()];
      await nextBlockAt(first.quote.deadline);
      await redeem(moa, { ...first });
      const at = await nextBlockAt(second.quote.deadline + 1n);
      await reverts(redeem(moa, second), moa.exchange, "DeadlinePassed", [second.quote.deadline, at]);
      expect(await publicClient.getCode({ address: second.till })).to.equal(undefined);
    });
  });

  describe("T12 a relayer starves the call of gas", () => {
    it("gets all of it done or nothing", async () => {
      const payment = await pay({}, sponsor);
      const { quote, authorization, signature } = payment;
      const args = [quote, authorization, signature] as const;
      const full = await moa.tills.estimateGas.buyViaTill(args, by(relayer));
      const outcomes = new Set<string>();
      for (let gas = 60_000n; gas < full + 20_000n; gas += 12_000n) {
        const snapshot = await networkHelpers.takeSnapshot();
        const sent = await moa.tills.write.buyViaTill(args, { ...by(relayer), gas }).then(
          () => "sold",
          () => "refused",
        );
        const state = [
          await moa.keys.read.balanceOf([buyer.address]),
          ...(await balances(moa, sponsor, { address: payment.till }, moa.exchange)),
          await moa.exchange.read.creditOf([SELLER, moa.usdc.address]),
        ];
        const [sold, untouched] = [
          [1n, FUNDS - PRICE, 0n, PRICE, PRICE],
          [0n, FUNDS, 0n, 0n, 0n],
        ];
        expect(state, `${gas} gas`).to.deep.equal(sent === "sold" ? sold : untouched);
        outcomes.add(sent);
        await snapshot.restore();
      }
      expect(outcomes).to.deep.equal(new Set(["refused", "sold"]));
    });
  });

  describe("odd buyers", () => {
    it("the exchange itself: it gets no key, and what is refunded to it is a gift to nobody and touches no one's credit", async () => {
      await sell(moa, {});
      const quote = await quoteOf(moa, moa.exchange);
      await fund(moa, quote, PRICE + 3n, sponsor);
      const finalize = moa.tills.write.finalizeTill([quote], by(stranger));
      await reverts(finalize, moa.exchange, "RecipientNotAgent", [moa.exchange.address]);
      await time.increaseTo(quote.deadline + 1n);
      await moa.tills.write.refundTill([quote, moa.usdc.address], by(stranger));
      expect(await moa.exchange.read.creditOf([SELLER, moa.usdc.address])).to.equal(PRICE);
      await moa.exchange.write.withdraw([SELLER, moa.usdc.address, ZERO], by(stranger));
      expect(await balances(moa, seller, moa.exchange)).to.deep.equal([PRICE, PRICE + 3n]);
    });

    it("another quote's till: what it is refunded stays with that quote's buyer", async () => {
      const inner = await quoteOf(moa, buyer);
      const innerTill: Address = await moa.tills.read.tillOf([inner]);
      const outer = await quoteOf(moa, { address: innerTill }, { deadline: (await now()) + 1000n });
      await fund(moa, outer, 3n, sponsor);
      await time.increaseTo(outer.deadline + 1n);
      await moa.tills.write.refundTill([outer, moa.usdc.address], by(stranger));
      expect(await balances(moa, { address: innerTill })).to.deep.equal([3n]);
      await fund(moa, inner, PRICE - 3n, sponsor);
      await moa.tills.write.finalizeTill([inner], by(stranger));
      expect(await moa.keys.read.ownerOf([keyOf(FIXED, BUYER)])).to.equal(buyer.address);
      expect(await balances(moa, { address: innerTill }, moa.exchange)).to.deep.equal([0n, PRICE]);
    });

    it("nobody: the quote sells nothing, and its money is taken by nobody's word", async () => {
      const quote = await quoteOf(moa, { address: ZERO });
      const till = await fund(moa, quote, PRICE, sponsor);
      const finalize = moa.tills.write.finalizeTill([quote]);
      const open = [await moa.tills.read.quoteHashOf([quote])];
      await reverts(finalize, moa.tills, "QuoteOpen", open);
      await time.increaseTo(quote.deadline + 1n);
      const refund = moa.tills.write.refundTill([quote, moa.usdc.address], by(stranger));
      await reverts(refund, moa.tills, "QuoteOpen", open);
      expect(await balances(moa, { address: till })).to.deep.equal([PRICE]);
    });
  });

  it("what is no token can't be refunded out of a till", async () => {
    const quote = await quoteOf(moa, buyer);
    const hash = await moa.tills.read.quoteHashOf([quote]);
    for (const token of [moa.keys.address, moa.registry.address]) {
      const call = moa.tills.write.refundTill([quote, token], by(buyer));
      await reverts(call, moa.tills, "NothingToRefund", [hash, token]);
    }
  });
});
