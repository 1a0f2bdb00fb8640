/*
 * consentToRotation(agentId, deadline)
 * ├── given no such agent                      reverts UnknownAgent(agentId)
 * └── else                                     notes the caller's consent; emits RotationConsented; replaces an earlier one
 *
 * transferFrom(from, to, agentId), safeTransferFrom(…), safeTransferFrom(…, data)
 * ├── given no such agent                      reverts UnknownAgent(agentId)
 * ├── when `from` is not the agent's EOA       reverts ERC721IncorrectOwner(from, agentId, eoa)
 * ├── when not called by `from`                reverts ERC721InsufficientApproval(caller, agentId)
 * ├── without the receiver's consent for this agent and epoch, or past its deadline  reverts ConsentMissing(agentId, to)
 * ├── when the receiver is an agent's EOA, or was another's  reverts AddressAlreadyBound, AddressRetired
 * └── with consent                             rotates; emits Transfer, AgentRotated, MetadataSet
 *     └── safe, to a contract                  asks onERC721Received afterwards
 *         ├── that refuses, or answers wrongly   reverts
 *         └── that re-enters                     meets the agent already moved
 */
import { expect } from "chai";
import { type Address, encodeFunctionData } from "viem";
import { agentRegistryAbi } from "../../sdk/abis/index.ts";
import { loadFixture, nextBlockAt, now } from "./support/chain.ts";
import { logsOf, reverts } from "./support/check.ts";
import { by, type Moa, type Person, people } from "./support/deploy.ts";
import { BUYER, deployMarket, rotate, SELLER, ZERO } from "./support/market.ts";
import { createReceiver } from "./support/mocks.ts";

const { buyer, newcomer, next, seller, stranger } = people;
const FOREVER = 2n ** 64n - 1n;

describe("AgentRegistry.transferFrom", () => {
  let moa: Moa;
  beforeEach(async () => {
    moa = await loadFixture(deployMarket);
  });

  const consent = (who: { address: Address }, agentId = BUYER, deadline = FOREVER) =>
    moa.registry.write.consentToRotation([agentId, deadline], by(who));
  const transfer = (from: Person, to: Address, agentId = BUYER, sender = from) =>
    moa.registry.write.transferFrom([from.address, to, agentId], by(sender));

  it("moves the agent to an EOA that consented", async () => {
    expect(await logsOf(moa, consent(next, BUYER, 2n ** 40n))).to.deep.equal([
      [
        "AgentRegistry.RotationConsented",
        { agentId: BUYER, to: next.address, epoch: 0, deadline: 2n ** 40n },
      ],
    ]);
    const logs = await logsOf(moa, transfer(buyer, next.address));
    const [from, to] = [buyer.address, next.address];
    expect(logs.slice(0, 2)).to.deep.equal([
      ["AgentRegistry.Transfer", { from, to, tokenId: BUYER }],
      ["AgentRegistry.AgentRotated", { agentId: BUYER, from, to, epoch: 1, by: from }],
    ]);
    expect(logs.map(([name]) => name)[2]).to.equal("AgentRegistry.MetadataSet");
    expect(await moa.registry.read.eoaOf([BUYER])).to.equal(next.address);
    expect(await moa.registry.read.agentOf([buyer.address])).to.equal(0n);
  });

  it("T23 needs the receiver's consent for this agent, in this epoch, in time", async () => {
    const missing = [BUYER, next.address];
    await reverts(transfer(buyer, next.address), moa.registry, "ConsentMissing", missing);
    await reverts(transfer(buyer, ZERO), moa.registry, "ConsentMissing", [BUYER, ZERO]);

    await consent(next, SELLER);
    await reverts(transfer(buyer, next.address), moa.registry, "ConsentMissing", missing);

    const deadline = (await now()) + 1000n;
    await consent(next, BUYER, deadline);
    await nextBlockAt(deadline + 1n);
    await reverts(transfer(buyer, next.address), moa.registry, "ConsentMissing", missing);

    await consent(next);
    await rotate(moa, BUYER, buyer, newcomer);
    await reverts(transfer(newcomer, next.address), moa.registry, "ConsentMissing", missing);
  });

  it("takes consent at its deadline itself", async () => {
    const deadline = (await now()) + 1000n;
    await consent(next, BUYER, deadline);
    await nextBlockAt(deadline);
    await transfer(buyer, next.address);
    expect(await moa.registry.read.eoaOf([BUYER])).to.equal(next.address);
  });

  it("T23 uses a consent once: away and back it is dead", async () => {
    await rotate(moa, BUYER, buyer, next);
    await rotate(moa, BUYER, next, buyer);
    await reverts(transfer(buyer, next.address), moa.registry, "ConsentMissing", [BUYER, next.address]);
  });

  it("lets the receiver consent to one agent at a time", async () => {
    await consent(next, BUYER);
    await consent(next, SELLER);
    await reverts(transfer(buyer, next.address), moa.registry, "ConsentMissing", [BUYER, next.address]);
    await transfer(seller, next.address, SELLER);
    expect(await moa.registry.read.agentOf([next.address])).to.equal(SELLER);
  });

  it("is the EOA's own act", async () => {
    await consent(next);
    const foreign = transfer(buyer, next.address, BUYER, next);
    await reverts(foreign, moa.registry, "ERC721InsufficientApproval", [next.address, BUYER]);
    const wrong = transfer(stranger, next.address);
    await reverts(wrong, moa.registry, "ERC721IncorrectOwner", [stranger.address, BUYER, buyer.address]);
    await reverts(transfer(buyer, next.address, 9n), moa.registry, "UnknownAgent", [9n]);
    await reverts(consent(next, 9n), moa.registry, "UnknownAgent", [9n]);
  });

  it("T23 refuses an EOA that is an agent's, or was another's", async () => {
    await consent(seller, BUYER);
    const bound = [seller.address, SELLER];
    await reverts(transfer(buyer, seller.address), moa.registry, "AddressAlreadyBound", bound);
    await consent(buyer, BUYER);
    await reverts(transfer(buyer, buyer.address), moa.registry, "AddressAlreadyBound", [
      buyer.address,
      BUYER,
    ]);

    await rotate(moa, SELLER, seller, next);
    await consent(seller, BUYER);
    await reverts(transfer(buyer, seller.address), moa.registry, "AddressRetired", bound);
  });

  describe("safeTransferFrom", () => {
    async function deployReceiver() {
      const receiver = await createReceiver();
      const args = [BUYER, FOREVER] as const;
      const data = encodeFunctionData({ abi: agentRegistryAbi, functionName: "consentToRotation", args });
      await receiver.write.act([moa.registry.address, data]);
      return receiver;
    }

    const safely = (to: Address) =>
      moa.registry.write.safeTransferFrom([buyer.address, to, BUYER], by(buyer));

    it("moves the agent to an EOA, with and without data", async () => {
      await consent(next);
      await safely(next.address);
      expect(await moa.registry.read.eoaOf([BUYER])).to.equal(next.address);
      await consent(newcomer);
      await moa.registry.write.safeTransferFrom([next.address, newcomer.address, BUYER, "0x1234"], by(next));
      expect(await moa.registry.read.eoaOf([BUYER])).to.equal(newcomer.address);
    });

    it("asks a contract, after the move", async () => {
      const receiver = await deployReceiver();
      await safely(receiver.address);
      expect(await moa.registry.read.eoaOf([BUYER])).to.equal(receiver.address);
      expect(await receiver.read.received()).to.equal(1n);
    });

    it("reverts when the contract refuses or answers wrongly", async () => {
      const receiver = await deployReceiver();
      await receiver.write.setAnswer(["0x00000000"]);
      await reverts(safely(receiver.address), receiver, "Refused");
      await receiver.write.setAnswer(["0xdeadbeef"]);
      await reverts(safely(receiver.address), moa.registry, "ERC721InvalidReceiver", [receiver.address]);
      expect(await moa.registry.read.eoaOf([BUYER])).to.equal(buyer.address);
    });

    it("T1 shows a contract that re-enters the agent already moved", async () => {
      const receiver = await deployReceiver();
      const args = [BUYER, "ipfs://taken"] as const;
      const data = encodeFunctionData({ abi: agentRegistryAbi, functionName: "setAgentURI", args });
      await receiver.write.arm([moa.registry.address, data]);
      await safely(receiver.address);
      expect(await receiver.read.succeeded()).to.equal(true);
      expect(await moa.registry.read.tokenURI([BUYER])).to.equal("ipfs://taken");
      expect(await moa.registry.read.epochOf([BUYER])).to.equal(1);
    });
  });
});
