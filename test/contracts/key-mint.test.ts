/*
 * mint(ekId, agentId, eoa, epoch, version, expiry, scopes, flags, asked)
 * ├── when not called by the exchange     reverts NotExchange(caller)
 * ├── the agent's first key of a listing  has id ekId << 96 | agentId << 32; packs its terms; emits Transfer
 * │   ├── not transferable                emits Locked
 * │   └── with an expiry                  emits TokenExpiryUpdated
 * └── a further one                       has the next n, and is the one that access is looked up by; the first one counts them
 * │                                       (for one that the agent did not ask for see key-gift.test.ts)
 *     └── after the first was burnt       no id comes twice
 *
 * burn(keyId)
 * ├── when not called by the exchange     reverts NotExchange(caller)
 * ├── given no such key                   reverts UnknownKey(keyId)
 * └── else                                ends it; emits Transfer to zero from the EOA that the log knows, brought up to date first
 */
import { expect } from "chai";
import type { Address } from "viem";
import { loadFixture, now } from "./support/chain.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, type Moa, people } from "./support/deploy.ts";
import {
  BUYER,
  deployMarket,
  Flags,
  impersonateExchange,
  keyOf,
  rotate,
  Scopes,
  ZERO,
} from "./support/market.ts";

const { buyer, next, seller } = people;
const EK = 7n;

describe("ExperienceKey.mint", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    await impersonateExchange(moa);
  });

  function mint(
    { expiry = 0, flags = 0, version = 3 }: { expiry?: number; flags?: number; version?: number } = {},
    sender: { address: Address } = moa.exchange,
  ) {
    const args = [EK, BUYER, buyer.address, 0, version, expiry, Scopes.READ, flags, true] as const;
    return moa.keys.write.mint(args, by(sender));
  }

  it("is the exchange's alone", async () => {
    expect(await moa.keys.read.exchange()).to.equal(moa.exchange.address);
    await reverts(mint({}, seller), moa.keys, "NotExchange", [seller.address]);
  });

  it("packs a locked key without end", async () => {
    const keyId = keyOf(EK, BUYER);
    expect(await logsOf(moa, mint())).to.deep.equal([
      ["ExperienceKey.Transfer", { from: ZERO, to: buyer.address, tokenId: keyId }],
      ["ExperienceKey.Locked", { tokenId: keyId }],
    ]);
    expect(await moa.keys.read.keyInfo([keyId])).to.deep.equal({
      agentId: BUYER,
      version: 3,
      startTime: Number(await now()),
      expiry: 0,
      scopes: Scopes.READ,
      flags: 0,
      announcedEpoch: 0,
      minted: 1,
      lent: false,
    });
    expect(await moa.keys.read.ownerOf([keyId])).to.equal(buyer.address);
    expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(1n);
    expect(await moa.keys.read.keyIdOf([EK, BUYER, 0n])).to.equal(keyId);
    expect(await moa.keys.read.ekOf([keyId])).to.equal(EK);
    expect(await moa.keys.read.locked([keyId])).to.equal(true);
    expect(await moa.keys.read.endTime([keyId])).to.equal(0n);
    expect(await moa.keys.read.isTokenExpired([keyId])).to.equal(false);
  });

  it("packs a transferable key with an end", async () => {
    const keyId = keyOf(EK, BUYER);
    const expiry = Number(await now()) + 100;
    const logs = await logsOf(moa, mint({ expiry, flags: Flags.TRANSFERABLE }));
    const startTime = await now();
    expect(logs).to.deep.equal([
      ["ExperienceKey.Transfer", { from: ZERO, to: buyer.address, tokenId: keyId }],
      ["ExperienceKey.TokenExpiryUpdated", { tokenId: keyId, startTime, endTime: BigInt(expiry) }],
    ]);
    expect(await moa.keys.read.locked([keyId])).to.equal(false);
    expect(await moa.keys.read.startTime([keyId])).to.equal(startTime);
    expect(await moa.keys.read.endTime([keyId])).to.equal(BigInt(expiry));
  });

  it("numbers the keys of one agent, and never twice alike", async () => {
    await mint();
    await mint({ version: 4 });
    const second = keyOf(EK, BUYER, 1n);
    expect((await moa.keys.read.keyInfo([second])).version).to.equal(4);
    expect((await moa.keys.read.keyInfo([second])).minted).to.equal(0);
    expect((await moa.keys.read.keyInfo([keyOf(EK, BUYER)])).minted).to.equal(2);
    expect((await moa.keys.read.accessOf([EK, BUYER]))[0]).to.equal(second);

    await moa.keys.write.burn([keyOf(EK, BUYER)], by(moa.exchange));
    await moa.keys.write.burn([second], by(moa.exchange));
    await mint({ version: 5 });
    expect((await moa.keys.read.keyInfo([keyOf(EK, BUYER, 2n)])).version).to.equal(5);
    await reverts(moa.keys.read.keyInfo([keyOf(EK, BUYER)]), moa.keys, "UnknownKey", [keyOf(EK, BUYER)]);
    expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(1n);
  });

  describe("burn", () => {
    const keyId = keyOf(EK, BUYER);
    const burn = (sender: { address: Address } = moa.exchange) => moa.keys.write.burn([keyId], by(sender));
    beforeEach(async () => {
      await mint();
    });

    it("is the exchange's alone, also for the holder", async () => {
      await reverts(burn(buyer), moa.keys, "NotExchange", [buyer.address]);
    });

    it("ends the key", async () => {
      expect(await logsOf(moa, burn())).to.deep.equal([
        ["ExperienceKey.Transfer", { from: buyer.address, to: ZERO, tokenId: keyId }],
      ]);
      expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(0n);
      expect((await moa.keys.read.accessOf([EK, BUYER]))[0]).to.equal(0n);
      await reverts(moa.keys.read.ownerOf([keyId]), moa.keys, "ERC721NonexistentToken", [keyId]);
      await reverts(burn(), moa.keys, "UnknownKey", [keyId]);
    });

    it("tells the log of a rotation first", async () => {
      await rotate(moa, BUYER, buyer, next);
      expect(await logsOf(moa, burn())).to.deep.equal([
        ["ExperienceKey.Transfer", { from: buyer.address, to: next.address, tokenId: keyId }],
        ["ExperienceKey.MetadataUpdate", { _tokenId: keyId }],
        ["ExperienceKey.Transfer", { from: next.address, to: ZERO, tokenId: keyId }],
      ]);
      expect(await moa.keys.read.balanceOf([next.address])).to.equal(0n);
    });
  });
});
