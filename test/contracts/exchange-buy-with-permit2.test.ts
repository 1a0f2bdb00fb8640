/*
 * buyWithPermit2(purchase, nonce, deadline, signature)
 * ├── given the caller's signature for the listing's token, purchase.maxPrice and the exchange as spender
 * │   └── buys; takes the price, not the maximum
 * ├── given one for another amount, token, spender, chain, signer, nonce or deadline   reverts InvalidSigner()
 * ├── given a nonce that was used, or one that is late                                reverts InvalidNonce(), SignatureExpired(deadline)
 * └── given what buy refuses                                                           reverts as buy does
 */
import { expect } from "chai";
import { type Hex, toHex } from "viem";
import { loadFixture, networkHelpers, now } from "./support/chain.ts";
import { eventOf, reverts } from "./support/check.ts";
import { by, create, type Moa, type Person, people } from "./support/deploy.ts";
import {
  balances,
  deployMarket,
  FIXED,
  FREE,
  FUNDS,
  LINEAR,
  PRICE,
  type Purchase,
  purchaseOf,
  VALIDATOR,
} from "./support/market.ts";
import { PERMIT2, permit2, placePermit2, signPermit2 } from "./support/permit2.ts";

const { buyer, newcomer, rival, stranger, validator } = people;
const DEADLINE = 2n ** 40n;

async function deployPermitted() {
  const moa = await deployMarket();
  await placePermit2();
  for (const who of [buyer, newcomer, rival]) {
    await moa.usdc.write.approve([PERMIT2, FUNDS], by(who));
    await moa.usdc.write.approve([moa.exchange.address, 0n], by(who));
  }
  return moa;
}

describe("Exchange.buyWithPermit2", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployPermitted);
  });

  const signed = (amount = PRICE, nonce = 1n, deadline = DEADLINE, owner: Person = buyer) =>
    signPermit2(owner, moa.exchange, moa.usdc, amount, nonce, deadline);
  async function buy(
    signature: `0x${string}`,
    fields: Partial<Purchase> = {},
    sender: Person = buyer,
    [nonce, deadline] = [1n, DEADLINE],
  ) {
    const args = [await purchaseOf(sender, fields), nonce, deadline, signature] as const;
    return moa.exchange.write.buyWithPermit2(args, by(sender));
  }

  it("buys without an allowance to the exchange", async () => {
    const { sale } = await eventOf(moa, buy(await signed()), "Exchange.KeySold");
    expect(sale).to.include({ payer: buyer.address, price: PRICE });
    expect(await balances(moa, buyer, moa.exchange)).to.deep.equal([FUNDS - PRICE, PRICE]);
    expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(1n);
  });

  it("makes the caller an agent, and gives", async () => {
    const signature = await signed(PRICE, 1n, DEADLINE, newcomer);
    const hash = buy(signature, { recipient: validator.address }, newcomer);
    const { buyerId, sale } = await eventOf(moa, hash, "Exchange.KeySold");
    expect(buyerId).to.equal(VALIDATOR);
    expect(sale).to.include({ payerId: 5n });
  });

  it("T4 takes the price, not the maximum that was signed", async () => {
    await buy(await signed(PRICE), { ekId: LINEAR, maxPrice: PRICE });
    expect(await balances(moa, buyer, moa.exchange)).to.deep.equal([FUNDS - 1_000_000n, 1_000_000n]);
  });

  it("T9 takes a nonce once, in any order", async () => {
    const signature = await signed();
    await buy(signature);
    await reverts(buy(signature), permit2, "InvalidNonce");
    const other = await signed(PRICE, 0n);
    await buy(other, {}, buyer, [0n, DEADLINE]);
    const far = await signed(PRICE, 2n ** 255n);
    await buy(far, {}, buyer, [2n ** 255n, DEADLINE]);
    await reverts(buy(far, {}, buyer, [2n ** 255n, DEADLINE]), permit2, "InvalidNonce");
    expect(await balances(moa, buyer)).to.deep.equal([FUNDS - 3n * PRICE]);
  });

  it("T9 T10 takes the very words that were signed, from whom they are of", async () => {
    const { exchange, usdc } = moa;
    const token = { address: await create("TestUSDC") };
    const chainId = 1;
    const wrong: Hex[] = [
      await signed(PRICE + 1n),
      await signed(PRICE - 1n),
      await signed(PRICE, 2n),
      await signed(PRICE, 1n, DEADLINE - 1n),
      await signed(PRICE, 1n, DEADLINE, rival),
      await signPermit2(buyer, stranger, usdc, PRICE, 1n, DEADLINE),
      await signPermit2(buyer, moa.tills, usdc, PRICE, 1n, DEADLINE),
      await signPermit2(buyer, exchange, token, PRICE, 1n, DEADLINE),
      await signPermit2(buyer, exchange, usdc, PRICE, 1n, DEADLINE, chainId),
      `0x${(await signed()).slice(2, -2)}00` as const,
      "0x" as const,
    ];
    for (const signature of wrong) await reverts(buy(signature), permit2, "InvalidSigner");
    await reverts(buy(await signed(), {}, rival), permit2, "InvalidSigner");
    await reverts(buy(await signed(), { maxPrice: PRICE + 1n }), permit2, "InvalidSigner");
    expect(await balances(moa, buyer, rival, exchange)).to.deep.equal([FUNDS, FUNDS, 0n]);
    await buy(await signed());
  });

  it("refuses a permit that is late", async () => {
    const deadline = await now();
    const signature = await signed(PRICE, 1n, deadline);
    await reverts(buy(signature, {}, buyer, [1n, deadline]), permit2, "SignatureExpired", [deadline]);
  });

  it("refuses what buy refuses, and leaves the permit unused", async () => {
    const signature = await signed();
    await reverts(buy(signature, { version: 2 }), moa.exchange, "VersionMismatch", [FIXED, 1, 2]);
    const dear = buy(await signed(PRICE - 1n), { maxPrice: PRICE - 1n });
    await reverts(dear, moa.exchange, "CostAboveMaximum", [PRICE, PRICE - 1n]);
    await buy(signature);
  });

  it("moves nothing for a free key", async () => {
    await buy(await signed(), { ekId: FREE });
    expect(await balances(moa, buyer, moa.exchange)).to.deep.equal([FUNDS, 0n]);
  });

  it("sells nothing where there is no Permit2, or one that does nothing", async () => {
    const signature = await signed();
    await networkHelpers.setCode(PERMIT2, "0x");
    await buy(signature).then(
      () => expect.fail("sold"),
      (error: Error) => expect(error.message).to.match(/revert/),
    );
    await networkHelpers.setCode(PERMIT2, toHex("\u0000", { size: 1 }));
    await reverts(buy(signature), moa.exchange, "InexactTransfer", [moa.usdc.address, PRICE, 0n]);
    expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(0n);
  });
});
