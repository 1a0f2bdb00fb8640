/*
 * renew(keyId, expiry)
 * ├── when not called by the exchange     reverts NotExchange(caller)
 * ├── given no such key, or a burnt one   reverts UnknownKey(keyId)
 * ├── given a key without end             reverts KeyWithoutEnd(keyId)
 * ├── when it would not end later         reverts RenewalShortens(keyId, expiry, current)
 * ├── when it would be over all the same  reverts RenewalInPast(keyId, expiry, time)
 * └── else                                sets the end, also of a key that was over; emits TokenExpiryUpdated and MetadataUpdate
 */
import { expect } from "chai";
import type { Address } from "viem";
import { loadFixture, nextBlockAt, now, time } from "./support/chain.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, type Moa, people } from "./support/deploy.ts";
import { BUYER, deployMarket, impersonateExchange, rotate, sell } from "./support/market.ts";

const { buyer, next } = people;

describe("ExperienceKey.renew", () => {
  let moa: Moa;
  let ekId: bigint;
  let keyId: bigint;
  let expiry: number;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    ({ ekId, keyId } = await sell(moa, { keyTtl: 1000 }));
    ({ expiry } = await moa.keys.read.keyInfo([keyId]));
    await impersonateExchange(moa);
  });

  const renew = (end: number, id = keyId, sender: { address: Address } = moa.exchange) =>
    moa.keys.write.renew([id, end], by(sender));

  it("moves the end, and nothing else", async () => {
    const before = await moa.keys.read.keyInfo([keyId]);
    const args = { tokenId: keyId, startTime: BigInt(before.startTime), endTime: BigInt(expiry + 1) };
    expect(await logsOf(moa, renew(expiry + 1))).to.deep.equal([
      ["ExperienceKey.TokenExpiryUpdated", args],
      ["ExperienceKey.MetadataUpdate", { _tokenId: keyId }],
    ]);
    expect(await moa.keys.read.keyInfo([keyId])).to.deep.equal({ ...before, expiry: expiry + 1 });
    expect(await moa.keys.read.endTime([keyId])).to.equal(BigInt(expiry + 1));
    await time.increaseTo(expiry);
    expect((await moa.keys.read.accessOf([ekId, BUYER]))[0]).to.equal(keyId);
    await time.increaseTo(expiry + 1);
    expect((await moa.keys.read.accessOf([ekId, BUYER]))[0]).to.equal(0n);
  });

  it("brings a key back that was over", async () => {
    await time.increaseTo(expiry + 500);
    expect(await moa.keys.read.hasAccess([ekId, buyer.address, 0])).to.equal(false);
    await renew(expiry + 1000);
    expect(await moa.keys.read.hasAccess([ekId, buyer.address, 0])).to.equal(true);
    expect(await moa.keys.read.isTokenExpired([keyId])).to.equal(false);
  });

  it("T24 renews for the agent, wherever it has rotated to", async () => {
    await rotate(moa, BUYER, buyer, next);
    await time.increaseTo(expiry);
    await renew(expiry + 1000);
    expect(await moa.keys.read.hasAccess([ekId, next.address, 0])).to.equal(true);
    expect(await moa.keys.read.hasAccess([ekId, buyer.address, 0])).to.equal(false);
  });

  it("is the exchange's alone", async () => {
    await reverts(renew(expiry + 1, keyId, buyer), moa.keys, "NotExchange", [buyer.address]);
  });

  it("never shortens", async () => {
    for (const end of [0, expiry - 1, expiry]) {
      await reverts(renew(end), moa.keys, "RenewalShortens", [keyId, end, expiry]);
    }
  });

  it("refuses an end that is over", async () => {
    const end = expiry + 10;
    const at = await nextBlockAt(BigInt(end));
    await reverts(renew(end), moa.keys, "RenewalInPast", [keyId, end, at]);
    expect(await now()).to.equal(at);
    await renew(end + 2);
  });

  it("refuses a key without end, and keys that are not there", async () => {
    const { keyId: endless } = await sell(moa, {});
    await reverts(renew(expiry + 1, endless), moa.keys, "KeyWithoutEnd", [endless]);
    await reverts(renew(expiry + 1, 9n), moa.keys, "UnknownKey", [9n]);
    await moa.keys.write.burn([keyId], by(moa.exchange));
    await reverts(renew(expiry + 1), moa.keys, "UnknownKey", [keyId]);
  });
});
