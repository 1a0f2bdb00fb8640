/*
 * accessOf(ekId, agentId), hasAccess(ekId, account, scopes)
 * ├── given no key                       0; false
 * ├── given one key                      it, with its terms; true for every subset of its scopes
 * ├── given two keys                     the one bought or preferred last; true when either has all the scopes
 * │                                      (for those that came to it unasked see key-gift.test.ts)
 * ├── given an expired, transferred or burnt key  the other one, or none
 * └── after a rotation                   the same for the agent; for its new EOA and not for the old one
 *
 * prefer(keyId)
 * ├── given no such key                  reverts UnknownKey(keyId)
 * ├── when not called by its holder      reverts NotKeyHolder(keyId, caller)
 * └── else                               it is the one that access is looked up by
 */
import { expect } from "chai";
import { loadFixture, now, time } from "./support/chain.ts";
import { reverts } from "./support/check.ts";
import { by, type Moa, people } from "./support/deploy.ts";
import {
  BUYER,
  contentOf,
  deployMarket,
  Flags,
  impersonateExchange,
  keyOf,
  PRICE,
  purchaseOf,
  rotate,
  Scopes,
  sell,
  termsOf,
  VALIDATOR,
} from "./support/market.ts";

const { buyer, next, seller, stranger, validator } = people;

describe("ExperienceKey.accessOf", () => {
  let moa: Moa;
  let ekId: bigint;
  let first: bigint;
  let second: bigint;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    const terms = { keyTtl: 1000, scopes: Scopes.READ | Scopes.EXECUTE, flags: Flags.TRANSFERABLE };
    ({ ekId, keyId: first } = await sell(moa, terms));
    second = keyOf(ekId, BUYER, 1n);
  });

  const accessOf = async (agentId = BUYER) => (await moa.keys.read.accessOf([ekId, agentId]))[0];
  const hasAccess = (scopes: number, who = buyer) => moa.keys.read.hasAccess([ekId, who.address, scopes]);

  /** A second version, with other scopes and a longer life, and a key of it. */
  async function buySecond() {
    const terms = termsOf(moa, { keyTtl: 2000, scopes: Scopes.DOWNLOAD, flags: Flags.TRANSFERABLE });
    await moa.catalog.write.update([ekId, terms, contentOf("v2")], by(seller));
    await moa.exchange.write.buy([await purchaseOf(buyer, { ekId, version: 2 })], by(buyer));
  }

  it("finds nothing where nothing is", async () => {
    const none = await moa.keys.read.accessOf([ekId, VALIDATOR]);
    expect(none[0]).to.equal(0n);
    expect(none[1].agentId).to.equal(0n);
    expect(await accessOf(0n)).to.equal(0n);
    expect((await moa.keys.read.accessOf([0n, 0n]))[0]).to.equal(0n);
    expect(await hasAccess(0, stranger)).to.equal(false);
    expect(await hasAccess(Scopes.READ, validator)).to.equal(false);
  });

  it("finds the one key, with its terms", async () => {
    const [keyId, key] = await moa.keys.read.accessOf([ekId, BUYER]);
    expect(keyId).to.equal(first);
    expect(key).to.deep.equal(await moa.keys.read.keyInfo([first]));
    expect([key.version, key.expiry - key.startTime]).to.deep.equal([1, 1000]);
    expect(await hasAccess(Scopes.READ | Scopes.EXECUTE)).to.equal(true);
    expect(await hasAccess(Scopes.EXECUTE)).to.equal(true);
    expect(await hasAccess(0)).to.equal(true);
    expect(await hasAccess(Scopes.READ | Scopes.DOWNLOAD)).to.equal(false);
  });

  it("finds the one acquired last of two, and lets each give its scopes", async () => {
    await buySecond();
    expect(await accessOf()).to.equal(second);
    expect(await hasAccess(Scopes.READ)).to.equal(true);
    expect(await hasAccess(Scopes.DOWNLOAD)).to.equal(true);
    expect(await hasAccess(Scopes.READ | Scopes.DOWNLOAD), "no single key has both").to.equal(false);
  });

  it("finds the one preferred last", async () => {
    await buySecond();
    await moa.keys.write.prefer([first], by(buyer));
    expect(await accessOf()).to.equal(first);
    expect(await hasAccess(Scopes.DOWNLOAD), "only the first and the preferred one count").to.equal(false);
    await moa.keys.write.prefer([second], by(buyer));
    expect(await accessOf()).to.equal(second);
  });

  it("lets the holder alone prefer, and only keys that are there", async () => {
    const none = moa.keys.write.prefer([second], by(buyer));
    await reverts(none, moa.keys, "UnknownKey", [second]);
    for (const who of [stranger, seller]) {
      const call = moa.keys.write.prefer([first], by(who));
      await reverts(call, moa.keys, "NotKeyHolder", [first, who.address]);
    }
  });

  it("ends with the key's time, at that second", async () => {
    await buySecond();
    const { expiry } = await moa.keys.read.keyInfo([first]);
    await moa.keys.write.prefer([first], by(buyer));
    await time.increaseTo(expiry - 1);
    expect(await accessOf()).to.equal(first);
    expect(await moa.keys.read.isTokenExpired([first])).to.equal(false);
    await time.increaseTo(expiry);
    expect(await moa.keys.read.isTokenExpired([first])).to.equal(true);
    expect(await accessOf(), "the preferred key is over").to.equal(0n);
    await moa.keys.write.prefer([second], by(buyer));
    expect(await accessOf()).to.equal(second);
    expect(await hasAccess(Scopes.READ)).to.equal(false);
    await time.increaseTo((await now()) + 2000n);
    expect(await accessOf()).to.equal(0n);
    expect(await hasAccess(0)).to.equal(false);
  });

  it("ends with a transfer, and falls back on what is left", async () => {
    await buySecond();
    await moa.keys.write.transferFrom([buyer.address, validator.address, second], by(buyer));
    expect(await accessOf()).to.equal(first);
    expect(await hasAccess(Scopes.DOWNLOAD)).to.equal(false);
    expect(await accessOf(VALIDATOR)).to.equal(second);
    await moa.keys.write.transferFrom([buyer.address, validator.address, first], by(buyer));
    expect(await accessOf()).to.equal(0n);
    expect(await accessOf(VALIDATOR), "the first one is an unasked one with other scopes").to.equal(second);
    await moa.keys.write.prefer([first], by(validator));
    expect(await accessOf(VALIDATOR)).to.equal(first);
    const former = moa.keys.write.prefer([first], by(buyer));
    await reverts(former, moa.keys, "NotKeyHolder", [first, buyer.address]);
  });

  it("finds the first key that an agent buys, after one that it was given", async () => {
    await moa.keys.write.transferFrom([buyer.address, validator.address, first], by(buyer));
    expect(await accessOf(VALIDATOR)).to.equal(first);
    await moa.usdc.write.mint([validator.address, PRICE]);
    await moa.usdc.write.approve([moa.exchange.address, PRICE], by(validator));
    await moa.exchange.write.buy([await purchaseOf(validator, { ekId })], by(validator));
    expect(await accessOf(VALIDATOR)).to.equal(keyOf(ekId, VALIDATOR));
    await moa.keys.write.prefer([first], by(validator));
    expect(await accessOf(VALIDATOR)).to.equal(first);
  });

  it("ends with a burn", async () => {
    await buySecond();
    await impersonateExchange(moa);
    await moa.keys.write.burn([second], by(moa.exchange));
    expect(await accessOf()).to.equal(first);
    await moa.keys.write.burn([first], by(moa.exchange));
    expect(await accessOf()).to.equal(0n);
  });

  it("T24 follows the agent through a rotation", async () => {
    await buySecond();
    await rotate(moa, BUYER, buyer, next);
    expect(await accessOf()).to.equal(second);
    expect(await hasAccess(Scopes.READ, next)).to.equal(true);
    expect(await hasAccess(Scopes.DOWNLOAD, next)).to.equal(true);
    expect(await hasAccess(0, buyer)).to.equal(false);
    const former = moa.keys.write.prefer([first], by(buyer));
    await reverts(former, moa.keys, "NotKeyHolder", [first, buyer.address]);
    await moa.keys.write.prefer([first], by(next));
    expect(await accessOf()).to.equal(first);
    expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(0n);
    expect(await moa.keys.read.balanceOf([next.address])).to.equal(2n);
  });
});
