/*
 * buyUpto(quote, permission, signature): what a stock x402 client signs for the scheme `upto`, with the tills as the only facilitator
 * ├── given a quote that was used, or is past its deadline     reverts QuoteUsed(hash), DeadlinePassed(deadline, time)
 * ├── when the price is above what was permitted               reverts as x402's proxy does
 * ├── when the price is above the quote                        reverts CostAboveMaximum(cost, maxPrice)
 * ├── given a signature for another till, token or facilitator, or one that was used    reverts as Permit2 does
 * └── else    draws exactly the price of this moment; key to the quote's buyer, or to who signed when the quote is open
 */
import { toClientEvmSigner } from "@x402/evm";
import { UptoEvmScheme } from "@x402/evm/upto/client";
import { expect } from "chai";
import { type Address, type Hex, maxUint256, parseAbi } from "viem";
import { loadFixture, nextBlockAt, now, publicClient } from "./support/chain.ts";
import { eventOf, reverts } from "./support/check.ts";
import { by, create, type Moa, type Person, people } from "./support/deploy.ts";
import {
  BUYER,
  balances,
  deployMarket,
  FIXED,
  FREE,
  FUNDS,
  keyOf,
  LINEAR,
  PRICE,
  type Quote,
  quoteOf,
  rotate,
  ZERO,
} from "./support/market.ts";
import { PERMIT2, permit2, placePermit2, placeUptoProxy, UPTO_PROXY } from "./support/permit2.ts";
import { paymentOf, redeem } from "./support/till.ts";

const { buyer, newcomer, next, relayer, rival, sponsor, stranger } = people;
const proxy = {
  address: UPTO_PROXY,
  abi: parseAbi([
    "struct TokenPermissions { address token; uint256 amount; }",
    "struct Permit { TokenPermissions permitted; uint256 nonce; uint256 deadline; }",
    "struct Witness { address to; address facilitator; uint256 validAfter; }",
    "error AmountExceedsPermitted()",
    "error PaymentTooEarly()",
    "error UnauthorizedFacilitator()",
    "function settle(Permit permit, uint256 amount, address owner, Witness witness, bytes signature)",
  ]),
} as const;
const FIRST = 1_000_000n;
const SECOND = 1_250_000n;

type Permission = { from: Address; amount: bigint; nonce: bigint; deadline: bigint; validAfter: bigint };
type Upto = { quote: Quote; till: Address; permission: Permission; signature: Hex };

async function deployWithProxy(): Promise<Moa> {
  const moa = await deployMarket();
  await placePermit2();
  await placeUptoProxy();
  for (const payer of [buyer, newcomer, sponsor, rival]) {
    await moa.usdc.write.approve([PERMIT2, maxUint256], by(payer));
  }
  return moa;
}

describe("Tills.buyUpto", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployWithProxy);
  });

  /** What x402's own client signs for an offer to pay at most `amount` into the quote's till. */
  async function sign(
    quote: Quote,
    payer: Person,
    amount = PRICE,
    facilitator = moa.tills.address,
  ): Promise<Upto> {
    const till = await moa.tills.read.tillOf([quote]);
    const signer = toClientEvmSigner({
      address: payer.address,
      signTypedData: (message: object) =>
        payer.wallet.signTypedData({ account: payer.address, ...message } as never),
    } as never);
    const { payload } = await new UptoEvmScheme(signer).createPaymentPayload(2, {
      scheme: "upto",
      network: `eip155:${await publicClient.getChainId()}`,
      asset: moa.usdc.address,
      amount: amount.toString(),
      payTo: till,
      maxTimeoutSeconds: 10 ** 9,
      extra: { facilitatorAddress: facilitator },
    });
    const { signature, permit2Authorization: a } = payload as unknown as {
      signature: Hex;
      permit2Authorization: { nonce: string; deadline: string; witness: { validAfter: string } };
    };
    const times = { deadline: BigInt(a.deadline), validAfter: BigInt(a.witness.validAfter) };
    return {
      quote,
      till,
      signature,
      permission: { from: payer.address, amount, nonce: BigInt(a.nonce), ...times },
    };
  }

  const offer = async (payer: Person, fields: Partial<Quote> = {}, amount = PRICE) =>
    sign(await quoteOf(moa, { address: ZERO }, { ekId: LINEAR, ...fields }), payer, amount);
  const buyUpto = ({ quote, permission, signature }: Upto, sender = relayer) =>
    moa.tills.write.buyUpto([quote, permission, signature], by(sender));
  const hashOf = ({ quote }: Upto) => moa.tills.read.quoteHashOf([quote]);

  it("E13 draws exactly the curve's price and makes the signer an agent with a key", async () => {
    const upto = await offer(newcomer);
    const { sale, buyerId } = await eventOf(moa, buyUpto(upto), "Exchange.KeySold");
    expect(buyerId).to.equal(5n);
    expect(sale).to.include({ payer: newcomer.address, price: FIRST, paymentRef: await hashOf(upto) });
    const accounts = [newcomer, { address: upto.till }, moa.exchange];
    expect(await balances(moa, ...accounts)).to.deep.equal([FUNDS - FIRST, 0n, FIRST]);
  });

  it("T4 still buys when others were quicker, at the price of that moment, up to what was permitted", async () => {
    const [upto, tight] = [await offer(buyer), await offer(rival, {}, FIRST)];
    await redeem(moa, await paymentOf(moa, { ekId: LINEAR }, sponsor));
    await reverts(buyUpto(tight), proxy, "AmountExceedsPermitted");
    expect((await eventOf(moa, buyUpto(upto), "Exchange.KeySold")).sale).to.include({ price: SECOND });
    expect(await balances(moa, buyer, rival)).to.deep.equal([FUNDS - SECOND + (PRICE - FIRST), FUNDS]);
  });

  it("T4 never above the quote, whatever was permitted", async () => {
    const upto = await offer(buyer, { maxPrice: FIRST - 1n });
    await reverts(buyUpto(upto), moa.exchange, "CostAboveMaximum", [FIRST, FIRST - 1n]);
    expect(await balances(moa, buyer)).to.deep.equal([FUNDS]);
  });

  it("sells to the quote's buyer where it names one, whoever pays", async () => {
    const upto = await offer(sponsor, { buyer: buyer.address });
    const { sale, buyerId } = await eventOf(moa, buyUpto(upto), "Exchange.KeySold");
    expect(buyerId).to.equal(BUYER);
    expect(sale).to.include({ payer: sponsor.address });
    const own = await offer(newcomer, { buyer: newcomer.address });
    expect((await eventOf(moa, buyUpto(own), "Exchange.KeySold")).buyerId).to.equal(5n);
  });

  it("makes nobody an agent who neither signed nor called", async () => {
    const upto = await offer(sponsor, { buyer: stranger.address });
    await reverts(buyUpto(upto), moa.exchange, "RecipientNotAgent", [stranger.address]);
    expect((await eventOf(moa, buyUpto(upto, stranger), "Exchange.KeySold")).buyerId).to.equal(5n);
  });

  it("T24 gives the key to where the signer's agent is now", async () => {
    const upto = await offer(buyer);
    await rotate(moa, BUYER, buyer, next);
    await buyUpto(upto);
    expect(await moa.keys.read.ownerOf([keyOf(LINEAR, BUYER)])).to.equal(next.address);
  });

  it("T12 nobody can take the money there without the key", async () => {
    const { till, permission: p, signature, quote } = await offer(buyer);
    const permit = {
      permitted: { token: moa.usdc.address, amount: p.amount },
      nonce: p.nonce,
      deadline: p.deadline,
    };
    const witness = { to: till, facilitator: moa.tills.address, validAfter: p.validAfter };
    const settle = ({ wallet, address }: Person) =>
      wallet.writeContract({
        ...{ ...proxy, functionName: "settle", args: [permit, FIRST, p.from, witness, signature] },
        ...{ account: address, chain: null, gas: 1_000_000n },
      });
    for (const who of [stranger, relayer, buyer])
      await reverts(settle(who), proxy, "UnauthorizedFacilitator");
    await buyUpto({ quote, till, permission: p, signature }, stranger);
    expect(await moa.keys.read.ownerOf([keyOf(LINEAR, BUYER)])).to.equal(buyer.address);
  });

  it("T12 sells nothing for money that was there before, and touches none of it", async () => {
    const upto = await offer(buyer);
    await moa.usdc.write.transfer([upto.till, PRICE], by(rival));
    await buyUpto(upto);
    expect(await balances(moa, buyer, { address: upto.till })).to.deep.equal([FUNDS - FIRST, PRICE]);
  });

  it("T17 a permission pays for its own quote alone", async () => {
    const listings = [FIXED, LINEAR];
    const offers = await Promise.all(listings.map((ekId) => offer(buyer, { ekId })));
    for (const own of offers) {
      for (const other of offers) {
        if (own === other) continue;
        await reverts(buyUpto({ ...own, quote: other.quote }), permit2, "InvalidSigner");
      }
      for (const fields of [{ version: 2 }, { maxPrice: PRICE + 1n }, { buyer: buyer.address }]) {
        const call = buyUpto({ ...own, quote: { ...own.quote, ...fields } });
        await reverts(call, permit2, "InvalidSigner");
      }
    }
    for (const own of offers) await buyUpto(own);
    expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(2n);
  });

  describe("refuses, and moves nothing", () => {
    afterEach(async () => {
      expect(await balances(moa, buyer)).to.deep.equal([FUNDS]);
    });

    it("what another facilitator was named for, and what somebody changed", async () => {
      const quote = await quoteOf(moa, { address: ZERO }, { ekId: LINEAR });
      await reverts(buyUpto(await sign(quote, buyer, PRICE, relayer.address)), permit2, "InvalidSigner");
      const good = await sign(quote, buyer);
      for (const fields of [
        { amount: PRICE + 1n },
        { nonce: 1n },
        { deadline: 2n ** 60n },
        { validAfter: 1n },
      ]) {
        const permission = { ...good.permission, ...fields };
        await reverts(buyUpto({ ...good, permission }), permit2, "InvalidSigner");
      }
      const permission = { ...good.permission, from: rival.address };
      await reverts(buyUpto({ ...good, permission }), permit2, "InvalidSigner");
    });

    it("what is too early", async () => {
      const upto = await offer(buyer);
      const permission = { ...upto.permission, validAfter: 2n ** 60n };
      await reverts(buyUpto({ ...upto, permission }), proxy, "PaymentTooEarly");
    });

    it("a used quote, and one past its deadline", async () => {
      const upto = await offer(buyer);
      await buyUpto(await sign(upto.quote, rival));
      await reverts(buyUpto(upto), moa.tills, "QuoteUsed", [await hashOf(upto)]);
      const late = await offer(buyer, { deadline: (await now()) + 10n });
      const at = await nextBlockAt(late.quote.deadline + 1n);
      await reverts(buyUpto(late), moa.tills, "DeadlinePassed", [late.quote.deadline, at]);
    });

    it("what costs nothing, and another token than the listing's", async () => {
      const free = await offer(buyer, { ekId: FREE });
      await reverts(buyUpto(free), moa.tills, "NothingPaid", [await hashOf(free)]);
      const token = await create("TestUSDC");
      const other = await offer(buyer, { token });
      await reverts(buyUpto(other), permit2, "InvalidSigner");
    });
  });
});
