/*
 * setUser(keyId, user, expires), by the holder's EOA or whom it approved
 * ├── given no such key                            reverts UnknownKey(keyId)
 * ├── by anybody else                              reverts NotKeyOperator(keyId, caller)
 * ├── given a version that does not allow it       reverts KeyNotLendable(keyId)
 * ├── given a key in escrow                        reverts KeyHeld(keyId), as transferFrom does
 * ├── when `user` is no agent's EOA                reverts ReceiverNotAgent(user); the holder's own: SameAgent(agentId)
 * ├── given an end that is over                    reverts RentalInPast(keyId, expires, time)
 * ├── given an end after the key's                 reverts RentalOutlastsKey(keyId, expires, latest)
 * ├── while a rental runs                          reverts KeyRented(keyId, expires), as transferFrom does
 * │   ├── for the same agent, not for shorter      prolongs it
 * │   └── by its tenant, with no user              ends it
 * └── else                                         the tenant has the use and the holder has not; emits UpdateUser
 *     ├── until `expires`                          then it is the holder's again
 *     ├── through rotations of either              the same
 *     └── when the key is burnt                    nobody's; emits UpdateUser
 *
 * userOf(keyId), userExpires(keyId)                the tenant's present EOA and the end, while it runs; else zeros
 */
import { expect } from "chai";
import { type Address, getContract, maxUint64, parseAbi } from "viem";
import { experienceKeyAbi } from "../../sdk/abis/index.ts";
import { loadFixture, networkHelpers, nextBlockAt, now, time } from "./support/chain.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, client, create, type Moa, type Person, people } from "./support/deploy.ts";
import {
  BUYER,
  deployMarket,
  Flags,
  impersonateExchange,
  keyOf,
  purchaseOf,
  rotate,
  Scopes,
  SELLER,
  sell,
  UNIT,
  VALIDATOR,
  ZERO,
} from "./support/market.ts";

const { afterNext, buyer, next, operator, seller, stranger, unit, validator } = people;
const BOTH = Flags.TRANSFERABLE | Flags.LENDABLE;

describe("ExperienceKey.setUser", () => {
  let moa: Moa;
  let ekId: bigint;
  let keyId: bigint;
  let end: bigint;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    ({ ekId, keyId } = await sell(moa, { flags: BOTH, scopes: Scopes.ALL, keyTtl: 100_000 }));
    end = (await now()) + 1000n;
  });

  const lend = (user: { address: Address }, expires = end, sender: Person = buyer) =>
    moa.keys.write.setUser([keyId, user.address, expires], by(sender));
  const giveUp = (sender: Person) => lend({ address: ZERO }, 0n, sender);
  const pass = (from: Person, to: Person, sender = from) =>
    moa.keys.write.transferFrom([from.address, to.address, keyId], by(sender));
  const access = async (agentId: bigint) => (await moa.keys.read.accessOf([ekId, agentId]))[0];
  const mayUse = (who: Person) => moa.keys.read.hasAccess([ekId, who.address, Scopes.ALL]);
  const user = async () => [await moa.keys.read.userOf([keyId]), await moa.keys.read.userExpires([keyId])];
  const updated = (who: Address, expires: bigint) => [
    "ExperienceKey.UpdateUser",
    { tokenId: keyId, user: who, expires },
  ];
  const NOBODY = [ZERO, 0n];

  it("gives the tenant the use and takes it from the holder, who stays the owner", async () => {
    expect(await user()).to.deep.equal(NOBODY);
    expect(await logsOf(moa, lend(validator))).to.deep.equal([updated(validator.address, end)]);
    expect(await user()).to.deep.equal([validator.address, end]);
    expect(await moa.keys.read.ownerOf([keyId])).to.equal(buyer.address);
    expect(await moa.keys.read.balanceOf([validator.address])).to.equal(0n);
    expect([await mayUse(validator), await mayUse(buyer)]).to.deep.equal([true, false]);
    expect([await access(VALIDATOR), await access(BUYER)]).to.deep.equal([keyId, 0n]);
    expect((await moa.keys.read.keyInfo([keyId])).lent).to.equal(true);
  });

  it("answers the tenant with the end of the rental, not of the key", async () => {
    await lend(validator);
    const [, key] = await moa.keys.read.accessOf([ekId, VALIDATOR]);
    expect(key).to.deep.equal({ ...(await moa.keys.read.keyInfo([keyId])), expiry: Number(end) });
    expect(key.agentId).to.equal(BUYER);
  });

  it("ends at that second, and the use is the holder's again", async () => {
    await lend(validator);
    await time.increaseTo(end - 1n);
    expect([await mayUse(validator), await mayUse(buyer)]).to.deep.equal([true, false]);
    await time.increaseTo(end);
    expect([await mayUse(validator), await mayUse(buyer)]).to.deep.equal([false, true]);
    expect([await access(VALIDATOR), await access(BUYER)]).to.deep.equal([0n, keyId]);
    expect(await user()).to.deep.equal(NOBODY);
    const next = end + 500n;
    expect(await logsOf(moa, lend(unit, next))).to.deep.equal([updated(unit.address, next)]);
    expect([await mayUse(validator), await mayUse(unit)]).to.deep.equal([false, true]);
  });

  it("can be given up by the tenant alone, at any time", async () => {
    await lend(validator);
    for (const who of [buyer, seller]) {
      const error = who === buyer ? "KeyRented" : "NotKeyOperator";
      const args = who === buyer ? [keyId, end] : [keyId, who.address];
      await reverts(giveUp(who), moa.keys, error, args);
    }
    expect(await logsOf(moa, giveUp(validator))).to.deep.equal([updated(ZERO, 0n)]);
    expect([await mayUse(validator), await mayUse(buyer)]).to.deep.equal([false, true]);
    await reverts(giveUp(validator), moa.keys, "NotKeyOperator", [keyId, validator.address]);
    await lend(unit);
    expect(await mayUse(unit)).to.equal(true);
  });

  it("the holder may say that nobody rents it, when nobody does", async () => {
    expect(await logsOf(moa, giveUp(buyer))).to.deep.equal([updated(ZERO, 0n)]);
    await lend(validator);
    await time.increaseTo(end);
    await giveUp(buyer);
    expect((await moa.keys.read.keyInfo([keyId])).lent).to.equal(false);
  });

  it("lends to nobody else while it runs, nor to the tenant for shorter", async () => {
    await lend(validator);
    await reverts(lend(unit, end + 1n), moa.keys, "KeyRented", [keyId, end]);
    await reverts(lend(validator, end - 1n), moa.keys, "KeyRented", [keyId, end]);
    const sublet = lend(unit, end, validator);
    await reverts(sublet, moa.keys, "NotKeyOperator", [keyId, validator.address]);
    expect(await user()).to.deep.equal([validator.address, end]);
  });

  it("can be prolonged for the tenant, whose other choice stands", async () => {
    await lend(validator);
    await moa.usdc.write.mint([validator.address, 10n ** 9n]);
    await moa.usdc.write.approve([moa.exchange.address, 10n ** 9n], by(validator));
    await moa.exchange.write.buy([await purchaseOf(validator, { ekId })], by(validator));
    expect(await access(VALIDATOR)).to.equal(keyOf(ekId, VALIDATOR));
    expect(await logsOf(moa, lend(validator, end + 5n))).to.deep.equal([
      updated(validator.address, end + 5n),
    ]);
    expect(await user()).to.deep.equal([validator.address, end + 5n]);
    expect(await access(VALIDATOR)).to.equal(keyOf(ekId, VALIDATOR));
    await moa.keys.write.prefer([keyId], by(validator));
    expect(await access(VALIDATOR)).to.equal(keyId);
    await time.increaseTo(end + 5n);
    expect(await access(VALIDATOR)).to.equal(keyOf(ekId, VALIDATOR));
  });

  it("keeps the key where it is while it runs", async () => {
    await lend(validator);
    await reverts(pass(buyer, unit), moa.keys, "KeyRented", [keyId, end]);
    await reverts(pass(buyer, validator), moa.keys, "KeyRented", [keyId, end]);
    await time.increaseTo(end);
    expect(await logsOf(moa, pass(buyer, unit))).to.deep.equal([
      updated(ZERO, 0n),
      ["ExperienceKey.Transfer", { from: buyer.address, to: unit.address, tokenId: keyId }],
      ["ExperienceKey.MetadataUpdate", { _tokenId: keyId }],
    ]);
    expect((await moa.keys.read.keyInfo([keyId])).lent).to.equal(false);
    expect(await access(UNIT)).to.equal(keyId);
  });

  it("may be lent back to who sold it, and preferred by nobody else", async () => {
    await pass(buyer, unit);
    await lend(buyer, end, unit);
    expect([await access(BUYER), await access(UNIT)]).to.deep.equal([keyId, 0n]);
    await moa.keys.write.prefer([keyId], by(buyer));
    await moa.keys.write.prefer([keyId], by(unit));
    expect([await access(BUYER), await access(UNIT)]).to.deep.equal([keyId, 0n]);
    const outsider = moa.keys.write.prefer([keyId], by(validator));
    await reverts(outsider, moa.keys, "NotKeyHolder", [keyId, validator.address]);
    await time.increaseTo(end);
    const over = moa.keys.write.prefer([keyId], by(buyer));
    await reverts(over, moa.keys, "NotKeyHolder", [keyId, buyer.address]);
  });

  it("may be done by whom the holder approved", async () => {
    await moa.keys.write.approve([operator.address, keyId], by(buyer));
    await lend(validator, end, operator);
    await giveUp(validator);
    await moa.keys.write.approve([ZERO, keyId], by(buyer));
    await reverts(lend(validator, end, operator), moa.keys, "NotKeyOperator", [keyId, operator.address]);
    await moa.keys.write.setApprovalForAll([operator.address, true], by(buyer));
    await lend(validator, end, operator);
    expect(await mayUse(validator)).to.equal(true);
  });

  it("refuses whoever may not, and keys that are not there", async () => {
    await reverts(lend(validator, end, stranger), moa.keys, "NotKeyOperator", [keyId, stranger.address]);
    await reverts(lend(validator, end, validator), moa.keys, "NotKeyOperator", [keyId, validator.address]);
    const none = moa.keys.write.setUser([9n, validator.address, end], by(buyer));
    await reverts(none, moa.keys, "UnknownKey", [9n]);
    await reverts(moa.keys.read.userOf([9n]), moa.keys, "UnknownKey", [9n]);
    await reverts(moa.keys.read.userExpires([9n]), moa.keys, "UnknownKey", [9n]);
  });

  it("refuses users that are no other agent", async () => {
    await reverts(lend(stranger), moa.keys, "ReceiverNotAgent", [stranger.address]);
    await reverts(lend(buyer), moa.keys, "SameAgent", [BUYER]);
    await rotate(moa, SELLER, seller, next);
    await reverts(lend(seller), moa.keys, "ReceiverNotAgent", [seller.address]);
  });

  it("refuses versions that don't allow it: to transfer is another right", async () => {
    const other = await sell(moa, { flags: Flags.TRANSFERABLE });
    const call = moa.keys.write.setUser([other.keyId, validator.address, end], by(buyer));
    await reverts(call, moa.keys, "KeyNotLendable", [other.keyId]);
    const lendable = await sell(moa, { flags: Flags.LENDABLE });
    await moa.keys.write.setUser([lendable.keyId, validator.address, end], by(buyer));
    const args = [buyer.address, unit.address, lendable.keyId] as const;
    await reverts(moa.keys.write.transferFrom(args, by(buyer)), moa.keys, "KeyLocked", [lendable.keyId]);
  });

  it("refuses ends that are over, or after the key's own", async () => {
    const at = await nextBlockAt(end);
    await reverts(lend(validator, end), moa.keys, "RentalInPast", [keyId, end, at]);
    const latest = BigInt((await moa.keys.read.keyInfo([keyId])).expiry);
    for (const late of [latest + 1n, maxUint64]) {
      await reverts(lend(validator, late), moa.keys, "RentalOutlastsKey", [keyId, late, latest]);
    }
    await lend(validator, latest);
    expect(await user()).to.deep.equal([validator.address, latest]);
  });

  it("a key without end is lent for as long as can be stored", async () => {
    ({ ekId, keyId } = await sell(moa, { flags: BOTH, scopes: Scopes.ALL }));
    const latest = 2n ** 40n - 1n;
    await reverts(lend(validator, latest + 1n), moa.keys, "RentalOutlastsKey", [keyId, latest + 1n, latest]);
    await lend(validator, latest);
    expect(await mayUse(validator)).to.equal(true);
  });

  it("T24 belongs to the agents: rotations of both change nothing, the former EOAs have nothing", async () => {
    await lend(validator);
    await rotate(moa, BUYER, buyer, next);
    await rotate(moa, VALIDATOR, validator, afterNext);
    expect(await user()).to.deep.equal([afterNext.address, end]);
    expect([await mayUse(afterNext), await mayUse(next)]).to.deep.equal([true, false]);
    expect([await mayUse(validator), await mayUse(buyer)]).to.deep.equal([false, false]);
    await reverts(giveUp(validator), moa.keys, "NotKeyOperator", [keyId, validator.address]);
    await reverts(lend(unit, end + 1n, next), moa.keys, "KeyRented", [keyId, end]);
    await giveUp(afterNext);
    expect(await mayUse(next)).to.equal(true);
    await reverts(lend(unit, end, buyer), moa.keys, "NotKeyOperator", [keyId, buyer.address]);
    await lend(unit, end, next);
  });

  it("ends with the key", async () => {
    await lend(validator);
    await impersonateExchange(moa);
    expect(await logsOf(moa, moa.keys.write.burn([keyId], by(moa.exchange)))).to.deep.equal([
      updated(ZERO, 0n),
      ["ExperienceKey.Transfer", { from: buyer.address, to: ZERO, tokenId: keyId }],
    ]);
    expect([await mayUse(validator), await mayUse(buyer)]).to.deep.equal([false, false]);
    await reverts(giveUp(validator), moa.keys, "UnknownKey", [keyId]);
  });

  it("a renewed key can be lent for longer", async () => {
    const { expiry } = await moa.keys.read.keyInfo([keyId]);
    await impersonateExchange(moa);
    await lend(validator);
    await moa.keys.write.renew([keyId, expiry + 10], by(moa.exchange));
    expect(await user(), "the rental ends when it was to end").to.deep.equal([validator.address, end]);
    await lend(validator, BigInt(expiry + 10));
    expect(await mayUse(validator)).to.equal(true);
  });

  it("what a stranger lends takes nothing from what the agent has", async () => {
    const { keyId: own } = await sell(moa, { flags: BOTH, scopes: Scopes.ALL }, people.rival);
    const ek = own >> 96n;
    await moa.exchange.write.buy([await purchaseOf(buyer, { ekId: ek })], by(buyer));
    await moa.keys.write.setUser([keyOf(ek, BUYER), people.rival.address, end], by(buyer));
    const rival = await moa.registry.read.agentOf([people.rival.address]);
    expect((await moa.keys.read.accessOf([ek, rival]))[0], "its own has no end").to.equal(own);
  });

  it("T1 a key in escrow moves and is lent nowhere, then it does", async () => {
    const exchange = getContract({
      address: await create("HoldingExchange"),
      abi: parseAbi(["function setHeld(uint256 keyId, bool held)"]),
      client,
    });
    const address = await create("ExperienceKey", [moa.registry.address, exchange.address, exchange.address]);
    const keys = getContract({ address, abi: experienceKeyAbi, client });
    await networkHelpers.impersonateAccount(exchange.address);
    await networkHelpers.setBalance(exchange.address, 10n ** 18n);
    await keys.write.mint([7n, BUYER, buyer.address, 0, 1, 0, 1, BOTH, true], by(exchange));
    const held = keyOf(7n, BUYER);
    const calls = {
      lend: () => keys.write.setUser([held, validator.address, end], by(buyer)),
      giveUp: () => keys.write.setUser([held, ZERO, 0n], by(validator)),
      pass: () => keys.write.transferFrom([buyer.address, unit.address, held], by(buyer)),
    };
    await exchange.write.setHeld([held, true]);
    await reverts(calls.lend(), keys, "KeyHeld", [held]);
    await reverts(calls.pass(), keys, "KeyHeld", [held]);
    expect(await keys.read.hasAccess([7n, buyer.address, 1]), "it may be used").to.equal(true);
    await exchange.write.setHeld([held, false]);
    await calls.lend();
    await exchange.write.setHeld([held, true]);
    await calls.giveUp();
    await exchange.write.setHeld([held, false]);
    await calls.pass();
    expect(await moa.exchange.read.isHeld([keyId]), "nothing is held in this exchange").to.equal(false);
  });
});
