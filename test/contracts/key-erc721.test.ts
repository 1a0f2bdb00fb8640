/*
 * ERC-721 as other implementations' test suites have it, as far as a token owned by an agent id allows; docs/CONFORMANCE.md names the
 * differences.
 * ├── balanceOf, ownerOf                counts and names; no balance of the zero address; no owner of what is not there
 * ├── transferFrom, safeTransferFrom    by owner, approved and operator alike; each moves all that ERC-721 names, and clears the approval
 * │   └── refused                       from a wrong owner, by a stranger, of a token that is not there, to the zero address
 * ├── safeTransferFrom to a contract    hands over operator, from, token and data; wants the magic value; passes its error on
 * ├── approve                           sets, replaces, repeats and clears, each with its event; by owner and operator, not by the approved
 * ├── setApprovalForAll                 sets and clears, each with its event; not for the zero address
 * ├── interface ids                     ERC-165, 721 and metadata, 2981, 4906, 4907, 5192, 7858
 * └── selectors and topics              those of the standards, all there
 */
import { expect } from "chai";
import { type AbiEvent, type Address, encodeFunctionData, toEventSelector, toFunctionSelector } from "viem";
import { agentRegistryAbi, experienceKeyAbi } from "../../sdk/abis/index.ts";
import { loadFixture } from "./support/chain.ts";
import { eventOf, reverts } from "./support/check.ts";
import { by, type Moa, type Person, people } from "./support/deploy.ts";
import { deployMarket, Flags, keyOf, purchaseOf, sell, ZERO } from "./support/market.ts";
import { createReceiver } from "./support/mocks.ts";

const { buyer: owner, operator, sponsor: approved, stranger, unit: other, validator: to } = people;
const MISSING = 13n;

describe("ExperienceKey as ERC-721", () => {
  let moa: Moa;
  let first: bigint;
  let second: bigint;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
    const { ekId, keyId } = await sell(moa, { flags: Flags.TRANSFERABLE }, owner);
    await moa.exchange.write.buy([await purchaseOf(owner, { ekId })], by(owner));
    [first, second] = [keyId, keyOf(ekId, (keyId >> 32n) & (2n ** 64n - 1n), 1n)];
  });

  describe("balanceOf and ownerOf", () => {
    it("count what an account owns", async () => {
      expect(await moa.keys.read.balanceOf([owner.address])).to.equal(2n);
      expect(await moa.keys.read.balanceOf([stranger.address])).to.equal(0n);
      await reverts(moa.keys.read.balanceOf([ZERO]), moa.keys, "ERC721InvalidOwner", [ZERO]);
    });

    it("name the owner", async () => {
      expect(await moa.keys.read.ownerOf([first])).to.equal(owner.address);
      await reverts(moa.keys.read.ownerOf([MISSING]), moa.keys, "ERC721NonexistentToken", [MISSING]);
    });
  });

  const functions = {
    transferFrom: (from: Address, receiver: Address, id: bigint, sender: Person) =>
      moa.keys.write.transferFrom([from, receiver, id], by(sender)),
    "safeTransferFrom without data": (from: Address, receiver: Address, id: bigint, sender: Person) =>
      moa.keys.write.safeTransferFrom([from, receiver, id], by(sender)),
    "safeTransferFrom with data": (from: Address, receiver: Address, id: bigint, sender: Person) =>
      moa.keys.write.safeTransferFrom([from, receiver, id, "0x42"], by(sender)),
  };
  for (const [name, transfer] of Object.entries(functions)) {
    describe(name, () => {
      beforeEach(async () => {
        await moa.keys.write.approve([approved.address, first], by(owner));
        await moa.keys.write.setApprovalForAll([operator.address, true], by(owner));
      });

      for (const [who, sender] of Object.entries({ owner, approved, operator })) {
        it(`by the ${who} moves the token, clears its approval and leaves the rest`, async () => {
          const hash = transfer(owner.address, to.address, first, sender);
          const args = { from: owner.address, to: to.address, tokenId: first };
          expect(await eventOf(moa, hash, "ExperienceKey.Transfer")).to.deep.equal(args);
          expect(await moa.keys.read.ownerOf([first])).to.equal(to.address);
          expect(await moa.keys.read.getApproved([first])).to.equal(ZERO);
          expect(await moa.keys.read.balanceOf([owner.address])).to.equal(1n);
          expect(await moa.keys.read.balanceOf([to.address])).to.equal(1n);
          expect(await moa.keys.read.ownerOf([second])).to.equal(owner.address);
          expect(await moa.keys.read.isApprovedForAll([owner.address, operator.address])).to.equal(true);
        });
      }

      it("by an operator who is not the approved account, after the approval was cleared", async () => {
        await moa.keys.write.approve([ZERO, first], by(owner));
        await transfer(owner.address, to.address, first, operator);
        expect(await moa.keys.read.ownerOf([first])).to.equal(to.address);
      });

      it("is refused from who is not the owner, also to the owner of another token", async () => {
        const call = transfer(other.address, to.address, first, owner);
        await reverts(call, moa.keys, "ERC721IncorrectOwner", [other.address, first, owner.address]);
      });

      it("is refused to strangers, and to who is approved for another token", async () => {
        await reverts(transfer(owner.address, to.address, first, stranger), moa.keys, "NotKeyOperator", [
          first,
          stranger.address,
        ]);
        await reverts(transfer(owner.address, to.address, second, approved), moa.keys, "NotKeyOperator", [
          second,
          approved.address,
        ]);
      });

      it("is refused of a token that is not there, and to the zero address", async () => {
        const missing = transfer(owner.address, to.address, MISSING, owner);
        await reverts(missing, moa.keys, "UnknownKey", [MISSING]);
        await reverts(transfer(owner.address, ZERO, first, owner), moa.keys, "ReceiverNotAgent", [ZERO]);
      });

      it("a refusal changes nothing", async () => {
        await transfer(owner.address, to.address, first, stranger).catch(() => undefined);
        expect(await moa.keys.read.getApproved([first])).to.equal(approved.address);
        expect(await moa.keys.read.balanceOf([owner.address])).to.equal(2n);
      });
    });
  }

  describe("safeTransferFrom to a contract", () => {
    async function receiver() {
      const contract = await createReceiver();
      const register = encodeFunctionData({ abi: agentRegistryAbi, functionName: "register", args: [] });
      await contract.write.act([moa.registry.address, register]);
      return contract;
    }

    it("asks it once, and transferFrom never", async () => {
      const contract = await receiver();
      await moa.keys.write.safeTransferFrom([owner.address, contract.address, first], by(owner));
      expect(await contract.read.received()).to.equal(1n);
      await moa.keys.write.transferFrom([owner.address, contract.address, second], by(owner));
      expect(await contract.read.received()).to.equal(1n);
      expect(await moa.keys.read.balanceOf([contract.address])).to.equal(2n);
    });

    it("passes on what the contract reverts with, and takes no other answer than the magic value", async () => {
      const contract = await receiver();
      const call = (data?: `0x${string}`) =>
        data === undefined
          ? moa.keys.write.safeTransferFrom([owner.address, contract.address, first], by(owner))
          : moa.keys.write.safeTransferFrom([owner.address, contract.address, first, data], by(owner));
      for (const data of [undefined, "0x42"] as const) {
        await contract.write.setAnswer(["0x00000000"]);
        await reverts(call(data), contract, "Refused");
        await contract.write.setAnswer(["0x150b7a03"]);
        await reverts(call(data), moa.keys, "ERC721InvalidReceiver", [contract.address]);
      }
      await contract.write.setAnswer(["0x150b7a02"]);
      await call();
      expect(await moa.keys.read.ownerOf([first])).to.equal(contract.address);
    });

    it("refuses a contract that can't receive", async () => {
      const wallet = await createReceiver();
      const register = encodeFunctionData({ abi: agentRegistryAbi, functionName: "register", args: [] });
      await wallet.write.act([moa.registry.address, register]);
      await wallet.write.setAnswer(["0xffffffff"]);
      const call = moa.keys.write.safeTransferFrom([owner.address, wallet.address, first], by(owner));
      await reverts(call, moa.keys, "ERC721InvalidReceiver", [wallet.address]);
    });
  });

  describe("approve", () => {
    const approve = (who: Address, sender: Person = owner) =>
      moa.keys.write.approve([who, first], by(sender));
    const approval = (who: Address) => ({ owner: owner.address, approved: who, tokenId: first });

    it("sets, replaces, repeats and clears, each with its event", async () => {
      for (const who of [ZERO, approved.address, other.address, other.address, ZERO] as const) {
        expect(await eventOf(moa, approve(who), "ExperienceKey.Approval")).to.deep.equal(approval(who));
        expect(await moa.keys.read.getApproved([first])).to.equal(who);
      }
    });

    it("is the owner's and its operators', not a stranger's nor the approved account's", async () => {
      await moa.keys.write.setApprovalForAll([operator.address, true], by(owner));
      const hash = approve(approved.address, operator);
      expect(await eventOf(moa, hash, "ExperienceKey.Approval"), "the owner is named").to.deep.equal(
        approval(approved.address),
      );
      for (const who of [stranger, approved]) {
        await reverts(approve(other.address, who), moa.keys, "NotKeyOperator", [first, who.address]);
      }
    });

    it("is refused for a token that is not there", async () => {
      const call = moa.keys.write.approve([approved.address, MISSING], by(owner));
      await reverts(call, moa.keys, "UnknownKey", [MISSING]);
      await reverts(moa.keys.read.getApproved([MISSING]), moa.keys, "UnknownKey", [MISSING]);
    });
  });

  describe("setApprovalForAll", () => {
    const set = (yes: boolean) => moa.keys.write.setApprovalForAll([operator.address, yes], by(owner));

    it("sets and clears, also what is so already, each with its event", async () => {
      for (const yes of [false, true, true, false]) {
        const args = { owner: owner.address, operator: operator.address, approved: yes };
        expect(await eventOf(moa, set(yes), "ExperienceKey.ApprovalForAll")).to.deep.equal(args);
        expect(await moa.keys.read.isApprovedForAll([owner.address, operator.address])).to.equal(yes);
      }
    });

    it("says nothing of other owners, and nothing for the zero address", async () => {
      await set(true);
      expect(await moa.keys.read.isApprovedForAll([other.address, operator.address])).to.equal(false);
      expect(await moa.keys.read.isApprovedForAll([stranger.address, operator.address])).to.equal(false);
      const zero = moa.keys.write.setApprovalForAll([ZERO, true], by(owner));
      await reverts(zero, moa.keys, "ERC721InvalidOperator", [ZERO]);
    });
  });

  /** ERC-165 ids as the standards print them, with what they are made of. */
  const interfaces: Record<string, [id: `0x${string}`, functions: string[]]> = {
    "ERC-165": ["0x01ffc9a7", ["supportsInterface(bytes4)"]],
    "ERC-721": [
      "0x80ac58cd",
      [
        "balanceOf(address)",
        "ownerOf(uint256)",
        "safeTransferFrom(address,address,uint256,bytes)",
        "safeTransferFrom(address,address,uint256)",
        "transferFrom(address,address,uint256)",
        "approve(address,uint256)",
        "setApprovalForAll(address,bool)",
        "getApproved(uint256)",
        "isApprovedForAll(address,address)",
      ],
    ],
    "ERC-721 metadata": ["0x5b5e139f", ["name()", "symbol()", "tokenURI(uint256)"]],
    "ERC-2981": ["0x2a55205a", ["royaltyInfo(uint256,uint256)"]],
    "ERC-4907": [
      "0xad092b5c",
      ["setUser(uint256,address,uint64)", "userOf(uint256)", "userExpires(uint256)"],
    ],
    "ERC-5192": ["0xb45a3c0e", ["locked(uint256)"]],
    "ERC-7858": [
      "0x3ebdfa31",
      ["expiryType()", "isTokenExpired(uint256)", "startTime(uint256)", "endTime(uint256)"],
    ],
  };
  for (const [erc, [id, signatures]] of Object.entries(interfaces)) {
    it(`supports ${erc}, with its functions`, async () => {
      const selectors = signatures.map((signature) => toFunctionSelector(signature));
      expect(selectors.reduce((bits, selector) => bits ^ BigInt(selector), 0n)).to.equal(BigInt(id));
      expect(await moa.keys.read.supportsInterface([id])).to.equal(true);
      const own = experienceKeyAbi.filter((item) => item.type === "function");
      const there = own.map((item) => toFunctionSelector(item));
      for (const selector of selectors) expect(there).to.include(selector);
    });
  }

  it("supports ERC-4906, which is events alone, and nothing that it is not", async () => {
    expect(await moa.keys.read.supportsInterface(["0x49064906"])).to.equal(true);
    for (const id of ["0xffffffff", "0x00000000", "0x780e9d63"] as const) {
      expect(await moa.keys.read.supportsInterface([id]), id).to.equal(false);
    }
  });

  it("logs the standards' events, with their indexed arguments", () => {
    const indexed: Record<string, string> = {
      "Transfer(address,address,uint256)": "yes yes yes",
      "Approval(address,address,uint256)": "yes yes yes",
      "ApprovalForAll(address,address,bool)": "yes yes no",
      "MetadataUpdate(uint256)": "no",
      "UpdateUser(uint256,address,uint64)": "yes yes no",
      "Locked(uint256)": "no",
      "TokenExpiryUpdated(uint256,uint256,uint256)": "yes yes yes",
    };
    const events = experienceKeyAbi.filter((item) => item.type === "event") as readonly AbiEvent[];
    for (const [signature, flags] of Object.entries(indexed)) {
      const event = events.find((item) => toEventSelector(item) === toEventSelector(signature));
      expect(event?.inputs.map((input) => (input.indexed ? "yes" : "no")).join(" "), signature).to.equal(
        flags,
      );
    }
  });
});
