/*
 * royaltyInfo(keyId, salePrice)
 * ├── given no such key    reverts UnknownKey(keyId)
 * └── else                 who is paid and how much, by what the catalog says of the key's listing and version; rounded down
 */
import { expect } from "chai";
import { type Address, getContract, maxUint256, parseAbi } from "viem";
import { experienceKeyAbi } from "../../sdk/abis/index.ts";
import { loadFixture } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, client, create, type Moa, people } from "./support/deploy.ts";
import { BUYER, deployMarket, keyOf, rotate, SELLER, sell } from "./support/market.ts";

const { buyer, next, rival, seller, sponsor } = people;
const termsAbi = parseAbi(["function set(uint256 ekId, uint32 version, address receiver, uint16 bps)"]);

describe("ExperienceKey.royaltyInfo", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  /** Keys of their own with such a catalog; the administrator is in the exchange's place. */
  async function keysWithTerms() {
    const terms = getContract({ address: await create("ResaleTerms"), abi: termsAbi, client });
    const args = [moa.registry.address, people.admin.address, terms.address];
    const keys = getContract({ address: await create("ExperienceKey", args), abi: experienceKeyAbi, client });
    const mint = (ekId: bigint, version: number, eoa: Address) =>
      keys.write.mint([ekId, BUYER, eoa, 0, version, 0, 1, 1, true], by(people.admin));
    return { terms, keys, mint };
  }

  it("asks for what the seller asked in the key's own version", async () => {
    const { terms, keys, mint } = await keysWithTerms();
    await mint(7n, 1, buyer.address);
    await mint(7n, 2, buyer.address);
    await mint(8n, 1, buyer.address);
    await terms.write.set([7n, 1, rival.address, 250]);
    await terms.write.set([7n, 2, sponsor.address, 10_000]);
    const info = (keyId: bigint, price: bigint) => keys.read.royaltyInfo([keyId, price]);
    expect(await info(keyOf(7n, BUYER), 1_000_000n)).to.deep.equal([rival.address, 25_000n]);
    expect(await info(keyOf(7n, BUYER), 39n), "less than a unit").to.deep.equal([rival.address, 0n]);
    expect(await info(keyOf(7n, BUYER), 79n), "down").to.deep.equal([rival.address, 1n]);
    expect(await info(keyOf(7n, BUYER, 1n), maxUint256), "any price").to.deep.equal([
      sponsor.address,
      maxUint256,
    ]);
    const [, nothing] = await info(keyOf(8n, BUYER), 1_000_000n);
    expect(nothing).to.equal(0n);
  });

  it("says nothing of keys that are not there", async () => {
    await reverts(moa.keys.read.royaltyInfo([9n, 1n]), moa.keys, "UnknownKey", [9n]);
  });

  it("asks the catalogue, which names the version's rate and the seller's present EOA", async () => {
    expect(await moa.keys.read.catalog()).to.equal(moa.catalog.address);
    const { keyId } = await sell(moa, { resaleBps: 250 });
    expect(await moa.keys.read.royaltyInfo([keyId, 10_000n])).to.deep.equal([seller.address, 250n]);
    await rotate(moa, SELLER, seller, next);
    expect(await moa.keys.read.royaltyInfo([keyId, 10_000n])).to.deep.equal([next.address, 250n]);
    await reverts(moa.catalog.read.resaleTermsOf([99n, 1]), moa.catalog, "UnknownListing", [99n]);
  });
});
