/*
 * pay(token, to, amount) of a till
 * ├── when not called by the tills   reverts NotTills(caller), at the implementation and at every clone
 * └── by the tills                   pays; reverts SafeERC20FailedOperation when the token says false
 *
 * tillOf(quote)   another address for every other quote; nothing stands there before the quote is used, and forever after
 */
import { expect } from "chai";
import { type Address, getContract, toHex } from "viem";
import { tillAbi } from "../../sdk/abis/index.ts";
import { loadFixture, publicClient } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, client, type Moa, people } from "./support/deploy.ts";
import { balances, deployMarket, fund, impersonate, PRICE, quoteOf } from "./support/market.ts";
import { createWeirdToken } from "./support/mocks.ts";

const { buyer, seller, sponsor, stranger } = people;

describe("Till.pay", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  const tillAt = (address: Address) => getContract({ address, abi: tillAbi, client });

  it("is the tills' alone, at the implementation and at a clone", async () => {
    const quote = await quoteOf(moa, buyer);
    const address = await fund(moa, quote, PRICE, sponsor);
    await moa.tills.write.finalizeTill([quote], by(stranger));
    await fund(moa, quote, 5n, sponsor);
    await impersonate(moa.exchange);
    for (const at of [await moa.tills.read.tillImplementation(), address]) {
      const till = tillAt(at);
      expect(await till.read.tills()).to.equal(moa.tills.address);
      for (const thief of [stranger, buyer, seller, moa.exchange]) {
        const call = till.write.pay([moa.usdc.address, thief.address, 5n], by(thief));
        await reverts(call, till, "NotTills", [thief.address]);
      }
    }
    await impersonate(moa.tills);
    await tillAt(address).write.pay([moa.usdc.address, seller.address, 5n], by(moa.tills));
    expect(await balances(moa, { address }, seller)).to.deep.equal([0n, 5n]);
    const silent = await createWeirdToken("FalseReturnToken");
    const refused = tillAt(address).write.pay([silent.address, seller.address, 5n], by(moa.tills));
    await reverts(refused, silent, "SafeERC20FailedOperation", [silent.address]);
  });

  it("stands at an address of its own for every quote, once it is used", async () => {
    const quote = await quoteOf(moa, buyer);
    const others = [
      { ekId: 2n },
      { version: 2 },
      { buyer: seller.address },
      { token: seller.address },
      { maxPrice: PRICE + 1n },
      { deadline: quote.deadline + 1n },
      { salt: toHex(99n, { size: 32 }) },
    ].map((fields) => ({ ...quote, ...fields }));
    const tills = await Promise.all([quote, ...others].map((q) => moa.tills.read.tillOf([q])));
    expect(new Set(tills).size).to.equal(8);
    const [address] = tills as [Address];
    expect(await publicClient.getCode({ address })).to.equal(undefined);
    await fund(moa, quote, PRICE, sponsor);
    await moa.tills.write.finalizeTill([quote], by(stranger));
    const code = await publicClient.getCode({ address });
    const implementation = (await moa.tills.read.tillImplementation()).slice(2).toLowerCase();
    expect(code).to.equal(`0x363d3d373d3d3d363d73${implementation}5af43d82803e903d91602b57fd5bf3`);
  });
});

describe("Tills.pay", () => {
  it("is the exchange's alone", async () => {
    const moa = await loadFixture(deployMarket);
    const quote = await quoteOf(moa, buyer);
    await fund(moa, quote, PRICE, sponsor);
    const hash = await moa.tills.read.quoteHashOf([quote]);
    for (const thief of [stranger, buyer, seller]) {
      const call = moa.tills.write.pay([hash, moa.usdc.address, PRICE], by(thief));
      await reverts(call, moa.tills, "NotExchange", [thief.address]);
    }
  });
});
