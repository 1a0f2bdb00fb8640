/*
 * transferFrom(from, to, keyId), safeTransferFrom(…), safeTransferFrom(…, data)
 * ├── given no such key                        reverts UnknownKey(keyId)
 * ├── when `from` is not the holder's EOA      reverts ERC721IncorrectOwner(from, keyId, eoa)
 * ├── by anyone but holder, approved, operator reverts NotKeyOperator(keyId, caller)
 * ├── given a locked key                       reverts KeyLocked(keyId)
 * ├── when `to` is no agent's EOA              reverts ReceiverNotAgent(to)
 * ├── when `to` is the holder's own            reverts SameAgent(agentId)
 * ├── given a key in escrow, or rented         reverts KeyHeld(keyId), KeyRented(keyId, expires): see key-lend.test.ts
 * └── else                                     moves key, balance and access; ends the approval; emits Transfer, MetadataUpdate
 *     ├── after a rotation                     brings the log up to date first
 *     └── safe, to a contract                  asks onERC721Received afterwards
 *
 * approve(to, keyId), setApprovalForAll(operator, approved)
 * ├── by a stranger                            reverts NotKeyOperator(keyId, caller); ReceiverNotAgent(caller) when it is no agent
 * ├── given the zero address as operator       reverts ERC721InvalidOperator(0)
 * └── else                                     hold until revoked, or the EOA that gave them is left, for ever
 */
import { expect } from "chai";
import { type Address, encodeFunctionData } from "viem";
import { agentRegistryAbi, experienceKeyAbi } from "../../sdk/abis/index.ts";
import { loadFixture } from "./support/chain.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, type Moa, type Person, people } from "./support/deploy.ts";
import {
  BUYER,
  deployMarket,
  FIXED,
  Flags,
  keyOf,
  purchaseOf,
  rotate,
  SELLER,
  sell,
  VALIDATOR,
  ZERO,
} from "./support/market.ts";
import { createReceiver } from "./support/mocks.ts";

const { buyer, newcomer, next, operator, seller, stranger, validator } = people;

describe("ExperienceKey.transferFrom", () => {
  let moa: Moa;
  let ekId: bigint;
  let keyId: bigint;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    ({ ekId, keyId } = await sell(moa, { flags: Flags.TRANSFERABLE }));
  });

  const transfer = (from: Person, to: { address: Address }, sender = from) =>
    moa.keys.write.transferFrom([from.address, to.address, keyId], by(sender));
  const moved = (from: Person, to: { address: Address }) => [
    ["ExperienceKey.Transfer", { from: from.address, to: to.address, tokenId: keyId }],
    ["ExperienceKey.MetadataUpdate", { _tokenId: keyId }],
  ];

  it("moves the key with the access to another agent", async () => {
    expect(await logsOf(moa, transfer(buyer, validator))).to.deep.equal(moved(buyer, validator));
    expect(await moa.keys.read.ownerOf([keyId])).to.equal(validator.address);
    expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(0n);
    expect(await moa.keys.read.balanceOf([validator.address])).to.equal(1n);
    expect((await moa.keys.read.keyInfo([keyId])).agentId).to.equal(VALIDATOR);
    expect((await moa.keys.read.accessOf([ekId, BUYER]))[0]).to.equal(0n);
    expect((await moa.keys.read.accessOf([ekId, VALIDATOR]))[0]).to.equal(keyId);
    expect(await moa.keys.read.hasAccess([ekId, buyer.address, 0])).to.equal(false);
    expect(await moa.keys.read.hasAccess([ekId, validator.address, 1])).to.equal(true);
  });

  it("gives it back with all that belongs to it", async () => {
    await transfer(buyer, validator);
    await transfer(validator, buyer);
    expect((await moa.keys.read.keyInfo([keyId])).minted).to.equal(1);
    await moa.exchange.write.buy([await purchaseOf(buyer, { ekId })], by(buyer));
    expect(await moa.keys.read.ownerOf([keyOf(ekId, BUYER, 1n)])).to.equal(buyer.address);
    expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(2n);
  });

  it("refuses a locked key, to whomever", async () => {
    await moa.exchange.write.buy([await purchaseOf(buyer)], by(buyer));
    const locked = keyOf(FIXED, BUYER);
    const call = moa.keys.write.transferFrom([buyer.address, validator.address, locked], by(buyer));
    await reverts(call, moa.keys, "KeyLocked", [locked]);
    expect(await moa.keys.read.ownerOf([locked])).to.equal(buyer.address);
  });

  it("refuses receivers that are no other agent", async () => {
    for (const to of [stranger.address, ZERO, moa.exchange.address] as const) {
      await reverts(transfer(buyer, { address: to }), moa.keys, "ReceiverNotAgent", [to]);
    }
    await reverts(transfer(buyer, buyer), moa.keys, "SameAgent", [BUYER]);
    await rotate(moa, SELLER, seller, next);
    await reverts(transfer(buyer, seller), moa.keys, "ReceiverNotAgent", [seller.address]);
  });

  it("refuses callers and owners that are not the holder", async () => {
    await reverts(transfer(buyer, validator, stranger), moa.keys, "NotKeyOperator", [
      keyId,
      stranger.address,
    ]);
    const wrong = transfer(seller, validator);
    await reverts(wrong, moa.keys, "ERC721IncorrectOwner", [seller.address, keyId, buyer.address]);
    const unknown = moa.keys.write.transferFrom([buyer.address, validator.address, 9n], by(buyer));
    await reverts(unknown, moa.keys, "UnknownKey", [9n]);
  });

  it("T24 after a rotation knows the new EOA alone, and tells the log first", async () => {
    await rotate(moa, BUYER, buyer, next);
    const former = transfer(buyer, validator);
    await reverts(former, moa.keys, "ERC721IncorrectOwner", [buyer.address, keyId, next.address]);
    const outsider = transfer(next, validator, buyer);
    await reverts(outsider, moa.keys, "NotKeyOperator", [keyId, buyer.address]);
    expect(await logsOf(moa, transfer(next, validator))).to.deep.equal([
      ...moved(buyer, next),
      ...moved(next, validator),
    ]);
  });

  it("arrives in the receiver's present epoch, so that nothing is announced twice", async () => {
    await rotate(moa, VALIDATOR, validator, next);
    await transfer(buyer, next);
    expect((await moa.keys.read.keyInfo([keyId])).announcedEpoch).to.equal(1);
    expect(await logsOf(moa, moa.keys.write.announce([[keyId]]))).to.deep.equal([]);
  });

  describe("approvals", () => {
    const approve = (who: Person, to: Address) => moa.keys.write.approve([to, keyId], by(who));
    const approveAll = (who: Person, approved: boolean) =>
      moa.keys.write.setApprovalForAll([operator.address, approved], by(who));

    it("let the approved account move that key, once", async () => {
      const args = { owner: buyer.address, approved: operator.address, tokenId: keyId };
      expect(await logsOf(moa, approve(buyer, operator.address))).to.deep.equal([
        ["ExperienceKey.Approval", args],
      ]);
      expect(await moa.keys.read.getApproved([keyId])).to.equal(operator.address);
      await transfer(buyer, validator, operator);
      expect(await moa.keys.read.getApproved([keyId])).to.equal(ZERO);
      const again = transfer(validator, buyer, operator);
      await reverts(again, moa.keys, "NotKeyOperator", [keyId, operator.address]);
    });

    it("let an operator move and approve every key, until it is dismissed", async () => {
      const args = { owner: buyer.address, operator: operator.address, approved: true };
      expect(await logsOf(moa, approveAll(buyer, true))).to.deep.equal([
        ["ExperienceKey.ApprovalForAll", args],
      ]);
      expect(await moa.keys.read.isApprovedForAll([buyer.address, operator.address])).to.equal(true);
      await approve(operator, stranger.address);
      expect(await moa.keys.read.getApproved([keyId])).to.equal(stranger.address);
      await approveAll(buyer, false);
      expect(await moa.keys.read.isApprovedForAll([buyer.address, operator.address])).to.equal(false);
      await reverts(approve(operator, ZERO), moa.keys, "NotKeyOperator", [keyId, operator.address]);
      await approve(buyer, ZERO);
      expect(await moa.keys.read.getApproved([keyId])).to.equal(ZERO);
    });

    it("are the holder's to give", async () => {
      await reverts(approve(stranger, stranger.address), moa.keys, "NotKeyOperator", [
        keyId,
        stranger.address,
      ]);
      await reverts(approve(seller, seller.address), moa.keys, "NotKeyOperator", [keyId, seller.address]);
      await reverts(approveAll(stranger, true), moa.keys, "ReceiverNotAgent", [stranger.address]);
      const nobody = moa.keys.write.setApprovalForAll([ZERO, true], by(buyer));
      await reverts(nobody, moa.keys, "ERC721InvalidOperator", [ZERO]);
      const unknown = moa.keys.write.approve([operator.address, 9n], by(buyer));
      await reverts(unknown, moa.keys, "UnknownKey", [9n]);
      await reverts(moa.keys.read.getApproved([9n]), moa.keys, "UnknownKey", [9n]);
    });

    it("T24 die with the EOA that gave them, also when the agent comes back to it", async () => {
      await approve(buyer, stranger.address);
      await approveAll(buyer, true);
      await rotate(moa, BUYER, buyer, next);
      for (const [holder, thief] of [
        [next, stranger],
        [next, operator],
      ] as const) {
        const call = transfer(holder, validator, thief);
        await reverts(call, moa.keys, "NotKeyOperator", [keyId, thief.address]);
      }
      await rotate(moa, BUYER, next, buyer);
      expect(await moa.keys.read.getApproved([keyId])).to.equal(ZERO);
      expect(await moa.keys.read.isApprovedForAll([buyer.address, operator.address])).to.equal(false);
      for (const thief of [stranger, operator]) {
        const call = transfer(buyer, validator, thief);
        await reverts(call, moa.keys, "NotKeyOperator", [keyId, thief.address]);
      }
    });

    it("T24 don't come back with the key", async () => {
      await approve(buyer, stranger.address);
      await transfer(buyer, validator);
      await transfer(validator, buyer);
      expect(await moa.keys.read.getApproved([keyId])).to.equal(ZERO);
    });
  });

  describe("safeTransferFrom", () => {
    async function deployReceiver() {
      const receiver = await createReceiver();
      const register = encodeFunctionData({ abi: agentRegistryAbi, functionName: "register", args: [] });
      await receiver.write.act([moa.registry.address, register]);
      return receiver;
    }

    const safely = (to: Address) => moa.keys.write.safeTransferFrom([buyer.address, to, keyId], by(buyer));

    it("moves a key to an EOA, with and without data", async () => {
      await safely(validator.address);
      await moa.keys.write.safeTransferFrom(
        [validator.address, buyer.address, keyId, "0x1234"],
        by(validator),
      );
      expect(await moa.keys.read.ownerOf([keyId])).to.equal(buyer.address);
    });

    it("reverts when the receiving contract refuses or answers wrongly", async () => {
      const receiver = await deployReceiver();
      await receiver.write.setAnswer(["0x00000000"]);
      await reverts(safely(receiver.address), receiver, "Refused");
      await receiver.write.setAnswer(["0xdeadbeef"]);
      await reverts(safely(receiver.address), moa.keys, "ERC721InvalidReceiver", [receiver.address]);
      expect(await moa.keys.read.ownerOf([keyId])).to.equal(buyer.address);
    });

    it("T1 a receiver that passes the key on at once leaves the books right", async () => {
      const receiver = await deployReceiver();
      const args = [receiver.address, validator.address, keyId] as const;
      const data = encodeFunctionData({ abi: experienceKeyAbi, functionName: "transferFrom", args });
      await receiver.write.arm([moa.keys.address, data]);
      await safely(receiver.address);
      expect(await moa.keys.read.ownerOf([keyId])).to.equal(validator.address);
      expect(await moa.keys.read.balanceOf([buyer.address])).to.equal(0n);
      expect(await moa.keys.read.balanceOf([receiver.address])).to.equal(0n);
      expect(await moa.keys.read.balanceOf([validator.address])).to.equal(1n);
    });

    it("T1 a receiver can't take the key a second time", async () => {
      const receiver = await deployReceiver();
      await moa.keys.write.approve([receiver.address, keyId], by(buyer));
      const args = [buyer.address, receiver.address, keyId] as const;
      const data = encodeFunctionData({ abi: experienceKeyAbi, functionName: "transferFrom", args });
      await receiver.write.arm([moa.keys.address, data]);
      await safely(receiver.address);
      expect(await receiver.read.succeeded()).to.equal(false);
      expect(await moa.keys.read.balanceOf([receiver.address])).to.equal(1n);
    });

    it("T1 a sale never calls the buyer: a hostile contract gets its key unasked", async () => {
      const receiver = await deployReceiver();
      await receiver.write.setAnswer(["0x00000000"]);
      await moa.exchange.write.buy([await purchaseOf(receiver)], by(newcomer));
      expect(await moa.keys.read.balanceOf([receiver.address])).to.equal(1n);
      expect(await receiver.read.received()).to.equal(0n);
    });
  });
});
