/*
 * Nobody is made an agent unasked. An EOA that is no agent yet becomes one by a purchase that it sent or signed, and by nobody else's:
 * T12 when its payment was submitted by somebody else first, its signature still counts
 * T13 what it signed for another quote counts for nothing here
 * T19 nor does what a token lets pass that looks at no signature
 */
import { expect } from "chai";
import type { Hex } from "viem";
import { loadFixture, time } from "./support/chain.ts";
import { eventOf, reverts } from "./support/check.ts";
import { by, create, type Moa, type Person, people } from "./support/deploy.ts";
import {
  at,
  balances,
  deployMarket,
  FREE,
  FUNDS,
  fund,
  list,
  PRICE,
  type Quote,
  quoteOf,
} from "./support/market.ts";
import { createWeirdToken } from "./support/mocks.ts";
import { authorizationOf, signAuthorization } from "./support/sign.ts";
import { type Payment, paymentOf, redeem, submit } from "./support/till.ts";

const { newcomer, relayer, rival, sponsor, stranger } = people;
const SIGNATURE: Hex = `0x${"11".repeat(64)}1b`;

describe("T12 T19 nobody is made an agent unasked", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  const quote = (fields: Partial<Quote> = {}) => quoteOf(moa, newcomer, fields);
  const agentOf = (who: Person) => moa.registry.read.agentOf([who.address]);
  const finalize = (q: Quote, sender: Person) => moa.tills.write.finalizeTill([q], by(sender));

  async function expectRefused(call: Promise<unknown>) {
    await reverts(call, moa.exchange, "RecipientNotAgent", [newcomer.address]);
    expect(await moa.registry.read.agentCount()).to.equal(4n);
  }

  it("not by a stranger that fills its till, and the money goes back", async () => {
    const q = await quote();
    const till = await fund(moa, q, PRICE, sponsor);
    for (const sender of [sponsor, stranger, relayer]) await expectRefused(finalize(q, sender));
    await time.increaseTo(q.deadline + 1n);
    await moa.tills.write.refundTill([q, moa.usdc.address], by(stranger));
    expect(await balances(moa, { address: till }, newcomer)).to.deep.equal([0n, FUNDS + PRICE]);
    expect(await agentOf(newcomer)).to.equal(0n);
  });

  it("not by a stranger's own authorization", async () => {
    const payment = await paymentOf(moa, { buyer: newcomer.address }, sponsor);
    await expectRefused(redeem(moa, payment));
    expect(await balances(moa, sponsor)).to.deep.equal([FUNDS]);
  });

  it("not by a quote of a free key, with or without a payment of nothing", async () => {
    const q = await quote({ ekId: FREE });
    await expectRefused(finalize(q, stranger));
    const nothing = await paymentOf(moa, { ekId: FREE, buyer: newcomer.address }, stranger, 0n);
    await expectRefused(redeem(moa, nothing, stranger));
  });

  it("not by naming it as the payer", async () => {
    const q = await quote();
    await fund(moa, q, PRICE, sponsor);
    const pretended = authorizationOf(newcomer.address, PRICE);
    for (const signature of [SIGNATURE, "0x", `${SIGNATURE}00`] as Hex[]) {
      await expectRefused(moa.tills.write.buyViaTill([q, pretended, signature], by(stranger)));
    }
  });

  it("T13 not by what it signed for another quote, used or not", async () => {
    const other = await paymentOf(moa, { buyer: newcomer.address }, newcomer);
    const q = await quote();
    await fund(moa, q, PRICE, sponsor);
    const { authorization, signature } = other;
    await expectRefused(redeem(moa, { ...other, quote: q }, stranger));
    await submit(moa, other);
    await expectRefused(moa.tills.write.buyViaTill([q, authorization, signature], by(stranger)));
    const dearer = { ...authorization, value: authorization.value + 1n };
    const call = moa.tills.write.buyViaTill([other.quote, dearer, signature], by(stranger));
    await expectRefused(call);
  });

  it("T19 not by a token that takes any call", async () => {
    const token = await createWeirdToken("SwallowingToken");
    await moa.catalog.write.allowToken([token.address, true]);
    const [dear, free] = [
      await list(moa, { token: token.address }),
      await list(moa, { token: token.address, ...at(0n) }),
    ];
    await token.write.mint([stranger.address, FUNDS]);
    for (const [ekId, value] of [
      [dear, PRICE],
      [free, 0n],
      [free, 1n],
    ] as const) {
      const q = await quote({ ekId, token: token.address });
      await token.write.transfer([await moa.tills.read.tillOf([q]), value], by(stranger));
      const pretended = authorizationOf(newcomer.address, value);
      await expectRefused(moa.tills.write.buyViaTill([q, pretended, SIGNATURE], by(stranger)));
    }
    const deadline = 2n ** 40n;
    const order = { ekId: free, version: 1, recipient: newcomer.address, deadline, referrerId: 0n };
    const bound = (maxPrice: bigint) =>
      moa.exchange.write.buyWithAuthorization(
        [{ ...order, maxPrice }, newcomer.address, SIGNATURE.slice(0, 66) as Hex, SIGNATURE],
        by(stranger),
      );
    await reverts(bound(0n), moa.exchange, "NothingAuthorized");
    await reverts(bound(1n), moa.exchange, "InexactTransfer", [token.address, 1n, 0n]);
    expect(await agentOf(newcomer)).to.equal(0n);
  });

  describe("but by itself", () => {
    it("with a call of its own, for whoever's money", async () => {
      const q = await quote();
      await fund(moa, q, PRICE, sponsor);
      await finalize(q, newcomer);
      expect(await agentOf(newcomer)).to.equal(5n);
    });

    it("with a call of its own and somebody's authorization", async () => {
      const payment = await paymentOf(moa, { buyer: newcomer.address }, sponsor);
      const { sale } = await eventOf(moa, redeem(moa, payment, newcomer), "Exchange.KeySold");
      expect(sale).to.include({ payer: sponsor.address, payerId: 5n });
    });

    it("with a free key's authorization of nothing", async () => {
      const payment = await paymentOf(moa, { ekId: FREE, buyer: newcomer.address }, newcomer, 0n);
      await redeem(moa, payment);
      expect(await agentOf(newcomer)).to.equal(5n);
    });

    it("T12 with its signature, also after somebody else submitted that", async () => {
      const payment = await paymentOf(moa, { buyer: newcomer.address }, newcomer);
      await submit(moa, payment);
      await expectRefused(finalize(payment.quote, stranger));
      await redeem(moa, payment);
      expect(await agentOf(newcomer)).to.equal(5n);
      expect(await balances(moa, newcomer, moa.exchange)).to.deep.equal([FUNDS - PRICE, PRICE]);
    });

    it("T12 with a smart account's signature, also after somebody else submitted that", async () => {
      for (const [name, tail] of [
        ["Wallet1271", ""],
        ["LongSignatureWallet", "ab".repeat(9)],
      ] as const) {
        const address = await create(name, [rival.address]);
        await moa.usdc.write.transfer([address, PRICE], by(rival));
        const q = await quoteOf(moa, { address });
        const till = await moa.tills.read.tillOf([q]);
        const authorization = authorizationOf(address, PRICE);
        const signed = await signAuthorization(moa, rival, till, authorization);
        const signature = `${signed}${tail}` as Hex;
        const { value, validAfter, validBefore, nonce } = authorization;
        const args = [address, till, value, validAfter, validBefore, nonce, signature] as const;
        await moa.usdc.write.transferWithAuthorization(args, by(stranger));
        const forged: Payment = { quote: q, till, authorization, signature: `${SIGNATURE}${tail}` as Hex };
        await reverts(redeem(moa, forged), moa.exchange, "RecipientNotAgent", [address]);
        await redeem(moa, { quote: q, till, authorization, signature });
        expect((await moa.registry.read.agentOf([address])) > 4n).to.equal(true);
      }
    });
  });
});
